// Package engine is the bot engine: one deterministic loop of event, strategy,
// risk, execution, portfolio and snapshot that runs unchanged in backtest, on
// paper and live.
//
// It owns the order of things within an event, the numbering of orders, the
// account view that a strategy gets, and the state that a restart goes on from.
// It does not own the strategy's process: it is a state machine in two halves,
// "what happened → what the strategy shall hear" (Begin, Next) and "what the
// strategy wants → what is done" (Commands), so that a backtest can run both in
// a loop around one strategy and a worker can run a thousand around one batched
// call.
//
// What a closed candle does, in order:
//
//  1. Orders of before meet the candle at the venue; each fill is booked and
//     told to the strategy.
//  2. A protective exit that the candle reaches closes the position.
//  3. The account is valued at the close, and the bounds of the whole bot judge it: a
//     position that is held for too long, a daily loss or drawdown that is reached is
//     closed from here on, which trades as an order of step 5 does. The high raises the
//     trailing stop for the candles after.
//  4. The strategy hears the signals that came until then, and the candle; right
//     before it what it has subscribed to: candles of other pairs that have closed by
//     then, the trades within, and the top of the book at its close.
//  5. Its commands pass the risk checks; orders that are allowed go to the venue
//     and trade in the next candle at the earliest (rule PL3).
//
// Between two candles, prices at which the market trades close a position whose exits they
// reach (Session.ProtectBetween); a backtest has none. The strategy hears of it with the next
// candle.
//
// What becomes of those orders at once, such as a denial, the strategy hears
// with the next candle, so that answers to answers never go on within one.
//
// A Basket is the engine of a bot that trades several pairs with one balance: a
// Session for each of them, and the cash that they share.
//
// Smallest use:
//
//	s, err := engine.New(engine.Config{Market: m, Interval: time.Minute, Venue: venue, Balance: cash})
//	err = s.Begin(&candle)
//	for ev := s.Next(); ev != nil; ev = s.Next() {
//		err = s.Commands(instance.Deliver(s.View(), ev))
//	}
package engine
