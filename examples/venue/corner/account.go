package corner

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// Account is somebody who trades. It is safe for concurrent use.
type Account struct {
	venue *Venue
	// What follows is under the venue's lock; orders are the oldest first.
	base    exchange.Steps
	counter exchange.Units
	orders  []*order
	fills   []exchange.Fill
}

var _ exchange.Trader = (*Account)(nil)

// Open makes an account that has so much of each currency.
func (v *Venue) Open(base exchange.Steps, counter exchange.Units) *Account {
	return &Account{venue: v, base: base, counter: counter}
}

// find returns the first order that is wanted.
func (a *Account) find(wanted func(*order) bool) (*order, error) {
	if i := slices.IndexFunc(a.orders, wanted); i >= 0 {
		return a.orders[i], nil
	}
	return nil, exchange.Rejected(exchange.CodeOrderNotFound, "there is no such order")
}

// Place implements exchange.Trader, for limit orders, GTC and IOC.
func (a *Account) Place(ctx context.Context, r exchange.OrderRequest) (placed exchange.Order, err error) {
	v := a.venue
	err = v.do(ctx, r.Pair, func() error {
		if taken, err := a.find(func(o *order) bool { return o.Request.ClientID == r.ClientID }); err == nil {
			first, e := taken.Request, exchange.Rejected(exchange.CodeDuplicate, "the client id %q is taken", r.ClientID)
			if first.Time, first.TTL, first.Urgent = r.Time, r.TTL, r.Urgent; first == r {
				placed, e.Outcome = taken.Order, exchange.OutcomeAccepted // an earlier try of the same
			}
			return e
		}
		if err := v.market.Check(r); err != nil {
			return err
		}
		now, id := v.now().UnixMilli(), fmt.Sprintf("C%d", v.orders+1)
		o := &order{owner: a, Order: exchange.Order{ID: id, Request: r, Status: exchange.Open, Created: now}}
		base, counter := a.reserved()
		switch {
		case r.ClientID == "" || r.Type != exchange.LimitOrder || r.TimeInForce == exchange.FOK || r.Stop != exchange.Stop{}:
			return exchange.Rejected("ErrInvalidArguments", "only limit orders with a client id, GTC or IOC, and without a stop are taken")
		case r.TTL > 0 && now > r.Time+r.TTL:
			return exchange.Rejected(exchange.CodeDeadlineExceeded, "the request came too late")
		case r.PostOnly && v.meets(o) != nil:
			return exchange.Rejected("ErrOrderCanceled", "the post-only order would have traded at once")
		case r.Side == exchange.Sell && r.Volume > a.base-base, r.Side == exchange.Buy && v.cost(o) > a.counter-counter:
			return exchange.Rejected("ErrInsufficientBalance", "the order needs more than is free")
		}
		v.orders, a.orders = v.orders+1, append(a.orders, o)
		v.match(o, now)
		placed = o.Order
		return nil
	})
	return placed, err
}

// cost is what the rest of a buy may take, its fee included.
func (v *Venue) cost(o *order) exchange.Units {
	value, err := o.Request.Price.Times(o.Remaining())
	if fee := v.fee.Of(value); err == nil && value <= math.MaxInt64-fee {
		return value + fee
	}
	return math.MaxInt64 // more than anybody has
}

// reserved returns what the open orders have set aside.
func (a *Account) reserved() (base exchange.Steps, counter exchange.Units) {
	for _, o := range a.orders {
		switch {
		case o.Status != exchange.Open:
		case o.Request.Side == exchange.Sell:
			base += o.Remaining()
		default:
			counter += a.venue.cost(o)
		}
	}
	return base, counter
}

// Cancel implements exchange.Trader.
func (a *Account) Cancel(ctx context.Context, pair, id string) error {
	return a.venue.do(ctx, pair, func() error {
		o, err := a.find(func(o *order) bool { return o.ID == id })
		if err != nil || o.Status != exchange.Open {
			return exchange.Rejected(exchange.CodeNotOpen, "the order %s is not open", id)
		}
		a.venue.end(o, a.venue.now().UnixMilli())
		return nil
	})
}

// Order implements exchange.Trader.
func (a *Account) Order(ctx context.Context, pair, clientID string) (exchange.Order, error) {
	return a.look(ctx, pair, func(o *order) bool { return o.Request.ClientID == clientID })
}

// OrderByID implements exchange.Trader.
func (a *Account) OrderByID(ctx context.Context, pair, id string) (exchange.Order, error) {
	return a.look(ctx, pair, func(o *order) bool { return o.ID == id })
}

func (a *Account) look(ctx context.Context, pair string, wanted func(*order) bool) (found exchange.Order, err error) {
	err = a.venue.do(ctx, pair, func() error {
		o, err := a.find(wanted)
		if err == nil {
			found = o.Order
		}
		return err
	})
	return found, err
}

// OpenOrders implements exchange.Trader.
func (a *Account) OpenOrders(ctx context.Context, pair string) (out []exchange.Order, err error) {
	err = a.venue.do(ctx, pair, func() error {
		for _, o := range a.orders {
			if o.Status == exchange.Open {
				out = append(out, o.Order)
			}
		}
		return nil
	})
	return out, err
}

// Fills implements exchange.Trader.
func (a *Account) Fills(ctx context.Context, pair string, after int64, limit int) (out []exchange.Fill, err error) {
	err = a.venue.do(ctx, pair, func() error {
		if limit <= 0 {
			return exchange.Rejected("ErrLimitOutOfRange", "a limit of %d lists nothing", limit)
		}
		for _, f := range a.fills {
			if f.Sequence > after && len(out) < limit {
				out = append(out, f)
			}
		}
		return nil
	})
	return out, err
}

// Balances implements exchange.Trader.
func (a *Account) Balances(ctx context.Context) (out []exchange.Balance, err error) {
	m := a.venue.market
	err = a.venue.do(ctx, m.Pair, func() error {
		base, counter := a.reserved()
		out = []exchange.Balance{
			{Currency: m.Base, Total: m.Volume(a.base), Reserved: m.Volume(base)},
			{Currency: m.Counter, Total: m.Amount(a.counter), Reserved: m.Amount(counter)},
		}
		return nil
	})
	return out, err
}

// Fees implements exchange.Trader.
func (a *Account) Fees(ctx context.Context, pair string) (s exchange.FeeSchedule, err error) {
	err = a.venue.do(ctx, pair, func() error {
		fees := exchange.Fees{Maker: a.venue.fee, Taker: a.venue.fee}
		s = exchange.FeeSchedule{Buy: fees, Sell: fees}
		return nil
	})
	return s, err
}
