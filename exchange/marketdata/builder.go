package marketdata

import (
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// ErrLate means that a trade belongs to a candle that was already closed.
var ErrLate = errors.New("the trade came after its candle was closed")

// Builder folds trades into closed candles. The interval that is still forming
// is never among them (rule M4), and neither is one whose beginning the builder
// did not see. It is for one goroutine.
type Builder struct {
	interval int64
	// lead is when the first whole interval opens, next the earliest interval
	// that is not closed yet.
	lead, next int64
	// forming is the candle of next; open is false before its first trade.
	forming exchange.Candle
	open    bool
	// last is the last price; 0 before the first trade.
	last     exchange.Ticks
	sequence int64
}

// NewBuilder returns a builder of candles of the interval, from trades that are
// complete from the given time on: the first candle is that of the first whole
// interval after it.
func NewBuilder(interval time.Duration, from time.Time) (*Builder, error) {
	if interval < time.Millisecond || interval%time.Millisecond != 0 {
		return nil, fmt.Errorf("building candles: the interval %s must be whole milliseconds above 0", interval)
	}
	b := &Builder{interval: interval.Milliseconds()}
	b.lead = floor(from.UnixMilli()+b.interval-1, b.interval)
	b.next = b.lead
	return b, nil
}

// AddTick takes the next trade, in the order of time, and appends to dst the
// candles that it closes. The error is ErrLate, or that of a time too far ahead;
// such a trade is left out.
func (b *Builder) AddTick(dst []exchange.Candle, t exchange.Tick) ([]exchange.Candle, error) {
	bucket := floor(t.Time, b.interval)
	switch {
	case bucket < b.next && b.next == b.lead && !b.open:
		// Before the first whole interval a trade only tells the price.
		b.last = t.Price
		return dst, nil
	case bucket < b.next:
		return dst, ErrLate
	case b.last != 0 && (bucket-b.next)/b.interval > maxFilled:
		return dst, fmt.Errorf("building candles: the trade at %d is more than %d intervals ahead", t.Time, maxFilled)
	}
	dst = b.closeBefore(dst, bucket)
	if b.open {
		b.forming = fold(b.forming, t)
	} else {
		b.forming, b.open = begin(bucket, t), true
	}
	b.last = t.Price
	return dst, nil
}

// AddTrade is AddTick for a trade of the public tape, which it takes once
// however often it comes (rule M1).
func (b *Builder) AddTrade(dst []exchange.Candle, t exchange.Trade) ([]exchange.Candle, error) {
	if t.Sequence <= b.sequence {
		return dst, nil
	}
	b.sequence = t.Sequence
	return b.AddTick(dst, exchange.Tick{Time: t.Time, Price: t.Price, Volume: t.Volume})
}

// Advance appends to dst the candles of all intervals that ended at now or
// before. It may be called only when the trades until now have been added.
func (b *Builder) Advance(dst []exchange.Candle, now time.Time) []exchange.Candle {
	return b.closeBefore(dst, floor(now.UnixMilli(), b.interval))
}

// Forming returns the candle that is still open; false before its first trade.
func (b *Builder) Forming() (exchange.Candle, bool) { return b.forming, b.open }

// closeBefore closes the intervals that open before bucket.
func (b *Builder) closeBefore(dst []exchange.Candle, bucket int64) []exchange.Candle {
	if b.last == 0 {
		// Without a price an interval without a trade has no candle.
		b.next = max(b.next, bucket)
		return dst
	}
	for ; b.next < bucket; b.next += b.interval {
		if b.open {
			dst = append(dst, b.forming)
			b.open = false
		} else {
			dst = append(dst, exchange.Flat(b.next, b.last))
		}
	}
	return dst
}

// begin returns the forming candle of an interval after its first trade.
func begin(openTime int64, t exchange.Tick) exchange.Candle {
	c := exchange.Flat(openTime, t.Price)
	c.Volume = t.Volume
	return c
}

// fold returns the forming candle after one more trade.
func fold(c exchange.Candle, t exchange.Tick) exchange.Candle {
	c.High = max(c.High, t.Price)
	c.Low = min(c.Low, t.Price)
	c.Close = t.Price
	c.Volume += t.Volume
	return c
}
