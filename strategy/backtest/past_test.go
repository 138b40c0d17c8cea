package backtest_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/indicator"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// wary trades where its own candles and those of another pair cross their means,
// but gives no order by the time Mute. It does not look whether it is warming.
type wary struct {
	Params    waryParams `json:"-"`
	Own, Side *indicator.SMA
	Above     bool
	Heard     []string
}

type waryParams struct {
	Length int    `param:"length" label:"Length"`
	Mute   int    `param:"mute" label:"Mute"`
	Pair   string `param:"pair" label:"Pair"`
}

func (w *wary) Warmup() int { return w.Params.Length }

func (w *wary) Subscribe() (s strategy.Subscription) {
	if w.Params.Pair != "" {
		s.Pairs = []string{w.Params.Pair}
	}
	return s
}

func (w *wary) OnPair(b *strategy.Bot, _ string, c exchange.Candle) {
	w.Side.Update(c.Close.Float())
	w.Heard = append(w.Heard, fmt.Sprint("other ", c))
}

func (w *wary) OnCandle(b *strategy.Bot, c exchange.Candle) {
	w.Heard = append(w.Heard, fmt.Sprint(c))
	price := c.Close.Float()
	above := price > w.Own.Update(price) != (w.Params.Pair != "" && w.Side.Value() > price)
	crossed := above != w.Above
	w.Above = above
	switch {
	case b.Now().UnixMilli() <= int64(w.Params.Mute) || !crossed:
	case above:
		b.BuyWith(b.FreeCounter() / 2)
	default:
		b.SellAll()
	}
}

func waryDefinition() (def strategy.Definition, last func() *wary) {
	var made *wary
	def = strategy.MustDefine(strategy.Info{Name: "wary", Version: "1.0.0"}, waryParams{Length: 10}, func(p waryParams) strategy.Strategy {
		made = &wary{Params: p, Own: indicator.NewSMA(p.Length), Side: indicator.NewSMA(p.Length)}
		return made
	})
	return def, func() *wary { return made }
}

func (p waryParams) raw() json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"length":%d,"mute":%d,"pair":%q}`, p.Length, p.Mute, p.Pair))
}

// proves PL1: a run that was warmed up is the rest of one that began earlier and
// did not trade at first, however much of the past there is, here and behind the
// wire.
func TestAWarmRunIsTheRestOfALongerOne(t *testing.T) {
	t.Parallel()
	s := history(t, 3_000)
	def, last := waryDefinition()
	client, stop, err := plugin.Loopback(def)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	common, traded := config(t, s), 0
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.IntRange(1_500, 2_500).Draw(t, "first")
		p := waryParams{Length: rapid.IntRange(1, 60).Draw(t, "length"), Pair: rapid.SampledFrom([]string{"", "OTHER"}).Draw(t, "pair")}
		cfg := common
		cfg.Decide = rapid.SampledFrom([]time.Duration{0, 5 * time.Minute, 15 * time.Minute}).Draw(t, "decide")
		part := s
		open := func(from int) marketdata.Source {
			part.Candles = s.Candles[from:]
			if p.Pair == "" {
				return part.Source()
			}
			f := feedOf(part)
			f.Trades = nil
			f.Pairs[0].Source = marketdata.NewSliceSource(moved(s.Candles))
			return f
		}
		warm := cfg
		warm.Begin, warm.Params = s.Candles[first].Time, p.raw()
		from := slices.IndexFunc(s.Candles, func(c exchange.Candle) bool { return c.Time >= warm.WarmFrom(p.Length) })
		// The longer run has the other pair's candles from the same time on.
		long := cfg
		p.Mute = int(warm.Begin)
		long.Params = p.raw()
		source := open(from)
		if f, ok := source.(*backtest.Feed); ok {
			f.Pairs[0].Source = marketdata.NewSliceSource(moved(s.Candles[from:]))
		}
		want, err := backtest.Run(t.Context(), def, long, source, nil)
		if err != nil {
			t.Fatal(err)
		}
		heard := last().Heard
		got, err := backtest.Run(t.Context(), def, warm, open(rapid.IntRange(0, from).Draw(t, "given from")), nil)
		if err != nil {
			t.Fatal(err)
		}
		traded += got.Trades.Len()
		if !slices.Equal(last().Heard, heard) {
			t.Fatalf("it hears %d candles, want %d", len(last().Heard), len(heard))
		}
		n := first - from
		if !slices.Equal(got.Equity, want.Equity[n:]) || !reflect.DeepEqual(got.Trades, want.Trades) || got.Account != want.Account ||
			got.MaxDrawdown != want.MaxDrawdown || got.Invested != want.Invested || got.LastPrice != want.LastPrice || got.From != warm.Begin {
			t.Fatalf("it comes to %d with %d trades, want %d with %d", got.FinalEquity, got.Trades.Len(), want.FinalEquity, want.Trades.Len())
		}
		far, err := client.Backtest(t.Context(), warm, open(0), nil)
		if err != nil {
			t.Fatal(err)
		}
		if far.Past != int64(first) {
			t.Fatalf("behind the wire %d candles were of the past, want %d", far.Past, first)
		}
		far.Past = got.Past
		if !reflect.DeepEqual(far, got) {
			t.Fatalf("behind the wire it comes to %d, want %d", far.FinalEquity, got.FinalEquity)
		}
	})
	if traded < 1_000 {
		t.Errorf("%d trades in all runs: the test proves little", traded)
	}
}

// moved returns candles of another pair.
func moved(candles []exchange.Candle) []exchange.Candle {
	out := slices.Clone(candles)
	for i := range out {
		out[i].Close += exchange.Ticks(out[i].Time / 60_000 % 11)
	}
	return out
}

func TestNothingButThePast(t *testing.T) {
	t.Parallel()
	s := history(t, 100)
	cfg := config(t, s)
	cfg.Begin = s.Candles[99].Time + 1
	def, _ := waryDefinition()
	if _, err := backtest.Run(t.Context(), def, cfg, s.Source(), nil); err == nil || !strings.Contains(err.Error(), "there is no candle") {
		t.Errorf("the error is %v", err)
	}
}
