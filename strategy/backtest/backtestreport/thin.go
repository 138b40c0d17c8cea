package backtestreport

import "math"

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
	// kept are the candles that are drawn.
	kept []int
	// folds are where time was left out, in the charts' coordinates.
	folds []float64
}

func (r *Report) newAxis() axis {
	var a axis
	n := len(r.result.Equity)
	for i := 0; i < n; i++ {
		a.kept = append(a.kept, i)
		if r.candles == nil {
			continue
		}
		end := i
		for end < n && r.candles[end].IsFlat() {
			end++
		}
		if end-i >= quiet {
			i = end - 1
		}
	}
	long := int64(quiet) * r.result.Config.Interval.Milliseconds()
	for k := 1; k < len(a.kept); k++ {
		if r.closeTime(a.kept[k])-r.closeTime(a.kept[k-1]) >= long {
			a.folds = append(a.folds, a.x(k))
		}
	}
	return a
}

// x returns where the k-th kept candle is drawn.
func (a axis) x(k int) float64 {
	if len(a.kept) < 2 {
		return width
	}
	return width * float64(k) / float64(len(a.kept)-1)
}

// bucket returns the k of the first candle of a bucket; that of the last bucket
// but one is the end.
func (a axis) bucket(b int) int { return b * len(a.kept) / a.count() }

func (a axis) count() int { return min(buckets, len(a.kept)) }

// point is a place in a chart: x in its coordinates, y in the value's own.
type point struct{ x, y float64 }

// thin returns the lowest and the highest value of each bucket in the order in
// which they happened, so that no peak or trough is lost.
func (a axis) thin(value func(candle int) float64) []point {
	var out []point
	for b := range a.count() {
		first, last := a.bucket(b), a.bucket(b+1)-1
		low, high := first, first
		for k := first + 1; k <= last; k++ {
			if v := value(a.kept[k]); v < value(a.kept[low]) {
				low = k
			} else if v > value(a.kept[high]) {
				high = k
			}
		}
		for _, k := range []int{min(low, high), max(low, high)} {
			out = append(out, point{a.x(k), value(a.kept[k])})
			if low == high {
				break
			}
		}
	}
	if n := len(a.kept); n > 0 {
		out = append(out, point{a.x(n - 1), value(a.kept[n-1])})
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
