package search

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// Local is a Runner in this process. Those of several workers share the candles.
type Local struct {
	def     strategy.Definition
	cfg     backtest.Config
	candles []exchange.Candle
	equity  []int64
}

var _ Runner = (*Local)(nil)

// NewLocal returns a runner of the strategy over the series, which it reads and
// never changes. The configuration's parameters are not used.
func NewLocal(def strategy.Definition, cfg backtest.Config, series marketdata.Series) *Local {
	return &Local{def: def, cfg: cfg, candles: series.Candles}
}

// Run implements Runner.
func (l *Local) Run(ctx context.Context, params json.RawMessage, from, to time.Time) (Outcome, error) {
	candles := within(l.candles, from, to)
	g, err := newGauge(l.cfg, candles)
	if err != nil {
		return Outcome{}, err
	}
	cfg := l.cfg
	cfg.Params = params
	r, err := backtest.Stream(ctx, l.def, cfg, marketdata.NewSliceSource(candles), &sink{local: l, gauge: g})
	var panicked *strategy.PanicError
	if errors.As(err, &panicked) {
		return Outcome{}, &SetError{err}
	}
	if err != nil {
		return Outcome{}, err
	}
	return g.outcome(r), nil
}

// sink measures a run's equity while it grows, in one buffer that all runs of
// the runner use.
type sink struct {
	local *Local
	gauge *gauge
	room  int
}

// Room implements backtest.Sink.
func (s *sink) Room(n int) []int64 {
	s.local.equity = slices.Grow(s.local.equity[:0], n)
	s.room = n
	return s.local.equity[:n]
}

// Done implements backtest.Sink.
func (s *sink) Done(context.Context, []portfolio.Trade) { s.gauge.add(s.local.equity[:s.room]) }

// Backtester runs one backtest after another elsewhere, as a plugin's process
// does.
type Backtester interface {
	Backtest(ctx context.Context, cfg backtest.Config, src marketdata.Source, progress func(done int64)) (*backtest.Result, error)
}

// RemoteConfig says what a Remote runs and where; all fields are required.
type RemoteConfig struct {
	// Backtester makes the runs.
	Backtester Backtester
	// Config is that of a run; its parameters are not used.
	Config backtest.Config
	// OfSet reports whether an error of the Backtester is about the set that was
	// run alone, so that others can be tried.
	OfSet func(err error) bool
	// Series is the history, which is read and never changed.
	Series marketdata.Series
}

// Remote is a Runner that sends the candles to a Backtester for each run. Of the
// equity curve that comes back only the figures are kept.
type Remote struct{ cfg RemoteConfig }

var _ Runner = (*Remote)(nil)

// NewRemote returns a runner of the configuration.
func NewRemote(cfg RemoteConfig) *Remote { return &Remote{cfg} }

// Run implements Runner.
func (r *Remote) Run(ctx context.Context, params json.RawMessage, from, to time.Time) (Outcome, error) {
	candles := within(r.cfg.Series.Candles, from, to)
	g, err := newGauge(r.cfg.Config, candles)
	if err != nil {
		return Outcome{}, err
	}
	cfg := r.cfg.Config
	cfg.Params = params
	result, err := r.cfg.Backtester.Backtest(ctx, cfg, marketdata.NewSliceSource(candles), nil)
	switch {
	case err != nil && r.cfg.OfSet(err):
		return Outcome{}, &SetError{err}
	case err != nil:
		return Outcome{}, err
	}
	if len(result.Equity) != len(candles) {
		return Outcome{}, fmt.Errorf("search: %d candles gave an equity curve of %d", len(candles), len(result.Equity))
	}
	g.add(result.Equity)
	return g.outcome(result), nil
}

// within returns the candles that open in [from, to).
func within(candles []exchange.Candle, from, to time.Time) []exchange.Candle {
	at := func(t time.Time, otherwise int) int {
		if t.IsZero() {
			return otherwise
		}
		i, _ := slices.BinarySearchFunc(candles, t.UnixMilli(), func(c exchange.Candle, ms int64) int { return cmp.Compare(c.Time, ms) })
		return i
	}
	first, end := at(from, 0), at(to, len(candles))
	return candles[min(first, end):end:end]
}

// gauge turns the equity at every candle into an Outcome.
type gauge struct {
	candles []exchange.Candle
	span    int64
	meter   *backtest.Meter
	done    int
	curve   []Point
	points  int
	next    int // the candle after the present part
}

func newGauge(cfg backtest.Config, candles []exchange.Candle) (*gauge, error) {
	if len(candles) == 0 {
		return nil, errors.New("search: there is no candle in the span asked for")
	}
	meter, err := backtest.NewMeter(cfg, candles[0].Time)
	if err != nil {
		return nil, err
	}
	g := &gauge{candles: candles, span: cfg.Interval.Milliseconds(), meter: meter, points: min(Points, len(candles))}
	g.curve = append(make([]Point, 0, g.points+1), Point{candles[0].Time, cfg.Balance})
	g.next = len(candles) / g.points
	return g, nil
}

func (g *gauge) add(equity []int64) {
	for _, e := range equity {
		open := g.candles[g.done].Time
		g.meter.Add(open, e)
		if g.done++; g.done == g.next {
			g.curve = append(g.curve, Point{open + g.span, exchange.Units(e)})
			g.next = (len(g.curve)) * len(g.candles) / g.points
		}
	}
}

func (g *gauge) outcome(r *backtest.Result) Outcome {
	s := g.meter.Stats(r)
	o := Outcome{
		Metrics: Metrics{
			FinalEquity: r.FinalEquity, Fees: r.Account.Fees, TotalReturn: s.TotalReturn, CAGR: s.CAGR, Sharpe: s.Sharpe, Sortino: s.Sortino,
			Calmar: s.Calmar, ProfitFactor: s.Trades.ProfitFactor, WinRate: s.Trades.WinRate, Exposure: s.Exposure, Trades: s.Trades.Count,
		},
		Candles: r.Candles, FirstPrice: r.FirstPrice, LastPrice: r.LastPrice, Curve: g.curve,
	}
	if s.MaxDrawdown != nil {
		o.MaxDrawdown = s.MaxDrawdown.Depth
	}
	return o
}
