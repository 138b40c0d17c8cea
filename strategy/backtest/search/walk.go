package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/perf"
)

// maxWindows bounds a walk.
const maxWindows = 1000

// WalkConfig says how a strategy is walked forward over a history (Pardo, The
// Evaluation and Optimization of Trading Strategies, 2008, chapter 11): the best
// set of each window is traded over the time after it.
type WalkConfig struct {
	// Anchored lets every window begin where the history does, so that it grows;
	// otherwise it moves and keeps its length.
	Anchored bool
	// InSample is the length of the first window, OutOfSample how long its choice
	// is traded; both are required.
	InSample, OutOfSample time.Duration
	// Search is how the best set of a window is found; its Progress counts the
	// sets of all windows. Its From and To bound the whole walk and are required.
	Search Config
	// Step is from one window to the next, at least OutOfSample. Defaults to it.
	Step time.Duration
}

func (c WalkConfig) validate() error {
	var problems []error
	if c.InSample <= 0 || c.OutOfSample <= 0 {
		problems = append(problems, errors.New("search: InSample and OutOfSample must be above 0"))
	}
	if c.Step < c.OutOfSample {
		problems = append(problems, errors.New("search: Step must be at least OutOfSample, so that no time is traded twice"))
	}
	if c.Search.From.IsZero() || c.Search.To.IsZero() {
		problems = append(problems, errors.New("search: a walk has From and To"))
	}
	problems = append(problems, c.Search.validate())
	if err := errors.Join(problems...); err != nil {
		return err
	}
	switch n := c.Windows(); {
	case n == 0:
		return fmt.Errorf("search: the history of %s holds no window of %s and %s after it", c.Search.To.Sub(c.Search.From), c.InSample, c.OutOfSample)
	case n > maxWindows:
		return fmt.Errorf("search: %d windows are more than %d: let more time pass from one to the next", n, maxWindows)
	}
	return nil
}

// Windows returns how many whole windows fit between From and To of the search.
func (c WalkConfig) Windows() int {
	rest := c.Search.To.Sub(c.Search.From) - c.InSample - c.OutOfSample
	if rest < 0 {
		return 0
	}
	return int(rest/cmp.Or(c.Step, c.OutOfSample)) + 1
}

// Walk is a finished walk.
type Walk struct {
	// Method, Seed, Objective and Axes are as in a Result.
	Method    Method
	Seed      uint64
	Objective Objective
	Axes      []Axis
	// Anchored, InSample, OutOfSample and Step are those of the walk.
	Anchored                    bool
	InSample, OutOfSample, Step time.Duration
	// Windows are in order.
	Windows []Window
	// Initial is what the account was worth when the first choice began to trade, in
	// units; 0 if none did.
	Initial exchange.Units
	// Curve is the equity of the times after the windows, one put to the end of the
	// other, from 1 on; between them the account stood still.
	Curve []WalkPoint
	// TotalReturn is what Curve gained, CAGR the same a year of the times after the
	// windows, without those between them, and Sharpe its Sharpe ratio by parts of these
	// times, made annual. MaxDrawdown is the deepest fall
	// between the ends of parts or, if that was deeper, within a window.
	TotalReturn, CAGR, Sharpe perf.Number
	MaxDrawdown               float64
	// Probabilistic is the probability that the true Sharpe ratio is above 0.
	// Nothing was chosen by these returns, so it needs no deflation.
	Probabilistic perf.Number
	// Held is what holding what is traded over the same times gave, without
	// fees.
	Held perf.Number
	// Efficiency is the mean growth a year after the windows as a share of that
	// within them (Pardo's walk-forward efficiency); undefined if the chosen sets
	// did not grow within.
	Efficiency perf.Number
	// Trades and Fees are those after the windows.
	Trades int
	Fees   exchange.Units
	// Tried counts the sets of all windows.
	Tried int
}

// WalkPoint is a point of a walk's curve; Time is in epoch milliseconds.
type WalkPoint struct {
	Time  int64
	Value float64
	// Held is what holding what is traded was worth, from 1 on: in each window bought
	// anew, as Window.Held has it.
	Held float64
	// Parts are as in Followed: what the account held. Empty where no choice was
	// traded, nil if it is not known.
	Parts []float64
}

// Window is one window of a walk.
type Window struct {
	// From and To bound the window, End the time that its choice is traded in: from
	// To on.
	From, To, End time.Time
	// Best is the set that was chosen by the window alone; nil if none had a
	// score, and then nothing was traded.
	Best *Set
	// Outside is what it did after the window, and Score what the objective gives
	// for that.
	Outside Metrics
	Score   perf.Number
	// Inside and After are the growth a year within the window and after it: the
	// logarithm of the equity's ratio over the time.
	Inside, After perf.Number
	// Held is what holding gave after the window (backtest.Holding).
	Held perf.Number
	// Tried and Refused count the sets as in a Result.
	Tried, Refused int
	// Short says that the chosen set was warmed up with fewer candles than it asks
	// for, within the window or after it.
	Short bool
}

// WalkForward walks a strategy forward. Each window sees the candles before its
// end and nothing else. Each run begins with the same cash and holdings, these at
// what they are worth then, and with indicators that were warmed by the candles before it, as far as the runners have them: a
// history that begins with the first window leaves that one's cold. A window of
// which the strategy allows no set is an error.
func WalkForward(ctx context.Context, cfg WalkConfig) (*Walk, error) {
	cfg.Search = cfg.Search.withDefaults()
	if cfg.Step == 0 {
		cfg.Step = cfg.OutOfSample
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := cfg.Search
	w := &Walk{
		Method: s.Method, Seed: s.Seed, Objective: s.Objective, Axes: s.Space.Axes(), Anchored: cfg.Anchored,
		InSample: cfg.InSample, OutOfSample: cfg.OutOfSample, Step: cfg.Step,
	}
	stitch := &stitch{value: 1, held: 1}
	for i := range cfg.Windows() {
		at := time.Duration(i) * cfg.Step
		window := Window{From: s.From.Add(at), To: s.From.Add(at + cfg.InSample), End: s.From.Add(at + cfg.InSample + cfg.OutOfSample)}
		if cfg.Anchored {
			window.From = s.From
		}
		outcome, err := cfg.window(ctx, &window, i)
		if err != nil {
			return nil, fmt.Errorf("the window from %s to %s: %w", window.From.Format(time.RFC3339), window.To.Format(time.RFC3339), err)
		}
		if outcome != nil && w.Initial == 0 {
			w.Initial = outcome.Curve[0].Equity
		}
		stitch.add(window, outcome)
		w.Windows = append(w.Windows, window)
		w.Tried += window.Tried
		w.Trades += window.Outside.Trades
		w.Fees += window.Outside.Fees
	}
	w.finish(stitch)
	return w, nil
}

// window finds a window's best set and trades it after the window; without one
// the outcome is nil.
func (c WalkConfig) window(ctx context.Context, w *Window, number int) (*Outcome, error) {
	nan := perf.Number(math.NaN())
	w.Score, w.Inside, w.After, w.Held = nan, nan, nan, nan
	in := c.Search
	in.From, in.To = w.From, w.To
	if in.Progress != nil {
		in.Progress = func(done, total int) { c.Search.Progress(number*total+done, c.Windows()*total) }
	}
	result, asked, err := find(ctx, in)
	if err != nil {
		return nil, err
	}
	w.Tried, w.Refused = len(asked), result.Refused
	best, ok := result.Best()
	if !ok {
		return nil, nil
	}
	best.blocks = nil
	w.Best = best
	w.Inside = growth(1+best.TotalReturn, w.To.Sub(w.From))
	o, err := c.Search.Runners[0].Run(ctx, Job{Params: best.Params, From: w.To, To: w.End, Follow: true})
	if err != nil {
		return nil, fmt.Errorf("trading %s after it: %w", best.Params, err)
	}
	if len(o.Followed) != len(o.Curve) || len(o.Curve) == 0 || o.Followed[0].Held <= 0 {
		return nil, errors.New("search: a run that was to be followed does not tell what was held")
	}
	w.Outside, w.Score, w.Short = o.Metrics, c.Search.Objective.Score(o.Metrics), best.Short || o.Short
	w.After = growth(1+o.TotalReturn, w.End.Sub(w.To))
	w.Held = o.Held
	return &o, nil
}

// growth returns the logarithm of a ratio of equities over a time, by the year;
// undefined if nothing is left.
func growth(ratio perf.Number, over time.Duration) perf.Number {
	const year = 365 * 24 * time.Hour
	g := perf.Number(math.Log(ratio.Float()) * float64(year) / float64(over))
	if !g.Defined() {
		return perf.Number(math.NaN())
	}
	return g
}

// stitch puts the curves after the windows one to the end of the other.
type stitch struct {
	// value and held are those of the newest point.
	value, held float64

	curve   []WalkPoint
	returns []float64
	// windows is how many the returns are of, still how many were not traded, and
	// span the time of both.
	windows, still int
	span           time.Duration
	// fall is the deepest one within a window.
	fall float64
}

func (s *stitch) add(w Window, o *Outcome) {
	start := w.To.UnixMilli()
	if n := len(s.curve); n == 0 || s.curve[n-1].Time < start {
		point := WalkPoint{Time: start, Value: s.value, Held: s.held, Parts: []float64{}}
		if o != nil {
			point.Parts = o.Followed[0].Parts
		}
		s.curve = append(s.curve, point)
	}
	s.span += w.End.Sub(w.To)
	if o == nil {
		s.still++
		s.curve = append(s.curve, WalkPoint{Time: w.End.UnixMilli(), Value: s.value, Held: s.held, Parts: []float64{}})
		return
	}
	s.windows++
	before := WalkPoint{Value: s.value, Held: s.held}
	for i, p := range o.Curve[1:] {
		f := o.Followed[i+1]
		s.curve = append(s.curve, WalkPoint{
			Time: p.Time, Value: before.Value * float64(p.Equity) / float64(o.Curve[0].Equity), Held: before.Held * float64(f.Held) / float64(o.Followed[0].Held), Parts: f.Parts,
		})
	}
	last := &s.curve[len(s.curve)-1]
	s.value, s.held = last.Value, last.Held
	s.returns = append(s.returns, o.returns()...)
	s.fall = max(s.fall, o.MaxDrawdown)
}

// finish fills the figures of the whole walk.
func (w *Walk) finish(s *stitch) {
	nan := perf.Number(math.NaN())
	w.Curve, w.TotalReturn, w.MaxDrawdown = s.curve, perf.Number(s.value-1), s.fall
	w.CAGR, w.Sharpe, w.Held, w.Efficiency = nan, nan, nan, nan
	peak := 0.0
	for _, p := range s.curve {
		peak = max(peak, p.Value)
		w.MaxDrawdown = max(w.MaxDrawdown, 1-p.Value/peak)
	}
	const year = 365 * 24 * time.Hour
	if s.span >= 24*time.Hour {
		w.CAGR = perf.Number(math.Pow(s.value, float64(year)/float64(s.span)) - 1)
	}
	if s.windows > 0 { // a window that was not traded has as many parts as the others, without a return
		s.returns = append(s.returns, make([]float64, len(s.returns)/s.windows*s.still)...)
	}
	m := perf.MomentsOf(s.returns)
	w.Sharpe = m.Sharpe() * perf.Number(math.Sqrt(float64(len(s.returns))*float64(year)/float64(s.span)))
	w.Probabilistic = perf.ProbabilisticSharpe(m, 0)
	held, inside, after, n := 1.0, 0.0, 0.0, 0.0
	for _, window := range w.Windows {
		if window.Held.Defined() {
			held *= 1 + window.Held.Float()
		}
		if window.Inside.Defined() && window.After.Defined() {
			n++
			inside += window.Inside.Float()
			after += window.After.Float()
		}
	}
	w.Held = perf.Number(held - 1)
	if n > 0 && inside > 0 {
		w.Efficiency = perf.Number(after / inside)
	}
}
