package marketdata

import (
	"sync/atomic"

	"github.com/lunobot/lunobot/exchange"
)

// Event is one event of a subscription. Either Lagged or exactly one field of
// the stream event is set; what they point to is shared and must not be changed.
type Event struct {
	exchange.StreamEvent
	// Trades are those within the candle that the stream told of, oldest first,
	// and Book is the top of the order book when it closed; both only with a
	// candle. A candle of the history has none, and one within which the stream
	// began or broke not all: their volumes do not add up to the candle's.
	Trades []exchange.Trade
	Book   exchange.Top
	// Lagged says that the subscriber was too slow and that events are missing
	// from here on: it must read the candles since its last one from the history,
	// and skip those that come again.
	Lagged bool
}

// Subscription is one subscriber's mailbox.
type Subscription struct {
	feed    *Feed
	channel *channel
	// events has one place more than the mailbox, kept for the Lagged event.
	events  chan Event
	lagging atomic.Bool
}

// Events returns the mailbox. It is closed by Close and by the feed's Stop.
func (s *Subscription) Events() <-chan Event { return s.events }

// Lagging reports whether events are being left out at present.
func (s *Subscription) Lagging() bool { return s.lagging.Load() }

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() { s.feed.leave(s) }

// push delivers an event without ever waiting. Only the channel calls it, under
// its lock.
func (s *Subscription) push(e Event) {
	if s.lagging.Load() {
		// Until the subscriber has taken the Lagged event, which is the last in
		// the mailbox, it will find in the history what is dropped here.
		if len(s.events) > 0 {
			return
		}
		s.lagging.Store(false)
	}
	if len(s.events) >= cap(s.events)-1 {
		s.lagging.Store(true)
		e = Event{Lagged: true}
	}
	s.events <- e
}
