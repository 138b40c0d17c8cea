package exchangetest

import (
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

func moneyCards() []Card {
	return []Card{
		{Name: "open orders reserve", run: openOrdersReserve,
			Proves: "A balance is what is free and what is reserved; an open order reserves what it can cost, and frees it when it is over (T8)."},
		{Name: "a trade moves its value and its fee", run: tradeMoves,
			Proves: "Balances change by what the orders tell, to the last digit, on both sides; fees are those of the schedule (T8, T9)."},
		{Name: "nothing is made and nothing lost", run: conservation,
			Proves: "Over a random flow of orders the accounts and the fees together keep every currency's sum, and no balance is below 0 (T8)."},
		{Name: "the key may trade and no more", Needs: []Capability{KeyChecks}, run: keyCheck,
			Proves: "The check of a key that may trade finds nothing missing, and nothing that moves money."},
	}
}

// same checks an amount.
func (d *desk) same(what string, got, want decimal.Decimal) {
	d.Helper()
	if !got.Equal(want) {
		d.Errorf("%s is %s, want %s", what, got, want)
	}
}

func (d *desk) fees(who party) exchange.FeeSchedule {
	d.Helper()
	s, err := who.Fees(d.Context(), d.pair)
	if err != nil {
		d.Fatalf("%s's fees: %v", who.name, err)
	}
	for _, r := range []exchange.Rate{s.Buy.Maker, s.Buy.Taker, s.Sell.Maker, s.Sell.Taker} {
		if r < 0 || r >= exchange.RateOne {
			d.Errorf("the schedule has a rate of %s", r.Decimal())
		}
	}
	return s
}

func openOrdersReserve(d *desk) {
	base0, counter0 := d.balances(d.ann)
	if !base0.reserved.IsZero() || !counter0.reserved.IsZero() {
		d.Fatalf("before any order %v and %v are reserved", base0, counter0)
	}
	sale := d.rest(d.ann, exchange.Sell, d.Price+5, d.Lot+3)
	base, counter := d.balances(d.ann)
	d.same("what a sale reserves", base.reserved, d.volume(d.Lot+3))
	d.same("the base's total", base.total, base0.total)
	d.same("what a sale reserves of the counter currency", counter.reserved, decimal.Zero)

	buy := d.rest(d.ann, exchange.Buy, d.Price-5, d.Lot)
	value := d.value(d.Price-5, d.Lot)
	most := value + max(d.fees(d.ann).Buy.Maker, d.fees(d.ann).Buy.Taker).Of(value)
	_, counter = d.balances(d.ann)
	if counter.reserved.LessThan(d.amount(value)) || counter.reserved.GreaterThan(d.amount(most)) {
		d.Errorf("a buy reserves %s, want %s and no more than its fee", counter.reserved, d.amount(value))
	}
	d.same("the counter currency's total", counter.total, counter0.total)
	for _, o := range []exchange.Order{sale, buy} {
		if err := d.ann.Cancel(d.Context(), d.pair, o.ID); err != nil {
			d.Fatal(err)
		}
		d.over(d.ann, o.Request.ClientID)
	}
	base, counter = d.balances(d.ann)
	d.same("what is free of the base", base.free(), base0.total)
	d.same("what is free of the counter currency", counter.free(), counter0.total)
}

// charged checks that a fill's fee is that of the schedule, in either currency, and
// at most a unit more.
func (d *desk) charged(who party, f exchange.Fill) {
	d.Helper()
	s := d.fees(who)
	side := s.Buy
	if f.Side == exchange.Sell {
		side = s.Sell
	}
	rate := side.Taker
	if f.Maker {
		rate = side.Maker
	}
	due, dust := rate.Of(f.Value), rate.Of(exchange.Units(f.Volume)*exchange.DustPerStep)
	counter, base := f.FeeCounter >= due-1 && f.FeeCounter <= due+1, f.FeeBase >= exchange.Dust(dust)-1 && f.FeeBase <= exchange.Dust(dust)+1
	if !(counter && f.FeeBase == 0) && !(base && f.FeeCounter == 0) {
		d.Errorf("at a rate of %s, %s's fill is charged %d and %d: %+v", rate.Decimal(), who.name, f.FeeCounter, f.FeeBase, f)
	}
}

func tradeMoves(d *desk) {
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		before := len(d.listed(d.ann))
		annBase, annCounter := d.balances(d.ann)
		bobBase, bobCounter := d.balances(d.bob)
		hers := d.rest(d.ann, side, d.Price+1, d.Lot+1)
		r := d.limit(side.Opposite(), d.Price+1, d.Lot+1)
		d.place(d.bob, r)
		hers = d.over(d.ann, hers.Request.ClientID)
		his := d.over(d.bob, r.ClientID)
		d.moved(d.ann, hers, annBase, annCounter)
		d.moved(d.bob, his, bobBase, bobCounter)
		d.charged(d.ann, d.fills(d.ann, before+1)[before])
		d.charged(d.bob, d.fills(d.bob, before+1)[before])
	}
}

// listed lists the fills that there are.
func (d *desk) listed(who party) []exchange.Fill {
	d.Helper()
	fills, err := who.Fills(d.Context(), d.pair, 0, 1000)
	if err != nil {
		d.Fatal(err)
	}
	return fills
}

// moved checks that one order has changed the balances by what it tells. A fee may
// be finer than what an order can tell, and is rounded up then.
func (d *desk) moved(who party, o exchange.Order, base0, counter0 purse) {
	d.Helper()
	base, counter := d.balances(who)
	gain, paid := d.volume(o.Filled), d.amount(o.Value).Neg()
	if o.Request.Side == exchange.Sell {
		gain, paid = gain.Neg(), paid.Neg()
	}
	fee := paid.Sub(counter.total.Sub(counter0.total))
	if told := d.amount(o.Fee); fee.GreaterThan(told) || fee.LessThanOrEqual(told.Sub(d.amount(1))) {
		d.Errorf("%s's order tells of a fee of %s, and %s were taken", who.name, told, fee)
	}
	fee = gain.Sub(base.total.Sub(base0.total))
	if told := d.Market.DustAmount(o.FeeBase); fee.GreaterThan(told) || fee.LessThanOrEqual(told.Sub(d.Market.DustAmount(1))) {
		d.Errorf("%s's order tells of a fee of %s in the base, and %s were taken", who.name, told, fee)
	}
	if !base.reserved.IsZero() || !counter.reserved.IsZero() {
		d.Errorf("%s has no order, and %v and %v are reserved", who.name, base, counter)
	}
}

func conservation(d *desk) {
	const orders, every = 40, 8
	random := rand.New(rand.NewPCG(1, 8)) //nolint:gosec // a flow that is the same each time
	both := [...]party{d.ann, d.bob}
	base0, counter0 := d.sums(both[:])
	open := map[string][]exchange.Order{}
	for i := range orders {
		who := both[random.IntN(len(both))]
		if mine := open[who.name]; len(mine) > 0 && random.IntN(4) == 0 {
			at := random.IntN(len(mine))
			if err := who.Cancel(d.Context(), d.pair, mine[at].ID); err != nil && exchange.KindOf(err) != exchange.KindNotOpen {
				d.Fatal(err)
			}
			open[who.name] = append(mine[:at:at], mine[at+1:]...)
		} else {
			r := d.limit(exchange.Side(1+random.IntN(2)), d.Price+exchange.Ticks(random.IntN(7))-3, d.Lot/2+exchange.Steps(random.Int64N(int64(3*d.Lot))))
			o, err := who.Place(d.Context(), r)
			var e *exchange.Error
			switch {
			case err == nil:
				open[who.name] = append(mine, o)
			case !errors.As(err, &e) || e.Outcome != exchange.OutcomeRejected:
				d.Fatal(err)
			}
		}
		if i%every == every-1 {
			d.conserved(both[:], base0, counter0)
		}
	}
	for _, who := range both {
		for _, o := range d.open(who) {
			if err := who.Cancel(d.Context(), d.pair, o.ID); err != nil {
				d.Fatal(err)
			}
		}
		d.openIDs(who)
		base, counter := d.balances(who)
		d.same("what is reserved of the base without an order", base.reserved, decimal.Zero)
		d.same("what is reserved of the counter currency without an order", counter.reserved, decimal.Zero)
	}
	if fills := d.conserved(both[:], base0, counter0); fills < orders/4 {
		d.Errorf("of %d orders came %d fills only", orders, fills)
	}
}

// sums returns what all together have.
func (d *desk) sums(all []party) (base, counter decimal.Decimal) {
	d.Helper()
	for _, who := range all {
		b, c := d.balances(who)
		base, counter = base.Add(b.total), counter.Add(c.total)
	}
	return base, counter
}

// conserved checks that what is missing are the fees that the fills tell of, which
// are rounded up each. It returns how many fills there are.
func (d *desk) conserved(all []party, base0, counter0 decimal.Decimal) (count int) {
	d.Helper()
	d.wait("the fees are what is missing from the accounts", func() bool {
		var fee exchange.Units
		var dust exchange.Dust
		volume := map[exchange.Side]exchange.Steps{}
		count = 0
		for _, who := range all {
			for _, f := range d.listed(who) {
				fee, dust, count = fee+f.FeeCounter, dust+f.FeeBase, count+1
				volume[f.Side] += f.Volume
			}
		}
		base, counter := d.sums(all)
		lostBase, lost := base0.Sub(base), counter0.Sub(counter)
		return volume[exchange.Buy] == volume[exchange.Sell] &&
			lost.LessThanOrEqual(d.amount(fee)) && lost.GreaterThanOrEqual(d.amount(max(0, fee-exchange.Units(count)))) &&
			lostBase.LessThanOrEqual(d.Market.DustAmount(dust)) && lostBase.GreaterThanOrEqual(d.Market.DustAmount(max(0, dust-exchange.Dust(count))))
	})
	return count
}

func keyCheck(d *desk) {
	report, err := d.KeyChecker.CheckKey(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	if err := report.Err(); err != nil {
		d.Errorf("a key that may trade and no more: %v", err)
	}
	needs := map[exchange.Need]int{}
	for _, r := range report.Rights {
		if needs[r.Need]++; r.Name == "" || r.Meaning == "" || r.Reason == "" {
			d.Errorf("a right without a name, a meaning or a reason: %+v", r)
		}
	}
	if needs[exchange.Required] == 0 || needs[exchange.Forbidden] == 0 {
		d.Errorf("the report names no right that is required, or none that is forbidden: %+v", report)
	}
	held, err := d.Ann.Balances(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	if len(report.Balances) == 0 {
		d.Errorf("the report does not say what the account holds: %+v", report)
	}
	for _, b := range report.Balances {
		if i := slices.IndexFunc(held, func(h exchange.Balance) bool { return h.Currency == b.Currency && h.Account == b.Account }); i < 0 || !held[i].Total.Equal(b.Total) {
			d.Errorf("the report says that Ann holds %+v, and she holds %+v", b, held)
		}
	}
}
