// Package backtest runs a strategy over history: the engine, a simulated venue
// and recorded candles on a virtual clock.
//
// It owns the run and its result: trades, equity at every candle, statistics.
// It does not own the rules by which orders fill (package paper) or how the
// account is kept (package engine); they are those of a paper bot. Times come
// from the candles alone; the same run gives the same bytes (rule PL1).
//
// Smallest use:
//
//	r, err := backtest.Run(ctx, basic.Definition(), backtest.Config{Market: m, Interval: time.Minute, Balance: cash}, series.Source(), nil)
package backtest
