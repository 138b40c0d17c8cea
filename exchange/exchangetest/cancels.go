package exchangetest

import (
	"sync"

	"github.com/lunobot/lunobot/exchange"
)

func cancelCards() []Card {
	return []Card{
		{Name: "a cancel takes the rest back", run: cancelRest,
			Proves: "A cancelled order is over with what was filled before, and frees what it held; a second cancel finds nothing (T4)."},
		{Name: "what is filled is not cancelled", run: cancelFilled,
			Proves: "The cancel of a filled order says that it is not open, and the order stays filled (T4)."},
		{Name: "a cancel is not a cancellation", Needs: []Capability{Parallel}, run: cancelRace,
			Proves: "Where a cancel and a trade come at the same time, the order, read afterwards, and its fills tell the same of what happened (T4)."},
	}
}

func cancelRest(d *desk) {
	o := d.rest(d.ann, exchange.Buy, d.Price, 3*d.Lot)
	id := o.Request.ClientID
	d.place(d.bob, d.limit(exchange.Sell, d.Price, d.Lot))
	if part := d.filled(d.ann, id, d.Lot); part.Status != exchange.Open || part.Remaining() != 2*d.Lot {
		d.Errorf("a third of the order is filled, and it is told as %+v", part)
	}
	if err := d.ann.Cancel(d.Context(), d.pair, o.ID); err != nil {
		d.Fatalf("the cancel: %v", err)
	}
	if end := d.over(d.ann, id); end.Filled != d.Lot || end.Value != d.value(d.Price, d.Lot) || end.Request.Volume != 3*d.Lot || end.Completed <= 0 {
		d.Errorf("the order was cancelled with a third filled, and is told as %+v", end)
	}
	d.untouched()
	d.refused("a second cancel", d.ann.Cancel(d.Context(), d.pair, o.ID), exchange.KindNotOpen)
	r := d.limit(exchange.Sell, d.Price, d.Lot)
	d.place(d.bob, r)
	d.openIDs(d.bob, r.ClientID)
	d.fills(d.ann, 1)
}

func cancelFilled(d *desk) {
	o := d.rest(d.ann, exchange.Sell, d.Price, d.Lot)
	d.place(d.bob, d.limit(exchange.Buy, d.Price, d.Lot))
	d.filled(d.ann, o.Request.ClientID, d.Lot)
	d.refused("the cancel of a filled order", d.ann.Cancel(d.Context(), d.pair, o.ID), exchange.KindNotOpen)
	if end := d.over(d.ann, o.Request.ClientID); end.Filled != d.Lot || end.Remaining() != 0 {
		d.Errorf("the order was filled, and is told as %+v", end)
	}
	d.untouched()
}

func cancelRace(d *desk) {
	const rounds = 10
	var sum exchange.Steps
	for range rounds {
		o := d.rest(d.ann, exchange.Sell, d.Price, d.Lot)
		r := d.limit(exchange.Buy, d.Price, d.Lot/2)
		var work sync.WaitGroup
		var cancelled, placed error
		work.Go(func() { cancelled = d.ann.Cancel(d.Context(), d.pair, o.ID) })
		work.Go(func() { _, placed = d.bob.Place(d.Context(), r) })
		work.Wait()
		if placed != nil || cancelled != nil {
			d.Fatalf("an order of which half is taken and that is cancelled: %v, %v", placed, cancelled)
		}
		end, his := d.over(d.ann, o.Request.ClientID), d.order(d.bob, r.ClientID)
		if end.Filled != his.Filled || end.Filled != 0 && end.Filled != d.Lot/2 {
			d.Errorf("Ann's order tells of %d that were filled, Bob's of %d", end.Filled, his.Filled)
		}
		sum += end.Filled
		if his.Status != exchange.Complete {
			if err := d.bob.Cancel(d.Context(), d.pair, his.ID); err != nil {
				d.Fatal(err)
			}
		}
	}
	d.untouched()
	d.wait("the fills tell of all that the orders tell", func() bool {
		fills, err := d.ann.Fills(d.Context(), d.pair, 0, 2*rounds)
		if err != nil {
			d.Fatal(err)
		}
		told := sum
		for _, f := range fills {
			told -= f.Volume
		}
		return told == 0
	})
}
