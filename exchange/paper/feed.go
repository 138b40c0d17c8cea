package paper

import (
	"context"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// BookOrder is a resting order as everybody sees it.
type BookOrder struct {
	ID    string
	Side  exchange.Side
	Price exchange.Ticks
	// Volume is what is left of it.
	Volume exchange.Steps
}

// Execution is a trade with the orders that made it.
type Execution struct {
	exchange.Trade
	MakerOrder, TakerOrder string
}

// BookUpdate is what one order, cancellation or change of status did to a book.
// The parts apply in the order of the fields; parts that did not happen are zero,
// and an update of which all are zero says that the exchange lives.
type BookUpdate struct {
	// Sequence is one above that of the update before.
	Sequence int64
	// Trades take from resting orders, which leave the book at 0.
	Trades []Execution
	// Created is an order that rests from now on.
	Created BookOrder
	// Deleted is the id of an order that was taken back.
	Deleted string
	Status  exchange.MarketStatus
	// Time is in epoch milliseconds.
	Time int64
}

// BookSnapshot is a whole book, order by order: bids and asks by price, best first,
// and by age.
type BookSnapshot struct {
	// Sequence is that of the newest update that it contains, above 0.
	Sequence   int64
	Bids, Asks []BookOrder
	Status     exchange.MarketStatus
	// Time is the book's last change, in epoch milliseconds.
	Time int64
}

type bookWatcher struct{ sink func(BookUpdate) }

// Snapshot returns a market's book order by order.
func (e *Exchange) Snapshot(ctx context.Context, pair string) (BookSnapshot, error) {
	if err := ctx.Err(); err != nil {
		return BookSnapshot{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := e.book(pair)
	if err != nil {
		return BookSnapshot{}, err
	}
	return b.snapshot(), nil
}

// Watch returns a market's book and tells sink all that happens to it from then on,
// until stop is called. It tells in order and under the exchange's lock: sink must
// be quick and must not call the exchange. The updates' slices are sink's to keep
// and nobody's to change.
func (e *Exchange) Watch(pair string, sink func(BookUpdate)) (at BookSnapshot, stop func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := e.book(pair)
	if err != nil {
		return BookSnapshot{}, nil, err
	}
	w := &bookWatcher{sink: sink}
	b.watchers = append(b.watchers, w)
	stop = func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		b.watchers = slices.DeleteFunc(b.watchers, func(other *bookWatcher) bool { return other == w })
	}
	return b.snapshot(), stop, nil
}

// Beat tells those who watch a market that nothing happened.
func (e *Exchange) Beat(pair string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := e.book(pair)
	if err == nil {
		e.begin()
		defer e.end()
		e.record(Input{Pair: pair, Beat: true})
		b.publish(BookUpdate{Time: e.now()})
	}
	return err
}

// publish counts an update and tells it.
func (b *book) publish(u BookUpdate) {
	b.sequence++
	u.Sequence = b.sequence
	for _, w := range b.watchers {
		w.sink(u)
	}
}

func (b *book) snapshot() BookSnapshot {
	return BookSnapshot{Sequence: b.sequence, Bids: b.bids.orders(), Asks: b.asks.orders(), Status: b.market.Status, Time: b.changed}
}

// orders lists all orders of a side.
func (s *side) orders() []BookOrder {
	var out []BookOrder
	for l := s.best(); l != nil; l = l.worse() {
		for x := l.first; x != nil; x = x.after {
			out = append(out, x.inBook())
		}
	}
	return out
}

// inBook returns the order as everybody sees it.
func (x *entry) inBook() BookOrder {
	return BookOrder{ID: x.order.ID, Side: x.order.Request.Side, Price: x.order.Request.Price, Volume: x.order.Remaining()}
}
