package search_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/perf"
)

func TestGridTriesEverySetThatIsAllowed(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 3_000)
	var told []int
	r := run(t, search.Config{
		Space: crosses(t, "fast=5:25:5", "slow=10:30:10", "kind=sma,ema"), Runners: locals(1, cfg, series),
		Progress: func(done, total int) {
			if total != 30 {
				t.Errorf("%d of %d", done, total)
			}
			told = append(told, done)
		},
	})
	var params []string
	for _, s := range r.Sets {
		params = append(params, string(s.Params))
	}
	slices.Sort(params)
	if len(slices.Compact(params)) != 18 || r.Refused != 12 || r.Failed != 0 {
		t.Fatalf("%d sets, %d refused, %d failed", len(r.Sets), r.Refused, r.Failed)
	}
	if !strings.Contains(r.Refusal, "fast must be below Slow average") {
		t.Errorf("the refusal is %q", r.Refusal)
	}
	if len(told) != 18 || !slices.IsSorted(told) || told[17] != 30 {
		t.Errorf("progress %v", told)
	}
	if r.Candles != 3_000 || r.From != series.Candles[0].Time || r.To != series.Candles[2_999].Time+60_000 {
		t.Errorf("the span is %d candles from %d to %d", r.Candles, r.From, r.To)
	}
	if !slices.IsSortedFunc(r.Sets, func(a, b *search.Set) int { return int(1e9 * (b.Score - a.Score)) }) {
		t.Error("the best is not first")
	}
}

func configs(t *testing.T) map[string]search.Config {
	t.Helper()
	listed, continuous := crosses(t, "fast=2:40", "slow=5:300:5", "kind=sma,ema"), crosses(t, "fast=2:60:log", "slow=5:5000:log", "size=10:100")
	return map[string]search.Config{
		"grid":                       {Method: search.Grid, Space: crosses(t, "fast=5:50:5", "slow=20:60:20", "kind=sma,ema")},
		"random":                     {Method: search.Random, Space: listed, Trials: 60, Seed: 7},
		"random without steps":       {Method: search.Random, Space: continuous, Trials: 40, Seed: 7, Objective: search.Objective{Measure: search.Calmar}},
		"tpe":                        {Method: search.TPE, Space: listed, Trials: 50, Seed: 7, Objective: search.Objective{Measure: search.Equity}},
		"tpe without steps":          {Method: search.TPE, Space: continuous, Trials: 50, Seed: 7, Objective: search.Objective{Measure: search.Sortino, MinTrades: 5}},
		"random over a small space":  {Method: search.Random, Space: crosses(t, "fast=5:8", "slow=20,30"), Trials: 60, Seed: 7},
		"random that runs out":       {Method: search.Random, Space: crosses(t, "fast=1:8", "slow=1:9"), Trials: 40, Seed: 7},
		"tpe that runs out of space": {Method: search.TPE, Space: crosses(t, "fast=1:8", "slow=1:9"), Trials: 40, Seed: 7},
	}
}

// proves PL1: the same search gives the same result again, however many work on it.
func TestTheResultDoesNotDependOnTheWorkers(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 1_500)
	for name, c := range configs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first *search.Result
			for _, workers := range []int{1, 2, 5} {
				c.Runners = locals(workers, cfg, series)
				r := run(t, c)
				if first == nil {
					first = r
				}
				if text(r) != text(first) {
					t.Fatalf("%d workers give another result", workers)
				}
			}
			if n := len(first.Sets); n < 8 || n > 90 {
				t.Errorf("%d sets", n)
			}
			if strings.Contains(name, "small space") && len(first.Sets) != 8 || strings.Contains(name, "runs out") && len(first.Sets) != 36 {
				t.Errorf("%d sets of a small space", len(first.Sets))
			}
		})
	}
}

// text writes all of a result, what is not exported too.
func text(r *search.Result) string {
	var b strings.Builder
	for _, s := range r.Sets {
		fmt.Fprintf(&b, "%+v\n", *s)
	}
	copied := *r
	copied.Sets = nil
	fmt.Fprintf(&b, "%+v", copied)
	return b.String()
}

func TestAnotherSeedTriesOtherSets(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 1_000)
	c := configs(t)["random"]
	c.Runners = locals(1, cfg, series)
	a := run(t, c)
	c.Seed++
	b := run(t, c)
	same := 0
	for _, s := range a.Sets {
		if slices.ContainsFunc(b.Sets, func(o *search.Set) bool { return reflect.DeepEqual(o.Params, s.Params) }) {
			same++
		}
	}
	if same > 20 {
		t.Errorf("%d of %d sets are the same", same, len(a.Sets))
	}
}

func TestASearchCanBeCancelled(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 5_000)
	for _, method := range search.Methods() {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := search.Run(ctx, search.Config{
			Method: method, Space: crosses(t, "fast=2:40", "slow=50:90"), Runners: locals(2, cfg, series), Trials: 1000,
			Progress: func(done, _ int) {
				if done > 5 {
					cancel()
				}
			},
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestFaultsOfASetAndOfTheSearch(t *testing.T) {
	t.Parallel()
	m := &machine{schema: knobSchema(t), gain: func(k knobs, part int) float64 { return 0.001 * chance(uint64(k.X), uint64(part)) }}
	m.refuse = func(k knobs) error {
		switch k.X {
		case 2:
			return &search.SetError{Err: errors.New("it panicked")}
		case 3:
			return param.Errors{{Name: "x", Reason: "is three"}}
		}
		return nil
	}
	cfg := search.Config{Space: space(t, knobSchema(t), "x=1:5"), Runners: []search.Runner{m, m}}
	r := run(t, cfg)
	if len(r.Sets) != 5 || r.Failed != 2 || r.Excluded != 0 || r.Sets[3].Failed != "it panicked" || r.Sets[4].Failed != "x is three" {
		t.Errorf("%d sets, %d failed, %d excluded, the last ones %q and %q", len(r.Sets), r.Failed, r.Excluded, r.Sets[3].Failed, r.Sets[4].Failed)
	}
	m.refuse = func(knobs) error { return &search.SetError{Err: errors.New("it panicked")} }
	if _, err := search.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "no set could be run: it panicked") {
		t.Errorf("all sets fail: %v", err)
	}
	broken := errors.New("the process is gone")
	m.refuse = func(k knobs) error {
		if k.X == 4 {
			return broken
		}
		return nil
	}
	if _, err := search.Run(t.Context(), cfg); !errors.Is(err, broken) || !strings.Contains(err.Error(), `"x":4`) {
		t.Errorf("a runner fails: %v", err)
	}
}

func TestConfigurationsAreChecked(t *testing.T) {
	t.Parallel()
	_, err := search.Run(t.Context(), search.Config{Method: "magic", Objective: search.Objective{Measure: "luck", MaxDrawdown: 2, MinTrades: -1}})
	for _, want := range []string{`"magic"`, `"luck"`, "sharpe, sortino", "MaxDrawdown", "MinTrades", "Space is required", "Runners"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell %q", err, want)
		}
	}
	for want, c := range map[string]search.Config{
		"Trials must be from 1":           {Method: search.TPE, Trials: -1, Space: crosses(t, "fast=1:2")},
		"range y: a grid needs a step":    {Space: space(t, knobSchema(t), "x=1:3", "y=0.5:2")},
		"y=0.5:2:STEP":                    {Space: space(t, knobSchema(t), "y=0.5:2")},
		"range y: a grid needs a count":   {Space: space(t, knobSchema(t), "y=0.5:2:log")},
		"more than 100000 sets":           {Space: space(t, knobSchema(t), "x=0:999", "loud=0:999")},
		"take larger steps, or search by": {Space: space(t, knobSchema(t), "x=0:9999", "loud=0:9999", "wait=1s:9000s:1s")},
	} {
		c.Runners = []search.Runner{&machine{}}
		if _, err := search.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell %q", err, want)
		}
	}
}

func TestObjectivesRuleOutAndBreakTies(t *testing.T) {
	t.Parallel()
	m := search.Metrics{TotalReturn: 0.5, Sharpe: 1, Sortino: 2, Calmar: 3, ProfitFactor: 4, MaxDrawdown: 0.2, Trades: 10}
	for measure, want := range map[search.Measure]perf.Number{search.Equity: 1.5, search.Sharpe: 1, search.Sortino: 2, search.Calmar: 3, search.ProfitFactor: 4} {
		if got := (search.Objective{Measure: measure, MaxDrawdown: 0.2, MinTrades: 10}).Score(m); got != want {
			t.Errorf("%s: %v, want %v", measure, got, want)
		}
	}
	for _, o := range []search.Objective{{Measure: search.Sharpe, MaxDrawdown: 0.19}, {Measure: search.Sharpe, MinTrades: 11}, {}} {
		if got := o.Score(m); got.Defined() {
			t.Errorf("%+v gives %v", o, got)
		}
	}
	// All sets gain alike: the first asked for is the best. With fewer trades
	// than asked for there is none.
	gain := func(_ knobs, part int) float64 { return 0.001 * float64(part%3-1) }
	cfg := search.Config{Space: space(t, knobSchema(t), "x=1:9"), Runners: []search.Runner{&machine{schema: knobSchema(t), gain: gain}}}
	r := run(t, cfg)
	for i, s := range r.Sets {
		if s.Number != i+1 {
			t.Fatalf("place %d has set %d", i+1, s.Number)
		}
	}
	cfg.Objective.MinTrades = 6
	if r = run(t, cfg); r.Excluded != 5 || r.Sets[0].Number != 6 {
		t.Errorf("%d excluded, the best is set %d", r.Excluded, r.Sets[0].Number)
	}
	cfg.Objective.MinTrades = 10
	r = run(t, cfg)
	if best, ok := r.Best(); ok || r.Excluded != 9 || r.Doubts.Deflated.Defined() || r.Stability.Ratio.Defined() {
		t.Errorf("the best of nothing is %+v", best)
	}
}

// Memory is bounded: a set takes about a kilobyte, whatever the history.
func TestASetTakesAboutAKilobyte(t *testing.T) { //nolint:paralleltest // it measures the heap
	const sets = 500
	schema := knobSchema(t)
	m := &machine{schema: schema, gain: func(k knobs, part int) float64 { return 0.001 * float64((k.X+k.Loud+part)%5-2) }}
	cfg := search.Config{Method: search.Random, Trials: sets, Space: space(t, schema, "x=0:999", "loud=0:999"), Runners: []search.Runner{m}}
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := heap()
	r := run(t, cfg)
	m.spans = nil
	if each := (heap() - before) / sets; each > 1_500 || len(r.Sets) != sets {
		t.Errorf("each of %d sets takes %d bytes", len(r.Sets), each)
	}
	runtime.KeepAlive(r)
}
