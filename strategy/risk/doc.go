// Package risk is the host's own judgement of what a strategy asks for: checks
// before an order is sent and protective exits of a position (rules RK1, RK4).
//
// It owns the bounds, the reasons, and what the bounds remember of a position
// (Holding) and of a bot (Watch), which whoever asks it keeps. A refusal here is a
// denial, which is never confused with a venue's rejection (rule T11). The same code
// runs in backtest, paper and live. It does not own the position (package portfolio)
// or the sending (package engine).
//
// Smallest use:
//
//	g, err := risk.NewGuard(risk.Config{StopLoss: exchange.RateOne / 20}, market)
//	command, denial := g.Check(account, command)
package risk
