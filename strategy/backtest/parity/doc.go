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
// A live bot decides by what it hears of its orders too. What came to a bot from outside
// between candles is on its tape at its place (Given): what its exchange told, that its
// orders were taken back, that a kill switch kept an answer from being carried out, at which
// prices between two candles an exit acted, on paper as well. A
// replay gives it the same there, through the same engine and the same venue of wishes,
// and nothing reaches an exchange; so what it wants must be the same to the last digit.
//
// Beside that, a replay of a live bot gives the same orders to the venue of backtests
// (Simulation), each with as much money as it needs, and compares what came of them: what
// the exchange cost beyond the simulation, and how much later it traded (Slippage).
//
// The tops of the book that a strategy looked at are on its tape, for nobody else keeps
// them. What a replay does not see: trades and candles of other pairs that a strategy only
// looks at, where the market's history does not tell them, and what a strategy reads that
// it is not given. Timers are part of a
// strategy's state, and risk bounds of the baseline; both are replayed.
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
