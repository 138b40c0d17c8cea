package engine

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// Resume takes the candles since the beginning of the candle that the strategy
// hears next, before the first Begin of a session that was placed by Seek.
// Without them a strategy that decides on longer candles would miss that one,
// because half a candle is never given as a whole (rule M4).
func (s *Session) Resume(candles []exchange.Candle) {
	s.state.Frame = strategy.Frame{Length: s.cfg.Decide}
	for i := range candles {
		if s.frames > 1 {
			s.fold(&candles[i])
		}
	}
}

// fold adds a candle to the one that the strategy hears next; it reports whether
// that is complete, and is in other then.
func (s *Session) fold(c *exchange.Candle) bool {
	f := &s.state.Frame
	if !f.Fold(c, s.cfg.Interval) {
		return false
	}
	s.other = strategy.Event{Kind: strategy.CandleEvent, Time: f.Candle.Time + s.frames*s.span, Candle: f.Candle}
	return true
}
