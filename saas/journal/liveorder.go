package journal

import (
	"cmp"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// LiveOrder is an order that a bot places at a remote venue. Number is the
// command's number within the bot, above 0; an order that the bot has claimed has
// one below 0. Filled, FilledValue, Fee and FeeBase sum up the fills that are in
// the journal.
type LiveOrder struct {
	Order
	// Account is the exchange account that it is placed on.
	Account string
	Pair    string
	// Epoch is that of the lease under which it was wanted.
	Epoch int64
	// Urgent orders are protective exits.
	Urgent bool
	// VenueID is the venue's id; "" until it is known.
	VenueID string
	// Told is the volume that is filled as the venue says, or Filled if that is
	// more. What it exceeds Filled by is yet to come as fills.
	Told decimal.Decimal
	// FeeBase is the fee charged in the base currency.
	FeeBase decimal.Decimal
	// Floor is a sequence that every fill of the order that is missing is above.
	Floor int64
	// ValidUntil is when the venue stops to take it.
	ValidUntil time.Time
	// CancelAsked is when we wanted it taken back; zero if we did not. It is a wish
	// and not a state (rule T4).
	CancelAsked time.Time
}

// Settled reports whether nothing more can be learned of the order: it is over,
// and its fills add up to what the venue says.
func (o LiveOrder) Settled() bool { return o.State.Final() && o.Filled.Equal(o.Told) }

// Doubtful reports whether it is not known if the venue has the order.
func (o LiveOrder) Doubtful() bool { return o.State == Submitted || o.State == Unknown }

// Resting reports whether the venue has the order, as far as is known, and it is
// not over.
func (o LiveOrder) Resting() bool { return !o.State.Final() && !o.Doubtful() }

// Hear returns the order after its venue has told v of it, whose zero fields tell
// nothing. It moves only forward: what was heard late or twice changes nothing.
// A venue's "complete" says that the order is over, and the volumes say how (rule
// T4).
func (o LiveOrder) Hear(m exchange.Market, v exchange.Order) LiveOrder {
	o.VenueID = cmp.Or(o.VenueID, v.ID)
	if told := m.Volume(v.Filled); told.GreaterThan(o.Told) {
		o.Told = told
	}
	if v.Status != exchange.Complete {
		return o.advance(o.resting())
	}
	if o.whole() {
		return o.advance(Filled)
	}
	next := o.advance(Cancelled)
	if next.State == Cancelled && !o.State.Final() && o.CancelAsked.IsZero() {
		next.Reason = "the venue took the rest back"
	}
	return next
}

// Take returns the order with one more fill, which must not have been taken
// before. A fill proves that the venue has the order.
func (o LiveOrder) Take(f LiveFill) LiveOrder {
	o.Filled, o.FilledValue = o.Filled.Add(f.Volume), o.FilledValue.Add(f.Value)
	o.Fee, o.FeeBase = o.Fee.Add(f.FeeCounter), o.FeeBase.Add(f.FeeBase)
	if o.Filled.GreaterThan(o.Told) {
		o.Told = o.Filled
	}
	if o.Volume.IsPositive() && o.whole() {
		return o.advance(Filled)
	}
	return o.advance(o.resting())
}

// WriteOff returns the order as one that nothing more is asked about: what of it is not
// booked is given up. One that its venue may never have had is expired then, any other
// that was open is cancelled.
func (o LiveOrder) WriteOff(why string) LiveOrder {
	switch {
	case o.Doubtful():
		o.State = Expired
	case !o.State.Final():
		o.State = Cancelled
	}
	o.Told, o.Reason = o.Filled, why
	return o
}

// whole reports whether all that was wanted is filled. A market buy by value has
// no volume: it is over when its venue says so.
func (o LiveOrder) whole() bool {
	return o.Told.IsPositive() && o.Told.GreaterThanOrEqual(o.Volume)
}

func (o LiveOrder) resting() OrderState {
	if o.Told.IsPositive() {
		return PartiallyFilled
	}
	return Open
}

// advance moves the order to a state, unless it has come further already.
func (o LiveOrder) advance(to OrderState) LiveOrder {
	if !o.State.Final() && to.Rank() > o.State.Rank() {
		o.State = to
	}
	return o
}

// LiveFill is one execution of a live order.
type LiveFill struct {
	Fill
	// Order is the number of its order.
	Order int64
	Pair  string
	// Event is its place among the bot's events.
	Event int64
}

// FromTotals is the sequence of a fill that no trade of the venue's stands for: it is the
// rest of an order's own totals, booked because the venue did not list it. An order has
// one at most, is over, and takes no fill after it.
const FromTotals int64 = 0

// Totalled reports whether the fill is one of an order's own totals, its price an average.
func (f LiveFill) Totalled() bool { return f.Sequence == FromTotals }

// Transition is one change of an order, with its cause.
type Transition struct {
	// Order is the number of the order.
	Order int64
	// Event is its place among the bot's events.
	Event int64
	// From is "" for an order that is new. From and To are the same if the order was
	// noted to be taken back, or more of it to be filled.
	From, To OrderState
	Cause    string
	At       time.Time
}
