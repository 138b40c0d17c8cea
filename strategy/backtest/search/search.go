package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/perf"
)

// Config says what is searched and how.
type Config struct {
	// From and To bound the history: the candles that open in [From, To). A zero
	// time is its own end.
	From, To time.Time
	// Method is how the space is gone through. Defaults to Grid.
	Method Method
	// Objective says which set is best.
	Objective Objective
	// Progress, if not nil, is called after each set with how many are done, those
	// that a grid skips included, of how many; never twice at once.
	Progress func(done, total int)
	// Runners are the workers, at least one. The result does not depend on how
	// many there are.
	Runners []Runner
	// Seed makes the random numbers.
	Seed uint64
	// Space is the sets to choose from; required.
	Space *Space
	// Trials is how many sets Random and TPE try. Defaults to 200.
	Trials int
}

func (c Config) withDefaults() Config {
	if c.Method == "" {
		c.Method = Grid
	}
	if c.Objective.Measure == "" {
		c.Objective.Measure = Sharpe
	}
	if c.Trials == 0 {
		c.Trials = 200
	}
	return c
}

// Check reports everything that is wrong with the configuration but for its
// runners, which cost something to make.
func (c Config) Check() error {
	c = c.withDefaults()
	problems := []error{c.Objective.validate()}
	if c.Space == nil {
		problems = append(problems, errors.New("search: Space is required"))
	}
	switch c.Method {
	case Grid:
		if c.Space != nil {
			problems = append(problems, checkGrid(c.Space))
		}
	case Random, TPE:
		if c.Trials < 1 || c.Trials > MaxSets {
			problems = append(problems, fmt.Errorf("search: Trials must be from 1 to %d", MaxSets))
		}
	default:
		problems = append(problems, fmt.Errorf("search: there is no method %q; there is: grid, random, tpe", c.Method))
	}
	return errors.Join(problems...)
}

func (c Config) validate() error {
	err := c.Check()
	if len(c.Runners) == 0 {
		err = errors.Join(err, errors.New("search: Runners needs one at least"))
	}
	return err
}

// proposer returns what proposes the sets, and how many it may.
func (c Config) proposer(f *finder) (p proposer, total int) {
	size, finite := c.Space.Size()
	r := rand.New(rand.NewPCG(c.Seed, 1)) //nolint:gosec // to be made again from the seed
	switch {
	case c.Method == Grid, finite && size <= c.Trials:
		return newGrid(f), size
	case c.Method == Random:
		return &random{finder: f, rand: r, left: c.Trials}, c.Trials
	}
	return &tpe{finder: f, rand: r, left: c.Trials}, c.Trials
}

// Set is a set of parameters with what it did.
type Set struct {
	// Number counts the sets in the order in which they were asked for, from 1.
	Number int
	// Params are all parameters of the strategy.
	Params json.RawMessage
	// Values are those of the space's axes, as texts.
	Values []string
	// Score is what the objective gives; undefined if it was ruled out.
	Score perf.Number
	Metrics
	// Moments are those of its returns over a Points-th part of the history each.
	Moments perf.Moments
	// Inside and Outside are its annual Sharpe ratio over the first and the second
	// half of the history.
	Inside, Outside perf.Number
	// Short and Lacks are as in its Outcome.
	Short bool
	Lacks strategy.Subscription
	// Failed is why it could not be run; "" if it was.
	Failed string
	// Place is where it lies on each axis: the number of a level, or on an axis
	// without levels the share of the way from its low to its high end.
	Place []float64

	blocks []perf.Block
}

// Run tries the sets of a space and returns them all. A space of which the
// strategy allows no set is an error that says why. On an error, that of a
// cancelled ctx too, there is no half result.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	r, asked, err := find(ctx, cfg)
	if err != nil {
		return nil, err
	}
	r.doubt(asked, len(cfg.Runners))
	r.compare()
	return r, nil
}

// find tries the sets of a space; the result has no doubts yet. The sets come
// back in the order of asking too.
func find(ctx context.Context, cfg Config) (*Result, []*Set, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, nil, err
	}
	f := newFinder(cfg.Space)
	p, total := cfg.proposer(f)
	w := &workers{cfg: cfg, total: total, skips: p}
	var sets []*Set
	for {
		batch := p.propose(sets)
		if len(batch) == 0 {
			break
		}
		w.skip(f.refused)
		done, err := w.run(ctx, batch, len(sets))
		if err != nil {
			return nil, nil, err
		}
		sets = append(sets, done...)
	}
	switch {
	case len(sets) == 0 && f.refusal != nil:
		return nil, nil, fmt.Errorf("search: the strategy allows none of the sets: %w", f.refusal)
	case len(sets) == 0:
		return nil, nil, errors.New("search: there is no set")
	}
	r, err := newResult(cfg, w, f, sets)
	return r, sets, err
}

// workers run candidates.
type workers struct {
	cfg   Config
	total int
	skips proposer

	mu      sync.Mutex
	skipped int
	done    int
	// span is what all runs went over.
	span span
}

// span is the history of a search, and what an account is worth as it begins.
type span struct {
	candles  int64
	from, to int64
	initial  exchange.Units
}

// skip tells how many sets have been refused so far; only a grid goes past them.
func (w *workers) skip(refused int) {
	if _, ok := w.skips.(*grid); ok {
		w.skipped = refused
	}
}

// run runs candidates and returns their sets in the same order.
func (w *workers) run(ctx context.Context, all []candidate, before int) ([]*Set, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sets := make([]*Set, len(all))
	var next atomic.Int64
	var busy sync.WaitGroup
	for _, r := range w.cfg.Runners[:min(len(w.cfg.Runners), len(all))] {
		busy.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				set, err := w.one(ctx, r, before+i+1, all[i])
				if err != nil {
					cancel(err)
					return
				}
				sets[i] = set
				w.tell()
			}
		})
	}
	busy.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return sets, nil
}

// tell reports progress.
func (w *workers) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done++
	if w.cfg.Progress != nil {
		w.cfg.Progress(w.done+w.skipped, w.total)
	}
}

// one runs one set.
func (w *workers) one(ctx context.Context, r Runner, number int, c candidate) (*Set, error) {
	s := &Set{
		Number: number, Params: c.params, Values: w.cfg.Space.texts(c.point), Score: perf.Number(math.NaN()), Place: c.point,
		Inside: perf.Number(math.NaN()), Outside: perf.Number(math.NaN()),
	}
	o, err := r.Run(ctx, Job{Params: c.params, From: w.cfg.From, To: w.cfg.To})
	var faults param.Errors
	var fault *SetError
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &faults), errors.As(err, &fault):
		s.Failed = err.Error()
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("running the set %s: %w", c.params, err)
	}
	s.Metrics, s.Short, s.Lacks = o.Metrics, o.Short, o.Lacks
	s.Score = w.cfg.Objective.Score(o.Metrics)
	returns := o.returns()
	s.Moments = perf.MomentsOf(returns)
	if len(returns) >= 2*Blocks {
		s.blocks = perf.Blocks(returns, Blocks)
		annual := perf.Number(math.Sqrt(o.periodsAYear()))
		s.Inside = perf.Sharpe(s.blocks[:Blocks/2]...) * annual
		s.Outside = perf.Sharpe(s.blocks[Blocks/2:]...) * annual
	}
	return s, w.took(&o)
}

// took notes the history of a run; all must have the same.
func (w *workers) took(o *Outcome) error {
	if len(o.Curve) == 0 {
		return errors.New("search: a run gave no equity curve")
	}
	was := span{o.Candles, o.Curve[0].Time, o.Curve[len(o.Curve)-1].Time, o.Curve[0].Equity}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.span == (span{}) {
		w.span = was
	}
	if w.span != was {
		return errors.New("search: two runs went over different candles")
	}
	return nil
}

// periodsAYear returns how many of the curve's parts make a year.
func (o *Outcome) periodsAYear() float64 {
	const year = 365 * 24 * time.Hour
	parts := len(o.Curve) - 1
	if parts < 1 {
		return math.NaN()
	}
	return float64(parts) * float64(year.Milliseconds()) / float64(o.Curve[parts].Time-o.Curve[0].Time)
}
