package execution_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

// proves T2: until when an order may still arrive, as the way to the venue says, is
// in the journal: another process does not give it up before.
func TestUnknownAfterRestart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := w.script()
		e := w.open(t)
		var late exchange.OrderRequest
		s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
			late = r
			return exchange.Order{}, &exchange.Error{Message: "connection reset", Expires: w.clock.Now().Add(17 * time.Second).UnixMilli()}
		}
		o := place(t, e, limit(1, exchange.Buy, 100, 10), journal.Unknown)
		lost := place(t, e, limit(2, exchange.Buy, 99, 10), journal.Unknown)
		if left := o.ValidUntil.Sub(w.clock.Now()); left != 15*time.Second { // less the margin
			t.Errorf("it may arrive for %s", left)
		}
		w.clock.Advance(8 * time.Second) // more than its own time and the margin
		e = w.open(t)
		if got := w.journalled(t, 1); got.State != journal.Unknown || !got.ValidUntil.Equal(o.ValidUntil) {
			t.Errorf("after a restart it is %s and valid until %s, want %s", got.State, got.ValidUntil, o.ValidUntil)
		}
		late.ClientID, late.Price, late.Time, late.TTL = o.ClientID, 100, 0, 0 // the venue's clock is behind
		if _, err := w.mine.Place(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(9 * time.Second)
		check(t, e)
		if a, b := w.journalled(t, 1), w.journalled(t, 2); a.State != journal.Open || b.State != journal.Unknown {
			t.Errorf("what has arrived is %s, what has not %s", a.State, b.State)
		}
		w.clock.Advance(time.Millisecond)
		if c := check(t, e); !c.Ready() || w.journalled(t, lost.Number).State != journal.Expired {
			t.Errorf("in the end the check says %+v", c)
		}
	})
}
