package search_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/perf"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// demo returns the first minutes of the demo market and a run over them.
func demo(tb testing.TB, n int) (backtest.Config, marketdata.Series) {
	tb.Helper()
	cfg, candles := strategytest.Demo(tb, n)
	return cfg, marketdata.Series{Market: cfg.Market, Interval: cfg.Interval, Candles: candles}
}

func locals(workers int, cfg backtest.Config, s marketdata.Series) []search.Runner {
	out, candles := make([]search.Runner, workers), s.Packed()
	for i := range out {
		out[i] = search.NewLocal(basic.Definition(), cfg, candles)
	}
	return out
}

func space(tb testing.TB, schema *param.Schema, ranges ...string) *search.Space {
	tb.Helper()
	s, err := search.NewSpace(search.SpaceConfig{Schema: schema, Ranges: ranges})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func crosses(tb testing.TB, ranges ...string) *search.Space {
	tb.Helper()
	return space(tb, basic.Definition().Schema(), ranges...)
}

func run(tb testing.TB, cfg search.Config) *search.Result {
	tb.Helper()
	r, err := search.Run(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// knobs are parameters of all types.
type knobs struct {
	X     int           `param:"x" label:"X" validate:"min=0,max=1000"`
	Y     float64       `param:"y" label:"Y"`
	Kind  string        `param:"kind" label:"Kind" validate:"oneof=a b c"`
	On    bool          `param:"on" label:"On"`
	Wait  time.Duration `param:"wait" label:"Wait"`
	Words string        `param:"words" label:"Words"`
	Loud  int           `param:"loud" label:"Loud" validate:"ltefield=X"`
}

func knobSchema(tb testing.TB) *param.Schema {
	tb.Helper()
	s, err := param.Of(knobs{Kind: "a", Wait: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// machine is a Runner without a market: what a set gains in each part of the
// history is a formula of its parameters. Several workers may share it.
type machine struct {
	schema *param.Schema
	gain   func(k knobs, part int) float64
	refuse func(k knobs) error

	mu    sync.Mutex
	spans [][2]time.Time
}

const machineParts = 96

// Run implements search.Runner.
func (m *machine) Run(ctx context.Context, job search.Job) (search.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return search.Outcome{}, err
	}
	var k knobs
	if err := m.schema.Decode(job.Params, &k); err != nil {
		return search.Outcome{}, err
	}
	if m.refuse != nil {
		if err := m.refuse(k); err != nil {
			return search.Outcome{}, err
		}
	}
	m.mu.Lock()
	m.spans = append(m.spans, [2]time.Time{job.From, job.To})
	m.mu.Unlock()
	const start = 1_000_000_000
	o := search.Outcome{Candles: machineParts, Held: 0.1, Curve: []search.Point{{Equity: start}}}
	o.Trades = k.X
	if !job.From.IsZero() {
		o.Curve[0].Time = job.From.UnixMilli()
	}
	equity := float64(start)
	returns := make([]float64, machineParts)
	for part := range returns {
		returns[part] = m.gain(k, part)
		equity *= 1 + returns[part]
		o.Curve = append(o.Curve, search.Point{Time: o.Curve[0].Time + int64(part+1)*3_600_000, Equity: exchange.Units(equity)})
	}
	if job.Follow {
		for i := range o.Curve {
			o.Followed = append(o.Followed, search.Followed{Held: exchange.Units(start + start/10*i/machineParts), Parts: []float64{0}})
		}
	}
	o.FinalEquity = o.Curve[machineParts].Equity
	o.TotalReturn, o.Sharpe = perf.Number(equity/start-1), perf.MomentsOf(returns).Sharpe()
	return o, nil
}

// chance is a number that only depends on what it is asked for.
func chance(seed, of uint64) float64 { return rand.New(rand.NewPCG(seed, of)).NormFloat64() }
