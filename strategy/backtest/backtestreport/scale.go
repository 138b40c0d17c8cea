package backtestreport

import "math"

const (
	// height is that of the charts' own coordinates.
	height = 100.0
	// gridLines is about how many lines a chart has.
	gridLines = 4
	// logFrom is from which ratio of the highest to the lowest value on a chart
	// shows ratios instead of differences.
	logFrom = 5
)

// scale turns values into heights.
type scale struct {
	low, high float64
	log       bool
}

// newScale returns a scale that holds the values with a little air; log asks for
// a logarithmic one where the values are far apart.
func newScale(low, high float64, log bool) scale {
	if !(low < high) {
		air := max(math.Abs(low)*0.01, 1e-9)
		return scale{low: low - air, high: high + air}
	}
	if log && low > 0 && high/low > logFrom {
		air := math.Pow(high/low, 0.04)
		return scale{low: max(low/air, math.SmallestNonzeroFloat64), high: min(high*air, math.MaxFloat64), log: true}
	}
	air := (high - low) * 0.06
	return scale{low: low - air, high: high + air}
}

// y returns the height of a value, 0 at the top.
func (s scale) y(v float64) float64 {
	if s.log {
		return height * (1 - math.Log(v/s.low)/math.Log(s.high/s.low))
	}
	return height * (1 - (v-s.low)/(s.high-s.low))
}

// lines returns round values to draw lines at, and how many decimals tell them
// apart.
func (s scale) lines() (values []float64, decimals int32) {
	if s.log {
		return s.logLines()
	}
	step := roundUp((s.high - s.low) / gridLines)
	// Counted, because a step that is small beside the values adds nothing to them.
	for first, n := math.Ceil(s.low/step), 0; n <= 2*gridLines; n++ {
		v := (first + float64(n)) * step
		if !(v <= s.high) {
			break
		}
		values = append(values, v)
	}
	return values, decimalsOf(step)
}

func (s scale) logLines() (values []float64, decimals int32) {
	for power := math.Floor(math.Log10(s.low)); power <= math.Log10(s.high); power++ {
		for _, digit := range []float64{1, 2, 5} {
			if v := digit * math.Pow(10, power); v >= s.low && v <= s.high {
				values = append(values, v)
			}
		}
	}
	if len(values) > 0 {
		decimals = decimalsOf(values[0])
	}
	return values, decimals
}

// decimalsOf returns how many decimals write a round number whole.
func decimalsOf(x float64) int32 {
	for d := int32(0); d < 12; d++ {
		if shifted := x * math.Pow10(int(d)); math.Abs(shifted-math.Round(shifted)) < 1e-6*shifted {
			return d
		}
	}
	return 12
}

// roundUp returns the next of 1, 2, 2.5, 5, 10, … times a power of ten.
func roundUp(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, digit := range []float64{1, 2, 2.5, 5} {
		if digit*power >= x {
			return digit * power
		}
	}
	return 10 * power
}
