package paper

import (
	"context"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// StopDirection says from which side the price must come to a stop.
type StopDirection uint8

// The directions.
const (
	// StopRelative is StopAbove if the last trade was below the stop, else
	// StopBelow.
	StopRelative StopDirection = iota + 1
	// StopAbove waits for a trade at the price or above.
	StopAbove
	// StopBelow waits for a trade at the price or below.
	StopBelow
)

// Stop is the price that a stop order waits for. The zero value is none.
type Stop struct {
	Price     exchange.Ticks
	Direction StopDirection
}

// PlaceStop sends a limit order that goes to the book when a trade reaches the
// stop; one that is reached already goes there at once. It reserves at once, too.
// A post-only order that would trade when it is let go is cancelled. Refusals are
// those of Place, "ErrInvalidStopPrice", "ErrInvalidStopDirection", and
// "ErrNoTradesToInferStopDirection" for StopRelative in a market without a trade.
func (m *Member) PlaceStop(ctx context.Context, r exchange.OrderRequest, stop Stop) (Detail, error) {
	if err := ctx.Err(); err != nil {
		return Detail{}, err
	}
	switch {
	case r.Type != exchange.LimitOrder:
		return Detail{}, exchange.Rejected("ErrInvalidArguments", "a stop order is a limit order")
	case stop.Price <= 0:
		return Detail{}, exchange.Rejected("ErrInvalidStopPrice", "the stop price must be above 0")
	case stop.Direction < StopRelative || stop.Direction > StopBelow:
		return Detail{}, exchange.Rejected("ErrInvalidStopDirection", "the stop has no direction")
	}
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	x, err := m.exchange.place(m, r, stop)
	if err != nil {
		return Detail{}, err
	}
	return x.detail(), nil
}

// resolve finds the direction of a stop that is relative to the last trade.
func (b *book) resolve(stop Stop) (Stop, error) {
	if stop.Direction != StopRelative {
		return stop, nil
	}
	last := b.lastPrice()
	if last == 0 {
		return Stop{}, exchange.Rejected("ErrNoTradesToInferStopDirection", "%s has no trade yet, so the stop needs a direction", b.market.Pair)
	}
	stop.Direction = StopBelow
	if last < stop.Price {
		stop.Direction = StopAbove
	}
	return stop, nil
}

// reached reports whether the last trade has reached a stop.
func (b *book) reached(stop Stop) bool {
	last := b.lastPrice()
	return last != 0 && stop.met(last, last)
}

// met reports whether trades between two prices have reached the stop.
func (s Stop) met(low, high exchange.Ticks) bool {
	if s.Direction == StopAbove {
		return high >= s.Price
	}
	return low <= s.Price
}

// lastPrice returns the price of the last trade; 0 if there was none.
func (b *book) lastPrice() exchange.Ticks {
	if n := len(b.tape); n > 0 {
		return b.tape[n-1].Price
	}
	return 0
}

// unwait takes an order from those that wait.
func (b *book) unwait(x *entry) {
	b.stops = slices.DeleteFunc(b.stops, func(y *entry) bool { return x == y })
}

// release lets the stop orders go that trades have reached, the oldest first, and
// those that their trades reach in turn.
func (e *Exchange) release(b *book, now int64) {
	for b.low != 0 {
		low, high := b.low, b.high
		b.low, b.high = 0, 0
		var free []*entry
		b.stops = slices.DeleteFunc(b.stops, func(x *entry) bool {
			met := x.trigger.met(low, high)
			if met {
				free = append(free, x)
			}
			return met
		})
		for _, x := range free {
			if x.order.Request.PostOnly && x.wouldTrade() {
				x.finish(now)
				continue
			}
			e.run(x, now)
		}
	}
}
