package lunostream

import (
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// Own is one message of the user stream: what became of an account's own order,
// or a booking. Amounts are totals, in decimals, for the market is not known
// here. What its type does not tell is zero.
type Own struct {
	// Time is the venue's, in epoch milliseconds.
	Time int64
	Kind OwnKind
	// Order, Client and Pair name an order; Client may be empty.
	Order, Client, Pair string
	// Status is that of an OwnStatus.
	Status exchange.OrderStatus
	// Base and Counter are what an OwnFill has traded since it was placed, BaseFee
	// and CounterFee what that cost.
	Base, Counter, BaseFee, CounterFee decimal.Decimal
	// Account, Row, Balance and Available are those of an OwnBalance.
	Account            string
	Row                int64
	Balance, Available decimal.Decimal
}

// OwnKind says what a message of the user stream tells.
type OwnKind uint8

// The kinds of messages; OwnOther is one that is not known and tells nothing.
const (
	OwnOther OwnKind = iota
	OwnStatus
	OwnFill
	OwnBalance
)

// DecodeOwn decodes a message of the user stream. The error is a *MessageError,
// or a *RefusedError if Luno says farewell.
func DecodeOwn(message []byte) (Own, error) {
	r := &reader{data: message}
	var o Own
	var told refusal
	var fields [OwnBalance + 1]int // what was read of each kind
	seen := 0
	r.begin('{')
	for first := true; r.more(&first, '}'); {
		switch name := r.key(); string(name) {
		case "type":
			o.Kind = ownKind(r.field(&seen, hasType, "type").text())
			r.without()
		case "timestamp":
			o.Time = r.field(&seen, hasTime, "timestamp").number()
			r.without()
		case "order_status_update":
			fields[OwnStatus] = o.read(r, &seen, hasStatus, "order_status_update")
		case "order_fill_update":
			fields[OwnFill] = o.read(r, &seen, hasTrades, "order_fill_update")
		case "balance_update":
			fields[OwnBalance] = o.read(r, &seen, hasBalance, "balance_update")
		default:
			told.read(r, &seen, name)
		}
	}
	r.end()
	if err := told.check(r, seen, hasType|hasTime, 1); err != nil {
		return Own{}, err
	}
	r.within(o.Kind.field())
	r.require(fields[o.Kind], o.Kind.fields())
	return o, r.error()
}

// read reads what a message tells of one kind and returns which fields it had.
func (o *Own) read(r *reader, outer *int, bit int, name string) (seen int) {
	defer r.without()
	if r.field(outer, bit, name); r.null() {
		return 0
	}
	r.begin('{')
	for first := true; r.more(&first, '}'); {
		switch string(r.key()) {
		case "order_id":
			o.Order = string(r.field(&seen, hasID, "order_id").id())
		case "client_order_id":
			o.Client = string(r.field(&seen, hasClient, "client_order_id").text())
		case "market_id":
			o.Pair = string(r.field(&seen, hasPair, "market_id").id())
		case "status":
			o.Status = r.field(&seen, hasStatus, "status").orderStatus()
		case "base_fill":
			o.Base = r.field(&seen, hasVolume, "base_fill").decimal()
		case "counter_fill":
			o.Counter = r.field(&seen, hasPrice, "counter_fill").decimal()
		case "base_fee":
			o.BaseFee = r.field(&seen, hasBaseFee, "base_fee").decimal()
		case "counter_fee":
			o.CounterFee = r.field(&seen, hasCounterFee, "counter_fee").decimal()
		case "account_id":
			o.Account = strconv.FormatInt(r.field(&seen, hasAccount, "account_id").number(), 10)
		case "row_index":
			o.Row = r.field(&seen, hasRow, "row_index").number()
		case "balance":
			o.Balance = r.field(&seen, hasBalance, "balance").decimal()
		case "available":
			o.Available = r.field(&seen, hasAvailable, "available").decimal()
		default:
			r.skip()
			continue
		}
		r.without()
	}
	return seen
}

func ownKind(text []byte) OwnKind {
	switch string(text) {
	case "order_status":
		return OwnStatus
	case "order_fill":
		return OwnFill
	case "balance_update":
		return OwnBalance
	}
	return OwnOther
}

// field names the field that holds what a kind tells.
func (k OwnKind) field() string {
	switch k {
	case OwnStatus:
		return "order_status_update"
	case OwnFill:
		return "order_fill_update"
	case OwnBalance:
		return "balance_update"
	case OwnOther:
	}
	return "type"
}

// fields are those that a kind must have.
func (k OwnKind) fields() int {
	switch k {
	case OwnStatus:
		return hasID | hasPair | hasStatus
	case OwnFill:
		return hasID | hasPair | hasVolume | hasPrice | hasBaseFee | hasCounterFee
	case OwnBalance:
		return hasAccount | hasRow | hasBalance | hasAvailable
	case OwnOther:
	}
	return 0
}

// orderStatus reads the state of an order.
func (r *reader) orderStatus() exchange.OrderStatus {
	r.next()
	at := r.at
	switch text := r.text(); string(text) {
	case "AWAITING":
		return exchange.Pending
	case "PENDING":
		return exchange.Open
	case "COMPLETE":
		return exchange.Complete
	default:
		r.failAt(at, "%.24q is no state of an order", text)
	}
	return 0
}

// decimal reads a decimal in a string.
func (r *reader) decimal() decimal.Decimal {
	const (
		longest      = 64
		mostExponent = 40
	)
	r.next()
	at := r.at
	text := r.text()
	if r.err != nil {
		return decimal.Zero
	}
	d, err := decimal.NewFromString(string(text[:min(len(text), longest)]))
	if err != nil || len(text) > longest || d.Exponent() > mostExponent || d.Exponent() < -mostExponent {
		r.failAt(at, "%.24q is not a number", text)
		return decimal.Zero
	}
	return d
}
