// Package indicator computes technical indicators one candle at a time: each
// update costs the same however long the history is, allocates nothing and can
// be interrupted by a snapshot at any point.
//
// It owns the moving averages (SMA, EMA), RSI, ATR, Bollinger bands, MACD and
// the detection of crosses. It does not own candles, signals or orders.
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
