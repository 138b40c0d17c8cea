package backtest_test

import (
	"context"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// BenchmarkPeak reports the most memory that processes hold while a million
// candles of the demo market stream through the moving-average cross with fees:
// this one alone, with the engine in it, and this one and the plugin's together,
// looked at between the blocks. Whatever else lies in this process, such as the
// market itself, counts too; what both share counts once.
func BenchmarkPeak(b *testing.B) {
	market, err := demo.New(demo.Config{})
	if err != nil {
		b.Fatal(err)
	}
	list, err := market.Markets(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	cfg := config(b, marketdata.Series{Market: list[0], Interval: marketdata.FeedInterval})
	own := strconv.Itoa(os.Getpid())
	b.Run("engine", func(b *testing.B) {
		for b.Loop() {
			debug.FreeOSMemory()
			machine.ForgetPeak(b)
			r, err := backtest.Run(b.Context(), basic.Definition(), cfg, &replay{market: market, pair: list[0].Pair}, nil)
			if err != nil || len(r.Equity) != benchCandles {
				b.Fatal(err)
			}
			b.ReportMetric(float64(machine.Peak(b))/1e6, "peak-MB")
		}
	})
	b.Run("plugin", func(b *testing.B) {
		process := basicProcess(b)
		for b.Loop() {
			debug.FreeOSMemory()
			most := int64(0)
			look := func() {
				most = max(most, machine.Held(b, own)+machine.Held(b, process.ID()))
			}
			r, err := process.Backtest(b.Context(), cfg, &replay{market: market, pair: list[0].Pair, each: look}, nil)
			if err != nil || len(r.Equity) != benchCandles {
				b.Fatal(err)
			}
			look()
			b.ReportMetric(float64(most)/1e6, "peak-MB")
		}
	})
}

// replay is a source that makes its candles one block after another.
type replay struct {
	market *demo.Replay
	pair   string
	each   func() // called before each block, if set
	at     int64
	block  []exchange.Candle
}

// Next implements marketdata.Source.
func (r *replay) Next(context.Context) ([]exchange.Candle, error) {
	if r.each != nil {
		r.each()
	}
	r.block = r.block[:0]
	for ; r.at < benchCandles && len(r.block) < marketdata.BlockSize; r.at++ {
		r.block = append(r.block, r.market.Candle(r.pair, r.at))
	}
	if len(r.block) == 0 {
		return nil, io.EOF
	}
	return r.block, nil
}
