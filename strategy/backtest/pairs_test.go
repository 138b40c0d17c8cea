package backtest_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	shopspring "github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// evenly puts a third of its cash into each pair at every seventh candle and sells
// all three candles later; at every eleventh it sells the further pairs as their
// candles are told.
type evenly struct{ Count int }

func (s *evenly) TradePairs(exchange.Market, []exchange.Market) error { return nil }

func (s *evenly) OnPair(b *strategy.Bot, pair string, _ exchange.Candle) {
	if s.Count%11 == 5 {
		b.Pair(pair).SellAll()
	}
}

func (s *evenly) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	s.Count++
	for _, p := range b.Pairs() {
		switch s.Count % 7 {
		case 1:
			p.BuyWith(p.FreeCounter() / 3)
		case 4:
			p.SellAll()
		}
	}
}

func evenlyDefinition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "evenly", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &evenly{} })
}

// couple is a run of the demo market's two pairs, of which the second has a hole
// and begins later. Their units differ by a factor of 100.
func couple(tb testing.TB, n int) (cfg backtest.Config, own, other []exchange.Candle) {
	tb.Helper()
	return coupleFrom(tb, n, 3)
}

// coupleFrom is couple with a second pair that begins at a candle of the first one.
func coupleFrom(tb testing.TB, n, first int) (cfg backtest.Config, own, other []exchange.Candle) {
	tb.Helper()
	own = history(tb, n).Candles
	m, err := demo.New(demo.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	markets, err := m.Markets(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for i := first; i < n; i++ {
		if i == first || i%97 != 0 {
			other = append(other, m.Candle(markets[1].Pair, int64(i)))
		}
	}
	cfg = config(tb, marketdata.Series{Market: markets[0], Interval: time.Minute})
	cfg.Balance = 10_000_000_003 // 10,000 MYR and a little
	cfg.Pairs = []backtest.Pair{{Market: markets[1]}}
	return cfg, own, other
}

func coupled(own, other []exchange.Candle) *backtest.Feed {
	return &backtest.Feed{Source: marketdata.NewSliceSource(own), Pairs: []backtest.PairSource{{Pair: demo.ETHMYR, Source: marketdata.NewSliceSource(other)}}}
}

// purse is the account of the reference, in decimals.
type purse struct {
	market exchange.Market
	rate   shopspring.Decimal
	held   shopspring.Decimal
	price  shopspring.Decimal
	wanted shopspring.Decimal // to spend at the next open; below 0, sell all
	known  bool
}

// meet carries out what was wanted at an open.
func (p *purse) meet(cash *shopspring.Decimal, c exchange.Candle) {
	open := p.market.Price(c.Open)
	unit := p.market.Tick.Mul(p.market.Step)
	fee := func(value shopspring.Decimal) shopspring.Decimal {
		return value.Mul(p.rate).Div(unit).Ceil().Mul(unit)
	}
	switch {
	case p.wanted.IsPositive():
		volume := p.wanted.Div(open.Mul(p.rate.Add(shopspring.New(1, 0)))).Div(p.market.Step).Floor().Add(shopspring.New(1, 0)).Mul(p.market.Step)
		for volume.Mul(open).Add(fee(volume.Mul(open))).GreaterThan(p.wanted) {
			volume = volume.Sub(p.market.Step)
		}
		*cash = cash.Sub(volume.Mul(open)).Sub(fee(volume.Mul(open)))
		p.held = p.held.Add(volume)
	case p.wanted.IsNegative():
		*cash = cash.Add(p.held.Mul(open)).Sub(fee(p.held.Mul(open)))
		p.held = shopspring.Zero
	}
	p.wanted = shopspring.Zero
}

// TestPairsReference recomputes a run of two pairs with decimals and nothing of the
// engine: one balance, orders at the next open of their pair, fees rounded up to the
// unit of their market, the account valued at the newest closes.
func TestPairsReference(t *testing.T) { // proves PL3, PL4, N1
	t.Parallel()
	cfg, own, other := couple(t, 2_000)
	r := checkReference(t, cfg, own, other)
	if r.Trades.Len() < 100 || r.Pairs[0].Account.Trades == 0 || r.Pairs[0].FirstPrice != other[0].Open || r.Pairs[0].LastPrice != other[len(other)-1].Close {
		t.Errorf("it ends with %d trades and %+v", r.Trades.Len(), r.Pairs)
	}
}

// checkReference runs evenly over two pairs and holds the run up against decimals.
func checkReference(t rapid.TB, cfg backtest.Config, own, other []exchange.Candle) *backtest.Result {
	t.Helper()
	r, err := backtest.Run(context.Background(), evenlyDefinition(), cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	cash, rate := cfg.Market.Amount(cfg.Balance), cfg.Fees.Taker.Decimal()
	a, b := purse{market: cfg.Market, rate: rate}, purse{market: cfg.Pairs[0].Market, rate: rate}
	a.held, b.held = a.market.Volume(cfg.Base), b.market.Volume(cfg.Pairs[0].Base)
	start := cash.Add(a.held.Mul(a.market.Price(own[0].Open))).Add(b.held.Mul(b.market.Price(other[0].Open)))
	if got, want := cfg.Market.Amount(r.Initial()), floorTo(start, cfg.Market); !got.Equal(want) {
		t.Fatalf("it begins with %s, want %s", got, want)
	}
	peak, fall := r.Initial(), 0.0
	held := r.Exposures
	if n := len(held); held[0].Index != 0 || held[n-1].Index != len(own)-1 || r.CheckExposures() != nil || n < min(len(own), 1_000) {
		t.Fatalf("what was held is told at %d closes", n)
	}
	count, next := 0, 0
	sell := func(p *purse) {
		if p.held.IsPositive() {
			p.wanted = shopspring.New(-1, 0)
		}
	}
	for i, c := range own {
		told := false
		if next < len(other) && other[next].Time == c.Time {
			b.meet(&cash, other[next])
			b.price, b.known, told = b.market.Price(other[next].Close), true, true
			next++
		}
		a.meet(&cash, c)
		a.price = a.market.Price(c.Close)
		if told && count%11 == 5 {
			sell(&b)
		}
		switch count++; count % 7 {
		case 1:
			for _, p := range []*purse{&a, &b} {
				unit := p.market.Tick.Mul(p.market.Step)
				if free := cash.Div(unit).Floor(); p == &a || p.known {
					p.wanted = free.Div(shopspring.NewFromInt(3)).Floor().Mul(unit)
				}
			}
		case 4:
			sell(&a)
			sell(&b)
		}
		want := cash.Add(a.held.Mul(a.price)).Add(b.held.Mul(b.price))
		if got := cfg.Market.Amount(exchange.Units(r.Equity[i])); !got.Equal(floorTo(want, cfg.Market)) {
			t.Fatalf("at candle %d the account is worth %s, want %s", i, got, want)
		}
		if n := len(held); n > 0 && held[0].Index == i {
			for leg, p := range []*purse{&a, &b} {
				if got, want := cfg.Market.Amount(held[0].Worth[leg]), floorTo(p.held.Mul(p.price), cfg.Market); !got.Equal(want) {
					t.Fatalf("at candle %d pair %d is worth %s, want %s", i, leg, got, want)
				}
			}
			held = held[1:]
		}
		peak = max(peak, exchange.Units(r.Equity[i]))
		fall = max(fall, float64(int64(peak)-r.Equity[i])/float64(peak))
	}
	if math.Abs(fall-r.MaxDrawdown) > 1e-12 {
		t.Errorf("it fell by %v, want %v", r.MaxDrawdown, fall)
	}
	checkTrades(t, r)
	return r
}

// However long a run is, what it held is told at a bounded number of closes, equally
// many candles with trades apart, and at the last one; what somebody else tells is looked at.
func TestWhatWasHeldIsBounded(t *testing.T) { // proves PL5
	t.Parallel()
	cfg, own, other := couple(t, 20_003)
	own, other = slices.Clone(own), slices.Clone(other)
	for i := range own { // quiet where the run itself never trades
		if own[i].Volume = 1; i%7 == 0 || i%7 == 6 {
			own[i].Volume = 0
		}
	}
	for i := range other {
		other[i].Volume = 1
	}
	r, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := len(r.Exposures)
	if n < 1_000 || n > 2_049 || r.Exposures[n-1].Index != 20_002 {
		t.Fatalf("it is told at %d closes", n)
	}
	var traded []int
	for i, c := range own {
		if c.Volume > 0 {
			traded = append(traded, i)
		}
	}
	stride := slices.Index(traded, r.Exposures[1].Index)
	for i, e := range r.Exposures[:n-1] {
		if e.Index != traded[i*stride] {
			t.Fatalf("close %d is that of candle %d", i, e.Index)
		}
	}
	if err := r.CheckExposures(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(e []backtest.Exposure){
		"twice":      func(e []backtest.Exposure) { e[5].Index = e[4].Index },
		"the future": func(e []backtest.Exposure) { e[n-1].Index = 20_003 },
		"a pair":     func(e []backtest.Exposure) { e[7].Worth = e[7].Worth[:1] },
	} {
		bad := *r
		bad.Exposures = slices.Clone(r.Exposures)
		spoil(bad.Exposures)
		if bad.CheckExposures() == nil {
			t.Errorf("%s: nothing is wrong with it", name)
		}
	}
}

// floorTo rounds an amount down to a unit of a market.
func floorTo(amount shopspring.Decimal, m exchange.Market) shopspring.Decimal {
	unit := m.Tick.Mul(m.Step)
	return amount.Div(unit).Floor().Mul(unit)
}

// proves PL4, T8: what is held of several pairs when a run begins is worth what the
// first opens say, is sold like anything else, and neither it nor the cash is gained
// or lost but by trading.
func TestPairsReferenceWithHoldings(t *testing.T) {
	t.Parallel()
	common, own, other := coupleFrom(t, 120, 0)
	rapid.Check(t, func(t *rapid.T) {
		cfg := common
		cfg.Pairs = slices.Clone(common.Pairs)
		cfg.Base = exchange.Steps(rapid.SampledFrom([]int64{0, 100_000, 1_234_567}).Draw(t, "own"))
		cfg.Pairs[0].Base = exchange.Steps(rapid.Int64Range(100_000, 50_000_000).Draw(t, "further"))
		cfg.Balance = exchange.Units(rapid.SampledFrom([]int64{0, 1, 10_000_000_003}).Draw(t, "cash"))
		cfg.Fees.Taker = exchange.Rate(rapid.SampledFrom([]int64{0, 100_000, 1_234_567}).Draw(t, "fee"))
		r := checkReference(t, cfg, own, other)
		if r.Pairs[0].Account.Trades == 0 || !r.Holds(cfg) || r.Holds(common) {
			t.Fatalf("it ends with %+v and %+v", r.Account, r.Pairs)
		}
	})
}

// proves RK1: the host's stop-loss holds for what was held of a further pair to begin
// with, at the price that it began with.
func TestHoldingOfAFurtherPairHasItsStop(t *testing.T) {
	t.Parallel()
	cfg, own, other := coupleFrom(t, 90, 0)
	cfg.Pairs[0].Base, cfg.Risk.StopLoss = 1_000, 5_000_000
	def := strategy.MustDefine(strategy.Info{Name: "idle", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &idle{} })
	for i := range other {
		price := other[0].Open
		if i >= 50 {
			price = price * 9 / 10
		}
		other[i] = exchange.Candle{Time: other[i].Time, Open: price, High: price, Low: price, Close: price, Volume: other[i].Volume}
	}
	r, err := backtest.Run(t.Context(), def, cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Pairs[0].Account.Base != 0 || r.Trades.Len() != 1 || r.Account.Base != 0 {
		t.Errorf("it ends with %+v after %d trades", r.Pairs[0].Account, r.Trades.Len())
	}
}

// idle trades several pairs and gives no order.
type idle struct{}

func (*idle) TradePairs(exchange.Market, []exchange.Market) error { return nil }

func (*idle) OnPair(*strategy.Bot, string, exchange.Candle) {}

func (*idle) OnCandle(*strategy.Bot, exchange.Candle) {}

// proves RK1: each pair has its own largest position.
func TestLargestPositionOfAFurtherPair(t *testing.T) {
	t.Parallel()
	cfg, own, other := couple(t, 200)
	free, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Pairs[0].MaxPosition = 7_000
	bound, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	largest := func(r *backtest.Result, leg int64) (most exchange.Steps) {
		for _, trade := range r.Trades.All() {
			if trade.Leg == leg {
				most = max(most, trade.Volume)
			}
		}
		return most
	}
	if largest(free, 1) <= 7_000 || largest(bound, 1) != 7_000 || largest(bound, 0) <= 7_000 {
		t.Errorf("it held %d of the further pair, then %d, and %d of its own", largest(free, 1), largest(bound, 1), largest(bound, 0))
	}
}

// checkTrades adds the trades of a run up to its accounts (rule T8).
func checkTrades(t rapid.TB, r *backtest.Result) {
	t.Helper()
	var profit [2]exchange.Units
	last := int64(0)
	for _, trade := range r.Trades.All() {
		if trade.ExitTime < last {
			t.Fatalf("the trade %+v is out of order", trade)
		}
		last = trade.ExitTime
		profit[trade.Leg] += trade.Profit()
	}
	for leg, sum := range profit {
		if got := r.AccountOf(int64(leg)).Realised; got != sum {
			t.Errorf("pair %d has realised %d, its trades %d", leg, got, sum)
		}
	}
}

// Fills of two sales that take many candles lie between each other; still every
// part of them is in one trade.
func TestTradesOfInterleavedSales(t *testing.T) { // proves T8
	t.Parallel()
	cfg, own, other := couple(t, 3_000)
	cfg.MaxShare = 200_000
	r, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	orders, parts := map[string]bool{}, 0
	for _, trade := range r.Trades.All() {
		if orders[trade.OrderID] {
			parts++
		}
		orders[trade.OrderID] = true
	}
	if parts == 0 {
		t.Fatal("no sale was interrupted by another")
	}
	checkTrades(t, r)
}

// proves PL1: the same bytes twice, and through the plugin's boundary.
func TestPairsRunTwiceAndThroughAPlugin(t *testing.T) {
	t.Parallel()
	cfg, own, other := coupleFrom(t, 6_000, 0)
	cfg.Base, cfg.Pairs[0].Base = 12_345, 678
	client, stop, err := plugin.Loopback(evenlyDefinition())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	want, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]func() (*backtest.Result, error){
		"again": func() (*backtest.Result, error) {
			return backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil)
		},
		"in a plugin": func() (*backtest.Result, error) { return client.Backtest(t.Context(), cfg, coupled(own, other), nil) },
	} {
		got, err := run()
		if err != nil {
			t.Fatal(name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s it ends with %+v, at first with %+v", name, got.Pairs, want.Pairs)
		}
	}
}

// proves PL3: without the future of either pair, the past is the same.
func TestTheFutureOfPairsChangesNothing(t *testing.T) {
	t.Parallel()
	cfg, own, other := couple(t, 3_000)
	whole, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{31, 500, 2_048, 2_999} {
		changed := make([]exchange.Candle, len(other))
		for i, c := range other {
			if c.Time >= own[n].Time {
				c = exchange.Flat(c.Time, 7_777_77)
			}
			changed[i] = c
		}
		part, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own[:n], changed), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(part.Equity, whole.Equity[:n]) {
			t.Fatalf("the equity of the first %d candles is another with another future", n)
		}
	}
}

func TestBadRunsOfPairsAreRefused(t *testing.T) {
	t.Parallel()
	cfg, own, other := couple(t, 50)
	foreign, twice := cfg, cfg
	held := cfg
	held.Pairs = []backtest.Pair{{Market: cfg.Pairs[0].Market, Base: 5}}
	below := cfg
	below.Pairs = []backtest.Pair{{Market: cfg.Pairs[0].Market, Base: -5}}
	market := cfg.Pairs[0].Market
	market.Counter = "ZAR"
	foreign.Pairs = []backtest.Pair{{Market: market}}
	twice.Pairs = append(twice.Pairs[:1:1], twice.Pairs[0])
	for _, c := range []struct {
		want string
		def  strategy.Definition
		cfg  backtest.Config
		src  marketdata.Source
	}{
		{"trades one pair, and 2 are asked for", basic.Definition(), cfg, coupled(own, other)},
		{"the run has no candles of it", evenlyDefinition(), cfg, marketdata.NewSliceSource(own)},
		{"one balance needs one currency", evenlyDefinition(), foreign, coupled(own, other)},
		{"is asked for twice", evenlyDefinition(), twice, coupled(own, other)},
		{"there is no candle of ETHMYR at", evenlyDefinition(), held, coupled(own, other)},
		{"must not be below 0", evenlyDefinition(), below, coupled(own, other)},
	} {
		if _, err := backtest.Run(t.Context(), c.def, c.cfg, c.src, nil); err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("it says %v, want %q", err, c.want)
		}
	}
}
