package execution_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
)

// differs checks that a report has one difference, of a kind, and whether it
// counts.
func differs(t *testing.T, c journal.Check, kind journal.DifferenceKind, confirmed bool) {
	t.Helper()
	if len(c.Differences) != 1 || c.Differences[0].Kind != kind || c.Differences[0].Confirmed != confirmed || c.Differences[0].Text == "" {
		t.Errorf("it differs by %+v, want one %s, confirmed %v", c.Differences, kind, confirmed)
	}
	if c.Agrees() || c.Ready() || (c.Paused != "") != confirmed {
		t.Errorf("with a difference the check says %+v", c)
	}
}

// pausesFor checks that a difference counts once it has lasted, and that the bot is
// paused then.
func (w *world) pausesFor(t *testing.T, e *execution.Executor, kind journal.DifferenceKind) {
	t.Helper()
	differs(t, check(t, e), kind, false)
	w.clock.Advance(29 * time.Second)
	differs(t, check(t, e), kind, false)
	w.clock.Advance(time.Second)
	differs(t, check(t, e), kind, true)
	w.pausedBy(t, e)
}

// pausedBy checks that the bot is paused and somebody was told, that a new order
// is denied, and that the pause outlives a restart.
func (w *world) pausedBy(t *testing.T, e *execution.Executor) {
	t.Helper()
	if len(w.paused) != 1 || w.paused[0] == "" {
		t.Errorf("told were %q", w.paused)
	}
	if o := place(t, e, limit(1000, exchange.Buy, 90, 10), journal.Denied); !strings.Contains(o.Reason, "paused") {
		t.Errorf("denied because of %q", o.Reason)
	}
	exit := limit(1001, exchange.Sell, 110, 10)
	exit.Request.Urgent = true
	place(t, e, exit, journal.Open)
	if c, _, err := w.store.LastCheck(t.Context(), "t", w.botID); err != nil || c.Paused != w.paused[0] || c.Age(w.clock.Now()) != 0 {
		t.Errorf("the journal has %+v, %v", c, err)
	}
}

// proves T6: an order that the venue does not know any more.
func TestReconcileMissingOrder(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	o := place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
	s.open = func([]exchange.Order) []exchange.Order { return nil }
	s.byID = func(id string) (exchange.Order, error) {
		if id == o.VenueID {
			return exchange.Order{}, exchange.Rejected(exchange.CodeOrderNotFound, "no such order")
		}
		return w.mine.OrderByID(t.Context(), pair, id)
	}
	w.pausesFor(t, e, journal.OrderMissing)
}

// proves T6: an order that was filled and one that was cancelled by hand while
// nobody looked.
func TestReconcileChangedMeanwhile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		e := w.open(t)
		place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
		gone := place(t, e, limit(2, exchange.Buy, 90, 10), journal.Open)
		w.others(t, w.other, exchange.Sell, 100, 10)
		if err := w.mine.Cancel(t.Context(), pair, gone.VenueID); err != nil {
			t.Fatal(err)
		}
		e = w.open(t) // another process
		if a, b := w.journalled(t, 1), w.journalled(t, 2); a.State != journal.Filled || !a.Settled() || b.State != journal.Cancelled ||
			b.Reason != "the venue took the rest back" {
			t.Errorf("they are %s and %s (%s)", a.State, b.State, b.Reason)
		}
		if c := check(t, e); !c.Ready() || len(w.paused) != 0 {
			t.Errorf("the check says %+v", c)
		}
	})
}

// proves T6: what the venue has under an id of ours is not what was asked for.
func TestReconcileAlteredOrder(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
	s.open = func(list []exchange.Order) []exchange.Order {
		list[0].Request.Price++
		return list
	}
	differs(t, check(t, e), journal.OrderAltered, true)
	s.open = nil
	w.pausedBy(t, e)
}

// proves T6: an order with an id that only the bot could have given, which its
// journal does not know.
func TestReconcileOrphan(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	e := w.open(t)
	id, err := journal.CommandID{Installation: "here", BotID: w.botID, Epoch: 1, Number: 5}.ClientID()
	if err != nil {
		t.Fatal(err)
	}
	r := limit(5, exchange.Buy, 100, 10).Request
	r.ClientID = id
	v, err := w.mine.Place(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	c := check(t, e)
	differs(t, c, journal.OrderOrphaned, true)
	if c.Foreign != 1 {
		t.Errorf("%d foreign orders", c.Foreign)
	}
	w.pausedBy(t, e)
	w.decide(t, v.ID, journal.Ignore)
	if err := e.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := check(t, e); !c.Ready() {
		t.Errorf("once it is to be ignored the check says %+v", c)
	}
}

// proves T6: a pause that somebody wants lifted is lifted by the next check, by
// whichever process makes it, once; and not while the mismatch is there.
func TestReconcileResumes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ask := func() error { return w.store.AskResume(t.Context(), "t", w.botID, "ann", w.clock.Now()) }
		if err := ask(); errs.CodeOf(err) != "not_paused" {
			t.Errorf("before there was a check it gave %v", err)
		}
		s := w.script()
		e := w.open(t)
		place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
		if err := ask(); errs.CodeOf(err) != "not_paused" {
			t.Errorf("without a pause it gave %v", err)
		}
		s.open = func(list []exchange.Order) []exchange.Order {
			list[0].Request.Price++
			return list
		}
		check(t, e)
		w.pausedBy(t, e)
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		if c := check(t, e); c.Paused == "" {
			t.Errorf("while it differs the check says %+v", c)
		}
		s.open = nil
		if c := check(t, e); c.Paused == "" { // the wish was granted, and is used up
			t.Errorf("unasked the check says %+v", c)
		}
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		e = w.open(t) // another process, which checks as it opens
		last, _, err := w.store.LastCheck(t.Context(), "t", w.botID)
		if err != nil || last.Paused != "" || !last.ResumeAt.IsZero() || last.ResumeBy != "" {
			t.Errorf("the newest check says %+v, %v", last, err)
		}
		if c := check(t, e); !c.Ready() {
			t.Errorf("the check after says %+v", c)
		}
	})
}

// proves T6, T7: the venue says that more is filled than it lists, for a while and
// then for too long.
func TestReconcileMissingFills(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
	w.others(t, w.other, exchange.Sell, 100, 3)
	w.others(t, w.other, exchange.Sell, 100, 4)
	s.fills = func(list []exchange.Fill) []exchange.Fill { return list[min(1, len(list)):] } // the first is late
	w.pausesFor(t, e, journal.FillsMissing)
	s.fills = nil
	if err := e.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := check(t, e); !c.Ready() {
		t.Errorf("once it is listed the check says %+v", c)
	}
	if o := w.journalled(t, 1); !o.Told.Equal(o.Filled) || !o.Filled.Equal(dec("0.0007")) || !e.Books()[0].Base.Equal(dec("1000.0007")) {
		t.Errorf("it is %+v, the book %+v", o, e.Books())
	}
}

// proves T6: the account holds less than its bots should have.
func TestReconcileBalanceShort(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
	s.balances = func(list []exchange.Balance) []exchange.Balance {
		for i := range list {
			if list[i].Currency == "MYR" {
				list[i].Total = list[i].Total.Sub(dec("0.0001"))
			}
		}
		return list
	}
	w.pausesFor(t, e, journal.BalanceShort)
}

// More than the bots should have is the tenant's own.
func TestReconcileBalanceOver(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	e := w.open(t)
	if err := w.mine.Deposit("MYR", dec("100")); err != nil {
		t.Fatal(err)
	}
	if c := check(t, e); !c.Ready() {
		t.Errorf("the check says %+v", c)
	}
}

// decide decides about a foreign order as a person does.
func (w *world) decide(t *testing.T, venueID string, d journal.ForeignDecision) {
	t.Helper()
	if err := w.store.DecideForeign(t.Context(), "t", w.botID, pair, venueID, d, "ada", w.clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// proves T6: foreign orders are quarantined and left alone until somebody decides.
func TestReconcileForeignOrders(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		claimed := w.others(t, w.mine, exchange.Buy, 90, 10)
		ignored := w.others(t, w.mine, exchange.Buy, 91, 10)
		cancelled := w.others(t, w.mine, exchange.Buy, 92, 10)
		left := w.others(t, w.mine, exchange.Buy, 93, 10)
		e := w.open(t)
		if c := check(t, e); !c.Ready() || c.Foreign != 4 {
			t.Errorf("the check says %+v", c)
		}
		if _, list, err := w.store.LastCheck(t.Context(), "t", w.botID); err != nil || len(list) != 4 || list[3].VenueID != left.ID ||
			list[3].ClientID != left.Request.ClientID || list[3].Side != "buy" || !list[3].Price.Equal(dec("93")) {
			t.Errorf("in quarantine are %+v, %v", list, err)
		}
		w.decide(t, claimed.ID, journal.Claim)
		w.decide(t, ignored.ID, journal.Ignore)
		w.decide(t, cancelled.ID, journal.CancelForeign)
		check(t, e)
		if c := check(t, e); c.Foreign != 1 || c.Open != 1 {
			t.Errorf("after the decisions the check says %+v", c)
		}
		open, err := w.mine.OpenOrders(t.Context(), pair)
		if err != nil || len(open) != 3 {
			t.Errorf("%d orders are open, %v", len(open), err)
		}
		w.others(t, w.other, exchange.Sell, 91, 20) // fills left and ignored, which are none of the bot's
		e = w.open(t)
		w.others(t, w.other, exchange.Sell, 90, 10)
		c := check(t, e)
		if o := w.journalled(t, -1); o.State != journal.Filled || !o.Settled() || o.VenueID != claimed.ID {
			t.Errorf("the claimed order is %+v", o)
		}
		if len(c.Trades) != 2 || c.Foreign != 0 || !e.Books()[0].Base.Equal(dec("1000.001")) {
			t.Errorf("the check says %+v, the book has %s", c, e.Books()[0].Base)
		}
	})
}

// proves T6: trades by hand are noticed.
func TestReconcileTradeByHand(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	w.others(t, w.other, exchange.Sell, 100, 20)
	w.others(t, w.mine, exchange.Buy, 100, 5) // before the bot's time
	e := w.open(t)
	w.others(t, w.mine, exchange.Buy, 100, 5)
	c := check(t, e)
	if len(c.Trades) != 1 || c.Trades[0].Side != "buy" || !c.Trades[0].Volume.Equal(dec("0.0005")) || !c.Trades[0].Price.Equal(dec("100")) {
		t.Errorf("noticed are %+v", c.Trades)
	}
	if c := check(t, e); len(c.Trades) != 1 {
		t.Errorf("and again %+v", c.Trades)
	}
}

// proves T6: a venue that does not answer is no mismatch, and no good report.
func TestReconcileVenueDown(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
	s.open = func([]exchange.Order) []exchange.Order { return nil }
	s.byID = func(string) (exchange.Order, error) { return exchange.Order{}, errors.New("no answer") }
	for range 5 {
		w.clock.Advance(30 * time.Second)
		if c, err := e.Check(t.Context()); err == nil {
			t.Errorf("the check says %+v", c)
		}
	}
	if o := place(t, e, limit(2, exchange.Buy, 90, 10), journal.Denied); !strings.Contains(o.Reason, "2m30s old") {
		t.Errorf("denied because of %q", o.Reason)
	}
	s.open, s.byID = nil, nil
	check(t, e)
	place(t, e, limit(3, exchange.Buy, 90, 10), journal.Open)
	if len(w.paused) != 0 {
		t.Errorf("paused because of %q", w.paused)
	}
}
