package lunostream

import (
	"github.com/lunobot/lunobot/exchange"
)

// Order is one resting order of a book.
type Order struct {
	// ID is Luno's id. In an Update it lies in the message.
	ID     []byte
	Side   exchange.Side
	Price  exchange.Ticks
	Volume exchange.Steps
}

// Trade is what an update tells of a trade. Its price and side are those of the
// order that rested, which only the book knows.
type Trade struct {
	// Sequence identifies the trade within its market.
	Sequence int64
	Volume   exchange.Steps
	// Maker is the id of the order that rested. It lies in the message.
	Maker []byte
}

// Update is one message of a market's stream. It holds for the state of the
// sequence before its own, and it may tell of nothing at all.
type Update struct {
	Sequence int64
	// Time is the venue's, in epoch milliseconds.
	Time int64
	// Trades come first, then Create, Delete and Status.
	Trades []Trade
	// Create is a new order; its Side is 0 if there is none.
	Create Order
	// Delete is the id of an order that was taken back; nil if there is none.
	Delete []byte
	// Status is the market's new state; empty if it did not change.
	Status exchange.MarketStatus
}

// Snapshot is the first message of a market's stream: the whole book.
type Snapshot struct {
	Sequence int64
	// Time is the venue's, in epoch milliseconds.
	Time   int64
	Orders []Order
	Status exchange.MarketStatus
}

// Decoder decodes the messages of one market's stream. It is for one goroutine.
type Decoder struct {
	price, volume exchange.Grid
	reader        reader
	update        Update
}

// NewDecoder returns a decoder of a market's messages.
func NewDecoder(m exchange.Market) *Decoder {
	return &Decoder{price: m.PriceGrid(exchange.Exact), volume: m.VolumeGrid(exchange.Exact)}
}

// Update decodes an update. What it returns is valid until the next call, and
// only as long as the message is not changed. The error is a *MessageError, or a
// *RefusedError if Luno says farewell.
func (d *Decoder) Update(message []byte) (*Update, error) {
	r, u := d.start(message), &d.update
	*u = Update{Trades: u.Trades[:0]}
	var told refusal
	seen := 0
	r.begin('{')
	for first := true; r.more(&first, '}'); {
		switch name := r.key(); string(name) {
		case "sequence":
			u.Sequence = r.field(&seen, hasSequence, "sequence").number()
			r.without()
		case "timestamp":
			u.Time = r.field(&seen, hasTime, "timestamp").number()
			r.without()
		case "trade_updates":
			d.trades(r.field(&seen, hasTrades, "trade_updates"))
			r.without()
		case "create_update":
			if r.field(&seen, hasCreate, "create_update"); !r.null() {
				u.Create = d.order(r, 0)
			}
			r.without()
		case "delete_update":
			if r.field(&seen, hasDelete, "delete_update"); !r.null() {
				u.Delete = r.only("order_id")
			}
			r.without()
		case "status_update":
			if r.field(&seen, hasStatus, "status_update"); !r.null() {
				u.Status = statusOf(r.only("status"))
			}
			r.without()
		case "asks", "bids":
			r.fail("a snapshot came in place of an update")
		default:
			told.read(r, &seen, name)
		}
	}
	r.end()
	return u, told.check(r, seen, hasSequence|hasTime, u.Sequence)
}

// Snapshot decodes a snapshot. The ids of its orders lie in the message. The
// errors are those of Update.
func (d *Decoder) Snapshot(message []byte) (Snapshot, error) {
	r := d.start(message)
	var s Snapshot
	var told refusal
	seen := 0
	r.begin('{')
	for first := true; r.more(&first, '}'); {
		switch name := r.key(); string(name) {
		case "sequence":
			s.Sequence = r.field(&seen, hasSequence, "sequence").number()
			r.without()
		case "timestamp":
			s.Time = r.field(&seen, hasTime, "timestamp").number()
			r.without()
		case "status":
			s.Status = statusOf(r.field(&seen, hasStatus, "status").text())
			r.without()
		case "asks":
			s.Orders = d.orders(r.field(&seen, hasAsks, "asks"), s.Orders, exchange.Sell)
			r.without()
		case "bids":
			s.Orders = d.orders(r.field(&seen, hasBids, "bids"), s.Orders, exchange.Buy)
			r.without()
		default:
			told.read(r, &seen, name)
		}
	}
	r.end()
	return s, told.check(r, seen, hasSequence|hasTime|hasStatus|hasAsks|hasBids, s.Sequence)
}

func (d *Decoder) start(message []byte) *reader {
	d.reader = reader{data: message}
	return &d.reader
}

// orders reads one side of a snapshot.
func (d *Decoder) orders(r *reader, to []Order, side exchange.Side) []Order {
	r.begin('[')
	for first := true; r.more(&first, ']'); {
		to = append(to, d.order(r, side))
	}
	return to
}

// order reads an order: one of a snapshot's side, or one whose type says which.
func (d *Decoder) order(r *reader, side exchange.Side) Order {
	o := Order{Side: side}
	seen, want := 0, hasID|hasPrice|hasVolume
	if side == 0 {
		want |= hasType
	}
	r.begin('{')
	for first := true; r.more(&first, '}'); {
		switch string(r.key()) {
		case "id", "order_id":
			o.ID = r.field(&seen, hasID, "order_id").id()
			r.without()
		case "price":
			o.Price = exchange.Ticks(r.field(&seen, hasPrice, "price").amount(d.price))
			r.without()
		case "volume":
			o.Volume = exchange.Steps(r.field(&seen, hasVolume, "volume").amount(d.volume))
			r.without()
		case "type":
			side := r.field(&seen, hasType, "type").side()
			if o.Side == 0 {
				o.Side = side
			}
			r.without()
		default:
			r.skip()
		}
	}
	r.require(seen, want)
	return o
}

// trades reads the trades of an update.
func (d *Decoder) trades(r *reader) {
	if r.null() {
		return
	}
	r.begin('[')
	for first := true; r.more(&first, ']'); {
		var t Trade
		seen := 0
		r.begin('{')
		for first := true; r.more(&first, '}'); {
			switch string(r.key()) {
			case "sequence":
				t.Sequence = r.field(&seen, hasSequence, "sequence").number()
				r.without()
			case "base":
				t.Volume = exchange.Steps(r.field(&seen, hasVolume, "base").amount(d.volume))
				r.without()
			case "maker_order_id":
				t.Maker = r.field(&seen, hasID, "maker_order_id").id()
				r.without()
			default:
				r.skip()
			}
		}
		r.require(seen, hasSequence|hasVolume|hasID)
		d.update.Trades = append(d.update.Trades, t)
	}
}

// statusOf translates the state of a market as a stream spells it. One that is
// not known takes no orders.
func statusOf(text []byte) exchange.MarketStatus {
	switch string(text) {
	case "ACTIVE":
		return exchange.MarketActive
	case "POSTONLY":
		return exchange.MarketPostOnly
	}
	return exchange.MarketDisabled
}
