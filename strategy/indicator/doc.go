// Package indicator computes technical indicators one candle at a time: each
// update costs the same however long the history is, allocates nothing and can
// be interrupted by a snapshot at any point.
//
// It owns, in families,
//
//	averages     SMA EMA RMA WMA DEMA TEMA HMA KAMA VWMA VWAP
//	channels     Bollinger Donchian Keltner Highest Lowest
//	trend        MACD PPO ADX Aroon SuperTrend PSAR Ichimoku TRIX LinearRegression
//	oscillators  RSI StochRSI Stochastic WilliamsR CCI CMO ROC Momentum Ultimate Awesome
//	volume       OBV MFI AccumulationDistribution ChaikinMoneyFlow ForceIndex
//	statistics   ATR StdDev ZScore Choppiness
//	candles      HeikinAshi Pivots
//
// and Cross, the detection of one line going over another. It does not own
// candles, signals or orders.
//
// Smallest use:
//
//	fast, slow := indicator.NewSMA(10), indicator.NewSMA(30)
//	var cross indicator.Cross
//	...
//	price := candle.Close.Float()
//	if cross.Update(fast.Update(price), slow.Update(price)) == indicator.CrossUp { … }
//
// # Numbers
//
// Prices go in as ticks (exchange.Ticks.Float), which are whole numbers. Sums
// of whole numbers below 2^53 are exact in float64, so the averages of an SMA
// are the correctly rounded quotients of exact sums: over flat prices two of
// them are equal and not nearly equal. For other floats the running sums are
// made anew each time that their window has passed, so errors do not pile up.
// Products are rounded before they are added, so the results have the same bits
// on every processor. Inputs must be finite.
//
// Until an indicator has seen enough it is not Ready and its values are NaN.
// Every comparison with NaN is false, and Cross passes over it, so a strategy
// that forgets to ask Ready does nothing rather than something wrong.
//
// # Candles
//
// Those that look at more than one price of a candle take, in this order, as
// much as they need of: when it opened, open, high, low, close, volume. Those
// that say more than one thing say it in a small struct; Value is then the line
// that their comment names.
//
// An update costs a constant number of steps, on average over the window for the
// highest and lowest and for the sums that are made anew, and a logarithm of the
// period for the CCI.
//
// # Periods
//
// A period below 1 counts as 1, one above MaxPeriod as MaxPeriod; a strategy
// that wants to refuse them says so in its parameters.
//
// # Snapshots
//
// Each indicator is a json.Marshaler and json.Unmarshaler, so a struct whose
// exported fields hold indicators is saved by encoding/json and goes on, to the
// last bit, where it stopped. An indicator must not be copied once it is in use
// and belongs to one goroutine.
package indicator
