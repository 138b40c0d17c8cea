package search_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest/search"
)

func walk(tb testing.TB, cfg search.WalkConfig) *search.Walk {
	tb.Helper()
	w, err := search.WalkForward(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// walkText writes all of a walk.
func walkText(w *search.Walk) string {
	var b strings.Builder
	for _, window := range w.Windows {
		fmt.Fprintf(&b, "%v %v %v %+v %+v %v %v %v %v\n", window.From, window.To, window.End, window.Best, window.Outside, window.Score,
			window.Inside, window.After, window.Held)
	}
	copied := *w
	copied.Windows = nil
	fmt.Fprintf(&b, "%+v", copied)
	return b.String()
}

func crossWalk(t *testing.T, minutes int) (search.WalkConfig, func(workers int, change func([]exchange.Candle)) []search.Runner) {
	t.Helper()
	cfg, series := demo(t, minutes)
	from := series.Candles[0].OpenTime()
	return search.WalkConfig{
			InSample: 12 * time.Hour, OutOfSample: 4 * time.Hour, Search: search.Config{
				Objective: search.Objective{Measure: search.Equity}, Space: crosses(t, "fast=3:15:4", "slow=20:60:20"),
				From: from, To: from.Add(time.Duration(minutes) * time.Minute),
			},
		}, func(workers int, change func([]exchange.Candle)) []search.Runner {
			s := series
			s.Candles = slices.Clone(series.Candles)
			change(s.Candles)
			return locals(workers, cfg, s)
		}
}

func nothing([]exchange.Candle) {}

// proves PL1
func TestAWalkDoesNotDependOnTheWorkers(t *testing.T) {
	t.Parallel()
	cfg, runners := crossWalk(t, 2_500)
	for _, method := range search.Methods() {
		for _, cfg.Anchored = range []bool{false, true} {
			cfg.Search.Method, cfg.Search.Trials, cfg.Search.Seed = method, 10, 5
			cfg.Search.Runners = runners(1, nothing)
			one := walk(t, cfg)
			cfg.Search.Runners = runners(2, nothing)
			if two := walk(t, cfg); walkText(one) != walkText(two) {
				t.Errorf("%s: two workers give another walk", method)
			}
			if len(one.Windows) != 7 {
				t.Fatalf("%d windows", len(one.Windows))
			}
			for i, w := range one.Windows {
				start := cfg.Search.From.Add(time.Duration(i) * 4 * time.Hour)
				from := start
				if cfg.Anchored {
					from = cfg.Search.From
				}
				if !w.From.Equal(from) || !w.To.Equal(start.Add(12*time.Hour)) || !w.End.Equal(start.Add(16*time.Hour)) || w.Best == nil {
					t.Errorf("window %d is from %s to %s, traded to %s", i, w.From, w.To, w.End)
				}
			}
		}
	}
}

// proves PL3: what comes after a window changes neither its choice nor anything
// before.
func TestNothingLeaksIntoAWindow(t *testing.T) {
	t.Parallel()
	cfg, runners := crossWalk(t, 2_500)
	cfg.Search.Runners = runners(2, nothing)
	honest := walk(t, cfg)
	for i, w := range honest.Windows {
		// All prices from the window's end on are others.
		cfg.Search.Runners = runners(2, func(candles []exchange.Candle) {
			for k := range candles {
				if c := &candles[k]; c.Time >= w.To.UnixMilli() {
					c.Open, c.High, c.Close = 2*c.Close, 2*c.High+3*c.Open, 3*c.Open
				}
			}
		})
		other := walk(t, cfg)
		for k := range i + 1 {
			a, b := honest.Windows[k], other.Windows[k]
			if string(a.Best.Params) != string(b.Best.Params) || a.Best.Score != b.Best.Score || a.Inside != b.Inside {
				t.Errorf("what comes after window %d changes the choice of window %d from %s to %s", i, k, a.Best.Params, b.Best.Params)
			}
			if k < i && fmt.Sprint(a.Outside, a.Score) != fmt.Sprint(b.Outside, b.Score) {
				t.Errorf("what comes after window %d changes what window %d gave after it", i, k)
			}
		}
		if honest.Windows[i].Outside.FinalEquity == other.Windows[i].Outside.FinalEquity && honest.Windows[i].Outside.Trades > 0 {
			t.Errorf("other prices after window %d give the same equity: the test proves nothing", i)
		}
		cut := slices.IndexFunc(honest.Curve, func(p search.WalkPoint) bool { return p.Time > w.To.UnixMilli() })
		if !reflect.DeepEqual(honest.Curve[:cut], other.Curve[:cut]) {
			t.Errorf("what comes after window %d changes the curve before", i)
		}
	}
}

func walkMachine(t *testing.T, gain func(k knobs, part int) float64) (search.WalkConfig, *machine) {
	t.Helper()
	schema := knobSchema(t)
	m := &machine{schema: schema, gain: gain}
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	return search.WalkConfig{
		InSample: 4 * 24 * time.Hour, OutOfSample: 4 * 24 * time.Hour, Search: search.Config{
			Space: space(t, schema, "x=1:3"), Runners: []search.Runner{m}, Objective: search.Objective{Measure: search.Equity},
			From: from, To: from.AddDate(0, 0, 13),
		},
	}, m
}

func TestAWalkByHand(t *testing.T) {
	t.Parallel()
	// Each part of an hour gains x ‰, in every window and after it alike.
	cfg, m := walkMachine(t, func(k knobs, _ int) float64 { return 0.001 * float64(k.X) })
	var told []int
	cfg.Search.Progress = func(done, total int) {
		if total != 6 {
			t.Errorf("of %d", total)
		}
		told = append(told, done)
	}
	w := walk(t, cfg)
	if len(w.Windows) != 2 || w.Tried != 6 || !slices.Equal(told, []int{1, 2, 3, 4, 5, 6}) {
		t.Fatalf("%d windows, %d tried, progress %v", len(w.Windows), w.Tried, told)
	}
	for i, window := range w.Windows {
		if window.Best.Values[0] != "3" {
			t.Errorf("window %d chose %v", i, window.Best.Values)
		}
	}
	want := math.Pow(1.003, 2*machineParts) - 1
	if got := w.TotalReturn.Float(); math.Abs(got-want) > 1e-6 {
		t.Errorf("it gained %v, want %v", got, want)
	}
	if math.Abs(w.Efficiency.Float()-1) > 1e-6 || math.Abs(w.Held.Float()-0.21) > 1e-9 || w.MaxDrawdown != 0 || w.Trades != 6 {
		t.Errorf("efficiency %v, held %v, drawdown %v, %d trades", w.Efficiency, w.Held, w.MaxDrawdown, w.Trades)
	}
	if len(w.Curve) != 2*machineParts+1 || w.Curve[0].Value != 1 || w.Curve[0].Time != cfg.Search.From.Add(cfg.InSample).UnixMilli() {
		t.Errorf("the curve has %d points and begins with %+v", len(w.Curve), w.Curve[0])
	}
	if n := len(m.spans); n != 8 || !m.spans[3][0].Equal(w.Windows[0].To) || !m.spans[3][1].Equal(w.Windows[0].End) {
		t.Errorf("%d runs: %v", n, m.spans)
	}
	// With a longer step the time between is not traded.
	cfg.Step, cfg.Search.Progress = 5*24*time.Hour, nil
	w = walk(t, cfg)
	gap := w.Curve[machineParts+1]
	if len(w.Windows) != 2 || gap.Time-w.Curve[machineParts].Time != (24*time.Hour).Milliseconds() || gap.Value != w.Curve[machineParts].Value {
		t.Errorf("%d windows; the gap ends with %+v", len(w.Windows), gap)
	}
}

func TestAWindowWithoutAChoiceTradesNothing(t *testing.T) {
	t.Parallel()
	cfg, _ := walkMachine(t, func(knobs, int) float64 { return 0.001 })
	cfg.Search.Objective.MinTrades = 4
	w := walk(t, cfg)
	if w.Windows[0].Best != nil || w.TotalReturn != 0 || w.Trades != 0 || w.Efficiency.Defined() || w.Sharpe.Defined() || len(w.Curve) != 3 {
		t.Errorf("%+v", w)
	}
}

func TestWalksAreChecked(t *testing.T) {
	t.Parallel()
	_, err := search.WalkForward(t.Context(), search.WalkConfig{Step: -1})
	for _, want := range []string{"InSample", "Step must be", "From and To", "Space is required", "Runners"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell %q", err, want)
		}
	}
	cfg, m := walkMachine(t, func(knobs, int) float64 { return 0 })
	cfg.OutOfSample = 10 * 24 * time.Hour
	if _, err := search.WalkForward(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "holds no window of 96h0m0s and 240h0m0s") {
		t.Errorf("too short a history: %v", err)
	}
	cfg.InSample, cfg.OutOfSample = time.Minute, time.Minute
	if _, err := search.WalkForward(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "windows are more than") {
		t.Errorf("too many windows: %v", err)
	}
	cfg.InSample, cfg.OutOfSample = 4*24*time.Hour, 4*24*time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Search.Progress = func(done, _ int) {
		if done == 4 {
			cancel()
		}
	}
	if _, err := search.WalkForward(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := errors.New("the process is gone")
	m.refuse = func(knobs) error { return broken }
	cfg.Search.Progress = nil
	if _, err := search.WalkForward(t.Context(), cfg); !errors.Is(err, broken) || !strings.Contains(err.Error(), "window from 2025-01-01") {
		t.Errorf("a runner fails: %v", err)
	}
}
