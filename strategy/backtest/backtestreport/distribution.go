package backtestreport

import (
	"math"
	"slices"
)

// bins is how many bars the distribution of the trades has at the most.
const bins = 24

// bar is one bar of the distribution.
type bar struct {
	// Height is in percent of the tallest.
	Height string
	Loss   bool
	Title  string
}

// distribution counts the trades by their return. The outermost bars hold what
// is beyond them. From and To are the returns at the ends.
type distribution struct {
	Bars     []bar
	From, To string
	// Zero is where the gains begin, in percent of the width.
	Zero string
}

func (r *Report) distribution() *distribution {
	if len(r.Trades) < 2 {
		return nil
	}
	returns := make([]float64, len(r.Trades))
	for i, t := range r.Trades {
		returns[i] = t.Return
	}
	slices.Sort(returns)
	// The outermost two in a hundred on each side do not set the scale.
	cut := len(returns) / 50
	low, high := min(returns[cut], 0), max(returns[len(returns)-1-cut], 0)
	if low == high {
		return nil
	}
	size := roundUp((high - low) / (bins - 2))
	first := int(math.Floor(low / size))
	n := int(math.Ceil(high/size)) - first
	counts := make([]int, n)
	for _, v := range returns {
		counts[min(max(0, int(math.Floor(v/size))-first), n-1)]++
	}
	most := slices.Max(counts)
	d := &distribution{From: change(float64(first) * size), To: change(float64(first+n) * size), Zero: percentage(float64(-first) / float64(n))}
	for i, c := range counts {
		from := float64(first+i) * size
		d.Bars = append(d.Bars, bar{
			Height: percentage(float64(c) / float64(most)), Loss: from+size/2 < 0,
			Title: count(int64(c), "trade") + " from " + change(from) + " to " + change(from+size),
		})
	}
	return d
}
