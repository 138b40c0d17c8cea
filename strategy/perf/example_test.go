package perf_test

import (
	"fmt"
	"time"

	"github.com/lunobot/lunobot/strategy/perf"
)

func ExampleCurve() {
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	curve, err := perf.NewCurve(perf.Config{Initial: 1000, Interval: 24 * time.Hour, Start: start})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, equity := range []int64{1100, 990, 1210} {
		curve.Update(equity)
	}
	stats := curve.Stats(perf.Result{FirstPrice: 100, LastPrice: 105})
	fmt.Println(stats.TotalReturn, stats.MaxDrawdown.Depth, stats.BuyAndHold, stats.Trades.ProfitFactor)
	// Output: 0.21 0.1 0.05 –
}
