package backtest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// benchCandles is the length of the benchmark's history.
const benchCandles = 1_000_000

// history returns the demo market's first n candles of XBTMYR.
func history(tb testing.TB, n int) marketdata.Series {
	tb.Helper()
	m, err := demo.New(demo.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	markets, err := m.Markets(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	s := marketdata.Series{Market: markets[0], Interval: time.Minute, Candles: make([]exchange.Candle, n)}
	for i := range s.Candles {
		s.Candles[i] = m.Candle(s.Market.Pair, int64(i))
	}
	return s
}

func config(tb testing.TB, s marketdata.Series) backtest.Config {
	tb.Helper()
	fee, err := exchange.ParseRate("0.001")
	if err != nil {
		tb.Fatal(err)
	}
	balance, err := s.Market.Units(decimal(tb, "1000000"), exchange.Exact)
	if err != nil {
		tb.Fatal(err)
	}
	return backtest.Config{Market: s.Market, Interval: s.Interval, Balance: balance, Fees: exchange.Fees{Maker: fee, Taker: fee}}
}

// yardstick is the same work as a plain loop over float slices: two running
// sums, a cross at the close filled at the next open, fees, equity and drawdown
// at every candle.
func yardstick(open, close, equity []float64, cash, rate float64) (trades int, drawdown float64) {
	const fast, slow = 10, 30
	var sumFast, sumSlow, position, peak float64
	signal, side := 0, 0
	for i := range close {
		switch {
		case signal > 0 && position == 0:
			position = cash / (open[i] * (1 + rate))
			cash -= position * open[i] * (1 + rate)
		case signal < 0 && position > 0:
			cash += position * open[i] * (1 - rate)
			position = 0
			trades++
		}
		signal = 0
		sumFast += close[i]
		sumSlow += close[i]
		if i >= fast {
			sumFast -= close[i-fast]
		}
		if i >= slow {
			sumSlow -= close[i-slow]
		}
		if i >= slow-1 {
			now := 0
			if d := sumFast/fast - sumSlow/slow; d > 0 {
				now = 1
			} else if d < 0 {
				now = -1
			}
			if now != 0 && now != side {
				if side != 0 {
					signal = now
				}
				side = now
			}
		}
		value := cash + position*close[i]
		equity[i] = value
		if value > peak {
			peak = value
		} else if d := (peak - value) / peak; d > drawdown {
			drawdown = d
		}
	}
	return trades, drawdown
}

// BenchmarkCross reports candles a second of the moving-average cross with fees
// over a million candles: a plain loop, the engine in process, and the engine
// behind the plugin boundary. The first three run one after another; compared
// runs them in turns and reports the ratios of their medians, which a machine
// that is now fast and now slow does not spoil.
func BenchmarkCross(b *testing.B) {
	s := history(b, benchCandles)
	cfg := config(b, s)
	opens, closes, equity := make([]float64, benchCandles), make([]float64, benchCandles), make([]float64, benchCandles)
	for i, c := range s.Candles {
		opens[i], closes[i] = c.Open.Float(), c.Close.Float()
	}
	process := basicProcess(b)
	names := []string{"yardstick", "engine", "plugin"}
	work := map[string]func(b *testing.B){
		"yardstick": func(*testing.B) { yardstick(opens, closes, equity, 1e6, 0.001) },
		"engine": func(b *testing.B) {
			b.Helper()
			if _, err := backtest.Run(b.Context(), basic.Definition(), cfg, s.Source(), nil); err != nil {
				b.Fatal(err)
			}
		},
		"plugin": func(b *testing.B) {
			b.Helper()
			if _, err := process.Backtest(b.Context(), cfg, s.Source(), nil); err != nil {
				b.Fatal(err)
			}
		},
	}
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			start := time.Now()
			for b.Loop() {
				work[name](b)
			}
			perCandle := float64(time.Since(start).Nanoseconds()) / float64(b.N) / benchCandles
			b.ReportMetric(perCandle, "ns/candle")
			b.ReportMetric(1e3/perCandle, "Mcandles/s")
		})
	}
	b.Run("compared", func(b *testing.B) {
		times := make(map[string][]float64)
		for b.Loop() {
			for _, name := range names {
				start := time.Now()
				work[name](b)
				times[name] = append(times[name], float64(time.Since(start).Nanoseconds())/benchCandles)
			}
		}
		medians := make(map[string]float64)
		for _, name := range names {
			slices.Sort(times[name])
			medians[name] = times[name][len(times[name])/2]
			b.ReportMetric(medians[name], name+"-ns/candle")
		}
		b.ReportMetric(medians["engine"]/medians["yardstick"], "engine/yardstick")
		b.ReportMetric(100*medians["engine"]/medians["plugin"], "plugin-%-of-engine")
	})
}

// basicProcess starts the bundled strategy as a process.
func basicProcess(b *testing.B) *pluginhost.Process {
	b.Helper()
	host, err := pluginhost.New(pluginhost.Config{Sources: []pluginhost.Source{{Name: "basic", Path: strategytest.Build(b, "./plugins/basic")}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(host.Stop)
	process, err := host.Start(b.Context(), "basic")
	if err != nil {
		b.Fatal(err)
	}
	return process
}
