package search_test

import (
	"math"
	"testing"

	"github.com/lunobot/lunobot/strategy/backtest/search"
)

// hill gains most at x = 700, loud or y = 300 and kind b, and less the farther away
// a set is.
func hill(k knobs, part int) float64 {
	d := math.Hypot(float64(k.X-700), float64(k.Loud)+k.Y-300) / 1000
	if k.Kind != "b" {
		d += 0.3
	}
	return 0.001*(1-d) + 0.0001*float64(part%2)
}

// TPE finds sets that random search does not in as many trials.
func TestTPEFindsMoreThanChance(t *testing.T) {
	t.Parallel()
	for name, ranges := range map[string][]string{
		"listed": {"x=0:1000:20", "loud=0:1000:20", "kind=a,b,c"}, "continuous": {"x=1:1000:log", "y=0:1000", "kind=a,b,c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := knobSchema(t)
			cfg := search.Config{
				Trials: 60, Space: space(t, schema, ranges...), Objective: search.Objective{Measure: search.Equity},
				Runners: []search.Runner{&machine{schema: schema, gain: hill}},
			}
			const seeds = 8
			wins := 0
			for cfg.Seed = range uint64(seeds) {
				best := make(map[search.Method]*search.Set)
				for _, cfg.Method = range []search.Method{search.Random, search.TPE} {
					r := run(t, cfg)
					if len(r.Sets) != cfg.Trials {
						t.Fatalf("%s tried %d sets", cfg.Method, len(r.Sets))
					}
					best[cfg.Method] = r.Sets[0]
				}
				if best[search.TPE].Score >= best[search.Random].Score {
					wins++
				}
			}
			if wins < 7 {
				t.Errorf("it found more than chance with %d of %d seeds", wins, seeds)
			}
		})
	}
}

// Where the first sets tell nothing, it goes on drawing and ends.
func TestTPEWithoutScores(t *testing.T) {
	t.Parallel()
	schema := knobSchema(t)
	r := run(t, search.Config{
		Method: search.TPE, Trials: 100, Space: space(t, schema, "x=0:1000", "kind=a,b,c", "y=0:1"), Objective: search.Objective{MinTrades: 5_000},
		Runners: []search.Runner{&machine{schema: schema, gain: hill}},
	})
	if len(r.Sets) != 100 || r.Excluded != 100 {
		t.Errorf("%d sets, %d excluded", len(r.Sets), r.Excluded)
	}
}
