// Package perf measures how a strategy did: return, risk and the quality of its
// trades, from an equity curve and a list of trades.
//
// It owns the formulas; each names its source. It does not own the curve's
// storage, the portfolio that it comes from or any page that shows it. It is
// pure: nothing here reads a clock.
//
// Smallest use, in a loop over candles:
//
//	curve, err := perf.NewCurve(perf.Config{Start: start, Interval: time.Minute, Initial: 1_000_000})
//	for … {
//		curve.Update(equity)
//	}
//	stats := curve.Stats(perf.Result{Trades: trades, FirstPrice: first, LastPrice: last})
//
// Whether a result is more than luck is asked by ProbabilisticSharpe,
// DeflatedSharpe, MinTrackRecord and Overfit, and what the order of its trades
// did by Resample. Those take returns of equal periods and make nothing annual.
//
// # Conventions
//
// Equity, profits and fees are whole units of the counter currency
// (exchange.Units). The first equity is that at the open of the first candle,
// each further one that at a candle's close; the candles have no holes.
//
// Returns are simple and measured over days, which end at the first close at or
// after midnight UTC, or over candles if those are longer than a day. Days that
// the curve covers only in part are no samples of risk. A year has 365 days,
// because the market never closes, so a daily figure is made annual with 365
// and its square root. The risk-free rate is 0.
//
// A figure that is not defined, such as the profit factor without a loss, is
// NaN in Go and null in JSON.
package perf
