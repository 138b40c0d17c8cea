package search

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// batch is how many sets TPE proposes between two looks at the results.
	batch = 8
	// startup is how many sets it draws at random first.
	startup = 24
	// goodShare is which share of the sets counts as good, mostGood how many at
	// the most, so that those of a long search lie close to the best.
	goodShare = 0.15
	mostGood  = 25
	// draws is of how many sets that are drawn like the good ones the most
	// promising is proposed.
	draws = 24
)

// tpe proposes sets by tree-structured Parzen estimators. All axes exist always,
// so the tree has one level: for each axis one density of the good sets and one
// of the others.
type tpe struct {
	*finder
	rand *rand.Rand
	left int
}

// propose implements proposer.
func (t *tpe) propose(done []*Set) []candidate {
	n := min(batch, t.left)
	draw := func() (candidate, bool) { return t.draw(t.rand) }
	if len(done) < startup {
		n = min(startup-len(done), t.left)
	} else {
		good, others := t.split(done)
		draw = func() (candidate, bool) { return t.promising(good, others) }
	}
	var out []candidate
	for len(out) < n {
		c, ok := draw()
		if !ok {
			t.left = 0
			return out
		}
		t.left--
		out = append(out, c)
	}
	return out
}

// split returns the densities of the good sets and of the others, for each axis.
func (t *tpe) split(done []*Set) (good, others []*parzen) {
	sorted := slices.Clone(done)
	slices.SortFunc(sorted, compare)
	n := min(int(math.Ceil(goodShare*float64(len(sorted)))), mostGood)
	for i := range t.space.axes {
		a := &t.space.axes[i]
		good = append(good, newParzen(a, i, sorted[:n]))
		others = append(others, newParzen(a, i, sorted[n:]))
	}
	return good, others
}

// promising draws sets like the good ones and returns the one whose density among
// the good is highest against that among the others: where the expected
// improvement is largest (section 4.1 of the paper).
func (t *tpe) promising(good, others []*parzen) (candidate, bool) {
	type drawn struct {
		point point
		gain  float64
	}
	const rounds = 8
	for range rounds {
		all := make([]drawn, draws)
		for k := range all {
			all[k].point = make(point, len(good))
			for i := range good {
				x := good[i].draw(t.rand)
				all[k].point[i] = x
				all[k].gain += good[i].log(x) - others[i].log(x)
			}
		}
		slices.SortStableFunc(all, func(a, b drawn) int {
			switch {
			case a.gain > b.gain:
				return -1
			case a.gain < b.gain:
				return 1
			}
			return 0
		})
		for _, d := range all {
			if c, ok := t.take(d.point); ok {
				return c, true
			}
		}
	}
	return t.draw(t.rand)
}

// parzen is the density of one axis: of an ordered one a mixture of normals cut
// off at its ends, one around each set and a wide one in the middle; of another
// one the shares of its levels, each counted once more than there were.
type parzen struct {
	levels  int // 0 if the axis is continuous
	ordered bool
	shares  []float64
	low     float64
	high    float64
	centres []float64
	widths  []float64
	masses  []float64 // how much of each normal lies between the ends
	logs    []float64 // of levels, as far as they were asked for; NaN before
}

func newParzen(a *Axis, axis int, sets []*Set) *parzen {
	p := &parzen{levels: len(a.Levels), ordered: a.Ordered}
	p.logs = make([]float64, p.levels)
	for i := range p.logs {
		p.logs[i] = math.NaN()
	}
	if !p.ordered {
		p.shares = make([]float64, p.levels)
		total := float64(p.levels + len(sets))
		for i := range p.shares {
			p.shares[i] = 1 / total
		}
		for _, s := range sets {
			p.shares[int(s.Place[axis])] += 1 / total
		}
		return p
	}
	p.low, p.high = 0, 1
	if p.levels > 0 {
		p.low, p.high = -0.5, float64(p.levels)-0.5
	}
	whole, middle := p.high-p.low, (p.low+p.high)/2
	for _, s := range sets {
		p.centres = append(p.centres, s.Place[axis])
	}
	wide, _ := slices.BinarySearch(sorted(p.centres), middle)
	p.centres = slices.Insert(p.centres, wide, middle)
	for i, c := range p.centres {
		left, right := p.low, p.high
		if i > 0 {
			left = p.centres[i-1]
		}
		if i+1 < len(p.centres) {
			right = p.centres[i+1]
		}
		// As wide as the farther neighbour is away, within bounds.
		width := min(max(c-left, right-c, whole/min(100, float64(len(p.centres)))), whole)
		if i == wide {
			width = whole
		}
		p.widths = append(p.widths, width)
		p.masses = append(p.masses, below((p.high-c)/width)-below((p.low-c)/width))
	}
	return p
}

func sorted(x []float64) []float64 {
	slices.Sort(x)
	return x
}

// draw draws a coordinate.
func (p *parzen) draw(r *rand.Rand) float64 {
	if !p.ordered {
		at := r.Float64()
		for i, share := range p.shares {
			if at -= share; at < 0 {
				return float64(i)
			}
		}
		return float64(p.levels - 1)
	}
	i := r.IntN(len(p.centres))
	x := math.NaN()
	for !(x >= p.low && x < p.high) {
		x = p.centres[i] + p.widths[i]*r.NormFloat64()
	}
	if p.levels > 0 {
		return min(max(0, math.Round(x)), float64(p.levels-1))
	}
	return x
}

// log returns the logarithm of the density at a coordinate, of a level that of its
// whole width.
func (p *parzen) log(x float64) float64 {
	switch {
	case !p.ordered:
		return math.Log(p.shares[int(x)])
	case p.levels == 0:
		return math.Log(p.density(x))
	}
	level := int(x)
	if math.IsNaN(p.logs[level]) {
		sum := 0.0
		for i, c := range p.centres {
			sum += (below((x+0.5-c)/p.widths[i]) - below((x-0.5-c)/p.widths[i])) / p.masses[i]
		}
		p.logs[level] = math.Log(max(sum/float64(len(p.centres)), math.SmallestNonzeroFloat64))
	}
	return p.logs[level]
}

func (p *parzen) density(x float64) float64 {
	sum := 0.0
	for i, c := range p.centres {
		d := (x - c) / p.widths[i]
		sum += math.Exp(-d*d/2) / (p.widths[i] * math.Sqrt(2*math.Pi) * p.masses[i])
	}
	return max(sum/float64(len(p.centres)), math.SmallestNonzeroFloat64)
}

// below is the standard normal distribution function.
func below(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
