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
	// Low and High are between what the prices of a candle were that can be believed, if
	// the stream told all of its trades and some cannot, or nobody traded after one that
	// cannot; 0 otherwise. See Prints.
	Low, High exchange.Ticks
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
	// prints are those that were not taken, and ring is where new ones ring, if anywhere;
	// the channel's lock guards both.
	prints Prints
	ring   chan<- struct{}
}

// Prints are the prices at which a market traded since the newest closed candle and since
// they were taken last. Times are in epoch milliseconds. A trade that is far from those
// before is among them once the market has confirmed it: one bad print is none.
type Prints struct {
	// From and To are when the first and the newest traded.
	From, To int64
	// Low, High and Last are the lowest, the highest and the newest.
	Low, High, Last exchange.Ticks
}

// Prints takes the prices that came since the last call; false if there are none. However
// many trades there were, it is one range: nobody who is slow falls behind.
func (s *Subscription) Prints() (Prints, bool) {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	p := s.prints
	s.prints = Prints{}
	return p, p.Last > 0
}

// Ring has prints announced on a channel that holds one message; it never waits.
func (s *Subscription) Ring(on chan<- struct{}) {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	s.ring = on
}

// print adds a price; the channel's lock is held.
func (s *Subscription) print(p exchange.Ticks, at int64) {
	if s.prints.Last == 0 {
		s.prints = Prints{From: at, Low: p, High: p}
	}
	s.prints.To, s.prints.Low, s.prints.High, s.prints.Last = at, min(s.prints.Low, p), max(s.prints.High, p), p
	select {
	case s.ring <- struct{}{}:
	default:
	}
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
