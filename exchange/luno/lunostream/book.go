package lunostream

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// Book is the order book of a market, order by order, as its stream tells it. It
// is for one goroutine.
type Book struct {
	pair     string
	sequence int64
	time     int64
	status   exchange.MarketStatus
	// places says where in orders an order is, by its id; free are the places
	// that no order has.
	places map[string]int32
	orders []resting
	free   []int32
	// bids and asks are the levels of each side, the best one last.
	bids, asks []exchange.Level
	broken     error
}

// resting is an order of the book.
type resting struct {
	id     string
	side   exchange.Side
	price  exchange.Ticks
	volume exchange.Steps
}

// NewBook returns the book that a snapshot tells. The error is a *MessageError:
// an order that is there twice, volumes that are too large.
func NewBook(pair string, s Snapshot) (*Book, error) {
	b := &Book{
		pair: pair, sequence: s.Sequence, time: s.Time, status: s.Status,
		places: make(map[string]int32, len(s.Orders)), orders: make([]resting, 0, len(s.Orders)),
	}
	for _, o := range s.Orders { // the levels are sorted once, at the end
		levels := b.side(o.Side)
		*levels = append(*levels, exchange.Level{Price: o.Price, Volume: o.Volume})
		if err := b.put(o); err != nil {
			return nil, err
		}
	}
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		levels := b.side(side)
		slices.SortFunc(*levels, func(x, y exchange.Level) int { return direction(side) * cmp.Compare(x.Price, y.Price) })
		merged := (*levels)[:0]
		for _, l := range *levels {
			if n := len(merged); n > 0 && merged[n-1].Price == l.Price {
				if merged[n-1].Volume += l.Volume; merged[n-1].Volume < 0 {
					return nil, misfit("snapshot", "the volume at a price is too large")
				}
				continue
			}
			merged = append(merged, l)
		}
		*levels = merged
	}
	return b, nil
}

// Sequence returns the number of the last message that was applied.
func (b *Book) Sequence() int64 { return b.sequence }

// Time returns the venue's time of that message, in epoch milliseconds.
func (b *Book) Time() int64 { return b.time }

// Status returns which orders the market takes.
func (b *Book) Status() exchange.MarketStatus { return b.status }

// Len returns how many orders rest.
func (b *Book) Len() int { return len(b.places) }

// Top returns the best bid and ask.
func (b *Book) Top() exchange.Top {
	t := exchange.Top{Time: b.time}
	if n := len(b.bids); n > 0 {
		t.Bid = b.bids[n-1]
	}
	if n := len(b.asks); n > 0 {
		t.Ask = b.asks[n-1]
	}
	return t
}

// Depth returns a copy of the book by price, at most so many levels a side.
func (b *Book) Depth(levels int) exchange.OrderBook {
	best := func(side []exchange.Level) []exchange.Level {
		out := slices.Clone(side[max(0, len(side)-levels):])
		slices.Reverse(out)
		return out
	}
	return exchange.OrderBook{Pair: b.pair, Bids: best(b.bids), Asks: best(b.asks), Time: b.time}
}

// Apply takes the next update and appends its trades to ticks. An update that
// was applied before changes nothing (rule M1). The error is a *GapError where
// updates are missing and a *MessageError where one does not fit the book; then
// the book is wrong, and stays so whatever follows.
func (b *Book) Apply(ticks []exchange.Tick, u *Update) ([]exchange.Tick, error) {
	switch {
	case b.broken != nil:
		return ticks, b.broken
	case u.Sequence <= b.sequence:
		return ticks, nil
	case u.Sequence != b.sequence+1:
		b.broken = &GapError{Have: b.sequence, Got: u.Sequence}
		return ticks, b.broken
	}
	had := len(ticks)
	ticks, err := b.apply(ticks, u)
	if err != nil {
		b.broken = err
		return ticks[:had], err
	}
	b.sequence, b.time = u.Sequence, max(b.time, u.Time)
	return ticks, nil
}

func (b *Book) apply(ticks []exchange.Tick, u *Update) ([]exchange.Tick, error) {
	for i := range u.Trades {
		t := &u.Trades[i]
		place, ok := b.places[string(t.Maker)]
		if !ok {
			return ticks, misfit("trade_updates", "the order %.64q of trade %d is not in the book", t.Maker, t.Sequence)
		}
		o := &b.orders[place]
		if t.Volume <= 0 || t.Volume > o.volume {
			return ticks, misfit("trade_updates", "trade %d takes %d steps of the order %q, which has %d", t.Sequence, t.Volume, o.id, o.volume)
		}
		ticks = append(ticks, exchange.Tick{Time: u.Time, Price: o.price, Volume: t.Volume, Sequence: t.Sequence, Taker: o.side.Opposite()})
		b.take(o, t.Volume)
		if o.volume -= t.Volume; o.volume == 0 {
			b.drop(place)
		}
	}
	if u.Create.Side != 0 {
		if err := b.put(u.Create); err != nil {
			return ticks, err
		}
		if err := b.add(u.Create); err != nil {
			return ticks, err
		}
	}
	if u.Delete != nil {
		// An order that was filled whole has left already.
		if place, ok := b.places[string(u.Delete)]; ok {
			b.take(&b.orders[place], b.orders[place].volume)
			b.drop(place)
		}
	}
	if u.Status != "" {
		b.status = u.Status
	}
	return ticks, nil
}

// put remembers an order, without its level.
func (b *Book) put(o Order) error {
	if _, ok := b.places[string(o.ID)]; ok {
		return misfit("create_update", "the order %.64q is in the book already", o.ID)
	}
	r := resting{id: string(o.ID), side: o.Side, price: o.Price, volume: o.Volume}
	if n := len(b.free); n > 0 {
		b.places[r.id], b.orders[b.free[n-1]], b.free = b.free[n-1], r, b.free[:n-1]
		return nil
	}
	b.places[r.id] = int32(len(b.orders))
	b.orders = append(b.orders, r)
	return nil
}

// drop forgets an order, without its level.
func (b *Book) drop(place int32) {
	delete(b.places, b.orders[place].id)
	b.orders[place].id = ""
	b.free = append(b.free, place)
}

// add puts an order's volume on its level.
func (b *Book) add(o Order) error {
	levels := b.side(o.Side)
	at, found := find(*levels, o.Side, o.Price)
	if !found {
		*levels = slices.Insert(*levels, at, exchange.Level{Price: o.Price, Volume: o.Volume})
		return nil
	}
	if (*levels)[at].Volume += o.Volume; (*levels)[at].Volume < 0 {
		return misfit("create_update", "the volume at the price of order %.64q is too large", o.ID)
	}
	return nil
}

// take takes volume off the level of an order.
func (b *Book) take(o *resting, volume exchange.Steps) {
	levels := b.side(o.side)
	at, found := find(*levels, o.side, o.price)
	if !found {
		return // never: each order has a level
	}
	if (*levels)[at].Volume -= volume; (*levels)[at].Volume == 0 {
		*levels = slices.Delete(*levels, at, at+1)
	}
}

func (b *Book) side(s exchange.Side) *[]exchange.Level {
	if s == exchange.Buy {
		return &b.bids
	}
	return &b.asks
}

// direction is how prices go in the levels of a side, whose best is last.
func direction(s exchange.Side) int {
	if s == exchange.Buy {
		return 1
	}
	return -1
}

// find returns where the level of a price is, or would be.
func find(levels []exchange.Level, side exchange.Side, price exchange.Ticks) (int, bool) {
	low, high := 0, len(levels)
	for low < high {
		middle := int(uint(low+high) >> 1)
		p := levels[middle].Price
		switch {
		case p == price:
			return middle, true
		case (p < price) == (side == exchange.Buy):
			low = middle + 1
		default:
			high = middle
		}
	}
	return low, false
}

// misfit is an update that does not fit the book.
func misfit(field, format string, args ...any) error {
	return &MessageError{Field: field, Reason: fmt.Sprintf(format, args...)}
}
