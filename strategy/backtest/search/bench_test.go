package search_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy/backtest/search"
)

// BenchmarkSweep tries 1,000 sets of the moving-average cross over 20,000
// candles with one worker and with two by turns and reports how much faster two
// are, by the medians.
func BenchmarkSweep(b *testing.B) {
	cfg, series := demo(b, 20_000)
	sets := crosses(b, "fast=2:51", "slow=60:250:10")
	times := make(map[int][]float64)
	for b.Loop() {
		for _, workers := range []int{1, 2} {
			start := time.Now()
			r := run(b, search.Config{Space: sets, Runners: locals(workers, cfg, series)})
			times[workers] = append(times[workers], float64(time.Since(start).Milliseconds()))
			if len(r.Sets) != 1000 {
				b.Fatalf("%d sets", len(r.Sets))
			}
		}
	}
	median := func(workers int) float64 {
		t := times[workers]
		slices.Sort(t)
		return t[len(t)/2]
	}
	b.ReportMetric(median(1), "ms-1-worker")
	b.ReportMetric(median(2), "ms-2-workers")
	b.ReportMetric(median(1)/median(2), "speedup")
}
