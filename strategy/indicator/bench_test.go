package indicator_test

import (
	"strconv"
	"testing"

	"github.com/lunobot/lunobot/strategy/indicator"
)

// streamingAverage is what a strategy does for each candle.
func streamingAverage(s *indicator.SMA, prices []float64, sink *float64) {
	for _, p := range prices {
		*sink = s.Update(p)
	}
}

// plainAverage is the yardstick: the shortest loop that keeps a running sum
// over a slice of all prices, without any care for drift or snapshots.
func plainAverage(prices []float64, period int, sink *float64) {
	sum := 0.0
	for i, p := range prices {
		sum += p
		if i >= period {
			sum -= prices[i-period]
		}
		if i >= period-1 {
			*sink = sum / float64(period)
		}
	}
}

// naiveAverage adds the whole window up for each price.
func naiveAverage(prices []float64, period int, sink *float64) {
	for i := period; i <= len(prices); i++ {
		sum := 0.0
		for _, p := range prices[i-period : i] {
			sum += p
		}
		*sink = sum / float64(period)
	}
}

func BenchmarkSMA(b *testing.B) {
	prices := walk(1<<14, 1)
	var sink float64
	for _, period := range []int{10, 30, 200} {
		run := func(name string, all func()) {
			b.Run(name+"/"+strconv.Itoa(period), func(b *testing.B) {
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					all()
					n += len(prices)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/value")
			})
		}
		s := indicator.NewSMA(period)
		run("streaming", func() { streamingAverage(s, prices, &sink) })
		run("plain", func() { plainAverage(prices, period, &sink) })
		run("naive", func() { naiveAverage(prices, period, &sink) })
	}
}

func BenchmarkUpdate(b *testing.B) {
	prices := walk(1<<14, 1)
	ema, rsi, atr := indicator.NewEMA(20), indicator.NewRSI(14), indicator.NewATR(14)
	bands, macd := indicator.NewBollinger(20, 2), indicator.NewMACD(12, 26, 9)
	fast, slow := indicator.NewSMA(10), indicator.NewSMA(30)
	var cross indicator.Cross
	for name, update := range map[string]func(p float64){
		"EMA":                 func(p float64) { ema.Update(p) },
		"RSI":                 func(p float64) { rsi.Update(p) },
		"ATR":                 func(p float64) { atr.Update(p+1, p-1, p) },
		"Bollinger":           func(p float64) { bands.Update(p) },
		"MACD":                func(p float64) { macd.Update(p) },
		"two SMA and a Cross": func(p float64) { cross.Update(fast.Update(p), slow.Update(p)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				update(prices[i&(1<<14-1)])
				i++
			}
		})
	}
}

// BenchmarkEvery tells what an update of each indicator costs.
func BenchmarkEvery(b *testing.B) {
	h := realHistory(b)
	for name, p := range probes() {
		b.Run(name, func(b *testing.B) {
			i, n := p.make(20), 0
			for b.Loop() {
				for _, candle := range h.bars {
					p.step(i, candle)
				}
				n += len(h.bars)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/update")
		})
	}
}
