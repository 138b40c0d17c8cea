package lookahead_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/lookahead"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// BenchmarkCheap runs the moving-average cross over two million candles and
// checks it in the cheap form, and reports the median share of the run's time that
// the check takes.
func BenchmarkCheap(b *testing.B) {
	cfg, candles := strategytest.Demo(b, 2_000_000)
	run := func(ctx context.Context, through backtest.Through) (*backtest.Result, error) {
		return backtest.Run(ctx, basic.Definition(), cfg, through.Of(cfg.Market.Pair, marketdata.NewSliceSource(candles)), nil)
	}
	var shares []float64
	for b.Loop() {
		begin := time.Now()
		whole, err := run(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		ran := time.Since(begin)
		begin = time.Now()
		report, err := lookahead.Check(b.Context(), lookahead.Config{Whole: whole, Run: run})
		if err != nil || report.Finding != nil {
			b.Fatal(report.Finding, err)
		}
		shares = append(shares, 100*float64(time.Since(begin))/float64(ran))
	}
	slices.Sort(shares)
	b.ReportMetric(shares[len(shares)/2], "%-of-the-run")
}
