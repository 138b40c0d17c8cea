package backtest_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	shopspring "github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/indicator"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// herd buys a pair above its mean and sells it below, but gives no order by the time
// Mute. It does not look whether it is warming.
type herd struct {
	Params waryParams `json:"-"`
	Means  [2]*indicator.SMA
	Above  [2]bool
	Heard  []string
}

func (h *herd) Warmup() int { return h.Params.Length }

func (h *herd) TradePairs(exchange.Market, []exchange.Market) error { return nil }

func (h *herd) OnPair(b *strategy.Bot, pair string, c exchange.Candle) { h.hear(b, b.Pair(pair), 1, c) }

func (h *herd) OnCandle(b *strategy.Bot, c exchange.Candle) { h.hear(b, b, 0, c) }

func (h *herd) hear(b, in *strategy.Bot, n int, c exchange.Candle) {
	h.Heard = append(h.Heard, fmt.Sprint(n, c))
	above := c.Close.Float() > h.Means[n].Update(c.Close.Float())
	crossed := above != h.Above[n]
	h.Above[n] = above
	switch {
	case b.Now().UnixMilli() <= int64(h.Params.Mute) || !crossed:
	case above:
		in.BuyWith(in.FreeCounter() / 2)
	default:
		in.SellAll()
	}
}

func herdDefinition() (def strategy.Definition, last func() *herd) {
	var made *herd
	def = strategy.MustDefine(strategy.Info{Name: "herd", Version: "1.0.0"}, waryParams{Length: 10}, func(p waryParams) strategy.Strategy {
		made = &herd{Params: p, Means: [2]*indicator.SMA{indicator.NewSMA(p.Length), indicator.NewSMA(p.Length)}}
		return made
	})
	return def, func() *herd { return made }
}

// proves PL1: a run of two pairs that was warmed up is the rest of one that began
// earlier and did not trade at first, however much of the past there is, here and
// behind the wire.
func TestAWarmRunOfPairsIsTheRestOfALongerOne(t *testing.T) {
	t.Parallel()
	common, own, other := couple(t, 3_000)
	def, last := herdDefinition()
	client, stop, err := plugin.Loopback(def)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	from := func(list []exchange.Candle, ms int64) []exchange.Candle {
		n := slices.IndexFunc(list, func(c exchange.Candle) bool { return c.Time >= ms })
		return list[n:]
	}
	traded := 0
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.IntRange(1_500, 2_500).Draw(t, "first")
		p := waryParams{Length: rapid.IntRange(1, 60).Draw(t, "length")}
		warm := common
		warm.Decide = rapid.SampledFrom([]time.Duration{0, 5 * time.Minute, 15 * time.Minute}).Draw(t, "decide")
		long := warm
		warm.Begin, warm.Params = own[first].Time, p.raw()
		p.Mute = int(warm.Begin)
		long.Params = p.raw()
		begin := warm.WarmFrom(p.Length)
		want, err := backtest.Run(t.Context(), def, long, coupled(from(own, begin), from(other, begin)), nil)
		if err != nil {
			t.Fatal(err)
		}
		heard := last().Heard
		given := rapid.Int64Range(0, begin).Draw(t, "given from")
		got, err := backtest.Run(t.Context(), def, warm, coupled(from(own, given), from(other, given)), nil)
		if err != nil {
			t.Fatal(err)
		}
		traded += got.Trades.Len()
		if !slices.Equal(last().Heard, heard) {
			t.Fatalf("it hears %d candles, want %d", len(last().Heard), len(heard))
		}
		n := len(want.Equity) - len(got.Equity)
		if !slices.Equal(got.Equity, want.Equity[n:]) || !reflect.DeepEqual(got.Trades, want.Trades) || got.Account != want.Account ||
			got.Pairs[0].Account != want.Pairs[0].Account || got.Pairs[0].LastPrice != want.Pairs[0].LastPrice || got.MaxDrawdown != want.MaxDrawdown ||
			got.From != warm.Begin || got.Pairs[0].FirstPrice != from(other, warm.Begin)[0].Open {
			t.Fatalf("it comes to %d with %d trades, want %d with %d", got.FinalEquity, got.Trades.Len(), want.FinalEquity, want.Trades.Len())
		}
		far, err := client.Backtest(t.Context(), warm, coupled(from(own, given), from(other, given)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(far, got) {
			t.Fatalf("behind the wire it comes to %d of %d, want %d of %d", far.FinalEquity, far.Past, got.FinalEquity, got.Past)
		}
	})
	if traded < 1_000 {
		t.Errorf("%d trades in all runs: the test proves little", traded)
	}
}

// dealer turns each of its pairs over in halves of an hour, in turns: the own one in
// the first, the further one in the second.
type dealer struct{ Count int }

func (d *dealer) TradePairs(exchange.Market, []exchange.Market) error { return nil }

func (d *dealer) OnPair(*strategy.Bot, string, exchange.Candle) {}

func (d *dealer) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	in := b
	if d.Count%60 >= 30 {
		in = b.Pairs()[1]
	}
	switch d.Count % 30 {
	case 5:
		in.BuyWith(in.FreeCounter() / 10)
	case 25:
		in.SellAll()
	}
	d.Count++
}

// TestTiersCountTheVolumeOfAllPairs recomputes the fees of a run from its fills: the
// rate of a day is that of the volume of the days before in both pairs together, in
// their common currency.
func TestTiersCountTheVolumeOfAllPairs(t *testing.T) { // proves PL4, N1
	t.Parallel()
	const n = 6 * 24 * 60
	cfg, own, other := couple(t, n)
	amount := func(text string) exchange.Units {
		u, err := cfg.Market.Units(shopspring.RequireFromString(text), exchange.Exact)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	fees := func(percent int64) exchange.Fees {
		return exchange.Fees{Maker: exchange.RateOne / 100 * exchange.Rate(percent), Taker: exchange.RateOne / 100 * exchange.Rate(percent)}
	}
	cfg.Fees = fees(3)
	cfg.Tiers = []paper.Tier{{Volume: amount("60000"), Fees: fees(2)}, {Volume: amount("150000"), Fees: fees(1)}}
	def := strategy.MustDefine(strategy.Info{Name: "dealer", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &dealer{} })
	r, err := backtest.Run(t.Context(), def, cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * 60 * 60_000
	volume := map[int64]shopspring.Decimal{}
	rates := map[int64]int{}
	perPair := [2]int{}
	for _, trade := range r.Trades.All() {
		m := cfg.MarketOf(trade.Leg)
		volume[trade.EntryTime/day] = volume[trade.EntryTime/day].Add(m.Amount(trade.Cost))
		volume[trade.ExitTime/day] = volume[trade.ExitTime/day].Add(m.Amount(trade.Proceeds))
	}
	for _, trade := range r.Trades.All() {
		before := shopspring.Zero
		for d, v := range volume {
			if d < trade.ExitTime/day {
				before = before.Add(v)
			}
		}
		want := int64(3)
		switch {
		case before.GreaterThanOrEqual(shopspring.NewFromInt(150_000)):
			want = 1
		case before.GreaterThanOrEqual(shopspring.NewFromInt(60_000)):
			want = 2
		}
		m := cfg.MarketOf(trade.Leg)
		unit := m.Tick.Mul(m.Step)
		fee := m.Amount(trade.Proceeds).Mul(shopspring.New(want, -2)).Div(unit).Ceil().Mul(unit)
		if !m.Amount(trade.ExitFee).Equal(fee) {
			t.Fatalf("the sale of %s at %d paid %s, want %s: %d %% after %s", m.Pair, trade.ExitTime, m.Amount(trade.ExitFee), fee, want, before)
		}
		rates[want]++
		perPair[trade.Leg]++
	}
	if len(rates) != 3 || min(rates[1], rates[2], rates[3], perPair[0], perPair[1]) < 10 {
		t.Errorf("%v trades at the rates, %v of the pairs: the test proves little", rates, perPair)
	}
	if cfg.Pairs[0].Market.Pair != demo.ETHMYR {
		t.Error(cfg.Pairs[0].Market.Pair)
	}
}
