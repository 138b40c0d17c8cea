package exchangetest

import (
	"reflect"

	"github.com/lunobot/lunobot/exchange"
)

func fillCards() []Card {
	return []Card{
		{Name: "partial fills add up", run: partialFills,
			Proves: "An order's totals are the sums of its fills, to the last digit, and each fill is told with its order, side and price (T7)."},
		{Name: "a limit is not overrun", run: limitHolds,
			Proves: "An order trades at its price or a better one, the best first, at the price of the order that rested."},
		{Name: "fills come in pages", run: fillPages,
			Proves: "Fills after a sequence are told oldest first, each once, however they are paged (T7)."},
	}
}

// checkFill checks a fill of an order that was placed as a limit order.
func (d *desk) checkFill(f exchange.Fill, o exchange.Order, price exchange.Ticks, volume exchange.Steps, maker bool) {
	d.Helper()
	if f.Pair != d.pair || f.OrderID != o.ID || f.ClientID != o.Request.ClientID || f.Side != o.Request.Side || f.Maker != maker ||
		f.Price != price || f.Volume != volume || f.Value != d.value(price, volume) || f.Sequence <= 0 || f.Time <= 0 {
		d.Errorf("%d at %d of the %s %s, as maker %t, is told as %+v", volume, price, o.Request.Side, o.ID, maker, f)
	}
}

func partialFills(d *desk) {
	hers := d.rest(d.ann, exchange.Sell, d.Price+3, 3*d.Lot)
	parts := []exchange.Steps{d.Lot + 1, 2*d.Lot - 1}
	var takers []exchange.Order
	for i, part := range parts {
		r := d.limit(exchange.Buy, d.Price+3, part)
		d.place(d.bob, r)
		takers = append(takers, d.filled(d.bob, r.ClientID, part))
		status, sum := exchange.Open, parts[0]
		if i == 1 {
			status, sum = exchange.Complete, 3*d.Lot
		}
		if o := d.filled(d.ann, hers.Request.ClientID, sum); o.Status != status || o.Value != d.value(d.Price+3, sum) {
			d.Errorf("of the order %d are filled, and it is told as %+v", sum, o)
		}
	}
	hers = d.order(d.ann, hers.Request.ClientID)
	var sum exchange.Order
	fills := d.fills(d.ann, len(parts))
	for i, f := range fills {
		d.checkFill(f, hers, d.Price+3, parts[i], true)
		sum.Filled, sum.Value, sum.Fee, sum.FeeBase = sum.Filled+f.Volume, sum.Value+f.Value, sum.Fee+f.FeeCounter, sum.FeeBase+f.FeeBase
	}
	// Each fee is rounded up, so that the fills may tell of up to a unit more each.
	most := exchange.Units(len(fills))
	if sum.Filled != hers.Filled || sum.Value != hers.Value || sum.Fee < hers.Fee || sum.Fee >= hers.Fee+most || sum.FeeBase < hers.FeeBase || sum.FeeBase >= hers.FeeBase+exchange.Dust(most) {
		d.Errorf("the fills add up to %+v, the order is told as %+v", sum, hers)
	}
	for i, f := range d.fills(d.bob, len(parts)) {
		d.checkFill(f, takers[i], d.Price+3, parts[i], false)
		if f.Sequence != fills[i].Sequence {
			d.Errorf("one trade has the sequence %d for Ann and %d for Bob", fills[i].Sequence, f.Sequence)
		}
	}
}

func limitHolds(d *desk) {
	d.rest(d.bob, exchange.Sell, d.Price+2, d.Lot)
	d.rest(d.bob, exchange.Sell, d.Price, d.Lot)
	d.rest(d.bob, exchange.Sell, d.Price+1, d.Lot)
	r := d.limit(exchange.Buy, d.Price+1, 3*d.Lot)
	d.place(d.ann, r)
	o := d.filled(d.ann, r.ClientID, 2*d.Lot)
	if o.Status != exchange.Open || o.Value != d.value(d.Price, d.Lot)+d.value(d.Price+1, d.Lot) {
		d.Errorf("an order that has taken two levels of three is told as %+v", o)
	}
	fills := d.fills(d.ann, 2)
	d.checkFill(fills[0], o, d.Price, d.Lot, false)
	d.checkFill(fills[1], o, d.Price+1, d.Lot, false)
}

func fillPages(d *desk) {
	const count = 5
	hers := d.rest(d.ann, exchange.Buy, d.Price, count*d.Lot)
	for range count {
		d.place(d.bob, d.limit(exchange.Sell, d.Price, d.Lot))
	}
	d.filled(d.ann, hers.Request.ClientID, count*d.Lot)
	all := d.fills(d.ann, count)
	for i := 1; i < count; i++ {
		if all[i].Sequence <= all[i-1].Sequence {
			d.Errorf("the fill %d follows the fill %d", all[i].Sequence, all[i-1].Sequence)
		}
	}
	for _, size := range []int{1, 2, count} {
		var paged []exchange.Fill
		for after, pages := int64(0), 0; pages <= count; pages++ {
			page, err := d.ann.Fills(d.Context(), d.pair, after, size)
			if err != nil {
				d.Fatalf("fills after %d, %d at most: %v", after, size, err)
			}
			if len(page) > size {
				d.Errorf("a page of %d fills has %d", size, len(page))
			}
			if len(page) == 0 {
				break
			}
			paged, after = append(paged, page...), page[len(page)-1].Sequence
		}
		if !reflect.DeepEqual(paged, all) {
			d.Errorf("in pages of %d the fills are %+v, want %+v", size, paged, all)
		}
	}
	_, err := d.ann.Fills(d.Context(), d.pair, 0, 0)
	d.refused("a page of no fills", err, exchange.KindInvalid)
}
