package rsi

import "github.com/lunobot/lunobot/strategy"

// explain says in a sentence what was decided, or why nothing was. The lines are
// the closes that would bring the index to its levels.
func (s *reversion) explain(b *strategy.Bot, order strategy.Order, rsi float64, back, holds bool) {
	if !s.RSI.Ready() || !s.ready() {
		b.Note("waiting: the index needs %d candles and the true range %d", s.Params.Period+1, s.Params.ATR+1)
		return
	}
	buy, sell := s.RSI.PriceAt(float64(s.Params.Oversold)), s.RSI.PriceAt(s.exit())
	b.Plot("oversold", buy)
	b.Plot("exit", sell)
	if stop := b.Exits().Stop; stop > 0 {
		b.Plot("stop", stop.Float())
	}
	switch {
	case holds && order.Ref() != 0:
		order.Because("RSI %.1f reached the exit at %g", rsi, s.exit())
	case holds:
		b.Note("holding: RSI %.1f is below the exit at %g; a close of %s would reach it", rsi, s.exit(), b.Price(sell))
	case order.Ref() != 0:
		order.Because("RSI %.1f came back above the oversold level %d", rsi, s.Params.Oversold)
	case back:
		b.Note("RSI %.1f came back above the oversold level %d, but there is nothing to trade with", rsi, s.Params.Oversold)
	case rsi < float64(s.Params.Oversold):
		b.Note("waiting: RSI %.1f is oversold; a close above %s would bring it back above %d", rsi, b.Price(buy), s.Params.Oversold)
	default:
		b.Note("waiting: RSI %.1f is not oversold; a close of %s would bring it to %d", rsi, b.Price(buy), s.Params.Oversold)
	}
}
