package web

import (
	"math"
	"testing"

	"github.com/lunobot/lunobot/strategy/perf"
)

// A growth that is a number and a hundred times it none, as of an account that became seven
// times as large in a day, is a dash.
func TestFiguresBeyondAllPercents(t *testing.T) {
	t.Parallel()
	for _, n := range []perf.Number{1e307, -1e307, perf.Number(math.Inf(1)), perf.Number(math.NaN())} {
		if change(n) != "–" || share(n) != "–" || toneOf(n) != "flat" {
			t.Errorf("%v is written as %q and %q in %s", n, change(n), share(n), toneOf(n))
		}
	}
	if change(0.125) != "+12.50 %" || share(0.5) != "50.00 %" {
		t.Errorf("others are written as %q and %q", change(0.125), share(0.5))
	}
}
