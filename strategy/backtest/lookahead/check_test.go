package lookahead_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/plugins/rsi/rsi"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/lookahead"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// cheat holds when what it knows of the candles says so: it shares them with the
// run, as a strategy might that reads beyond what it was given.
type cheat struct {
	All  []exchange.Candle
	At   int
	Hold func(all []exchange.Candle, at int) bool
}

func (c *cheat) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	hold := c.Hold(c.All, c.At)
	c.At++
	switch {
	case hold && b.Position() == 0:
		b.BuyWith(b.FreeCounter())
	case !hold:
		b.SellAll()
	}
}

func cheats(hold func(all []exchange.Candle, at int) bool) func([]exchange.Candle) strategy.Definition {
	return func(candles []exchange.Candle) strategy.Definition {
		return strategy.MustDefine(strategy.Info{Name: "cheat", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy {
			return &cheat{All: candles, Hold: hold}
		})
	}
}

// ahead compares a candle of the future with the present one.
func ahead(by int, value func(exchange.Candle) exchange.Ticks) func([]exchange.Candle, int) bool {
	return func(all []exchange.Candle, at int) bool {
		return at+by < len(all) && value(all[at+by]) > value(all[at])
	}
}

func closing(c exchange.Candle) exchange.Ticks { return c.Close }

// scaled compares with the mean of all candles, as one does who measures a
// history before running over it.
func scaled(all []exchange.Candle, at int) bool {
	sum := 0.0
	for _, c := range all {
		sum += c.Close.Float()
	}
	return all[at].Close.Float() < sum/float64(len(all))
}

// honest looks back.
func honest(all []exchange.Candle, at int) bool { return at > 9 && all[at].Close > all[at-9].Close }

func check(t *testing.T, n int, depth lookahead.Depth, open func([]exchange.Candle) strategy.Definition) lookahead.Report {
	t.Helper()
	cfg, candles := strategytest.Demo(t, n)
	again := func(ctx context.Context, through backtest.Through) (*backtest.Result, error) {
		src := through.Of(cfg.Market.Pair, marketdata.NewSliceSource(candles))
		given := make([]exchange.Candle, 0, src.(marketdata.Sized).Len())
		for {
			block, err := src.Next(ctx)
			if errors.Is(err, io.EOF) {
				return backtest.Run(ctx, open(given), cfg, marketdata.NewSliceSource(given), nil)
			}
			if err != nil {
				return nil, err
			}
			given = append(given, block...)
		}
	}
	whole, err := again(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	told := int64(0)
	r, err := lookahead.Check(t.Context(), lookahead.Config{
		Whole: whole, Run: again, Depth: depth, Seed: 1, Progress: func(done, total int64) {
			if done <= told || done > total {
				t.Errorf("%d of %d candles after %d", done, total, told)
			}
			told = done
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// proves PL3
func TestCheatsAreFound(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]func([]exchange.Candle, int) bool{
		"the next close": ahead(1, closing), "the close after it": ahead(2, closing), "a close of next week": ahead(200, closing),
		"the high after the next": ahead(2, func(c exchange.Candle) exchange.Ticks { return c.High }),
		"the mean of all":         scaled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, depth := range []lookahead.Depth{lookahead.Cheap, lookahead.Full} {
				r := check(t, 4_000, depth, cheats(hold))
				if r.Finding == nil || r.Finding.Unsteady || r.Finding.Want == r.Finding.Got {
					t.Fatalf("%s: nothing was found by %d probes", depth, r.Probes)
				}
				cfg, _ := strategytest.Demo(t, 1)
				if text := r.Finding.Describe(cfg.Market); !strings.Contains(text, "knows the future") || !strings.Contains(text, r.Finding.Time.Format("2006-01-02 15:04")) {
					t.Errorf("%s", text)
				}
			}
		})
	}
}

// A cheat of a rare moment late in the history, where the cheap form does not look,
// is what the full form is for.
func TestARareCheatIsFoundByTheFullForm(t *testing.T) {
	t.Parallel()
	rare := func(all []exchange.Candle, at int) bool {
		if at > 5_800 {
			return ahead(1, closing)(all, at)
		}
		return at > 199 && all[at].Close > all[at-199].Close // looks back, and trades now and then
	}
	if r := check(t, 6_000, lookahead.Cheap, cheats(rare)); r.Finding != nil {
		t.Errorf("the cheap form found %+v: the test proves nothing", r.Finding)
	}
	r := check(t, 6_000, lookahead.Full, cheats(rare))
	if r.Finding == nil || r.Finding.Candle < 5_800 || r.Finding.Candle > 5_900 {
		t.Errorf("%+v of %d probes", r.Finding, r.Probes)
	}
}

// proves PL3
func TestHonestStrategiesPass(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func([]exchange.Candle) strategy.Definition{
		"looks back": cheats(honest),
		"basic":      func([]exchange.Candle) strategy.Definition { return basic.Definition() },
		"rsi":        func([]exchange.Candle) strategy.Definition { return rsi.Definition() },
	} {
		for _, depth := range []lookahead.Depth{lookahead.Cheap, lookahead.Full} {
			if r := check(t, 2_000, depth, open); r.Finding != nil || r.Probes < 6 {
				t.Errorf("%s, %s: %+v", name, depth, r)
			}
		}
	}
}

func TestTheCheapFormIsCheap(t *testing.T) {
	t.Parallel()
	for n, most := range map[int]int64{1: 6, 300: 6 * 300, 20_000: 100_000, 550_000: 110_000} {
		if r := check(t, n, lookahead.Cheap, cheats(honest)); r.Finding != nil || r.Candles > most || r.Probes != 6 || r.Within != 0 {
			t.Errorf("%d candles: %d probes over %d, want at most %d", n, r.Probes, r.Candles, most)
		}
	}
}

// Of a history of years, the cheap form looks at a beginning of fixed length and
// says so.
func TestTheCheapFormIsBounded(t *testing.T) {
	t.Parallel()
	const candles = 3_100_000
	longest := 0
	again := func(ctx context.Context, through backtest.Through) (*backtest.Result, error) {
		src := through.Of("", &even{left: candles})
		length := src.(marketdata.Sized).Len()
		equity := make([]int64, 0, length)
		for {
			block, err := src.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			for range block {
				equity = append(equity, 0)
			}
		}
		if len(equity) != length {
			t.Errorf("%d candles of %d", len(equity), length)
		}
		longest = max(longest, length)
		return &backtest.Result{Equity: equity}, nil
	}
	whole := &backtest.Result{Candles: candles, Equity: make([]int64, candles), Config: backtest.Config{Interval: time.Minute}, Segments: []backtest.Segment{{}}}
	r, err := lookahead.Check(t.Context(), lookahead.Config{Whole: whole, Run: again})
	if err != nil || r.Finding != nil || r.Candles > 100_000 || r.Within != 16_666 || longest > r.Within || longest < 1_000 {
		t.Errorf("%+v, the longest probe has %d candles, %v", r, longest, err)
	}
}

// even is a source of so many candles without a move.
type even struct {
	left int
	next int64
}

func (e *even) Next(context.Context) ([]exchange.Candle, error) {
	n := min(e.left, marketdata.BlockSize)
	if n == 0 {
		return nil, io.EOF
	}
	e.left -= n
	block := make([]exchange.Candle, n)
	for i := range block {
		block[i] = exchange.Flat(e.next, 100)
		e.next += time.Minute.Milliseconds()
	}
	return block, nil
}

func TestAStrategyThatIsNotSteadyIsNotACheat(t *testing.T) {
	t.Parallel()
	calls := 0
	r := check(t, 3_000, lookahead.Cheap, cheats(func([]exchange.Candle, int) bool {
		calls++
		return calls%7 < 3
	}))
	cfg, _ := strategytest.Demo(t, 1)
	if r.Finding == nil || !r.Finding.Unsteady || !strings.Contains(r.Finding.Describe(cfg.Market), "does not always decide alike") {
		t.Errorf("%+v", r.Finding)
	}
}

func TestChecksAreChecked(t *testing.T) {
	t.Parallel()
	broken := errors.New("the process is gone")
	whole := &backtest.Result{Candles: 10, Equity: make([]int64, 10), Config: backtest.Config{Interval: time.Minute}}
	curveless := &backtest.Result{Candles: 10, Config: whole.Config}
	run := func(context.Context, backtest.Through) (*backtest.Result, error) {
		return nil, broken
	}
	short := func(context.Context, backtest.Through) (*backtest.Result, error) {
		return &backtest.Result{}, nil
	}
	for want, cfg := range map[string]lookahead.Config{
		"required":             {Whole: whole},
		"does not fit":         {Whole: curveless, Run: run},
		`"deep" is neither`:    {Whole: whole, Run: run, Depth: "deep"},
		"the process is gone":  {Whole: whole, Run: run},
		"an equity curve of 0": {Whole: whole, Run: short},
	} {
		if _, err := lookahead.Check(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell %q", err, want)
		}
	}
}

// proves PL3: what a strategy asks for shows what no result can, down to the open
// of the next candle.
func TestCommandsShowEveryCheat(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 2_000)
	cuts := []int{1, 10, 1_500, 1_999, 2_000}
	for cut := 500; cut < 560; cut++ {
		cuts = append(cuts, cut)
	}
	for name, value := range map[string]func(exchange.Candle) exchange.Ticks{
		"close": closing, "open": func(c exchange.Candle) exchange.Ticks { return c.Open }, "high": func(c exchange.Candle) exchange.Ticks { return c.High },
		"low": func(c exchange.Candle) exchange.Ticks { return c.Low }, "volume": func(c exchange.Candle) exchange.Ticks { return exchange.Ticks(c.Volume) },
	} {
		found, err := lookahead.Commands(t.Context(), cheats(ahead(1, value)), cfg, candles, cuts)
		if err != nil || !strings.Contains(found, "instead of") {
			t.Errorf("the next %s: %q, %v", name, found, err)
		}
	}
	for name, open := range map[string]func([]exchange.Candle) strategy.Definition{
		"looks back": cheats(honest), "basic": func([]exchange.Candle) strategy.Definition { return basic.Definition() },
	} {
		if found, err := lookahead.Commands(t.Context(), open, cfg, candles, cuts); found != "" || err != nil {
			t.Errorf("%s: %q, %v", name, found, err)
		}
	}
	if _, err := lookahead.Commands(t.Context(), cheats(honest), cfg, candles, []int{2_001}); err == nil {
		t.Error("a cut beyond the end")
	}
}
