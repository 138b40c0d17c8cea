package backtestreport

import (
	"math"
	"slices"
)

// bins is how many bars the distribution of the trades has at the most.
const bins = 24

// leastBar is the height of a bar that holds few trades, so that it is seen.
const leastBar = 1.0

// Spread counts the trades by their return. The outermost bars hold what is
// beyond them. From and To are the returns at the ends.
type Spread struct {
	Bars []Bar  `json:"bars"`
	From string `json:"from"`
	To   string `json:"to"`
	// Zero is where the gains begin, in percent of the width.
	Zero string `json:"zero"`
}

// Bar is one bar of the distribution, in coordinates of 100 by 100.
type Bar struct {
	X      string `json:"x"`
	Y      string `json:"y"`
	Width  string `json:"width"`
	Height string `json:"height"`
	Loss   bool   `json:"loss,omitempty"`
	Title  string `json:"title"`
}

func (r *Report) distribution() *Spread {
	if r.TradeCount() < 2 {
		return nil
	}
	returns := make([]float64, r.TradeCount())
	for i, t := range r.result.Trades.All() {
		returns[i] = returnOf(t)
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
	d := &Spread{From: change(float64(first) * size), To: change(float64(first+n) * size), Zero: percentage(float64(-first) / float64(n))}
	step := 100 / float64(n)
	for i, c := range counts {
		from, tall := float64(first+i)*size, 100*float64(c)/float64(most)
		if c > 0 {
			tall = max(tall, leastBar)
		}
		d.Bars = append(d.Bars, Bar{
			X: fixed(float64(i)*step, 2), Y: fixed(100-tall, 2), Width: fixed(step*0.88, 2), Height: fixed(tall, 2), Loss: from+size/2 < 0,
			Title: count(int64(c), "trade") + " from " + change(from) + " to " + change(from+size),
		})
	}
	return d
}
