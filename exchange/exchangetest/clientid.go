package exchangetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/lunobot/lunobot/exchange"
)

func clientIDCards() []Card {
	return []Card{
		{Name: "a repeat under the same id is the same order", run: sameID,
			Proves: "A request that is sent again under its client id makes no second order, and is told as accepted with the first (T1, T2)."},
		{Name: "a client id is taken for ever", run: idForEver,
			Proves: "The client id of an order that is over is still taken (T1)."},
		{Name: "another order under the same id is refused", run: otherContent,
			Proves: "A client id that is taken is refused for another order, and the first stays as it is (T2)."},
		{Name: "one of many repeats is placed", Needs: []Capability{Parallel}, run: manyRepeats,
			Proves: "However often a request is sent at the same time, it is one order (T1)."},
	}
}

// repeat sends a request again that is an order already, and returns that.
func (d *desk) repeat(r exchange.OrderRequest) exchange.Order {
	d.Helper()
	o, err := d.ann.Place(d.Context(), r)
	var e *exchange.Error
	if !errors.As(err, &e) || e.Outcome != exchange.OutcomeAccepted || exchange.KindOf(err) != exchange.KindDuplicate {
		d.Errorf("a repeat of %s is told as %v, want that it is accepted as a duplicate", r.ClientID, err)
	}
	return o
}

func sameID(d *desk) {
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	first := d.place(d.ann, r)
	if again := d.repeat(r); again.ID != first.ID {
		d.Errorf("a repeat of the order %s is told to be %q", first.ID, again.ID)
	}
	d.openIDs(d.ann, r.ClientID)
}

func idForEver(d *desk) {
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	first := d.place(d.ann, r)
	if err := d.ann.Cancel(d.Context(), d.pair, first.ID); err != nil {
		d.Fatal(err)
	}
	d.over(d.ann, r.ClientID)
	if again := d.repeat(r); again.ID != first.ID {
		d.Errorf("a repeat of the order %s, which is over, is told to be %q", first.ID, again.ID)
	}
	d.openIDs(d.ann)
}

func otherContent(d *desk) {
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	first := d.place(d.ann, r)
	price, volume, side := r, r, r
	price.Price--
	volume.Volume++
	side.Side, side.Price = exchange.Sell, r.Price+9
	for _, other := range []exchange.OrderRequest{price, volume, side} {
		_, err := d.ann.Place(d.Context(), other)
		d.refused(fmt.Sprintf("a %s of %d at %d under the id of another order", other.Side, other.Volume, other.Price), err, exchange.KindDuplicate)
	}
	o := d.order(d.ann, r.ClientID)
	if o.ID != first.ID || o.Request.Price != r.Price || o.Request.Volume != r.Volume || o.Request.Side != r.Side {
		d.Errorf("the first order is now %+v", o)
	}
	d.openIDs(d.ann, r.ClientID)
}

func manyRepeats(d *desk) {
	const times = 8
	r := d.limit(exchange.Sell, d.Price, d.Lot)
	errs := make([]error, times)
	var work sync.WaitGroup
	for i := range errs {
		work.Go(func() { _, errs[i] = d.ann.Place(d.Context(), r) })
	}
	work.Wait()
	placed := 0
	for _, err := range errs {
		switch {
		case err == nil:
			placed++
		case exchange.OutcomeOf(err) == exchange.OutcomeRejected:
			d.Errorf("a repeat of an order that is there is told to be none: %v", err)
		}
	}
	if placed != 1 {
		d.Errorf("of %d repeats at the same time %d are told to be new orders", times, placed)
	}
	d.openIDs(d.ann, r.ClientID)
	if base, _ := d.balances(d.ann); !base.reserved.Equal(d.volume(d.Lot)) {
		d.Errorf("one sale of %s reserves %s", d.volume(d.Lot), base.reserved)
	}
}
