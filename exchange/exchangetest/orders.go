package exchangetest

import (
	"context"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

func orderCards() []Card {
	return []Card{
		{Name: "an order rests", run: anOrderRests,
			Proves: "An accepted order is found under both ids and among the open ones, to the last digit as it was placed (T9)."},
		{Name: "open orders are listed", run: openOrdersAreListed,
			Proves: "Open orders are all there, oldest first; those that are over are not (T6)."},
		{Name: "what is unknown is not found", run: unknownIsNotFound,
			Proves: "A look-up of an id that was never placed is a definitive not-found (T2)."},
		{Name: "orders of others are not ours", run: othersAreNotOurs,
			Proves: "Nobody sees, finds or cancels another account's orders."},
		{Name: "an unknown market is refused", run: unknownMarket,
			Proves: "Calls about a market that is not there are refused, and no order comes of them."},
		{Name: "a request that is over is not sent", run: overBeforeSent,
			Proves: "A request whose context has ended leaves no order."},
		{Name: "a late request is refused", Needs: []Capability{Deadlines}, run: lateRequest,
			Proves: "A request whose time to live is over is refused and leaves no order (T5)."},
	}
}

func anOrderRests(d *desk) {
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		price := d.Price - 7
		if side == exchange.Sell {
			price = d.Price + 7
		}
		r := d.limit(side, price, d.Lot+3)
		placed := d.place(d.ann, r)
		byID, err := d.ann.OrderByID(d.Context(), d.pair, placed.ID)
		if err != nil {
			d.Fatalf("the order %s: %v", placed.ID, err)
		}
		listed := slices.IndexFunc(d.open(d.ann), func(o exchange.Order) bool { return o.ID == placed.ID })
		if listed < 0 {
			d.Fatalf("the order %s is not among the open ones", placed.ID)
		}
		for how, o := range map[string]exchange.Order{"by our id": d.order(d.ann, r.ClientID), "by its id": byID, "open": d.open(d.ann)[listed]} {
			got := o.Request
			if o.ID != placed.ID || got.ClientID != r.ClientID || got.Pair != r.Pair || got.Side != side || got.Type != r.Type ||
				got.Price != r.Price || got.Volume != r.Volume {
				d.Errorf("%s, the %s %s of %d at %d is told as %+v", how, side, placed.ID, r.Volume, r.Price, o)
			}
			if o.Status != exchange.Open || o.Filled != 0 || o.Value != 0 || o.Fee != 0 || o.FeeBase != 0 || o.Created <= 0 || o.Completed != 0 {
				d.Errorf("%s, an order that rests is told as %+v", how, o)
			}
		}
	}
}

func openOrdersAreListed(d *desk) {
	var ids []string
	for _, below := range []exchange.Ticks{5, 1, 9} {
		ids = append(ids, d.rest(d.ann, exchange.Buy, d.Price-below, d.Lot).Request.ClientID)
		if d.Advance != nil {
			d.Advance(time.Millisecond)
		}
	}
	d.rest(d.bob, exchange.Buy, d.Price-3, d.Lot)
	d.openIDs(d.ann, ids...)
	list := d.open(d.ann)
	if !slices.IsSortedFunc(list, func(a, b exchange.Order) int { return int(a.Created - b.Created) }) {
		d.Errorf("the oldest of the open orders is not the first: %+v", list)
	}
	if err := d.ann.Cancel(d.Context(), d.pair, list[1].ID); err != nil {
		d.Fatal(err)
	}
	d.openIDs(d.ann, list[0].Request.ClientID, list[2].Request.ClientID)
	if list := d.open(d.bob); len(list) != 1 {
		d.Errorf("Bob has one open order, and is told of %+v", list)
	}
}

func unknownIsNotFound(d *desk) {
	d.absent(d.ann, d.limit(exchange.Buy, d.Price, d.Lot).ClientID)
	d.rest(d.ann, exchange.Buy, d.Price, d.Lot)
	d.absent(d.ann, d.limit(exchange.Buy, d.Price, d.Lot).ClientID)
}

func othersAreNotOurs(d *desk) {
	his := d.rest(d.bob, exchange.Buy, d.Price, d.Lot)
	d.absent(d.ann, his.Request.ClientID)
	_, err := d.ann.OrderByID(d.Context(), d.pair, his.ID)
	d.refused("the look-up of another's order", err, exchange.KindNotFound)
	d.refused("the cancel of another's order", d.ann.Cancel(d.Context(), d.pair, his.ID), exchange.KindNotOpen, exchange.KindNotFound)
	d.openIDs(d.ann)
	d.openIDs(d.bob, his.Request.ClientID)
}

func unknownMarket(d *desk) {
	const nowhere = "NOSUCHPAIR"
	kinds := []exchange.Kind{exchange.KindInvalid, exchange.KindState, exchange.KindNotFound}
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	r.Pair = nowhere
	_, err := d.ann.Place(d.Context(), r)
	d.refused("an order in no market", err, kinds...)
	d.absent(d.ann, r.ClientID)
	_, err = d.ann.OpenOrders(d.Context(), nowhere)
	d.refused("the list of orders in no market", err, kinds...)
	_, err = d.ann.Fills(d.Context(), nowhere, 0, 1)
	d.refused("the list of fills in no market", err, kinds...)
	_, err = d.ann.Fees(d.Context(), nowhere)
	d.refused("the fees in no market", err, kinds...)
}

func overBeforeSent(d *desk) {
	ctx, cancel := context.WithCancel(d.Context())
	cancel()
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	if _, err := d.ann.Place(ctx, r); err == nil {
		d.Error("a request whose context has ended is accepted")
	}
	d.absent(d.ann, r.ClientID)
	d.openIDs(d.ann)
}

func lateRequest(d *desk) {
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	r.Time, r.TTL = d.Now().Add(-time.Minute).UnixMilli(), 1000
	_, err := d.ann.Place(d.Context(), r)
	d.refused("a request of a minute ago that was good for a second", err, exchange.KindTransient, exchange.KindState, exchange.KindInvalid)
	d.absent(d.ann, r.ClientID)
	d.openIDs(d.ann)
	r = d.limit(exchange.Buy, d.Price, d.Lot)
	r.Time, r.TTL = d.Now().UnixMilli(), 5000
	d.place(d.ann, r)
}
