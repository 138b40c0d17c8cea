package paper

import (
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// PostingKind says why a balance changed.
type PostingKind string

// The kinds.
const (
	PostingExchange PostingKind = "exchange"
	PostingFee      PostingKind = "fee"
	PostingTransfer PostingKind = "transfer"
	// PostingReserve and PostingRelease change what is set aside for an order and
	// not the balance.
	PostingReserve PostingKind = "reserve"
	PostingRelease PostingKind = "release"
)

// Posting is one change of a member's balance of a currency.
type Posting struct {
	Currency string
	Kind     PostingKind
	// Total and Free are the balance afterwards, with and without what orders
	// have set aside; the deltas are by how much each changed.
	Total, TotalDelta decimal.Decimal
	Free, FreeDelta   decimal.Decimal
	// OrderID is the order whose matter it is, in the market Pair; both are ""
	// for a transfer.
	OrderID, Pair string
	// Trade is the newest trade of the market when an execution or its fee was
	// posted; its Sequence is 0 for other kinds.
	Trade exchange.Trade
	// Time is in epoch milliseconds.
	Time int64
}

// MemberEvent is something that happened to a member: a Posting, or an order that
// was executed, which has a Fill, or changed its status, which has none.
type MemberEvent struct {
	Order   *Detail
	Fill    *exchange.Fill
	Posting *Posting
}

// Watch lets sink hear of all that happens to the member from now on, in order and
// under the exchange's lock: it must be quick and must not call the exchange. A
// second call replaces the first, nil ends it.
func (m *Member) Watch(sink func(MemberEvent)) {
	m.exchange.mu.Lock()
	defer m.exchange.mu.Unlock()
	m.watch = sink
}

// tell says that an order has come to a status.
func (m *Member) tell(x *entry, status exchange.OrderStatus) {
	if m.watch == nil {
		return
	}
	d := x.detail()
	d.Status = status
	m.watch(MemberEvent{Order: &d})
}

// post changes a balance of the member; x is the order that it is for, or nil.
func (m *Member) post(asset int, kind PostingKind, total, reserved int64, x *entry) {
	p := &m.purses[asset]
	p.total += total
	p.reserved += reserved
	if m.watch == nil || total == 0 && reserved == 0 {
		return
	}
	a := &m.exchange.assets[asset]
	posted := Posting{
		Currency: a.currency, Kind: kind,
		Total: a.decimal(p.total), TotalDelta: a.decimal(total), Free: a.decimal(p.free()), FreeDelta: a.decimal(total - reserved),
	}
	if x == nil {
		posted.Time = m.exchange.now()
	} else {
		posted.OrderID, posted.Pair = x.order.ID, x.book.market.Pair
		posted.Time = max(x.order.Created, x.order.Completed, x.book.changed)
		if kind == PostingExchange || kind == PostingFee {
			posted.Trade = x.book.tape[len(x.book.tape)-1]
		}
	}
	m.watch(MemberEvent{Posting: &posted})
}
