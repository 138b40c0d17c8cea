package exchangetest

import "github.com/lunobot/lunobot/exchange"

func ruleCards() []Card {
	return []Card{
		{Name: "the market has rules", run: marketRules,
			Proves: "The venue lists its markets once each, with rules that make sense, and the one that is traded as it is."},
		{Name: "bounds are kept", Needs: []Capability{Bounds}, run: boundsAreKept,
			Proves: "An order outside the market's bounds is refused for good and leaves nothing; one at a bound is taken (T9)."},
		{Name: "nonsense is refused", run: nonsense,
			Proves: "An order without a side, a volume or a price is refused for good and leaves nothing (RK4)."},
		{Name: "nobody spends more than is free", run: insufficientFunds,
			Proves: "An order that needs more than is free is refused for good, and reserves nothing; what is reserved is not free (T8)."},
		{Name: "the market's state is kept", Needs: []Capability{States, PostOnly}, run: marketState,
			Proves: "A market in post-only mode or suspended refuses what it must; orders that rest can be cancelled."},
	}
}

func marketRules(d *desk) {
	list, err := d.Data.Markets(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, m := range list {
		if err := m.Validate(); err != nil {
			d.Error(err)
		}
		if seen[m.Pair] {
			d.Errorf("%s is listed twice", m.Pair)
		}
		seen[m.Pair] = true
		if want := d.Market; m.Pair == d.pair && (m.Base != want.Base || m.Counter != want.Counter || !m.Tick.Equal(want.Tick) || !m.Step.Equal(want.Step) ||
			m.MinVolume != want.MinVolume || m.MaxVolume != want.MaxVolume || m.MinPrice != want.MinPrice || m.MaxPrice != want.MaxPrice) {
			d.Errorf("the market is listed as %+v, and traded as %+v", m, want)
		}
	}
	if !seen[d.pair] {
		d.Errorf("%s is not listed", d.pair)
	}
}

// denied places an order that must be refused for good and leave nothing.
func (d *desk) denied(what string, r exchange.OrderRequest, kinds ...exchange.Kind) {
	d.Helper()
	_, err := d.ann.Place(d.Context(), r)
	d.refused(what, err, kinds...)
	d.absent(d.ann, r.ClientID)
}

// untouched checks that Ann has no open order and nothing reserved.
func (d *desk) untouched() {
	d.Helper()
	d.openIDs(d.ann)
	if base, counter := d.balances(d.ann); !base.reserved.IsZero() || !counter.reserved.IsZero() {
		d.Errorf("without an order %s %s and %s %s are reserved", base.reserved, d.Market.Base, counter.reserved, d.Market.Counter)
	}
}

func boundsAreKept(d *desk) {
	m := d.Market
	d.denied("less than the least volume", d.limit(exchange.Buy, d.Price, m.MinVolume-1), exchange.KindInvalid)
	d.denied("more than the largest volume", d.limit(exchange.Sell, d.Price, m.MaxVolume+1), exchange.KindInvalid)
	d.denied("less than the least price", d.limit(exchange.Buy, m.MinPrice-1, d.Lot), exchange.KindInvalid)
	d.denied("more than the highest price", d.limit(exchange.Sell, m.MaxPrice+1, d.Lot), exchange.KindInvalid)
	least := m.MinVolume
	if m.MinValue > 0 {
		// The volume whose value is one unit short of the least value, or less.
		if short := exchange.Steps((int64(m.MinValue) - 1) / int64(d.Price)); short >= m.MinVolume {
			d.denied("less than the least value", d.limit(exchange.Buy, d.Price, short), exchange.KindInvalid)
			least = short + 1
		}
	}
	d.untouched()
	d.rest(d.ann, exchange.Buy, d.Price, least)
	d.rest(d.ann, exchange.Sell, m.MaxPrice, d.Lot)
}

func nonsense(d *desk) {
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		d.denied("no volume", d.limit(side, d.Price, 0), exchange.KindInvalid)
		d.denied("a volume below 0", d.limit(side, d.Price, -d.Lot), exchange.KindInvalid)
		d.denied("no price", d.limit(side, 0, d.Lot), exchange.KindInvalid)
		d.denied("a price below 0", d.limit(side, -d.Price, d.Lot), exchange.KindInvalid)
	}
	d.denied("no side", d.limit(0, d.Price, d.Lot), exchange.KindInvalid)
	d.denied("another side", d.limit(9, d.Price, d.Lot), exchange.KindInvalid)
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	r.Type = 0
	d.denied("no type", r, exchange.KindInvalid)
	d.untouched()
}

func insufficientFunds(d *desk) {
	base, counter := d.balances(d.ann)
	wholes, err := d.Market.Steps(base.free(), exchange.Down)
	if err != nil {
		d.Fatal(err)
	}
	units, err := d.Market.Units(counter.free(), exchange.Down)
	if err != nil {
		d.Fatal(err)
	}
	for _, side := range []exchange.Side{exchange.Sell, exchange.Buy} {
		// Six tenths of all twice: each could be paid for without the other.
		price, volume := d.Price+1, wholes/10*6
		if side == exchange.Buy {
			price = d.Price - 1
			volume = exchange.Steps(int64(units) / 10 * 6 / int64(price))
		}
		first := d.rest(d.ann, side, price, volume)
		base, counter := d.balances(d.ann)
		d.denied("a "+side.String()+" for more than is free", d.limit(side, price, volume), exchange.KindState)
		d.openIDs(d.ann, first.Request.ClientID)
		base2, counter2 := d.balances(d.ann)
		if !base.reserved.Equal(base2.reserved) || !counter.reserved.Equal(counter2.reserved) || !base.total.Equal(base2.total) || !counter.total.Equal(counter2.total) {
			d.Errorf("an order that was refused changed the balances from %v and %v to %v and %v", base, counter, base2, counter2)
		}
		if err := d.ann.Cancel(d.Context(), d.pair, first.ID); err != nil {
			d.Fatal(err)
		}
		d.over(d.ann, first.Request.ClientID)
	}
	d.untouched()
}

func marketState(d *desk) {
	d.rest(d.bob, exchange.Sell, d.Price, d.Lot)
	rests := d.rest(d.ann, exchange.Buy, d.Price-5, d.Lot)
	d.SetStatus(exchange.MarketPostOnly)
	d.denied("an order that would take in post-only mode", d.limit(exchange.Buy, d.Price, d.Lot), exchange.KindState)
	quiet := d.limit(exchange.Buy, d.Price-4, d.Lot)
	quiet.PostOnly = true
	d.place(d.ann, quiet)
	d.SetStatus(exchange.MarketDisabled)
	d.denied("an order in a suspended market", d.limit(exchange.Buy, d.Price-3, d.Lot), exchange.KindState)
	if d.Quotes != nil {
		d.wait("the ticker says that the market takes no orders", func() bool {
			k, err := d.Quotes.Ticker(d.Context(), d.pair)
			if err != nil {
				d.Fatal(err)
			}
			return k.Status == exchange.MarketDisabled
		})
	}
	if err := d.ann.Cancel(d.Context(), d.pair, rests.ID); err != nil {
		d.Errorf("an order cannot be cancelled while the market is suspended: %v", err)
	}
	d.openIDs(d.ann, quiet.ClientID)
	d.SetStatus(exchange.MarketActive)
	taken := d.limit(exchange.Buy, d.Price, d.Lot)
	d.place(d.ann, taken)
	d.filled(d.ann, taken.ClientID, d.Lot)
}
