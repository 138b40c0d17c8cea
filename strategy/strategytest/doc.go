// Package strategytest helps authors to test a strategy, in three steps.
//
//  1. In process: New feeds candles, fills and order updates to a strategy and
//     returns the commands that it gives; NewPaper carries the commands out on a
//     simulated account; LongOnly holds a strategy that buys and sells one
//     position to its rules over random candles (Walk).
//  2. Conformance: Conformance runs it through real gRPC and proves what every
//     host relies on: it is deterministic (rule PL1), a snapshot restored at any
//     point goes on identically, its defaults are valid, no market, no parameter
//     and no state, however odd, makes it panic.
//  3. Golden backtest: Golden runs it over recorded candles and compares the
//     result with a file; with STRATEGYTEST_UPDATE=1 in the
//     environment the file is written anew.
//
// It does not own the checks of the second, which are package conformance's, nor
// the engine that the third runs.
//
// Smallest use:
//
//	func TestStrategy(t *testing.T) { strategytest.Conformance(t, basic.Definition()) }
package strategytest
