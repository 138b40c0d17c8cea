package exchangetest

import (
	"errors"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

func outcomeCards() []Card {
	return []Card{
		{Name: "an order whose answer is lost is found", Needs: []Capability{AnswerLost}, run: func(d *desk) { takenUnknown(d, AnswerLost) },
			Proves: "Without an answer the outcome is unknown, a look-up under the client id settles it, and a repeat makes no second order (T2)."},
		{Name: "an answer that cannot be read is no answer", Needs: []Capability{AnswerGarbled}, run: func(d *desk) { takenUnknown(d, AnswerGarbled) },
			Proves: "An answer that cannot be read leaves the outcome unknown; it is no refusal (T2)."},
		{Name: "an order that is taken late is not given up", Needs: []Capability{TakenLate, Deadlines}, run: takenLate,
			Proves: "Where a look-up finds nothing, the error says until when the order may still come (T2)."},
		{Name: "an order that is lost may be sent again", Needs: []Capability{RequestLost}, run: func(d *desk) { notTaken(d, RequestLost, exchange.KindOther) },
			Proves: "Without an answer the outcome is unknown, a look-up finds nothing, and the same request may be sent again (T2)."},
		{Name: "too many calls are no refusal", Needs: []Capability{Busy}, run: func(d *desk) { notTaken(d, Busy, exchange.KindBusy) },
			Proves: "An order that the venue has no time for is of unknown outcome, and may be sent again under its id (T2, T10)."},
		{Name: "a cancel whose answer is lost is looked up", Needs: []Capability{CancelLost}, run: cancelUnknown,
			Proves: "A cancel without an answer is of unknown outcome; the order itself tells what came of it (T2, T4)."},
		{Name: "what is filled before a cancel counts", Needs: []Capability{FilledFirst}, run: filledFirst,
			Proves: "A cancel that was taken says nothing of what was filled in between; the order, its fills and the balances do (T4)."},
		{Name: "fills that come late are not missed", Needs: []Capability{FillsLate}, run: fillsLate,
			Proves: "Fills may be told later than the order tells of them, but none is left out of a page that is asked for afterwards (T7)."},
		{Name: "a key that is refused says so", Needs: []Capability{KeyRevoked}, run: keyRevoked,
			Proves: "Calls with a key that was revoked are refused for good, as the key's matter, and place nothing (T2)."},
		{Name: "a question is asked again", Needs: []Capability{QuestionLost}, run: questionLost,
			Proves: "A question that had no answer is asked again by itself; only orders and cancels are not."},
	}
}

// unknown places an order that suffers a fault, and returns the error, which must
// say that nothing is known.
func (d *desk) unknown(fault Capability, r exchange.OrderRequest, kind exchange.Kind) *exchange.Error {
	d.Helper()
	d.Inject(fault)
	_, err := d.ann.Place(d.Context(), r)
	var e *exchange.Error
	if !errors.As(err, &e) || e.Outcome != exchange.OutcomeUnknown || exchange.KindOf(err) != kind {
		d.Fatalf("with the %s, the answer is %v, want one of unknown outcome and the kind %q", fault, err, kind)
	}
	return e
}

// settled checks that a request has become exactly one order.
func (d *desk) settled(r exchange.OrderRequest) {
	d.Helper()
	found := d.order(d.ann, r.ClientID)
	if again := d.repeat(r); again.ID != found.ID {
		d.Errorf("the order %s, sent again, is told to be %q", found.ID, again.ID)
	}
	d.openIDs(d.ann, r.ClientID)
}

func takenUnknown(d *desk, fault Capability) {
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	_ = d.unknown(fault, r, exchange.KindOther)
	d.openIDs(d.ann, r.ClientID)
	d.settled(r)
}

func takenLate(d *desk) {
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	r.Time, r.TTL = d.Now().UnixMilli(), 5000
	e := d.unknown(TakenLate, r, exchange.KindOther)
	if e.Expires < r.Time+r.TTL {
		d.Errorf("the request may come until %d, and is said to expire at %d", r.Time+r.TTL, e.Expires)
	}
	d.wait("the order that was taken late is there", func() bool {
		_, err := d.ann.Order(d.Context(), d.pair, r.ClientID)
		if err != nil && exchange.KindOf(err) != exchange.KindNotFound {
			d.Fatal(err)
		}
		return err == nil
	})
	d.settled(r)
}

func notTaken(d *desk, fault Capability, kind exchange.Kind) {
	r := d.limit(exchange.Buy, d.Price, d.Lot)
	_ = d.unknown(fault, r, kind)
	d.absent(d.ann, r.ClientID)
	d.untouched()
	d.place(d.ann, r)
	d.settled(r)
}

func cancelUnknown(d *desk) {
	o := d.rest(d.ann, exchange.Buy, d.Price, d.Lot)
	d.Inject(CancelLost)
	err := d.ann.Cancel(d.Context(), d.pair, o.ID)
	if err == nil || exchange.OutcomeOf(err) != exchange.OutcomeUnknown {
		d.Fatalf("a cancel whose answer was lost is told as %v", err)
	}
	if end := d.over(d.ann, o.Request.ClientID); end.Filled != 0 {
		d.Errorf("the cancelled order is told as %+v", end)
	}
	d.refused("a second cancel", d.ann.Cancel(d.Context(), d.pair, o.ID), exchange.KindNotOpen)
	d.untouched()
}

func filledFirst(d *desk) {
	base, counter := d.balances(d.ann)
	o := d.rest(d.ann, exchange.Sell, d.Price, 2*d.Lot)
	d.Inject(FilledFirst)
	if err := d.ann.Cancel(d.Context(), d.pair, o.ID); err != nil {
		d.Fatalf("the cancel: %v", err)
	}
	end := d.over(d.ann, o.Request.ClientID)
	if end.Filled <= 0 || end.Filled >= 2*d.Lot || end.Value != d.value(d.Price, end.Filled) {
		d.Errorf("an order of which a part was filled before its cancel is told as %+v", end)
	}
	d.moved(d.ann, end, base, counter)
	if f := d.fills(d.ann, 1)[0]; f.Volume != end.Filled || f.OrderID != o.ID {
		d.Errorf("of the order %d are filled, and its fill is %+v", end.Filled, f)
	}
}

func fillsLate(d *desk) {
	const count = 3
	d.Inject(FillsLate)
	hers := d.rest(d.ann, exchange.Buy, d.Price, count*d.Lot)
	for range count {
		d.place(d.bob, d.limit(exchange.Sell, d.Price, d.Lot))
	}
	d.filled(d.ann, hers.Request.ClientID, count*d.Lot)
	var got []exchange.Fill
	d.wait("all fills are told, page by page", func() bool {
		after := int64(0)
		if len(got) > 0 {
			after = got[len(got)-1].Sequence
		}
		page, err := d.ann.Fills(d.Context(), d.pair, after, count)
		if err != nil {
			d.Fatal(err)
		}
		got = append(got, page...)
		return len(got) >= count
	})
	if all := d.fills(d.ann, count); !slices.Equal(got, all) {
		d.Errorf("as they came the fills were %+v, afterwards they are %+v", got, all)
	}
}

func keyRevoked(d *desk) {
	o := d.rest(d.ann, exchange.Buy, d.Price, d.Lot)
	d.Inject(KeyRevoked)
	_, err := d.ann.Place(d.Context(), d.limit(exchange.Buy, d.Price, d.Lot))
	d.refused("an order with a revoked key", err, exchange.KindKey)
	d.refused("a cancel with a revoked key", d.ann.Cancel(d.Context(), d.pair, o.ID), exchange.KindKey)
	_, err = d.ann.Balances(d.Context())
	d.refused("the balances with a revoked key", err, exchange.KindKey)
	r := d.limit(exchange.Sell, d.Price, 2*d.Lot)
	d.place(d.bob, r)
	if his := d.order(d.bob, r.ClientID); his.Filled != d.Lot {
		d.Errorf("with a revoked key one order of %d rests, and Bob's took %d", d.Lot, his.Filled)
	}
}

func questionLost(d *desk) {
	base, _ := d.balances(d.ann)
	d.Inject(QuestionLost)
	again, _ := d.balances(d.ann)
	d.same("the balance that was asked for again", again.total, base.total)
}
