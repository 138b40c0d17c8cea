package execution_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
)

// agree reconciles and checks that journal and venue have the same orders open, and
// that the books have what the account holds.
func (w *world) agree(t *testing.T, e *execution.Executor) {
	t.Helper()
	if c := check(t, e); !c.Ready() || len(c.Trades) != 0 {
		t.Errorf("the check says %+v", c)
	}
	open, err := w.mine.OpenOrders(t.Context(), pair)
	if err != nil {
		t.Fatal(err)
	}
	var there, here []string
	for _, o := range open {
		there = append(there, o.ID)
	}
	for _, o := range e.Orders() {
		if o.Resting() {
			here = append(here, o.VenueID)
		}
	}
	slices.Sort(there)
	slices.Sort(here)
	if !slices.Equal(there, here) {
		t.Errorf("open are %q at the venue and %q in the journal", there, here)
	}
	held, err := w.mine.Balances(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	book := e.Books()[0]
	for _, b := range held {
		if b.Currency == "XBT" && !b.Total.Equal(book.Base) || b.Currency == "MYR" && !b.Total.Equal(book.Counter) {
			t.Errorf("the account holds %s %s, the book has %s and %s", b.Total, b.Currency, book.Base, book.Counter)
		}
	}
}

// proves T2, T4, T6, T7: whatever went wrong on the way to the venue, a reconciliation
// after it comes to what is true there; no order is lost and none is there twice.
func TestReconcileAfterFaults(t *testing.T) {
	t.Parallel()
	bid, noAnswer := limit(1, exchange.Buy, 100, 10), errors.New("connection reset by peer")
	type scene struct {
		*world
		*scripted
		*execution.Executor
	}
	placed := func(t *testing.T, s scene, answer error) { // it is, and the answer is another
		s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
			_, err := s.mine.Place(t.Context(), r)
			return exchange.Order{}, errors.Join(answer, err)
		}
		place(t, s.Executor, bid, journal.Unknown)
		s.place = nil
	}
	lost := func(t *testing.T, s scene, answer error) { // it is not
		s.place = func(exchange.OrderRequest) (exchange.Order, error) { return exchange.Order{}, answer }
		place(t, s.Executor, bid, journal.Unknown)
		s.place = nil
		check(t, s.Executor) // it may still arrive
		if o := s.journalled(t, 1); o.State != journal.Unknown {
			t.Errorf("before its time is over it is %s", o.State)
		}
		s.clock.Advance(8 * time.Second)
	}
	trades := func(t *testing.T, s scene, tells func([]exchange.Fill) []exchange.Fill) { // in two parts
		place(t, s.Executor, bid, journal.Open)
		s.others(t, s.other, exchange.Sell, 100, 4)
		s.others(t, s.other, exchange.Sell, 100, 6)
		s.fills = tells
		if _, err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.fills = nil
	}
	refused := func(t *testing.T, s scene, code string) {
		s.place = func(exchange.OrderRequest) (exchange.Order, error) {
			return exchange.Order{}, exchange.Rejected(code, "no")
		}
		place(t, s.Executor, bid, journal.Rejected)
		s.place = nil
	}
	cancelled := func(t *testing.T, s scene, cancel func(id string) error) {
		place(t, s.Executor, bid, journal.Open)
		s.cancel = cancel
		if _, err := s.Executor.Cancel(t.Context(), 1, "enough"); err != nil {
			t.Fatal(err)
		}
		s.cancel = nil
	}
	for name, test := range map[string]struct {
		fault func(t *testing.T, s scene)
		want  journal.OrderState
	}{
		"a reset before": {func(t *testing.T, s scene) { lost(t, s, noAnswer) }, journal.Expired},
		"too many requests": {func(t *testing.T, s scene) {
			lost(t, s, &exchange.Error{Code: exchange.CodeTooManyRequests, HTTPStatus: 429})
		}, journal.Expired},
		"a reset after":            {func(t *testing.T, s scene) { placed(t, s, noAnswer) }, journal.Open},
		"accepted, then hanging":   {func(t *testing.T, s scene) { placed(t, s, context.DeadlineExceeded) }, journal.Open},
		"accepted, then a page":    {func(t *testing.T, s scene) { placed(t, s, &exchange.Error{HTTPStatus: 502, Message: "<html>"}) }, journal.Open},
		"fills in the wrong order": {func(t *testing.T, s scene) { trades(t, s, reversed) }, journal.Filled},
		"fills twice": {func(t *testing.T, s scene) {
			trades(t, s, func(l []exchange.Fill) []exchange.Fill { return append(l, l...) })
		}, journal.Filled},
		"fills that are late":     {func(t *testing.T, s scene) { trades(t, s, func([]exchange.Fill) []exchange.Fill { return nil }) }, journal.Filled},
		"a stream that is silent": {func(t *testing.T, s scene) { trades(t, s, nil) }, journal.Filled},
		"post-only mode":          {func(t *testing.T, s scene) { refused(t, s, "ErrPostOnlyMode") }, journal.Rejected},
		"a suspended market":      {func(t *testing.T, s scene) { refused(t, s, "ErrMarketUnavailable") }, journal.Rejected},
		"a cancel that is lost":   {func(t *testing.T, s scene) { cancelled(t, s, func(string) error { return noAnswer }) }, journal.Cancelled},
		"a cancel without an answer": {func(t *testing.T, s scene) {
			cancelled(t, s, func(id string) error { return errors.Join(noAnswer, s.mine.Cancel(t.Context(), pair, id)) })
		}, journal.Cancelled},
		"a cancel that is not done": {func(t *testing.T, s scene) { cancelled(t, s, func(string) error { return nil }) }, journal.Cancelled},
		"hanging, then accepted": {func(t *testing.T, s scene) {
			var late exchange.OrderRequest
			s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
				late = r
				return exchange.Order{}, context.DeadlineExceeded
			}
			place(t, s.Executor, bid, journal.Unknown)
			s.place = nil
			check(t, s.Executor)
			if _, err := s.mine.Place(t.Context(), late); err != nil {
				t.Fatal(err)
			}
		}, journal.Open},
		"a part filled before the cancel": {func(t *testing.T, s scene) {
			cancelled(t, s, func(id string) error {
				s.others(t, s.other, exchange.Sell, 100, 4)
				return s.mine.Cancel(t.Context(), pair, id)
			})
		}, journal.Cancelled},
		"all filled before the cancel": {func(t *testing.T, s scene) {
			cancelled(t, s, func(id string) error {
				s.others(t, s.other, exchange.Sell, 100, 10)
				return s.mine.Cancel(t.Context(), pair, id)
			})
		}, journal.Filled},
		"a cancel by hand": {func(t *testing.T, s scene) {
			o := place(t, s.Executor, bid, journal.Open)
			if err := s.mine.Cancel(t.Context(), pair, o.VenueID); err != nil {
				t.Fatal(err)
			}
		}, journal.Cancelled},
		"a key that is revoked for a while": {func(t *testing.T, s scene) {
			place(t, s.Executor, bid, journal.Open)
			s.others(t, s.other, exchange.Sell, 100, 10)
			s.byID = func(string) (exchange.Order, error) {
				return exchange.Order{}, &exchange.Error{Code: "ErrApiKeyRevoked", HTTPStatus: 401}
			}
			if c, err := s.Check(t.Context()); err == nil {
				t.Errorf("without a key the check says %+v", c)
			}
			s.byID = nil
		}, journal.Filled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sqlite(t)
			s := scene{world: w, scripted: w.script()}
			s.Executor = w.open(t)
			test.fault(t, s)
			w.agree(t, s.Executor)
			w.agree(t, w.open(t)) // as another process finds it
			if o := w.journalled(t, 1); o.State != test.want || o.Settled() == (test.want == journal.Open) || len(w.paused) != 0 {
				t.Errorf("the order is %s (%s), settled %v, want %s; paused were %q", o.State, o.Reason, o.Settled(), test.want, w.paused)
			}
		})
	}
}

// reversed lists fills from the newest.
func reversed(list []exchange.Fill) []exchange.Fill {
	slices.Reverse(list)
	return list
}
