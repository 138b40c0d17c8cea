// Package portfolio keeps a bot's account from its fills alone: position, cash,
// cost, realised and unrealised profit, fees, and the closed trades.
//
// It owns the bookkeeping (average cost, fees in either currency, exact). It
// does not own orders or reservations, which are the venue's, nor any price
// but the ones of the fills and the one that it is asked to value with.
//
// Smallest use:
//
//	p := portfolio.New(cash)
//	trade, closed, err := p.Apply(fill)
//	equity, err := p.Equity(lastPrice)
package portfolio
