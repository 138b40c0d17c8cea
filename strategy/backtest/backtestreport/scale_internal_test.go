package backtestreport

import (
	"math"
	"testing"
)

// proves PL5: a stranger's program says what an account was worth, and a chart of that has
// few lines, whatever it is: beside values that hardly differ a step is nothing, and values
// without an end have no last power of ten.
func TestScalesOfAStranger(t *testing.T) {
	t.Parallel()
	const huge = float64(math.MaxInt64)
	for _, c := range []struct{ low, high float64 }{
		{huge - 1024, huge}, {-huge, -huge + 1024}, {0.9, 1e300}, {math.SmallestNonzeroFloat64, math.MaxFloat64}, {1, math.Inf(1)}, {math.Inf(-1), math.Inf(1)},
		{math.NaN(), 1}, {-math.MaxFloat64, math.MaxFloat64}, {1, 1},
	} {
		for _, log := range []bool{false, true} {
			values, _ := newScale(c.low, c.high, log).lines()
			for i, v := range values {
				if math.IsNaN(v) || math.IsInf(v, 0) || len(values) > 3*700 {
					t.Errorf("from %v to %v, logarithmic %t, line %d of %d is at %v", c.low, c.high, log, i, len(values), v)
				}
			}
		}
	}
}

// A growth that is a number and a hundred times it none, as of an account that became seven
// times as large in a day, is written as none.
func TestShareBeyondAllPercents(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{1e307, -1e307, math.MaxFloat64, math.Inf(1), math.NaN()} {
		if got := percent(share); got != "–" {
			t.Errorf("%v is written as %q", share, got)
		}
	}
}
