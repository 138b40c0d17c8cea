package paper

import (
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// resolve finds the direction of a stop that is relative to the last trade.
func (b *book) resolve(stop exchange.Stop) (exchange.Stop, error) {
	if stop.Direction != exchange.StopRelative {
		return stop, nil
	}
	last := b.lastPrice()
	if last == 0 {
		return exchange.Stop{}, exchange.Rejected("ErrNoTradesToInferStopDirection", "%s has no trade yet, so the stop needs a direction", b.market.Pair)
	}
	stop.Direction = exchange.StopBelow
	if last < stop.Price {
		stop.Direction = exchange.StopAbove
	}
	return stop, nil
}

// reached reports whether the last trade has reached a stop.
func (b *book) reached(stop exchange.Stop) bool {
	last := b.lastPrice()
	return last != 0 && met(stop, last, last)
}

// met reports whether trades between two prices have reached the stop.
func met(s exchange.Stop, low, high exchange.Ticks) bool {
	if s.Direction == exchange.StopAbove {
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
			reached := met(x.trigger, low, high)
			if reached {
				free = append(free, x)
			}
			return reached
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
