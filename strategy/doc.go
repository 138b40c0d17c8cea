// Package strategy is the contract between an author's strategy and whoever
// runs it: events in, commands out, and a snapshot of the state.
//
// It owns the definition of a strategy (name, version, parameters, how to make
// one), the events that it may handle, the Bot that it reads its position from
// and records its commands with, and the snapshot. It does not own the loop
// that feeds it (package engine), the process that it runs in (package plugin)
// or the venue.
//
// A strategy never calls anybody: it looks at the Bot, changes its own state
// and records commands. The same events give the same commands (rule PL1), in a
// backtest, on paper and live.
//
// It hears candles of the one length that its bot decides on. A strategy that
// looks at several lengths keeps a Frame for each longer one, and what it waits
// for a Timer; both are fields of its state and survive a restart with it.
//
// What else it looks at it says as a Subscriber: the top of the order book
// (Bot.Book, OnBook), the trades of its market (OnTrades), candles of other pairs
// (OnPair). All of it is told at a close, right before the candle, like everything
// that a strategy hears: what it orders in answer trades in the next candle at the
// earliest (rule PL3), and what a paper bot heard can be told again (rule PL2).
//
//	func (s *trend) Subscribe() strategy.Subscription {
//		return strategy.Subscription{Pairs: []string{s.Params.Leader}}
//	}
//
//	func (s *trend) OnPair(b *strategy.Bot, pair string, c exchange.Candle) { s.Leader.Update(c.Close) }
//
// It trades in one market, unless it is a PairTrader: that may be given further
// pairs, which share one balance, and reaches them by Bot.Pair.
//
// Smallest use:
//
//	type hold struct{ Bought bool }
//
//	func (s *hold) OnCandle(b *strategy.Bot, c exchange.Candle) {
//		if !s.Bought {
//			s.Bought = true
//			b.BuyWith(b.FreeCounter()).Because("bought once, to hold")
//		}
//	}
//
//	def := strategy.MustDefine(strategy.Info{Name: "hold", Version: "1.0.0"}, struct{}{},
//		func(struct{}) strategy.Strategy { return &hold{} })
package strategy
