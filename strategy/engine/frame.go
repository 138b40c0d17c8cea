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
	s.state.Frame = Frame{}
	for i := range candles {
		if s.frames > 1 {
			s.fold(&candles[i])
		}
	}
}

// fold adds a candle to the one that the strategy hears next; it reports whether
// that is complete, and is in other then.
func (s *Session) fold(c *exchange.Candle) bool {
	f, length := &s.state.Frame, s.frames*s.span
	start := c.Time - c.Time%length
	if f.Count > 0 && f.Candle.Time == start {
		f.Candle = exchange.Merge(f.Candle, *c)
		f.Count++
	} else {
		f.Candle, f.Count = *c, 1
		f.Candle.Time = start
	}
	if c.Time+s.span != start+length || f.Count != s.frames {
		return false // more is to come, or its beginning was not seen
	}
	f.Count = 0
	s.other = strategy.Event{Kind: strategy.CandleEvent, Time: start + length, Candle: f.Candle}
	return true
}
