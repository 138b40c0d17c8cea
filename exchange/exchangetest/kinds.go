package exchangetest

import "github.com/lunobot/lunobot/exchange"

func kindCards() []Card {
	return []Card{
		{Name: "a post-only order takes nothing", Needs: []Capability{PostOnly}, run: postOnly,
			Proves: "A post-only order that would trade at once is refused or ends unfilled; one that would not rests and is filled as maker."},
		{Name: "what an IOC order cannot fill is cancelled", Needs: []Capability{IOC}, run: ioc,
			Proves: "An IOC order takes what is there at its price and never rests (T4)."},
		{Name: "a FOK order is filled whole or not at all", Needs: []Capability{FOK}, run: fok,
			Proves: "A FOK order that cannot be filled whole fills nothing and never rests (T4)."},
		{Name: "a market sale takes the best bids", Needs: []Capability{MarketOrders}, run: marketSale,
			Proves: "A market sale trades at the best prices there are, and never rests."},
		{Name: "a market buy spends its value at most", Needs: []Capability{MarketOrders}, run: marketBuy,
			Proves: "A market buy by value spends, fee included, no more than that, and all but what buys no further step (T9)."},
		{Name: "a stop order waits for its price", Needs: []Capability{StopOrders}, run: stopOrder,
			Proves: "A stop-limit order is pending outside the book, reserves, and is told with its stop; a trade at the stop lets it go, and none before; one that waits can be taken back."},
	}
}

// ended checks that an order is over with so much filled, and holds nothing.
func (d *desk) ended(r exchange.OrderRequest, volume exchange.Steps) exchange.Order {
	d.Helper()
	o := d.over(d.ann, r.ClientID)
	if o.Filled != volume {
		d.Errorf("%s %s ended with %d filled, want %d", r.Type, r.TimeInForce, o.Filled, volume)
	}
	d.untouched()
	return o
}

func postOnly(d *desk) {
	ask := d.rest(d.bob, exchange.Sell, d.Price, d.Lot)
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	r.PostOnly = true
	if _, err := d.ann.Place(d.Context(), r); err != nil {
		d.refused("a post-only order that would trade", err, exchange.KindState)
	} else {
		d.ended(r, 0)
	}
	d.untouched()
	if o := d.order(d.bob, ask.Request.ClientID); o.Filled != 0 || o.Status != exchange.Open {
		d.Errorf("a post-only order has traded: %+v", o)
	}
	r = d.limit(exchange.Buy, d.Price-1, d.Lot)
	r.PostOnly = true
	d.place(d.ann, r)
	d.openIDs(d.ann, r.ClientID)
	d.place(d.bob, d.limit(exchange.Sell, d.Price-1, d.Lot))
	d.filled(d.ann, r.ClientID, d.Lot)
	if f := d.fills(d.ann, 1)[0]; !f.Maker {
		d.Errorf("a post-only order took: %+v", f)
	}
}

func ioc(d *desk) {
	d.rest(d.bob, exchange.Sell, d.Price, d.Lot)
	above := d.rest(d.bob, exchange.Sell, d.Price+1, d.Lot)
	r := d.limit(exchange.Buy, d.Price, 3*d.Lot)
	r.TimeInForce = exchange.IOC
	d.place(d.ann, r)
	d.ended(r, d.Lot)
	if o := d.order(d.bob, above.Request.ClientID); o.Filled != 0 {
		d.Errorf("an order was filled beyond its price: %+v", o)
	}
	r = d.limit(exchange.Buy, d.Price, d.Lot)
	r.TimeInForce = exchange.IOC
	if _, err := d.ann.Place(d.Context(), r); err != nil {
		d.refused("an IOC order that meets nothing", err, exchange.KindState)
		d.untouched()
		return
	}
	d.ended(r, 0)
}

func fok(d *desk) {
	ask := d.rest(d.bob, exchange.Sell, d.Price, d.Lot)
	r := d.limit(exchange.Buy, d.Price, d.Lot+1)
	r.TimeInForce = exchange.FOK
	if _, err := d.ann.Place(d.Context(), r); err != nil {
		d.refused("a FOK order that cannot be filled", err, exchange.KindState)
		d.untouched()
	} else {
		d.ended(r, 0)
	}
	if o := d.order(d.bob, ask.Request.ClientID); o.Filled != 0 || o.Status != exchange.Open {
		d.Errorf("a FOK order that cannot be filled whole has traded: %+v", o)
	}
	r = d.limit(exchange.Buy, d.Price, d.Lot)
	r.TimeInForce = exchange.FOK
	d.place(d.ann, r)
	d.ended(r, d.Lot)
}

func marketSale(d *desk) {
	d.rest(d.bob, exchange.Buy, d.Price-9, 4*d.Lot)
	d.rest(d.bob, exchange.Buy, d.Price, d.Lot)
	r := d.limit(exchange.Sell, 0, 2*d.Lot)
	r.Type = exchange.MarketOrder
	d.place(d.ann, r)
	o := d.ended(r, 2*d.Lot)
	if want := d.value(d.Price, d.Lot) + d.value(d.Price-9, d.Lot); o.Value != want {
		d.Errorf("the sale brought %d, want %d", o.Value, want)
	}
	fills := d.fills(d.ann, 2)
	if fills[0].Price != d.Price || fills[1].Price != d.Price-9 || fills[0].Maker || fills[1].Maker {
		d.Errorf("the sale's fills are %+v", fills)
	}
}

func marketBuy(d *desk) {
	d.rest(d.bob, exchange.Sell, d.Price, 9*d.Lot)
	fees, err := d.ann.Fees(d.Context(), d.pair)
	if err != nil {
		d.Fatal(err)
	}
	r := d.limit(exchange.Buy, 0, 0)
	r.Type, r.Value = exchange.MarketOrder, d.value(d.Price, 2*d.Lot)+exchange.Units(d.Price)/2
	_, before := d.balances(d.ann)
	d.place(d.ann, r)
	o := d.over(d.ann, r.ClientID)
	d.untouched()
	_, after := d.balances(d.ann)
	spent, err := d.Market.Units(before.total.Sub(after.total), exchange.Up)
	if err != nil {
		d.Fatal(err)
	}
	if spent > r.Value || spent != o.Value+o.Fee {
		d.Errorf("of a value of %d, %d were spent; the order tells of %d and a fee of %d", r.Value, spent, o.Value, o.Fee)
	}
	step := exchange.Units(d.Price)
	if left := r.Value - spent; o.Filled == 0 || left >= step+fees.Buy.Taker.Of(step)+1 {
		d.Errorf("%d are left, and a step costs %d; %d are filled", left, step, o.Filled)
	}
}

func stopOrder(d *desk) {
	d.rest(d.bob, exchange.Sell, d.Price, d.Lot)
	buy := d.limit(exchange.Buy, d.Price, d.Lot)
	d.place(d.ann, buy)
	d.over(d.ann, buy.ClientID) // the last trade is at Price

	r := d.limit(exchange.Buy, d.Price+9, d.Lot)
	r.Stop = exchange.Stop{Price: d.Price + 5, Direction: exchange.StopAbove}
	d.place(d.ann, r)
	d.rest(d.bob, exchange.Sell, d.Price+3, d.Lot) // it would take that if it did not wait
	d.waiting(r, exchange.StopAbove)
	if _, counter := d.balances(d.ann); counter.reserved.LessThan(d.amount(d.value(r.Price, r.Volume))) {
		d.Errorf("a stop order that waits has reserved %s", counter)
	}
	buy = d.limit(exchange.Buy, d.Price+4, d.Lot)
	d.place(d.ann, buy)
	d.over(d.ann, buy.ClientID) // at Price+3, which does not reach it
	d.waiting(r, exchange.StopAbove)
	d.rest(d.bob, exchange.Sell, d.Price+5, d.Lot)
	buy = d.limit(exchange.Buy, d.Price+5, d.Lot)
	d.place(d.ann, buy)
	d.over(d.ann, buy.ClientID)
	d.wait("the stop order is in the book", func() bool { return d.order(d.ann, r.ClientID).Status == exchange.Open })
	d.rest(d.bob, exchange.Sell, d.Price+9, d.Lot)
	if o := d.filled(d.ann, r.ClientID, d.Lot); o.Value != d.value(r.Price, d.Lot) {
		d.Errorf("a stop order whose limit is %d is filled for %d", r.Price, o.Value)
	}

	r = d.limit(exchange.Sell, d.Price-9, d.Lot)
	r.Stop = exchange.Stop{Price: d.Price - 5, Direction: exchange.StopRelative}
	o := d.place(d.ann, r)
	d.waiting(r, exchange.StopBelow)
	if err := d.ann.Cancel(d.Context(), d.pair, o.ID); err != nil {
		d.Fatal(err)
	}
	d.ended(r, 0)

	r = d.limit(exchange.Sell, d.Price-9, d.Lot)
	r.Stop.Price = d.Price - 5
	d.denied("a stop order without a direction", r, exchange.KindInvalid)
	r = d.limit(exchange.Sell, d.Price-9, d.Lot)
	r.Stop.Direction = exchange.StopBelow
	d.denied("a stop order without a price", r, exchange.KindInvalid)
}

// waiting checks that a stop order of Ann's waits and is told as it was placed;
// a relative direction may be told as what it became.
func (d *desk) waiting(r exchange.OrderRequest, became exchange.StopDirection) {
	d.Helper()
	o := d.order(d.ann, r.ClientID)
	got := o.Request
	if o.Status != exchange.Pending || o.Filled != 0 || got.Price != r.Price || got.Volume != r.Volume || got.Stop.Price != r.Stop.Price ||
		got.Stop.Direction != r.Stop.Direction && got.Stop.Direction != became {
		d.Errorf("a stop order that waits, %+v, is told as %+v", r, o)
	}
	d.openIDs(d.ann, r.ClientID)
}
