package strategy

import (
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// Frame folds candles into longer ones that are aligned to the epoch, so that
// one strategy can look at several lengths. It is kept as an exported field of
// the strategy's state, so that a longer candle that is under way survives a
// restart, and is given every candle.
//
//	if hour, ok := s.Hour.Update(b, c); ok {
//		s.Trend.Update(hour.Close)
//	}
//
// Candles of the past that a Warmer asks for fill it like any other.
type Frame struct {
	// Length is that of the longer candles. It is not saved: after a restart it
	// is what the strategy was made with.
	Length time.Duration `json:"-"`
	// Candle is the longer candle as far as it has come, and Count of how many
	// candles it is made by now; with a Count of 0 there is none.
	Candle exchange.Candle `json:"candle"`
	Count  int64           `json:"count"`
}

// NewFrame returns a frame of candles of a length, which must be a whole number
// of the candles that the bot hears; of a bot that hears others, no longer
// candle is ever complete, and Update notes why.
func NewFrame(length time.Duration) *Frame { return &Frame{Length: length} }

// Update takes the bot's next candle. It returns the longer candle, and true,
// when this one completes it: never half a candle, nor one of which a part was
// not seen (rule M4).
func (f *Frame) Update(b *Bot, c exchange.Candle) (exchange.Candle, bool) {
	if b.interval <= 0 || f.Length < b.interval || f.Length%b.interval != 0 {
		b.Note("candles of %s cannot be made of the bot's of %s", f.Length, b.interval)
		return exchange.Candle{}, false
	}
	if !f.Fold(&c, b.interval) {
		return exchange.Candle{}, false
	}
	return f.Candle, true
}

// Fold takes the next candle of a length of which Length is a whole number. It
// reports whether Candle is complete by it; the candle after begins a new one.
func (f *Frame) Fold(c *exchange.Candle, each time.Duration) bool {
	span, length := each.Milliseconds(), f.Length.Milliseconds()
	start := c.Time - c.Time%length
	if f.Count > 0 && f.Candle.Time == start {
		f.Candle = exchange.Merge(f.Candle, *c)
		f.Count++
	} else {
		f.Candle, f.Count = *c, 1
		f.Candle.Time = start
	}
	if c.Time+span != start+length || f.Count != length/span {
		return false // more is to come, or its beginning was not seen
	}
	f.Count = 0
	return true
}

// IsZero reports whether no longer candle is under way.
func (f Frame) IsZero() bool { return f.Count == 0 }
