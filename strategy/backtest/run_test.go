package backtest_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	shopspring "github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/engine"
)

func decimal(tb testing.TB, text string) shopspring.Decimal {
	tb.Helper()
	d, err := shopspring.NewFromString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func run(tb testing.TB, def strategy.Definition, cfg backtest.Config, s marketdata.Series) *backtest.Result {
	tb.Helper()
	r, err := backtest.Run(tb.Context(), def, cfg, s.Source(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// proves PL1: the same run twice gives the same bytes.
func TestRunTwice(t *testing.T) {
	t.Parallel()
	s := history(t, 20_000)
	cfg := config(t, s)
	var texts [2][]byte
	for i := range texts {
		r := run(t, basic.Definition(), cfg, s)
		if r.Trades.Len() < 100 {
			t.Fatalf("only %d trades", r.Trades.Len())
		}
		raw, err := json.Marshal([]any{r, r.Equity})
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = raw
	}
	if string(texts[0]) != string(texts[1]) {
		t.Error("two runs differ")
	}
}

// proves PL3: without the future, the past is the same.
func TestTheFutureChangesNothing(t *testing.T) {
	t.Parallel()
	s := history(t, 12_000)
	cfg := config(t, s)
	whole := run(t, basic.Definition(), cfg, s)
	for _, n := range []int{31, 500, 4_096, 4_097, 11_999} {
		cut := s
		cut.Candles = s.Candles[:n]
		part := run(t, basic.Definition(), cfg, cut)
		if !reflect.DeepEqual(part.Equity, whole.Equity[:n]) {
			t.Fatalf("the equity of the first %d candles is another without the rest", n)
		}
		for i, trade := range part.Trades.All() {
			if trade != whole.Trades.At(i) {
				t.Fatalf("trade %d of the first %d candles is another without the rest", i, n)
			}
		}
	}
}

// fixed buys and sells one volume by turns, every few candles, and holds the
// equity up to every candle against the prices that it could have known.
type fixed struct {
	Every, Count int
}

func (f *fixed) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	if f.Count++; f.Count%f.Every != 0 {
		return
	}
	if b.Position() == 0 {
		b.Buy(1_000)
		return
	}
	b.SellAll()
}

func fixedDefinition(every int) strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "fixed", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy {
		return &fixed{Every: every}
	})
}

// proves PL3 and PL4: an order of one candle's close trades at the next open,
// made worse by the slippage, and higher fees or slippage never raise the result.
func TestCosts(t *testing.T) {
	t.Parallel()
	s := history(t, 3_000)
	rapid.Check(t, func(t *rapid.T) {
		def := fixedDefinition(rapid.IntRange(1, 40).Draw(t, "every"))
		cfg := backtest.Config{Market: s.Market, Interval: s.Interval, Balance: 1 << 50}
		rate := func(name string) exchange.Rate { return exchange.Rate(rapid.Int64Range(0, 2_000_000).Draw(t, name)) }
		low, more := cfg, cfg
		low.Fees.Taker, low.Slippage, low.Spread = rate("fee"), rate("slippage"), rate("spread")
		more.Fees.Taker, more.Slippage = low.Fees.Taker+rate("more fee"), low.Slippage+rate("more slippage")
		more.Spread = low.Spread + rate("more spread")
		results := [3]exchange.Units{}
		for i, c := range []backtest.Config{cfg, low, more} {
			r, err := backtest.Run(t.Context(), def, c, s.Source(), nil)
			if err != nil {
				t.Fatal(err)
			}
			results[i] = r.FinalEquity
		}
		if results[0] < results[1] || results[1] < results[2] {
			t.Fatalf("without costs %d, with some %d, with more %d", results[0], results[1], results[2])
		}
	})
	r := run(t, fixedDefinition(7), backtest.Config{Market: s.Market, Interval: s.Interval, Balance: 1 << 50}, s)
	for i, trade := range r.Trades.All() {
		bought := s.Candles[7*(2*i+1)] // decided at the close of the candle before
		sold := s.Candles[7*(2*i+2)]
		if trade.Cost != bought.Open.MustTimes(1_000) || trade.Proceeds != sold.Open.MustTimes(1_000) || trade.EntryTime != bought.Time || trade.ExitTime != sold.Time {
			t.Fatalf("trade %d is %+v, want it from the open of %v to that of %v", i, trade, bought, sold)
		}
	}
}

// proves PL4: a result tells how many fills were in candles in which nobody traded, of
// every pair.
func TestQuietFills(t *testing.T) {
	t.Parallel()
	s := history(t, 70)
	s.Candles = slices.Clone(s.Candles)
	for i := range s.Candles {
		if i%2 == 1 || i == 14 || i == 28 { // orders of every seventh close trade at 7, 14, 21, … 63
			s.Candles[i].Volume = 0
		}
	}
	r := run(t, fixedDefinition(7), backtest.Config{Market: s.Market, Interval: s.Interval, Balance: 1 << 50}, s)
	if r.Account.Fills != 9 || r.QuietFills != 5+2 {
		t.Errorf("%d of %d fills were quiet, want 7 of 9", r.QuietFills, r.Account.Fills)
	}
	for index, want := range map[int]bool{1: false, 7: true, 14: true, 16: true} { // what the run traded alone changes what it holds
		if got := slices.ContainsFunc(r.Exposures, func(e backtest.Exposure) bool { return e.Index == index }); got != want {
			t.Errorf("what was held at the close of candle %d is told: %t, want %t", index, got, want)
		}
	}
	cfg, own, other := couple(t, 200)
	other = slices.Clone(other)
	for i := range other {
		other[i].Volume = 0
	}
	both, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := both.Pairs[0].Account.Fills; both.QuietFills != n || n < 10 || both.Account.Fills < 10 {
		t.Errorf("%d fills were quiet, want the %d of the further pair", both.QuietFills, n)
	}
}

// trading is an engine, its venue and a strategy, which can be saved and
// restored.
type trading struct {
	session  *engine.Session
	venue    *paper.Venue
	instance *strategy.Instance
}

func newTrading(t *testing.T, s marketdata.Series, snapshot *strategy.Snapshot) trading {
	t.Helper()
	venue, err := paper.NewVenue(paper.VenueConfig{Market: s.Market, Balance: 1e10, Costs: paper.Costs{MaxShare: 10_000_000}, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000}})
	if err != nil {
		t.Fatal(err)
	}
	instance, err := basic.Definition().Open(strategy.OpenInput{
		Market: s.Market, Interval: s.Interval, Params: json.RawMessage(`{"fast":2,"slow":5}`), Snapshot: snapshot,
	})
	if err != nil {
		t.Fatal(err)
	}
	session, err := engine.New(engine.Config{Market: s.Market, Interval: s.Interval, Balance: 1e10, Venue: venue, OrderPrefix: "m-"})
	if err != nil {
		t.Fatal(err)
	}
	return trading{session, venue, instance}
}

func (m trading) take(t *testing.T, c exchange.Candle) {
	t.Helper()
	if err := m.session.Begin(&c); err != nil {
		t.Fatal(err)
	}
	for ev := m.session.Next(); ev != nil; ev = m.session.Next() {
		if err := m.session.Commands(m.instance.Deliver(m.session.View(), ev)); err != nil {
			t.Fatal(err)
		}
	}
}

// state is everything that a checkpoint holds, as it is stored.
func (m trading) state(t *testing.T) string {
	t.Helper()
	snapshot, err := m.instance.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(struct {
		Engine   engine.State
		Venue    paper.VenueState
		Strategy strategy.Snapshot
	}{m.session.State(), m.venue.State(), snapshot})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func restored(t *testing.T, s marketdata.Series, text string) trading {
	t.Helper()
	var saved struct {
		Engine   engine.State
		Venue    paper.VenueState
		Strategy strategy.Snapshot
	}
	if err := json.Unmarshal([]byte(text), &saved); err != nil {
		t.Fatal(err)
	}
	m := newTrading(t, s, &saved.Strategy)
	m.venue.Restore(saved.Venue)
	m.session.Restore(saved.Engine)
	return m
}

// proves PL1: restored after any candle, the rest is identical, partial fills
// under way included.
func TestRestoreAfterAnyCandle(t *testing.T) {
	t.Parallel()
	s := history(t, 250)
	straight := newTrading(t, s, nil)
	broken := newTrading(t, s, nil)
	for i, c := range s.Candles {
		straight.take(t, c)
		broken.take(t, c)
		want, got := straight.state(t), broken.state(t)
		if got != want {
			t.Fatalf("after candle %d, restored %d times, the state is\n%s\nwant\n%s", i, i, got, want)
		}
		broken = restored(t, s, got)
	}
	if n := straight.session.Portfolio().Fills; n < 20 {
		t.Errorf("only %d fills: the run proves little", n)
	}
}

// proves RK4 and T8: whatever a strategy asks for, nothing panics, no balance
// falls below 0, and engine and venue agree.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	s := history(t, 60)
	rapid.Check(t, func(rt *rapid.T) {
		m := newTrading(t, s, nil)
		amount := rapid.OneOf(rapid.Int64Range(-5, 5), rapid.Int64Range(0, 2e10), rapid.Int64())
		for i, c := range s.Candles {
			if err := m.session.Begin(&c); err != nil {
				rt.Fatal(err)
			}
			for ev := m.session.Next(); ev != nil; ev = m.session.Next() {
				var cs []strategy.Command
				for range rapid.IntRange(0, 4).Draw(rt, "commands") {
					cs = append(cs, strategy.Command{
						Kind: strategy.CommandKind(rapid.IntRange(0, 8).Draw(rt, "kind")), Ref: m.session.View().NextRef + uint64(len(cs)),
						Side: exchange.Side(rapid.IntRange(0, 3).Draw(rt, "side")), Type: exchange.OrderType(rapid.IntRange(0, 3).Draw(rt, "type")),
						Price: exchange.Ticks(rapid.OneOf(rapid.Just(int64(c.Close)), amount).Draw(rt, "price")), Volume: exchange.Steps(amount.Draw(rt, "volume")),
						Value: exchange.Units(amount.Draw(rt, "value")), PostOnly: rapid.Bool().Draw(rt, "post-only"),
						TimeInForce: exchange.TimeInForce(rapid.IntRange(0, 4).Draw(rt, "tif")), Number: rapid.SampledFrom([]float64{1, math.NaN(), math.Inf(1)}).Draw(rt, "number"),
						Exits: strategy.Exits{Stop: exchange.Ticks(amount.Draw(rt, "stop")), Target: exchange.Ticks(amount.Draw(rt, "target"))},
					})
				}
				if err := m.session.Commands(cs); err != nil {
					rt.Fatal(fmt.Errorf("candle %d: %w", i, err))
				}
			}
			p, v := m.session.Portfolio(), m.venue.State()
			if p.Base != v.Base || p.Counter != v.Counter || p.Base < 0 || p.Counter < 0 {
				rt.Fatalf("candle %d: the engine has %d and %d, the venue %d and %d", i, p.Base, p.Counter, v.Base, v.Counter)
			}
			counter, base := m.venue.Reserved()
			if counter < 0 || base < 0 || counter > v.Counter || base > v.Base {
				rt.Fatalf("candle %d: %d and %d are reserved of %d and %d", i, counter, base, v.Counter, v.Base)
			}
		}
	})
}

// proves PL3: a decision on longer candles trades at the open of the next
// shorter one, which is the open of the next longer one too.
func TestDecidingOnLongerCandles(t *testing.T) {
	t.Parallel()
	s := history(t, 30_000)
	for i := range s.Candles {
		s.Candles[i].Volume++ // a minute without a trade has no open of its own
	}
	cfg := config(t, s)
	cfg.Decide = 5 * time.Minute
	short := run(t, basic.Definition(), cfg, s)
	fives, err := s.Aggregate(cfg.Decide)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Decide, cfg.Interval = 0, fives.Interval
	long := run(t, basic.Definition(), cfg, fives)
	if short.Trades.Len() < 50 || !reflect.DeepEqual(short.Trades, long.Trades) {
		t.Errorf("%d trades of minutes and %d of five minutes, which differ", short.Trades.Len(), long.Trades.Len())
	}
	for i, equity := range long.Equity {
		if short.Equity[5*i+4] != equity {
			t.Fatalf("after %d candles of five minutes the equity is %d and %d", i+1, short.Equity[5*i+4], equity)
		}
	}
}
