package exchangetest

import (
	"errors"

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
