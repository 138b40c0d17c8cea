package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/perf"
)

// Result is a finished search.
type Result struct {
	// Method, Seed and Objective are those of the search.
	Method    Method
	Seed      uint64
	Objective Objective
	// Axes are the parameters that were varied.
	Axes []Axis
	// From and To are when the first candle opened and the last closed, in epoch
	// milliseconds; Candles is how many there were.
	From, To int64
	Candles  int64
	// Initial is what the account was worth as the runs began, in units.
	Initial exchange.Units
	// Sets are all sets that were tried, best first.
	Sets []*Set
	// Refused counts the sets that the strategy does not allow, Refusal is why it
	// did not allow the first of them.
	Refused int
	Refusal string
	// Failed counts the sets that could not be run, Excluded those that have no
	// score: ruled out by the objective, or without what it measures.
	Failed, Excluded int
	// Doubts say how much the best set is worth.
	Doubts Doubts
	// Stability compares the best set with those next to it.
	Stability Stability
}

// Doubts say what of the best set's result is owed to having been chosen. They
// rest on returns over a Points-th part of the history each and are undefined
// where that is too short.
type Doubts struct {
	// Trials is how many sets had a Sharpe ratio, Variance that of their ratios by
	// parts.
	Trials   int
	Variance float64
	// Period is the length of a part.
	Period time.Duration
	// Sharpe is the best set's ratio and Luck the one that the best of as many
	// sets without any skill would show, both by parts and made annual.
	Sharpe, Luck perf.Number
	// Probabilistic is the probability that the best set's true Sharpe ratio is
	// above 0, and Deflated the same once it is taken into account that it was
	// chosen.
	Probabilistic, Deflated perf.Number
	// MinTrack is how long a record must be to tell, with a confidence of 95 %,
	// the Sharpe ratio from 0; in days.
	MinTrack perf.Number
	// Overfitting is the probability that a choice made like this one does no
	// better than the median elsewhere. The choice is by Sharpe ratio, whatever
	// the objective.
	Overfitting perf.Overfitting
}

// Stability compares the best set with its neighbours: the sets tried that are
// nearest to it, counted in levels of the axes.
type Stability struct {
	// Neighbours are the numbers of at most maxNeighbours sets, nearest first.
	Neighbours []int
	// Median is the median of their scores and Lowest the lowest; a set without
	// a score is the lowest and makes it undefined.
	Median, Lowest perf.Number
	// Ratio is Median as a share of the best score; undefined for a score that is
	// not above 0.
	Ratio perf.Number
}

// maxNeighbours is how many neighbours are compared with.
const maxNeighbours = 8

// Best returns the best set; false if no set has a score.
func (r *Result) Best() (*Set, bool) {
	if len(r.Sets) == 0 || !r.Sets[0].Score.Defined() {
		return nil, false
	}
	return r.Sets[0], true
}

// Deflated returns a set's probability that its true Sharpe ratio is above 0 once
// it is taken into account that it could have been chosen among all.
func (r *Result) Deflated(s *Set) perf.Number {
	return perf.DeflatedSharpe(s.Moments, r.Doubts.Trials, r.Doubts.Variance)
}

func newResult(cfg Config, w *workers, f *finder, sets []*Set) (*Result, error) {
	r := &Result{
		Method: cfg.Method, Seed: cfg.Seed, Objective: cfg.Objective, Axes: cfg.Space.Axes(), From: w.span.from, To: w.span.to, Candles: w.span.candles, Initial: w.span.initial,
		Sets: slices.Clone(sets), Refused: f.refused,
	}
	if f.refusal != nil {
		r.Refusal = f.refusal.Error()
	}
	for _, s := range sets {
		switch {
		case s.Failed != "":
			r.Failed++
		case !s.Score.Defined():
			r.Excluded++
		}
	}
	if r.Failed == len(sets) {
		return nil, fmt.Errorf("search: no set could be run: %w", errors.New(sets[0].Failed))
	}
	slices.SortFunc(r.Sets, compare)
	return r, nil
}

// doubt fills the doubts with that many workers; sets are in the order of asking.
func (r *Result) doubt(sets []*Set, workers int) {
	nan := perf.Number(math.NaN())
	d := Doubts{Sharpe: nan, Luck: nan, Probabilistic: nan, Deflated: nan, MinTrack: nan}
	var ratios []float64
	var trials [][]perf.Block
	parts := 0
	for _, s := range sets {
		if s.Failed != "" {
			continue
		}
		parts = s.Moments.Count
		if sr := s.Moments.Sharpe(); sr.Defined() {
			ratios = append(ratios, sr.Float())
			if s.blocks != nil {
				trials = append(trials, s.blocks)
			}
		}
	}
	d.Trials = len(ratios)
	d.Overfitting, _ = perf.Overfit(trials, workers) // it is undefined, with the reason in its counts, where it cannot be told
	if parts > 0 {
		d.Period = time.Duration(r.To-r.From) * time.Millisecond / time.Duration(parts)
	}
	if best, ok := r.Best(); ok && d.Period > 0 {
		spread := perf.MomentsOf(ratios).Deviation
		d.Variance = spread * spread
		const year = 365 * 24 * time.Hour
		annual := perf.Number(math.Sqrt(float64(year) / float64(d.Period)))
		d.Sharpe = best.Moments.Sharpe() * annual
		d.Luck = perf.Number(perf.ExpectedMaxSharpe(d.Trials, d.Variance)) * annual
		d.Probabilistic = perf.ProbabilisticSharpe(best.Moments, 0)
		d.Deflated = perf.DeflatedSharpe(best.Moments, d.Trials, d.Variance)
		d.MinTrack = perf.MinTrackRecord(best.Moments, 0, 0.95) * perf.Number(d.Period.Hours()/24)
	}
	r.Doubts = d
}

// compare fills the stability.
func (r *Result) compare() {
	nan := perf.Number(math.NaN())
	r.Stability = Stability{Median: nan, Lowest: nan, Ratio: nan}
	best, ok := r.Best()
	if !ok {
		return
	}
	others := slices.Clone(r.Sets[1:])
	slices.SortFunc(others, func(a, b *Set) int {
		switch near, far := r.distance(best, a), r.distance(best, b); {
		case near < far:
			return -1
		case near > far:
			return 1
		}
		return a.Number - b.Number
	})
	others = others[:min(maxNeighbours, len(others))]
	if len(others) == 0 {
		return
	}
	for _, s := range others {
		r.Stability.Neighbours = append(r.Stability.Neighbours, s.Number)
	}
	slices.SortFunc(others, compare)
	n := len(others)
	r.Stability.Lowest = others[n-1].Score
	r.Stability.Median = (others[(n-1)/2].Score + others[n/2].Score) / 2
	if best.Score > 0 && r.Stability.Median.Defined() {
		r.Stability.Ratio = r.Stability.Median / best.Score
	}
}

// distance returns how far two sets are from each other: in levels along each
// axis, of which a continuous one has ten, and 1 for values without an order.
func (r *Result) distance(a, b *Set) float64 {
	const tenth = 10
	sum := 0.0
	for i := range r.Axes {
		d := math.Abs(a.Place[i] - b.Place[i])
		switch axis := &r.Axes[i]; {
		case !axis.Ordered:
			d = min(d, 1)
		case !axis.listed():
			d *= tenth
		}
		sum += d * d
	}
	return sum
}
