package search

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	candles *marketdata.Packed
	library backtest.Library
	equity  []int64
	source  marketdata.PackedSource // of the run under way
}

var _ Runner = (*Local)(nil)

// NewLocal returns a runner of the strategy over candles. The configuration's
// parameters are not used.
func NewLocal(def strategy.Definition, cfg backtest.Config, candles *marketdata.Packed) *Local {
	return &Local{def: def, cfg: cfg, candles: candles}
}

// With gives what strategies trade or look at beside the candles of their market,
// and returns the runner.
func (l *Local) With(lib backtest.Library) *Local {
	l.library = lib
	return l
}

// Run implements Runner.
func (l *Local) Run(ctx context.Context, job Job) (Outcome, error) {
	cfg := l.cfg
	cfg.Params, cfg.Lean = job.Params, !job.Follow
	w, err := windowOf(ctx, &cfg, l.candles, l.library, job, func() (backtest.Needs, error) { return backtest.NeedsOf(l.def, cfg) })
	if err != nil {
		return Outcome{}, err
	}
	l.source.Reset(w.candles)
	src, end, err := backtest.Bring(ctx, l.library, cfg, w.needs, w.candles, func(pair string, src marketdata.Source) marketdata.Source {
		if pair == cfg.Market.Pair {
			return &l.source
		}
		return src
	})
	if err != nil {
		return Outcome{}, err
	}
	defer end()
	r, err := backtest.Stream(ctx, l.def, cfg, src, &sink{local: l, gauge: w.gauge, past: w.past})
	var panicked *strategy.PanicError
	if errors.As(err, &panicked) {
		return Outcome{}, &SetError{err}
	}
	if err != nil {
		return Outcome{}, err
	}
	return w.outcome(ctx, r, l.library)
}

// sink measures a run's equity while it grows, in one buffer that all runs of
// the runner use.
type sink struct {
	local *Local
	gauge *gauge
	// past is how many candles of the past are still to come.
	past int
	room int
}

// Room implements backtest.Sink.
func (s *sink) Room(n int) []int64 {
	s.local.equity = slices.Grow(s.local.equity[:0], n)
	s.room = n
	return s.local.equity[:n]
}

// Done implements backtest.Sink.
func (s *sink) Done(context.Context, []portfolio.Trade) {
	n := min(s.past, s.room)
	s.past -= n
	s.gauge.add(s.local.equity[n:s.room])
}

// Backtester runs one backtest after another elsewhere, as a plugin's process
// does.
type Backtester interface {
	// Needs returns what the strategy wants to see in a run.
	Needs(ctx context.Context, cfg backtest.Config) (backtest.Needs, error)
	// Stream makes a run. Equity is called with each part of the equity curve in
	// order, from one goroutine at a time and before Stream returns, also at candles
	// of the past. The result is without the curve.
	Stream(ctx context.Context, cfg backtest.Config, src marketdata.Source, equity func(part []int64)) (*backtest.Result, error)
}

// RemoteConfig says what a Remote runs and where; all fields without a default are
// required.
type RemoteConfig struct {
	// Backtester makes the runs.
	Backtester Backtester
	// Cold says that it cannot warm strategies up: one of an older kit. Defaults to
	// false.
	Cold bool
	// Candles are the history.
	Candles *marketdata.Packed
	// Config is that of a run; its parameters are not used.
	Config backtest.Config
	// Library has what strategies trade or look at beside the candles of their
	// market. Defaults to nothing.
	Library backtest.Library
	// OfSet reports whether an error of the Backtester is about the set that was
	// run alone, so that others can be tried.
	OfSet func(err error) bool
}

// Remote is a Runner that sends the candles to a Backtester for each run. The
// equity curve is measured as it comes back, and is there as a whole only for a Job
// that is to be followed.
type Remote struct{ cfg RemoteConfig }

var _ Runner = (*Remote)(nil)

// NewRemote returns a runner of the configuration.
func NewRemote(cfg RemoteConfig) *Remote { return &Remote{cfg} }

// Run implements Runner.
func (r *Remote) Run(ctx context.Context, job Job) (Outcome, error) {
	cfg := r.cfg.Config
	cfg.Params, cfg.Lean = job.Params, !job.Follow
	w, err := windowOf(ctx, &cfg, r.cfg.Candles, r.cfg.Library, job, func() (backtest.Needs, error) { return r.cfg.Backtester.Needs(ctx, cfg) })
	if err != nil {
		return Outcome{}, r.fault(err)
	}
	if r.cfg.Cold && cfg.Begin > 0 {
		w.short = w.short || w.past > 0
		w.candles, w.past, cfg.Begin = w.candles.Part(w.past, w.candles.Len()), 0, 0
	}
	src, end, err := backtest.Bring(ctx, r.cfg.Library, cfg, w.needs, w.candles, nil)
	if err != nil {
		return Outcome{}, err
	}
	defer end()
	taken := 0
	result, err := r.cfg.Backtester.Stream(ctx, cfg, src, func(part []int64) {
		past := min(max(w.past-taken, 0), len(part))
		if taken += len(part); taken <= w.candles.Len() {
			w.gauge.add(part[past:])
		}
	})
	if err != nil {
		return Outcome{}, r.fault(err)
	}
	if taken != w.candles.Len() {
		return Outcome{}, fmt.Errorf("search: %d candles gave an equity curve of %d", w.candles.Len(), taken)
	}
	return w.outcome(ctx, result, r.cfg.Library)
}

// fault tells the errors of a set from others.
func (r *Remote) fault(err error) error {
	if r.cfg.OfSet(err) {
		return &SetError{err}
	}
	return err
}

// window is what one run goes over.
type window struct {
	candles *marketdata.Packed
	// past is how many of them come before the run's first one, and short is true if
	// the strategy asks for more.
	past  int
	short bool
	// needs are the strategy's, as far as they were asked for.
	needs backtest.Needs
	gauge *gauge
	// follow is the Job's.
	follow bool
}

// windowOf returns the candles that open in the job's [From, To), and before them those
// that the strategy needs to warm up, as far as they are there; the configuration
// then says where the run begins. A run over the whole history needs none, and the
// strategy is asked only if it is to be brought more than candles.
func windowOf(
	ctx context.Context, cfg *backtest.Config, candles *marketdata.Packed, lib backtest.Library, job Job, needs func() (backtest.Needs, error),
) (*window, error) {
	first, end, from, to := 0, candles.Len(), job.From, job.To
	if !from.IsZero() {
		first = candles.Index(from.UnixMilli())
	}
	if !to.IsZero() {
		end = max(first, candles.Index(to.UnixMilli()))
	}
	run := candles.Part(first, end)
	if run.Len() == 0 {
		return nil, errors.New("search: there is no candle in the span asked for")
	}
	priced, err := backtest.Priced(ctx, lib, *cfg, run.At(0))
	if err != nil {
		return nil, err
	}
	*cfg = priced
	opens := []exchange.Ticks{run.At(0).Open}
	for _, p := range cfg.Pairs {
		opens = append(opens, p.Price)
	}
	gauge, err := newGauge(*cfg, run, opens)
	if err != nil {
		return nil, err
	}
	gauge.whole = job.Follow
	w := &window{candles: run, gauge: gauge, follow: job.Follow}
	if from.IsZero() && lib == nil {
		return w, nil
	}
	n, err := needs()
	if err != nil {
		return nil, err
	}
	if w.needs = n; from.IsZero() {
		return w, nil
	}
	cfg.Begin = candles.Time(first)
	wanted := cfg.WarmFrom(n.Warmup)
	start := candles.Index(wanted)
	w.candles, w.past, w.short = candles.Part(start, end), first-start, n.Warmup > 0 && candles.Time(0) > wanted
	return w, nil
}

// outcome returns what a run over the window gave, of which the library has the
// further pairs.
func (w *window) outcome(ctx context.Context, r *backtest.Result, lib backtest.Library) (Outcome, error) {
	o := w.gauge.outcome(r)
	o.Short, o.Lacks = w.short, r.Lacks
	if !w.follow {
		return o, nil
	}
	var err error
	o.Followed, err = w.gauge.followed(ctx, r, lib)
	return o, err
}

// gauge turns the equity at every candle into an Outcome.
type gauge struct {
	candles *marketdata.Packed
	span    int64
	meter   *backtest.Meter
	done    int
	curve   []Point
	points  int
	next    int // the candle after the present part
	// whole asks for equity to be kept, which is that at every candle.
	whole  bool
	equity []int64
}

// newGauge returns the gauge of a run over candles, of which there is one at least;
// opens are those of all pairs as it begins.
func newGauge(cfg backtest.Config, candles *marketdata.Packed, opens []exchange.Ticks) (*gauge, error) {
	n, from := candles.Len(), candles.Time(0)
	meter, err := backtest.NewMeter(cfg, from, opens...)
	if err != nil {
		return nil, err
	}
	g := &gauge{candles: candles, span: cfg.Interval.Milliseconds(), meter: meter, points: min(Points, n)}
	g.curve = append(make([]Point, 0, g.points+1), Point{from, cfg.Initial(opens...)})
	g.next = n / g.points
	return g, nil
}

func (g *gauge) add(equity []int64) {
	if g.whole {
		g.equity = append(g.equity, equity...)
	}
	for len(equity) > 0 {
		open, step, n := g.candles.Run(g.done)
		n = min(n, len(equity))
		for _, e := range equity[:n] {
			g.meter.Add(open, e)
			if g.done++; g.done == g.next {
				g.curve = append(g.curve, Point{open + g.span, exchange.Units(e)})
				g.next = (len(g.curve)) * g.candles.Len() / g.points
			}
			open += step
		}
		equity = equity[n:]
	}
}

func (g *gauge) outcome(r *backtest.Result) Outcome {
	s := g.meter.Stats(r)
	o := Outcome{
		Metrics: Metrics{
			FinalEquity: r.FinalEquity, Fees: r.Fees(), TotalReturn: s.TotalReturn, CAGR: s.CAGR, Sharpe: s.Sharpe, Sortino: s.Sortino,
			Calmar: s.Calmar, ProfitFactor: s.Trades.ProfitFactor, WinRate: s.Trades.WinRate, Exposure: s.Exposure, Trades: s.Trades.Count,
			Fills: r.Fills(), QuietFills: r.QuietFills,
		},
		Candles: r.Candles, Held: s.BuyAndHold, Curve: g.curve,
	}
	if s.MaxDrawdown != nil {
		o.MaxDrawdown = s.MaxDrawdown.Depth
	}
	return o
}
