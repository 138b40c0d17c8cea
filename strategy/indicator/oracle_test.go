package indicator_test

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/markcheno/go-talib"

	"github.com/lunobot/lunobot/strategy/indicator"
)

// bar is a candle as the tests hold it: prices in ticks, volume in steps.
type bar struct {
	time                             int64
	open, high, low, closing, volume float64
}

// history is candles in columns, as the oracle wants them.
type history struct {
	bars                             []bar
	open, high, low, closing, volume []float64
}

// realHistory reads testdata in ticks of a cent and steps of a hundred-millionth.
func realHistory(tb testing.TB) history {
	tb.Helper()
	file, err := os.Open("testdata/btcusd-1m.csv")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	number := func(text string, scale float64) float64 {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			tb.Fatal(err)
		}
		return math.Round(n * scale)
	}
	var h history
	for _, row := range rows[1:] {
		h.add(bar{int64(number(row[0], 1)), number(row[1], 100), number(row[2], 100), number(row[3], 100), number(row[4], 100), number(row[5], 1e8)})
	}
	return h
}

func (h *history) add(b bar) {
	h.bars = append(h.bars, b)
	h.open, h.high, h.low = append(h.open, b.open), append(h.high, b.high), append(h.low, b.low)
	h.closing, h.volume = append(h.closing, b.closing), append(h.volume, b.volume)
}

// column maps each candle to a value; NaN claims nothing.
func (h history) column(value func(i int) float64) []float64 {
	out := make([]float64, len(h.bars))
	for i := range out {
		out[i] = value(i)
	}
	return out
}

// window maps each candle to a value of the n that end there.
func (h history) window(n int, value func(from, to int) float64) []float64 {
	return h.column(func(i int) float64 {
		if i < n-1 {
			return math.NaN()
		}
		return value(i-n+1, i+1)
	})
}

// after blanks what the oracle has no true value for.
func after(lead int, values []float64) []float64 {
	out := append([]float64(nil), values...)
	for i := range min(lead, len(out)) {
		out[i] = math.NaN()
	}
	return out
}

func typical(b bar) float64 { return (b.high + b.low + b.closing) / 3 }

func sumOf(values []float64) (sum float64) {
	for _, x := range values {
		sum += x
	}
	return sum
}

// probe is an indicator under test: how to make one of a period, how to give it
// a candle, and what it must say.
type probe struct {
	make func(n int) any
	step func(indicator any, b bar) []float64
	// want are the true outputs; nil where another test has them.
	want func(h history, n int) [][]float64
}

// on makes a probe's step of a typed one.
func on[T any](step func(i T, b bar) []float64) func(any, bar) []float64 {
	return func(i any, b bar) []float64 { return step(i.(T), b) }
}

func one(values []float64) [][]float64 { return [][]float64{values} }

// probes lists every indicator; TestEveryIndicatorIsProbed compares it with the
// package.
func probes() map[string]probe {
	return map[string]probe{
		"SMA": {func(n int) any { return indicator.NewSMA(n) }, on(func(i *indicator.SMA, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 { return one(after(n-1, talib.Sma(h.closing, n))) }},
		"EMA": {func(n int) any { return indicator.NewEMA(n) }, on(func(i *indicator.EMA, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 { return one(after(n-1, talib.Ema(h.closing, n))) }},
		"RMA": {func(n int) any { return indicator.NewRMA(n) }, on(func(i *indicator.RMA, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 {
				mean := math.NaN()
				return one(h.column(func(i int) float64 {
					switch {
					case i == n-1:
						mean = sumOf(h.closing[:n]) / float64(n)
					case i >= n:
						mean += (h.closing[i] - mean) / float64(n)
					}
					return mean
				}))
			}},
		"WMA": {func(n int) any { return indicator.NewWMA(n) }, on(func(i *indicator.WMA, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 { return one(after(n-1, talib.Wma(h.closing, n))) }},
		"DEMA": {func(n int) any { return indicator.NewDEMA(n) }, on(func(i *indicator.DEMA, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 { return one(after(2*n-2, talib.Dema(h.closing, n))) }},
		"TEMA": {func(n int) any { return indicator.NewTEMA(n) }, on(func(i *indicator.TEMA, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 { return one(after(3*n-3, talib.Tema(h.closing, n))) }},
		"TRIX": {func(n int) any { return indicator.NewTRIX(n) }, on(func(i *indicator.TRIX, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 { return one(after(3*n-2, talib.Trix(h.closing, n))) }},
		"HMA": {func(n int) any { return indicator.NewHMA(n) }, on(func(i *indicator.HMA, b bar) []float64 { return []float64{i.Update(b.closing)} }), hullOracle},
		"KAMA": {func(n int) any { return indicator.NewKAMA(n) }, on(func(i *indicator.KAMA, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 { return one(after(n, talib.Kama(h.closing, n))) }},
		"VWMA": {func(n int) any { return indicator.NewVWMA(n) }, on(func(i *indicator.VWMA, b bar) []float64 { return []float64{i.Update(b.closing, b.volume)} }),
			func(h history, n int) [][]float64 {
				return one(h.window(n, func(from, to int) float64 {
					value, volume := 0.0, 0.0
					for i := from; i < to; i++ {
						value += h.closing[i] * h.volume[i]
						volume += h.volume[i]
					}
					return value / volume
				}))
			}},
		"VWAP": {func(int) any { return indicator.NewVWAP(3_600_000) }, on(func(i *indicator.VWAP, b bar) []float64 {
			return []float64{i.Update(b.time, b.high, b.low, b.closing, b.volume)}
		}), func(h history, _ int) [][]float64 {
			return one(h.column(func(i int) float64 {
				value, volume := 0.0, 0.0
				for k := i; k >= 0 && h.bars[k].time/3_600_000 == h.bars[i].time/3_600_000; k-- {
					value += typical(h.bars[k]) * h.volume[k]
					volume += h.volume[k]
				}
				return value / volume
			}))
		}},
		"RSI": {func(n int) any { return indicator.NewRSI(n) }, on(func(i *indicator.RSI, b bar) []float64 { return []float64{i.Update(b.closing)} }), nil},
		"ATR": {func(n int) any { return indicator.NewATR(n) }, on(func(i *indicator.ATR, b bar) []float64 {
			return []float64{i.Update(b.high, b.low, b.closing)}
		}), func(h history, n int) [][]float64 { return one(after(n, talib.Atr(h.high, h.low, h.closing, n))) }},
		"Bollinger": {func(n int) any { return indicator.NewBollinger(n, 2) }, on(func(i *indicator.Bollinger, b bar) []float64 {
			v := i.Update(b.closing)
			return []float64{v.Lower, v.Middle, v.Upper}
		}), nil},
		"MACD": {func(n int) any { return indicator.NewMACD(n, 2*n, 3) }, on(func(i *indicator.MACD, b bar) []float64 {
			l := i.Update(b.closing)
			return []float64{l.Line, l.Signal, l.Histogram}
		}), nil},
		"PPO": {func(n int) any { return indicator.NewPPO(n, 2*n, 3) }, on(func(i *indicator.PPO, b bar) []float64 { return []float64{i.Update(b.closing).Line} }),
			func(h history, n int) [][]float64 {
				fast, slow := talib.Ema(h.closing, n), talib.Ema(h.closing, 2*n)
				return one(after(2*n-1, h.column(func(i int) float64 { return 100 * (fast[i] - slow[i]) / slow[i] })))
			}},
		"Highest": {func(n int) any { return indicator.NewHighest(n) }, on(func(i *indicator.Highest, b bar) []float64 { return []float64{i.Update(b.high)} }),
			func(h history, n int) [][]float64 { return one(after(n-1, talib.Max(h.high, n))) }},
		"Lowest": {func(n int) any { return indicator.NewLowest(n) }, on(func(i *indicator.Lowest, b bar) []float64 { return []float64{i.Update(b.low)} }),
			func(h history, n int) [][]float64 { return one(after(n-1, talib.Min(h.low, n))) }},
		"Donchian": {func(n int) any { return indicator.NewDonchian(n) }, on(func(i *indicator.Donchian, b bar) []float64 {
			v := i.Update(b.high, b.low)
			return []float64{v.Lower, v.Upper}
		}), func(h history, n int) [][]float64 {
			return [][]float64{after(n-1, talib.Min(h.low, n)), after(n-1, talib.Max(h.high, n))}
		}},
		"Keltner": {func(n int) any { return indicator.NewKeltner(n, n, 2) }, on(func(i *indicator.Keltner, b bar) []float64 {
			v := i.Update(b.high, b.low, b.closing)
			return []float64{v.Lower, v.Upper}
		}), func(h history, n int) [][]float64 {
			mean, reach := talib.Ema(h.closing, n), talib.Atr(h.high, h.low, h.closing, n)
			return [][]float64{after(n, h.column(func(i int) float64 { return mean[i] - 2*reach[i] })), after(n, h.column(func(i int) float64 { return mean[i] + 2*reach[i] }))}
		}},
		"SuperTrend": {func(n int) any { return indicator.NewSuperTrend(n, 3) }, on(func(i *indicator.SuperTrend, b bar) []float64 {
			return []float64{i.Update(b.high, b.low, b.closing).Line}
		}), superTrendOracle},
		"ADX": {func(n int) any { return indicator.NewADX(n) }, on(func(i *indicator.ADX, b bar) []float64 {
			l := i.Update(b.high, b.low, b.closing)
			return []float64{l.Plus, l.Minus, l.ADX}
		}), func(h history, n int) [][]float64 { // the oracle begins its sums one candle shorter, which wears off
			lead := 25 * n
			return [][]float64{
				after(lead, talib.PlusDI(h.high, h.low, h.closing, n)), after(lead, talib.MinusDI(h.high, h.low, h.closing, n)), after(lead, talib.Adx(h.high, h.low, h.closing, n)),
			}
		}},
		"Aroon": {func(n int) any { return indicator.NewAroon(n) }, on(func(i *indicator.Aroon, b bar) []float64 {
			l := i.Update(b.high, b.low)
			return []float64{l.Down, l.Up, l.Oscillator}
		}), func(h history, n int) [][]float64 {
			down, up := talib.Aroon(h.high, h.low, n)
			return [][]float64{after(n, down), after(n, up), after(n, talib.AroonOsc(h.high, h.low, n))}
		}},
		"PSAR": {func(int) any { return indicator.NewPSAR(0.02, 0.2) }, on(func(i *indicator.PSAR, b bar) []float64 { return []float64{i.Update(b.high, b.low).Line} }),
			func(h history, _ int) [][]float64 { return one(after(1, talib.Sar(h.high, h.low, 0.02, 0.2))) }},
		"Ichimoku": {func(n int) any { return indicator.NewIchimoku(n, 2*n, 3*n) }, on(func(i *indicator.Ichimoku, b bar) []float64 {
			c := i.Update(b.high, b.low)
			return []float64{c.Conversion, c.Base, c.SpanA, c.SpanB}
		}), func(h history, n int) [][]float64 {
			middle := func(length, shift int) func(i int) float64 {
				return func(i int) float64 {
					if i -= shift; i < length-1 {
						return math.NaN()
					}
					low, high := math.Inf(1), math.Inf(-1)
					for _, b := range h.bars[i-length+1 : i+1] {
						low, high = min(low, b.low), max(high, b.high)
					}
					return (low + high) / 2
				}
			}
			return [][]float64{
				h.column(middle(n, 0)), h.column(middle(2*n, 0)),
				h.column(func(i int) float64 { return (middle(n, 2*n-1)(i) + middle(2*n, 2*n-1)(i)) / 2 }), h.column(middle(3*n, 2*n-1)),
			}
		}},
		"ROC": {func(n int) any { return indicator.NewROC(n) }, on(func(i *indicator.ROC, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 { return one(after(n, talib.Roc(h.closing, n))) }},
		"Momentum": {func(n int) any { return indicator.NewMomentum(n) }, on(func(i *indicator.Momentum, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 { return one(after(n, talib.Mom(h.closing, n))) }},
		"CMO": {func(n int) any { return indicator.NewCMO(n) }, on(func(i *indicator.CMO, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 {
				return one(h.window(n+1, func(from, to int) float64 {
					up, down := 0.0, 0.0
					for i := from + 1; i < to; i++ {
						up += max(0, h.closing[i]-h.closing[i-1])
						down += max(0, h.closing[i-1]-h.closing[i])
					}
					if up+down == 0 {
						return 0
					}
					return 100 * (up - down) / (up + down)
				}))
			}},
		"Stochastic": {func(n int) any { return indicator.NewStochastic(n, 3, 4) }, on(func(i *indicator.Stochastic, b bar) []float64 {
			l := i.Update(b.high, b.low, b.closing)
			return []float64{l.K, l.D}
		}), stochasticOracle},
		"StochRSI": {func(n int) any { return indicator.NewStochRSI(n, n, 3, 3) }, on(func(i *indicator.StochRSI, b bar) []float64 {
			l := i.Update(b.closing)
			return []float64{l.K, l.D}
		}), func(h history, n int) [][]float64 {
			rsi := indicator.NewRSI(n) // which is compared with the oracle itself
			var of history
			for _, x := range h.closing {
				if r := rsi.Update(x); !math.IsNaN(r) {
					of.add(bar{high: r, low: r, closing: r})
				}
			}
			lines, lead := smoothed(of, n, 3, 3), len(h.bars)-len(of.bars)
			for i := range lines {
				lines[i] = append(after(lead, make([]float64, lead)), lines[i]...)
			}
			return lines
		}},
		"WilliamsR": {func(n int) any { return indicator.NewWilliamsR(n) }, on(func(i *indicator.WilliamsR, b bar) []float64 {
			return []float64{i.Update(b.high, b.low, b.closing)}
		}), func(h history, n int) [][]float64 {
			fast := smoothed(h, n, 1, 1)[0]
			return one(h.column(func(i int) float64 { return fast[i] - 100 }))
		}},
		"Awesome": {func(n int) any { return indicator.NewAwesome(n, 3*n) }, on(func(i *indicator.Awesome, b bar) []float64 { return []float64{i.Update(b.high, b.low)} }),
			func(h history, n int) [][]float64 {
				middles := h.column(func(i int) float64 { return (h.high[i] + h.low[i]) / 2 })
				return one(h.window(3*n, func(from, to int) float64 {
					return sumOf(middles[to-n:to])/float64(n) - sumOf(middles[from:to])/float64(3*n)
				}))
			}},
		"Ultimate": {func(n int) any { return indicator.NewUltimate(n, 2*n, 4*n) }, on(func(i *indicator.Ultimate, b bar) []float64 {
			return []float64{i.Update(b.high, b.low, b.closing)}
		}), func(h history, n int) [][]float64 {
			if n < 10 {
				return nil // a period without a range is a question of taste
			}
			return one(after(4*n, talib.UltOsc(h.high, h.low, h.closing, n, 2*n, 4*n)))
		}},
		"CCI": {func(n int) any { return indicator.NewCCI(n) }, on(func(i *indicator.CCI, b bar) []float64 { return []float64{i.Update(b.high, b.low, b.closing)} }),
			func(h history, n int) [][]float64 {
				return one(h.window(n, func(from, to int) float64 {
					mean, away := 0.0, 0.0
					for _, b := range h.bars[from:to] {
						mean += typical(b) / float64(n)
					}
					for _, b := range h.bars[from:to] {
						away += math.Abs(typical(b)-mean) / float64(n)
					}
					if away < 1e-6 {
						return math.NaN()
					}
					return (typical(h.bars[to-1]) - mean) / (0.015 * away)
				}))
			}},
		"MFI": {func(n int) any { return indicator.NewMFI(n) }, on(func(i *indicator.MFI, b bar) []float64 {
			return []float64{i.Update(b.high, b.low, b.closing, b.volume)}
		}), func(h history, n int) [][]float64 {
			return one(h.window(n+1, func(from, to int) float64 {
				up, down := 0.0, 0.0
				for i := from + 1; i < to; i++ {
					switch now, before := typical(h.bars[i]), typical(h.bars[i-1]); {
					case now > before:
						up += now * h.volume[i]
					case now < before:
						down += now * h.volume[i]
					}
				}
				if up+down == 0 {
					return 50
				}
				return 100 * up / (up + down)
			}))
		}},
		"OBV": {func(int) any { return indicator.NewOBV() }, on(func(i *indicator.OBV, b bar) []float64 { return []float64{i.Update(b.closing, b.volume)} }),
			func(h history, _ int) [][]float64 { return one(talib.Obv(h.closing, h.volume)) }},
		"AccumulationDistribution": {func(int) any { return indicator.NewAccumulationDistribution() }, on(func(i *indicator.AccumulationDistribution, b bar) []float64 {
			return []float64{i.Update(b.high, b.low, b.closing, b.volume)}
		}), func(h history, _ int) [][]float64 { return one(talib.Ad(h.high, h.low, h.closing, h.volume)) }},
		"ChaikinMoneyFlow": {func(n int) any { return indicator.NewChaikinMoneyFlow(n) }, on(func(i *indicator.ChaikinMoneyFlow, b bar) []float64 {
			return []float64{i.Update(b.high, b.low, b.closing, b.volume)}
		}), func(h history, n int) [][]float64 {
			return one(h.window(n, func(from, to int) float64 {
				flow := 0.0
				for _, b := range h.bars[from:to] {
					if b.high > b.low {
						flow += (2*b.closing - b.low - b.high) / (b.high - b.low) * b.volume
					}
				}
				return flow / sumOf(h.volume[from:to])
			}))
		}},
		"ForceIndex": {func(n int) any { return indicator.NewForceIndex(n) }, on(func(i *indicator.ForceIndex, b bar) []float64 { return []float64{i.Update(b.closing, b.volume)} }),
			func(h history, n int) [][]float64 {
				force := h.column(func(i int) float64 { return (h.closing[i] - h.closing[max(0, i-1)]) * h.volume[i] })
				return one(append([]float64{math.NaN()}, after(n-1, talib.Ema(force[1:], n))...))
			}},
		"StdDev": {func(n int) any { return indicator.NewStdDev(n) }, on(func(i *indicator.StdDev, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 {
				return one(h.window(n, func(from, to int) float64 { return deviation(h.closing[from:to]) }))
			}},
		"ZScore": {func(n int) any { return indicator.NewZScore(n) }, on(func(i *indicator.ZScore, b bar) []float64 { return []float64{i.Update(b.closing)} }),
			func(h history, n int) [][]float64 {
				return one(h.window(n, func(from, to int) float64 {
					if d := deviation(h.closing[from:to]); d > 0 {
						return (h.closing[to-1] - sumOf(h.closing[from:to])/float64(n)) / d
					}
					return 0
				}))
			}},
		"LinearRegression": {func(n int) any { return indicator.NewLinearRegression(n) }, on(func(i *indicator.LinearRegression, b bar) []float64 {
			r := i.Update(b.closing)
			return []float64{r.Value, r.Slope, r.R2}
		}), func(h history, n int) [][]float64 {
			return [][]float64{after(n-1, talib.LinearReg(h.closing, n)), after(n-1, talib.LinearRegSlope(h.closing, n)), fitOracle(h, n)}
		}},
		"HeikinAshi": {func(int) any { return indicator.NewHeikinAshi() }, on(func(i *indicator.HeikinAshi, b bar) []float64 {
			c := i.Update(b.open, b.high, b.low, b.closing)
			return []float64{c.Open, c.High, c.Low, c.Close}
		}), func(h history, _ int) [][]float64 {
			begin, end := math.NaN(), math.NaN()
			lines := make([][]float64, 4)
			for _, b := range h.bars {
				if begin = (begin + end) / 2; math.IsNaN(begin) {
					begin = (b.open + b.closing) / 2
				}
				end = (b.open + b.high + b.low + b.closing) / 4
				for i, x := range [4]float64{begin, max(b.high, begin, end), min(b.low, begin, end), end} {
					lines[i] = append(lines[i], x)
				}
			}
			return lines
		}},
		"Pivots": {func(int) any { return indicator.NewPivots(3_600_000) }, on(func(i *indicator.Pivots, b bar) []float64 {
			l := i.Update(b.time, b.high, b.low, b.closing)
			return []float64{l.Pivot, l.R1, l.S1, l.R2, l.S2, l.R3, l.S3}
		}), pivotOracle},
		"Choppiness": {func(n int) any { return indicator.NewChoppiness(n) }, on(func(i *indicator.Choppiness, b bar) []float64 {
			return []float64{i.Update(b.high, b.low, b.closing)}
		}), choppinessOracle},
	}
}
