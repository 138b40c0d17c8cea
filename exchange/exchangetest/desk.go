package exchangetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// desk is where one card works: the bench, and what cards do again and again.
type desk struct {
	testing.TB
	*Bench
	ann, bob party
	pair     string
	ids      int
}

// party is an account with its name.
type party struct {
	exchange.Trader
	name string
}

func newDesk(t testing.TB, b *Bench) *desk {
	t.Helper()
	return &desk{TB: t, Bench: b, ann: party{b.Ann, "Ann"}, bob: party{b.Bob, "Bob"}, pair: b.Market.Pair}
}

// limit returns a request of a limit order with a client id of its own.
func (d *desk) limit(side exchange.Side, price exchange.Ticks, volume exchange.Steps) exchange.OrderRequest {
	d.ids++
	return exchange.OrderRequest{
		ClientID: fmt.Sprintf("card-%d", d.ids), Pair: d.pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume,
	}
}

// place places an order that must be accepted.
func (d *desk) place(who party, r exchange.OrderRequest) exchange.Order {
	d.Helper()
	o, err := who.Place(d.Context(), r)
	if err != nil {
		d.Fatalf("%s's %s of %d at %d is not accepted: %v", who.name, r.Side, r.Volume, r.Price, err)
	}
	if o.ID == "" {
		d.Fatalf("%s's accepted order has no id", who.name)
	}
	return o
}

// rest places a limit order that is accepted and returns it as the venue tells it.
func (d *desk) rest(who party, side exchange.Side, price exchange.Ticks, volume exchange.Steps) exchange.Order {
	d.Helper()
	r := d.limit(side, price, volume)
	d.place(who, r)
	return d.order(who, r.ClientID)
}

// order looks an order up that must be there.
func (d *desk) order(who party, clientID string) exchange.Order {
	d.Helper()
	o, err := who.Order(d.Context(), d.pair, clientID)
	if err != nil {
		d.Fatalf("%s's order %s: %v", who.name, clientID, err)
	}
	return o
}

// over waits until an order is over and returns it.
func (d *desk) over(who party, clientID string) exchange.Order {
	d.Helper()
	var o exchange.Order
	d.wait(fmt.Sprintf("%s's order %s is over", who.name, clientID), func() bool {
		o = d.order(who, clientID)
		return o.Status == exchange.Complete
	})
	return o
}

// filled waits until so much of an order is filled and returns it.
func (d *desk) filled(who party, clientID string, volume exchange.Steps) exchange.Order {
	d.Helper()
	var o exchange.Order
	d.wait(fmt.Sprintf("%d of %s's order %s are filled", volume, who.name, clientID), func() bool {
		o = d.order(who, clientID)
		return o.Filled == volume
	})
	return o
}

// open lists the open orders.
func (d *desk) open(who party) []exchange.Order {
	d.Helper()
	orders, err := who.OpenOrders(d.Context(), d.pair)
	if err != nil {
		d.Fatalf("%s's open orders: %v", who.name, err)
	}
	return orders
}

// openIDs waits until exactly these orders are open, by client ids.
func (d *desk) openIDs(who party, want ...string) {
	d.Helper()
	slices.Sort(want)
	d.wait(fmt.Sprintf("of %s's orders %v are open", who.name, want), func() bool {
		var got []string
		for _, o := range d.open(who) {
			got = append(got, o.Request.ClientID)
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// fills lists all fills once there are so many.
func (d *desk) fills(who party, count int) []exchange.Fill {
	d.Helper()
	const most = 1000
	var fills []exchange.Fill
	d.wait(fmt.Sprintf("%s has %d fills", who.name, count), func() bool {
		var err error
		if fills, err = who.Fills(d.Context(), d.pair, 0, most); err != nil {
			d.Fatalf("%s's fills: %v", who.name, err)
		}
		return len(fills) == count
	})
	return fills
}

// purse is what somebody has of a currency, in all of the venue's accounts.
type purse struct{ total, reserved decimal.Decimal }

func (p purse) String() string { return fmt.Sprintf("%s, %s of it reserved", p.total, p.reserved) }

func (p purse) free() decimal.Decimal { return p.total.Sub(p.reserved) }

// balances returns what somebody has of the base and of the counter currency, and
// checks what always holds (rule T8).
func (d *desk) balances(who party) (base, counter purse) {
	d.Helper()
	list, err := who.Balances(d.Context())
	if err != nil {
		d.Fatalf("%s's balances: %v", who.name, err)
	}
	for _, b := range list {
		if b.Reserved.IsNegative() || b.Free().IsNegative() {
			d.Fatalf("%s has %s %s of which %s are reserved", who.name, b.Total, b.Currency, b.Reserved)
		}
		for currency, p := range map[string]*purse{d.Market.Base: &base, d.Market.Counter: &counter} {
			if b.Currency == currency {
				p.total, p.reserved = p.total.Add(b.Total), p.reserved.Add(b.Reserved)
			}
		}
	}
	return base, counter
}

// refused checks that a request was refused for good, for one of some kinds.
func (d *desk) refused(what string, err error, kinds ...exchange.Kind) {
	d.Helper()
	var e *exchange.Error
	switch {
	case err == nil:
		d.Errorf("%s is not refused", what)
	case !errors.As(err, &e) || e.Outcome != exchange.OutcomeRejected:
		d.Errorf("%s is not refused for good: %v", what, err)
	case !slices.Contains(kinds, exchange.KindOf(err)):
		d.Errorf("%s is refused as %q, want one of %v: %v", what, exchange.KindOf(err), kinds, err)
	}
}

// absent checks that there is no order of a client id.
func (d *desk) absent(who party, clientID string) {
	d.Helper()
	_, err := who.Order(d.Context(), d.pair, clientID)
	d.refused("the look-up of "+clientID+", which is no order,", err, exchange.KindNotFound)
}

// wait waits until something is so, and gives up after the bench's patience.
func (d *desk) wait(what string, so func() bool) {
	d.Helper()
	const patience, pause = 10 * time.Second, 5 * time.Millisecond
	limit := d.Patience
	if limit == 0 {
		limit = patience
	}
	for deadline := time.Now().Add(limit); !so(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			d.Fatalf("it does not come to be that %s", what)
		}
	}
}

// amount is an amount of the counter currency in units, and volume one of the base
// currency.
func (d *desk) amount(u exchange.Units) decimal.Decimal { return d.Market.Amount(u) }
func (d *desk) volume(v exchange.Steps) decimal.Decimal { return d.Market.Volume(v) }

// value is a price times a volume.
func (d *desk) value(price exchange.Ticks, volume exchange.Steps) exchange.Units {
	d.Helper()
	v, err := price.Times(volume)
	if err != nil {
		d.Fatal(err)
	}
	return v
}
