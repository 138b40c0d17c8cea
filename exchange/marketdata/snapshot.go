package marketdata

import (
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// Snapshot is the present state of a pair, for pages and for the check that the
// data is fresh.
type Snapshot struct {
	Pair string
	// Last is the newest price; its Price is 0 before the first.
	Last exchange.Tick
	// Closed is the newest closed candle; its Time is 0 before the first.
	Closed exchange.Candle
	// Forming is the candle that is still open, as far as the stream told it; its
	// Time is 0 before its first trade. It must not be traded on (rule M4).
	Forming exchange.Candle
	// Top is the top of the order book; zero while it is not known.
	Top exchange.Top
	// Status is the market's last told state; it is empty if none was told.
	Status exchange.MarketStatus
	// Connected says that the upstream stream is open.
	Connected bool
	// Seen is when the stream last told anything, by the venue's clock; it is
	// zero before the first event.
	Seen time.Time
	// Err is why the stream is not open; nil while it is.
	Err error
}

// addTick takes a tick into the last price and the forming candle.
func (s *Snapshot) addTick(t exchange.Tick) {
	s.Last = t
	switch open := floor(t.Time, feedMillis); {
	case open <= s.Closed.Time || open < s.Forming.Time:
	case open == s.Forming.Time:
		s.Forming = fold(s.Forming, t)
	default:
		s.Forming = begin(open, t)
	}
}

// addCandle takes a closed candle.
func (s *Snapshot) addCandle(c exchange.Candle) {
	s.Closed = c
	if s.Forming.Time <= c.Time {
		s.Forming = exchange.Candle{}
	}
	if end := c.Time + feedMillis; s.Last.Time < end {
		s.Last = exchange.Tick{Time: end, Price: c.Close}
	}
}
