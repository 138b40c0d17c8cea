package backtestreport

import (
	"math"
	"sort"
)

const (
	// buckets is how many groups of candles a chart tells apart: about one for
	// each pixel of a phone and for two of a desktop.
	buckets = 640
	// quiet is how many candles without a trade are folded into one, so that a
	// hole of a year does not squeeze the days around it into a line.
	quiet = 240
	// width is that of the charts' own coordinates.
	width = 1000.0
)

// axis is the horizontal axis that all charts share: candles side by side,
// whatever the time between them.
type axis struct {
	// runs are the candles that are drawn, count how many these are.
	runs  []run
	count int
	// folds are where time was left out, in the charts' coordinates.
	folds []float64
}

// run is candles that are drawn, one after the other up to the next run: the
// k-th of all that are drawn is the candle of an index.
type run struct{ k, candle int }

func (r *Report) newAxis() axis {
	n := len(r.result.Equity)
	a := axis{runs: []run{{}}}
	for i := 0; i < n; {
		end := i
		for r.closes != nil && end < n && r.closes.flat(end) {
			end++
		}
		if end-i < quiet {
			end = max(end, i+1)
			a.count += end - i
		} else if a.count++; end < n {
			a.runs = append(a.runs, run{a.count, end})
		}
		i = end
	}
	long := int64(quiet) * r.result.Config.Interval.Milliseconds()
	fold := func(k int) {
		if r.result.CloseTime(a.candle(k))-r.result.CloseTime(a.candle(k-1)) >= long {
			a.folds = append(a.folds, a.x(k))
		}
	}
	// Time is left out between two runs, or between two segments.
	segments := r.result.Segments
	for i, u := range a.runs {
		if i > 0 {
			fold(u.k)
		}
		for end := u.candle + a.end(i) - u.k; len(segments) > 0 && segments[0].Index < end; segments = segments[1:] {
			if at := segments[0].Index; at > u.candle {
				fold(u.k + at - u.candle)
			}
		}
	}
	return a
}

// end returns the k after the last of a run.
func (a axis) end(run int) int {
	if run+1 < len(a.runs) {
		return a.runs[run+1].k
	}
	return a.count
}

// candle returns the k-th candle that is drawn.
func (a axis) candle(k int) int {
	u := a.runs[sort.Search(len(a.runs), func(i int) bool { return a.runs[i].k > k })-1]
	return u.candle + k - u.k
}

// find returns the k of a candle or, if it is not drawn, of the next one that is.
func (a axis) find(candle int) int {
	i := sort.Search(len(a.runs), func(i int) bool { return a.runs[i].candle > candle }) - 1
	return min(a.runs[i].k+candle-a.runs[i].candle, a.end(i))
}

// x returns where the k-th candle that is drawn stands.
func (a axis) x(k int) float64 {
	if a.count < 2 {
		return width
	}
	return width * float64(k) / float64(a.count-1)
}

// bucket returns the k of the first candle of a bucket; that of the last bucket
// but one is the end.
func (a axis) bucket(b int) int { return b * a.count / a.buckets() }

func (a axis) buckets() int { return min(buckets, a.count) }

// point is a place in a chart: x in its coordinates, y in the value's own.
type point struct{ x, y float64 }

// thin returns the lowest and the highest value of each bucket in the order in
// which they happened, so that no peak or trough is lost. It asks for the value
// of each candle once, in their order.
func (a axis) thin(value func(candle int) float64) []point {
	var out []point
	var low, high, last point
	b, first, end := 0, 0, a.bucket(1)
	for i, u := range a.runs {
		for k := u.k; k < a.end(i); k++ {
			last = point{a.x(k), value(u.candle + k - u.k)}
			switch {
			case k == first:
				low, high = last, last
			case last.y < low.y:
				low = last
			case last.y > high.y:
				high = last
			}
			if k+1 < end {
				continue
			}
			switch {
			case low.x == high.x:
				out = append(out, low)
			case low.x < high.x:
				out = append(out, low, high)
			default:
				out = append(out, high, low)
			}
			b, first = b+1, end
			end = a.bucket(b + 1)
		}
	}
	if a.count > 0 {
		out = append(out, last)
	}
	return out
}

// bounds returns the lowest and the highest value of several lines.
func bounds(lines ...[]point) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, line := range lines {
		for _, p := range line {
			low, high = min(low, p.y), max(high, p.y)
		}
	}
	return low, high
}
