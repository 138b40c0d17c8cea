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
