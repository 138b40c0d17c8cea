// Package parity replays what a paper or live bot saw and compares what it does
// then with what it did (rule PL2).
//
// It owns the tape that a bot's worker keeps of it, the account on paper that bot and
// replay are both made of, in one pair or several, the replay, and the sentence that
// names the first difference and its cause. It does not own where tapes and
// candles are stored, nor the strategy's process.
//
// A tape is a baseline, from which everything goes on, and points after it. A
// point holds three running sums: of the candles that the bot saw, of its acts
// (what its strategy asked for, what became of its orders, what it was told from
// outside), and of what it said about them; and the acts themselves. So a quiet
// hour costs three numbers, and still not one candle and not one word of it can
// differ unnoticed. Of a bot that trades several pairs, a point tells too with which
// candles those of the further pairs did not come in time.
//
// What ends a tape is no fault: a bot that is stopped, is given other parameters
// or another version begins a new tape. A worker that restarts in between does
// not: the bot goes on from its checkpoint, and must come to the same.
//
// Smallest use:
//
//	tape := parity.NewTape(market, parity.Sums{}) // an engine.Recorder
//	tape.Candle(&c); tape.Event(ev); tape.Commands(cs); point := tape.Point(); tape.Next()
//	report, err := parity.Check(ctx, parity.Input{Baseline: b, Points: points, Candles: seen, Open: parity.Local(def)})
//	if report.Difference != nil { … }
package parity
