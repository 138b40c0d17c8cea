package indicator

import "github.com/lunobot/lunobot/exchange"

// Catalog lists the indicators that can be chosen by name, in families.
func Catalog() []Entry {
	value := []string{"value"}
	bands := []string{"middle", "lower", "upper"}
	trend := []string{"line", "up"}
	lines := []string{"k", "d"}
	macd := []string{"line", "signal", "histogram"}
	return []Entry{
		closes("sma", "Simple moving average", 20, Price, NewSMA),
		closes("ema", "Exponential moving average", 20, Price, NewEMA),
		closes("rma", "Wilder's moving average", 14, Price, NewRMA),
		closes("wma", "Weighted moving average", 20, Price, NewWMA),
		closes("dema", "Double exponential moving average", 20, Price, NewDEMA),
		closes("tema", "Triple exponential moving average", 20, Price, NewTEMA),
		closes("hma", "Hull moving average", 20, Price, NewHMA),
		closes("kama", "Kaufman's adaptive moving average", 10, Price, NewKAMA),
		entry("vwma", "Volume-weighted moving average", period(20), value, Price, func(a []float64) *VWMA { return NewVWMA(int(a[0])) },
			func(i *VWMA, c exchange.Candle, out []float64) { out[0] = i.Update(c.Close.Float(), c.Volume.Float()) }),
		entry("vwap", "Volume-weighted average price of a session", hours(24), value, Price, func(a []float64) *VWAP { return NewVWAP(int64(a[0]) * hour) },
			func(i *VWAP, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.Time, c.High.Float(), c.Low.Float(), c.Close.Float(), c.Volume.Float())
			}),

		entry("bollinger", "Bollinger bands", []Arg{count("period", 20), factor("width", 2)}, bands,
			Price, func(a []float64) *Bollinger { return NewBollinger(int(a[0]), a[1]) },
			func(i *Bollinger, c exchange.Candle, out []float64) { i.Update(c.Close.Float()).into(out) }),
		entry("donchian", "Donchian channel", period(20), bands, Price, func(a []float64) *Donchian { return NewDonchian(int(a[0])) },
			func(i *Donchian, c exchange.Candle, out []float64) { i.Update(c.High.Float(), c.Low.Float()).into(out) }),
		entry("keltner", "Keltner channel", []Arg{count("period", 20), count("atr", 10), factor("width", 2)}, bands,
			Price, func(a []float64) *Keltner { return NewKeltner(int(a[0]), int(a[1]), a[2]) },
			func(i *Keltner, c exchange.Candle, out []float64) {
				i.Update(c.High.Float(), c.Low.Float(), c.Close.Float()).into(out)
			}),
		entry("highest", "Highest high", period(20), value, Price, func(a []float64) *Highest { return NewHighest(int(a[0])) },
			func(i *Highest, c exchange.Candle, out []float64) { out[0] = i.Update(c.High.Float()) }),
		entry("lowest", "Lowest low", period(20), value, Price, func(a []float64) *Lowest { return NewLowest(int(a[0])) },
			func(i *Lowest, c exchange.Candle, out []float64) { out[0] = i.Update(c.Low.Float()) }),

		entry("macd", "Convergence of two moving averages", []Arg{count("fast", 12), count("slow", 26), count("signal", 9)}, macd,
			Price, func(a []float64) *MACD { return NewMACD(int(a[0]), int(a[1]), int(a[2])) },
			func(i *MACD, c exchange.Candle, out []float64) { i.Update(c.Close.Float()).into(out) }),
		entry("ppo", "Percentage price oscillator", []Arg{count("fast", 12), count("slow", 26), count("signal", 9)}, macd,
			Number, func(a []float64) *PPO { return NewPPO(int(a[0]), int(a[1]), int(a[2])) },
			func(i *PPO, c exchange.Candle, out []float64) { i.Update(c.Close.Float()).into(out) }),
		entry("adx", "Average directional index", period(14), []string{"value", "plus", "minus"}, Number, func(a []float64) *ADX { return NewADX(int(a[0])) },
			func(i *ADX, c exchange.Candle, out []float64) {
				l := i.Update(c.High.Float(), c.Low.Float(), c.Close.Float())
				out[0], out[1], out[2] = l.ADX, l.Plus, l.Minus
			}),
		entry("aroon", "Aroon", period(25), []string{"value", "up", "down"}, Number, func(a []float64) *Aroon { return NewAroon(int(a[0])) },
			func(i *Aroon, c exchange.Candle, out []float64) {
				l := i.Update(c.High.Float(), c.Low.Float())
				out[0], out[1], out[2] = l.Oscillator, l.Up, l.Down
			}),
		entry("supertrend", "SuperTrend", []Arg{count("atr", 10), factor("factor", 3)}, trend,
			Price, func(a []float64) *SuperTrend { return NewSuperTrend(int(a[0]), a[1]) },
			func(i *SuperTrend, c exchange.Candle, out []float64) {
				i.Update(c.High.Float(), c.Low.Float(), c.Close.Float()).into(out)
			}).but(Number, 1),
		entry("psar", "Parabolic stop and reverse", []Arg{factor("step", 0.02), factor("most", 0.2)}, trend,
			Price, func(a []float64) *PSAR { return NewPSAR(a[0], a[1]) },
			func(i *PSAR, c exchange.Candle, out []float64) { i.Update(c.High.Float(), c.Low.Float()).into(out) }).but(Number, 1),
		entry("ichimoku", "Ichimoku cloud", []Arg{count("conversion", 9), count("base", 26), count("span", 52)},
			[]string{"base", "conversion", "a", "b"}, Price, func(a []float64) *Ichimoku { return NewIchimoku(int(a[0]), int(a[1]), int(a[2])) },
			func(i *Ichimoku, c exchange.Candle, out []float64) {
				l := i.Update(c.High.Float(), c.Low.Float())
				out[0], out[1], out[2], out[3] = l.Base, l.Conversion, l.SpanA, l.SpanB
			}),
		closes("trix", "Change of a triply smoothed average", 15, Number, NewTRIX),
		entry("linreg", "Linear regression", period(20), []string{"value", "slope", "r2"}, Price, func(a []float64) *LinearRegression { return NewLinearRegression(int(a[0])) },
			func(i *LinearRegression, c exchange.Candle, out []float64) {
				r := i.Update(c.Close.Float())
				out[0], out[1], out[2] = r.Value, r.Slope, r.R2
			}).but(Number, 2),

		closes("rsi", "Relative strength index", 14, Number, NewRSI),
		entry("stochrsi", "Stochastic of the relative strength index",
			[]Arg{count("rsi", 14), count("period", 14), count("smoothing", 3), count("signal", 3)}, lines,
			Number, func(a []float64) *StochRSI { return NewStochRSI(int(a[0]), int(a[1]), int(a[2]), int(a[3])) },
			func(i *StochRSI, c exchange.Candle, out []float64) {
				l := i.Update(c.Close.Float())
				out[0], out[1] = l.K, l.D
			}),
		entry("stochastic", "Stochastic", []Arg{count("period", 14), count("smoothing", 3), count("signal", 3)}, lines,
			Number, func(a []float64) *Stochastic { return NewStochastic(int(a[0]), int(a[1]), int(a[2])) },
			func(i *Stochastic, c exchange.Candle, out []float64) {
				l := i.Update(c.High.Float(), c.Low.Float(), c.Close.Float())
				out[0], out[1] = l.K, l.D
			}),
		entry("williams", "Williams' %R", period(14), value, Number, func(a []float64) *WilliamsR { return NewWilliamsR(int(a[0])) },
			func(i *WilliamsR, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.High.Float(), c.Low.Float(), c.Close.Float())
			}),
		entry("cci", "Commodity channel index", period(20), value, Number, func(a []float64) *CCI { return NewCCI(int(a[0])) },
			func(i *CCI, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.High.Float(), c.Low.Float(), c.Close.Float())
			}),
		closes("cmo", "Chande's momentum oscillator", 14, Number, NewCMO),
		closes("roc", "Rate of change", 10, Number, NewROC),
		closes("momentum", "Momentum", 10, Price, NewMomentum),
		entry("ultimate", "Ultimate oscillator", []Arg{count("short", 7), count("middle", 14), count("long", 28)}, value,
			Number, func(a []float64) *Ultimate { return NewUltimate(int(a[0]), int(a[1]), int(a[2])) },
			func(i *Ultimate, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.High.Float(), c.Low.Float(), c.Close.Float())
			}),
		entry("awesome", "Awesome oscillator", []Arg{count("fast", 5), count("slow", 34)}, value,
			Price, func(a []float64) *Awesome { return NewAwesome(int(a[0]), int(a[1])) },
			func(i *Awesome, c exchange.Candle, out []float64) { out[0] = i.Update(c.High.Float(), c.Low.Float()) }),

		entry("obv", "On-balance volume", nil, value, Volume, func([]float64) *OBV { return NewOBV() },
			func(i *OBV, c exchange.Candle, out []float64) { out[0] = i.Update(c.Close.Float(), c.Volume.Float()) }),
		entry("mfi", "Money flow index", period(14), value, Number, func(a []float64) *MFI { return NewMFI(int(a[0])) },
			func(i *MFI, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.High.Float(), c.Low.Float(), c.Close.Float(), c.Volume.Float())
			}),
		entry("ad", "Accumulation and distribution", nil, value, Volume, func([]float64) *AccumulationDistribution { return NewAccumulationDistribution() },
			func(i *AccumulationDistribution, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.High.Float(), c.Low.Float(), c.Close.Float(), c.Volume.Float())
			}),
		entry("cmf", "Chaikin's money flow", period(20), value, Number, func(a []float64) *ChaikinMoneyFlow { return NewChaikinMoneyFlow(int(a[0])) },
			func(i *ChaikinMoneyFlow, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.High.Float(), c.Low.Float(), c.Close.Float(), c.Volume.Float())
			}),
		entry("force", "Elder's force index", period(13), value, Value, func(a []float64) *ForceIndex { return NewForceIndex(int(a[0])) },
			func(i *ForceIndex, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.Close.Float(), c.Volume.Float())
			}),

		entry("atr", "Average true range", period(14), value, Price, func(a []float64) *ATR { return NewATR(int(a[0])) },
			func(i *ATR, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.High.Float(), c.Low.Float(), c.Close.Float())
			}),
		closes("stddev", "Standard deviation", 20, Price, NewStdDev),
		closes("zscore", "Distance from the mean in standard deviations", 20, Number, NewZScore),
		entry("choppiness", "Choppiness index", period(14), value, Number, func(a []float64) *Choppiness { return NewChoppiness(int(a[0])) },
			func(i *Choppiness, c exchange.Candle, out []float64) {
				out[0] = i.Update(c.High.Float(), c.Low.Float(), c.Close.Float())
			}),

		entry("heikin", "Heikin-Ashi candle", nil, []string{"close", "open", "high", "low"}, Price, func([]float64) *HeikinAshi { return NewHeikinAshi() },
			func(i *HeikinAshi, c exchange.Candle, out []float64) {
				b := i.Update(c.Open.Float(), c.High.Float(), c.Low.Float(), c.Close.Float())
				out[0], out[1], out[2], out[3] = b.Close, b.Open, b.High, b.Low
			}),
		entry("pivot", "Pivot points of the session before", hours(24), []string{"pivot", "r1", "r2", "r3", "s1", "s2", "s3"},
			Price, func(a []float64) *Pivots { return NewPivots(int64(a[0]) * hour) },
			func(i *Pivots, c exchange.Candle, out []float64) {
				l := i.Update(c.Time, c.High.Float(), c.Low.Float(), c.Close.Float())
				copy(out, []float64{l.Pivot, l.R1, l.R2, l.R3, l.S1, l.S2, l.S3})
			}),
	}
}

// into writes the lines in the order of the catalog.
func (b Bands) into(out []float64) { out[0], out[1], out[2] = b.Middle, b.Lower, b.Upper }

func (l MACDLines) into(out []float64) { out[0], out[1], out[2] = l.Line, l.Signal, l.Histogram }

// into writes the line, and 1 for up and 0 for down.
func (t Trend) into(out []float64) {
	out[0], out[1] = t.Line, 0
	if t.Up {
		out[1] = 1
	}
}
