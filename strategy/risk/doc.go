// Package risk is the host's own judgement of what a strategy asks for: checks
// before an order is sent and protective exits of a position (rules RK1, RK4).
//
// It owns the bounds, the reasons, and what the bounds remember of a position
// (Holding) and of a bot (Watch), which whoever asks it keeps. A refusal here is a
// denial, which is never confused with a venue's rejection (rule T11). The same code
// runs in backtest, paper and live. It does not own the position (package portfolio)
// or the sending (package engine).
//
// When exits are judged: a stop-loss, take-profit, trailing stop or time exit acts on the
// closed candle that reaches it. A backtest has nothing else, and takes the worse path that
// the candle allows (rule PL4): the stop where it reaches stop and target, no target in a
// candle in which a resting buy traded, and a trailing stop that a candle's high raises for
// the candles after it only. So a backtest sells at the trigger, or at the open that is
// beyond it, at the time of the candle; and what was reached and left within the candle it
// never tells from what was not left.
//
// A running bot, on paper or live, is judged also between two candles, on the trades that
// its worker hears of (Alarm; engine.Session.ProtectBetween), by the same functions: it acts
// within a second or two, at the price of then, and its trailing stop follows each of those
// prices. Several that come at once count as a candle does. What closes the position is
// committed before anything is sent. On paper, a minute in which an open order would have
// traded is left to its candle, which knows what came first. A daily loss and a drawdown are
// judged at closes, live and in backtests alike.
//
// One bad print sells nothing: a price that is more than a per cent away from that of a
// second before counts only if the market says the same a second later, and otherwise neither
// in its candle nor in the quiet minutes after it, as far as exits are concerned (package
// marketdata, Prints). The account is valued at what is believed of closes too, so that a bad
// print trips no breaker.
//
// What that does not cover: where the stream did not tell all trades of a candle, all of that
// counts, as in a backtest; and what is believed is in the memory of the worker that heard the
// trades. A candle of the history comes without it: of a minute in which a worker has begun,
// taken a bot over, lost its stream or fallen behind, and of quiet ones right after it, a bad
// print counts, and can sell.
//
// Smallest use:
//
//	g, err := risk.NewGuard(risk.Config{StopLoss: exchange.RateOne / 20}, market)
//	command, denial := g.Check(account, command)
package risk
