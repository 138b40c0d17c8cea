package exchange

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// Side is the direction of an order.
type Side uint8

// The two sides; the zero value is neither.
const (
	Buy Side = iota + 1
	Sell
)

// String returns "buy" or "sell".
func (s Side) String() string {
	switch s {
	case Buy:
		return "buy"
	case Sell:
		return "sell"
	}
	return fmt.Sprintf("side-%d", uint8(s))
}

// Opposite returns the other side.
func (s Side) Opposite() Side {
	if s == Buy {
		return Sell
	}
	return Buy
}

// OrderType says how an order's price is found.
type OrderType uint8

// The order types; the zero value is none.
const (
	// MarketOrder takes what the book offers.
	MarketOrder OrderType = iota + 1
	// LimitOrder trades at its price or better.
	LimitOrder
)

// String returns "market" or "limit".
func (t OrderType) String() string {
	switch t {
	case MarketOrder:
		return "market"
	case LimitOrder:
		return "limit"
	}
	return fmt.Sprintf("type-%d", uint8(t))
}

// TimeInForce says how long an order stays.
type TimeInForce uint8

// The times in force.
const (
	// GTC stays until it is filled or cancelled.
	GTC TimeInForce = iota
	// IOC cancels what it cannot fill at once.
	IOC
	// FOK is filled whole at once or not at all.
	FOK
)

// String returns "GTC", "IOC" or "FOK".
func (t TimeInForce) String() string {
	switch t {
	case IOC:
		return "IOC"
	case FOK:
		return "FOK"
	case GTC:
	}
	return "GTC"
}

// OrderRequest is an order that somebody wants to place.
type OrderRequest struct {
	// ClientID is the caller's own id, unique for ever on the account; a repeat
	// of the same request carries the same id (rule T1).
	ClientID string
	Pair     string
	Side     Side
	Type     OrderType
	// Price is the limit price; 0 for a market order.
	Price Ticks
	// Volume is how much base to trade; 0 for a market buy by Value.
	Volume Steps
	// Value is how much counter a market buy may spend, fee included; it is
	// used only when Volume is 0.
	Value       Units
	PostOnly    bool
	TimeInForce TimeInForce
	// Stop is the price that a limit order waits for before it goes to the book, at
	// venues that have such orders; zero if it waits for nothing.
	Stop Stop `json:",omitzero"`
	// Urgent orders are protective exits: they may use what an account's budget of
	// calls keeps in reserve (rule T10).
	Urgent bool `json:",omitzero"`
	// Time is when the request was made and TTL how long it is valid, both in
	// milliseconds (epoch and length). TTL 0 is no limit.
	Time, TTL int64
}

// OrderStatus is the state of an order at its venue.
type OrderStatus uint8

// The states of an order at a venue.
const (
	// Pending orders have been accepted and are not in the book yet.
	Pending OrderStatus = iota + 1
	// Open orders rest in the book, perhaps partly filled.
	Open
	// Complete orders are over: filled or cancelled, which the volumes tell
	// (rule T4).
	Complete
)

// Order is an order as its venue knows it.
type Order struct {
	// ID is the venue's id.
	ID string
	// Request is what was asked for; fields that the venue does not return are
	// zero.
	Request OrderRequest
	Status  OrderStatus
	// Filled is the volume traded so far, Value its counter amount and Fee what
	// was charged in the counter currency, rounded up to a unit.
	Filled Steps
	Value  Units
	Fee    Units
	// FeeBase is what was charged in the base currency, rounded up.
	FeeBase Dust `json:",omitzero"`
	// Created and Completed are in epoch milliseconds; 0 while it has not
	// happened.
	Created, Completed int64
}

// Remaining returns the volume that is still to be traded.
func (o Order) Remaining() Steps { return o.Request.Volume - o.Filled }

// Fill is one execution of one of our orders.
type Fill struct {
	Pair string
	// OrderID is the venue's id of the order, ClientID ours.
	OrderID, ClientID string
	// Sequence identifies the trade within its market; fills are recognised as
	// repeats by it (rule T7).
	Sequence int64
	Side     Side
	Price    Ticks
	Volume   Steps
	// Value is Price × Volume.
	Value Units
	// FeeCounter and FeeBase are what was charged, in either currency. A fee finer
	// than that is rounded up, so that no books show more than there is.
	FeeCounter Units
	FeeBase    Dust
	// Maker is true if our order was resting.
	Maker bool
	// Time is in epoch milliseconds UTC.
	Time int64
}

// Balance is what an account holds of one currency.
type Balance struct {
	Currency string
	// Account is the venue's id of the account that holds it; "" if the venue has
	// one account for everything.
	Account string
	// Total includes Reserved, which open orders have set aside.
	Total, Reserved decimal.Decimal
}

// Free returns what can be spent.
func (b Balance) Free() decimal.Decimal { return b.Total.Sub(b.Reserved) }

// Fees are the fee rates of an account in one market.
type Fees struct {
	Maker, Taker Rate
}

// FeeSchedule are the fee rates of an account in one market, which may depend on
// the side.
type FeeSchedule struct {
	Buy, Sell Fees
	// Volume is what was traded in the last 30 days and decides the tier, in the
	// venue's own currency for it; zero if it is not told.
	Volume decimal.Decimal
}

// Highest returns the larger rate of both sides, of maker and taker each.
func (f FeeSchedule) Highest() Fees {
	return Fees{Maker: max(f.Buy.Maker, f.Sell.Maker), Taker: max(f.Buy.Taker, f.Sell.Taker)}
}

// Report is what a venue tells of one of our orders after something happened to
// it.
type Report struct {
	// Order is the order as it stands afterwards. Its ID is "" of an execution of an order
	// that whoever hears of it did not place, and has been given.
	Order Order
	// Fill is the execution, if Executed.
	Fill     Fill
	Executed bool
	// Reason is why the order ended without being filled whole; "" otherwise.
	Reason string
	// Ending says how it ended then.
	Ending Ending
}

// Ending is how an order ended that was not filled whole.
type Ending uint8

// The endings. The zero value is that of an order that was taken back, by whomever,
// or that never got to its venue in time.
const (
	EndedCancelled Ending = iota
	// EndedDenied orders were held back here and never sent (rule T11).
	EndedDenied
	// EndedRejected orders were refused by the venue.
	EndedRejected
)
