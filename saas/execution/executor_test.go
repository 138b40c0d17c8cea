package execution_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// proves T1: the intent is in the journal before the venue hears of the order, under
// an id that says whose command it is.
func TestIntentFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := w.script()
		s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
			o := w.journalled(t, 7)
			if o.State != journal.Submitted || o.ClientID != r.ClientID {
				t.Errorf("the venue is sent %s and the journal has %s, %s", r.ClientID, o.ClientID, o.State)
			}
			if id, ok := journal.ParseCommandID(r.ClientID); !ok || id.BotID != w.botID || id.Number != 7 || id.Installation != "here" {
				t.Errorf("the id is %q", r.ClientID)
			}
			return w.mine.Place(t.Context(), r)
		}
		e := w.open(t)
		place(t, e, limit(7, exchange.Buy, 100, 10), journal.Open)
		w.others(t, w.other, exchange.Sell, 100, 4)
		check(t, e)
		w.others(t, w.other, exchange.Sell, 100, 6)
		check(t, e)
		want := []journal.OrderState{journal.Submitted, journal.Open, journal.PartiallyFilled, journal.Filled}
		if got := w.path(t, 7); !slices.Equal(got, want) {
			t.Errorf("it went through %v, want %v", got, want)
		}
		if b := e.Books()[0]; !b.Base.Equal(dec("1000.001")) || !b.Counter.Equal(dec("999.8999")) { // 0.1 and a fee of 0.0001
			t.Errorf("the book has %s and %s", b.Base, b.Counter)
		}
	})
}

// proves T1: a command that is given again, by another process too, is recognised
// by its number and not sent again.
func TestCommandsAreRecognised(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	e := w.open(t)
	first := place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
	place(t, e, limit(2, exchange.Sell, 100, 10), journal.Cancelled) // it would trade with the first, which venues do not
	for range 2 {
		if again := place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open); again.ClientID != first.ClientID {
			t.Errorf("command 1 is %s and %s", first.ClientID, again.ClientID)
		}
		place(t, e, limit(2, exchange.Sell, 100, 10), journal.Cancelled)
		if _, err := e.Place(t.Context(), limit(1, exchange.Buy, 101, 10)); errs.CodeOf(err) != "command_reused" {
			t.Errorf("another order under number 1: %v", err)
		}
		e = w.open(t) // after a restart
	}
	if open, err := w.mine.OpenOrders(t.Context(), pair); err != nil || len(open) != 1 {
		t.Errorf("%d orders are open, %v", len(open), err)
	}
}

// proves T1: what was intended is not sent by another Executor under the same lease, as after
// a key was refused: the one before may have sent it, and has not heard yet what came of that.
func TestNothingIsSentAnewUnderTheSameLease(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	cfg := w.config(t)
	e, err := execution.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, e)
	if _, err := e.Intend(t.Context(), limit(1, exchange.Buy, 100, 10)); err != nil {
		t.Fatal(err)
	}
	if e, err = execution.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	check(t, e)
	place(t, e, limit(1, exchange.Buy, 100, 10), journal.Submitted)
	if open, err := w.mine.OpenOrders(t.Context(), pair); err != nil || len(open) != 0 {
		t.Errorf("%d orders are open, %v", len(open), err)
	}
	w.clock.Advance(8 * time.Second)
	check(t, e)
	if o := w.journalled(t, 1); o.State != journal.Expired {
		t.Errorf("the order is %+v", o)
	}
	place(t, e, limit(2, exchange.Buy, 100, 10), journal.Open)
}

// proves T2, T11: what each answer makes of an order, and that a refused key is told, and
// pauses nothing that somebody would have to lift once it works again.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		id    string
		err   error
		state journal.OrderState
	}{
		"accepted":                {"BX1", nil, journal.Open},
		"no order id":             {"", nil, journal.Unknown},
		"accepted before":         {"BX1", &exchange.Error{Outcome: exchange.OutcomeAccepted, Code: exchange.CodeDuplicate}, journal.Open},
		"a repeat without an id":  {"", &exchange.Error{Outcome: exchange.OutcomeAccepted, Code: exchange.CodeDuplicate}, journal.Unknown},
		"rejected":                {"", exchange.Rejected("ErrInsufficientBalance", "too poor"), journal.Rejected},
		"rejected, code unknown":  {"", exchange.Rejected("ErrNeverSeen", "?"), journal.Unknown},
		"rejected as too late":    {"", exchange.Rejected(exchange.CodeDeadlineExceeded, "late"), journal.Unknown},
		"not sent":                {"", exchange.Unsent(exchange.CodeTooManyRequests, "the account is paused"), journal.Denied},
		"too many requests":       {"", &exchange.Error{Code: exchange.CodeTooManyRequests, HTTPStatus: 429}, journal.Unknown},
		"bad gateway":             {"", &exchange.Error{HTTPStatus: 502}, journal.Unknown},
		"time-out":                {"", context.DeadlineExceeded, journal.Unknown},
		"reset":                   {"", errors.New("connection reset by peer"), journal.Unknown},
		"the id is another's":     {"", exchange.Rejected(exchange.CodeDuplicate, "taken"), journal.Unknown},
		"the key is refused":      {"", exchange.Rejected(exchange.CodePermissions, "no"), journal.Rejected},
		"the key is not taken":    {"", &exchange.Error{Outcome: exchange.OutcomeRejected, HTTPStatus: 401}, journal.Rejected},
		"accepted and an answer":  {"BX1", errors.New("but unreadable"), journal.Unknown},
		"suspended":               {"", exchange.Rejected("ErrMarketUnavailable", "no"), journal.Rejected},
		"maintenance, wrapped":    {"", errors.Join(exchange.Rejected("ErrUnderMaintenance", "no")), journal.Rejected},
		"unsent takes precedence": {"", exchange.Unsent("ErrNeverSeen", "?"), journal.Denied},
	}
	w := sqlite(t)
	s := w.script()
	cfg, keys := w.config(t), 0
	cfg.Answered = func(err error) {
		if exchange.KindOf(err) == exchange.KindKey {
			keys++
		}
	}
	e, err := execution.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, e)
	number := int64(0)
	for name, c := range cases {
		number++
		s.place = func(exchange.OrderRequest) (exchange.Order, error) { return exchange.Order{ID: c.id}, c.err }
		o, err := e.Place(t.Context(), limit(number, exchange.Buy, 100, 10))
		if err != nil || o.State != c.state {
			t.Errorf("%s: %s (%s), %v; want %s", name, o.State, o.Reason, err, c.state)
		}
		if got := w.journalled(t, number); got.State != c.state {
			t.Errorf("%s: the journal has %s", name, got.State)
		}
	}
	if keys != 2 || len(w.paused) != 0 {
		t.Errorf("%d refusals of the key were told, paused %q", keys, w.paused)
	}
}

// proves T2: what is unknown is looked up under the same id; that there is no such
// order counts only when it can arrive no more.
func TestUnknown(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	lost := errors.New("connection reset")
	var late exchange.OrderRequest
	s.place = func(r exchange.OrderRequest) (exchange.Order, error) { late = r; return exchange.Order{}, lost }
	place(t, e, limit(1, exchange.Buy, 100, 10), journal.Unknown) // never arrives
	place(t, e, limit(2, exchange.Buy, 101, 10), journal.Unknown) // arrives late
	s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
		if _, err := w.mine.Place(t.Context(), r); err != nil {
			t.Error(err)
		}
		return exchange.Order{}, lost
	}
	place(t, e, limit(3, exchange.Buy, 102, 10), journal.Unknown) // is there
	want := func(when string, states ...journal.OrderState) {
		t.Helper()
		for i, state := range states {
			if o := w.journalled(t, int64(i+1)); o.State != state {
				t.Errorf("%s order %d is %s, want %s", when, i+1, o.State, state)
			}
		}
	}
	if c := check(t, e); c.Agrees() || c.Doubtful != 2 {
		t.Errorf("with orders in doubt the check says %+v", c)
	}
	want("at once", journal.Unknown, journal.Unknown, journal.Open)
	if _, err := w.mine.Place(t.Context(), late); err != nil { // just in time
		t.Fatal(err)
	}
	w.clock.Advance(5*time.Second + 2*time.Second) // its ttl and the margin
	check(t, e)
	want("at the end of its time", journal.Unknown, journal.Open, journal.Open)
	w.clock.Advance(time.Millisecond)
	if c := check(t, e); !c.Ready() {
		t.Errorf("in the end the check says %+v", c)
	}
	want("after its time", journal.Expired, journal.Open, journal.Open)
}

// proves T4: a cancel is a wish, and how the order ended is read from the venue.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	cancel := func(number int64, want journal.OrderState) {
		t.Helper()
		if o, err := e.Cancel(t.Context(), number, "enough"); err != nil || o.State != want {
			t.Fatalf("order %d is %s, %v; want %s", number, o.State, err, want)
		}
	}
	place(t, e, limit(1, exchange.Buy, 90, 10), journal.Open)
	cancel(1, journal.Cancelled)
	cancel(1, journal.Cancelled)

	place(t, e, limit(2, exchange.Buy, 100, 10), journal.Open)
	w.others(t, w.other, exchange.Sell, 100, 10)
	cancel(2, journal.Filled) // it was filled before

	place(t, e, limit(3, exchange.Buy, 91, 10), journal.Open)
	s.cancel = func(string) error { return nil } // taken and not done
	cancel(3, journal.Open)
	s.cancel = func(string) error { return errors.New("reset") }
	cancel(3, journal.Open)
	s.cancel = nil
	check(t, e) // the wish is repeated
	if o := w.journalled(t, 3); o.State != journal.Cancelled || o.Reason != "enough" {
		t.Errorf("order 3 is %s, %s", o.State, o.Reason)
	}

	s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
		_, err := w.mine.Place(t.Context(), r)
		return exchange.Order{}, errors.Join(errors.New("reset"), err)
	}
	place(t, e, limit(4, exchange.Buy, 92, 10), journal.Unknown)
	cancel(4, journal.Unknown) // it cannot be taken back before it is found
	check(t, e)
	if o := w.journalled(t, 4); o.State != journal.Cancelled {
		t.Errorf("order 4 is %s", o.State)
	}
	if _, err := e.Cancel(t.Context(), 99, "?"); errs.CodeOf(err) != "order_not_found" {
		t.Errorf("an order that is none: %v", err)
	}
}

// proves T5: what could reach the venue after the lease is not sent, not even when
// the process was frozen between intent and sending.
func TestNothingAfterTheLease(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := w.script()
		var sent []exchange.OrderRequest
		s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
			sent = append(sent, r)
			return w.mine.Place(t.Context(), r)
		}
		e := w.open(t)
		w.left = 4 * time.Second
		place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
		if len(sent) != 1 || sent[0].TTL != 2000 || sent[0].Time != w.clock.Now().UnixMilli() {
			t.Errorf("with 4 s left and a margin of 2 s it was sent as %+v", sent)
		}
		w.left = 2100 * time.Millisecond
		place(t, e, limit(2, exchange.Buy, 100, 10), journal.Denied)

		w.left = 10 * time.Second
		o, err := e.Intend(t.Context(), limit(3, exchange.Buy, 100, 10))
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(4900 * time.Millisecond) // frozen: the lease is renewed and the order's own time is over
		if o, err = e.Send(t.Context(), o); err != nil || o.State != journal.Denied {
			t.Errorf("it is %s, %v", o.State, err)
		}
		if o, err = e.Intend(t.Context(), limit(4, exchange.Buy, 100, 10)); err != nil {
			t.Fatal(err)
		}
		other := w.open(t) // frozen: somebody else has the bot
		w.left = 0
		if _, err := e.Send(t.Context(), o); !errors.Is(err, lease.ErrLost) || !e.Lost() {
			t.Errorf("it was told %v", err)
		}
		if _, err := e.Place(t.Context(), limit(5, exchange.Buy, 100, 10)); !errors.Is(err, lease.ErrLost) {
			t.Errorf("a new one was told %v", err)
		}
		if len(sent) != 1 {
			t.Errorf("%d orders were sent", len(sent))
		}
		w.left = 10 * time.Second
		w.clock.Advance(10 * time.Second)
		check(t, other)
		if o := w.journalled(t, 4); o.State != journal.Expired {
			t.Errorf("what was never sent is %s", o.State)
		}
	})
}

// proves T9, T11: what the market would refuse, and what is not allowed at present,
// is denied with a reason and never sent.
func TestDenied(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
		if !r.Urgent {
			t.Errorf("%+v was sent", r)
		}
		return w.mine.Place(t.Context(), r)
	}
	e, err := execution.Open(t.Context(), w.config(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Place(t.Context(), limit(1, exchange.Buy, 100, 10)); errs.CodeOf(err) != "not_reconciled" {
		t.Errorf("before the first reconciliation: %v", err)
	}
	check(t, e)
	denied := func(number int64, volume exchange.Steps, why string) {
		t.Helper()
		if o := place(t, e, limit(number, exchange.Buy, 100, volume), journal.Denied); !strings.Contains(o.Reason, why) {
			t.Errorf("denied because of %q, want %q", o.Reason, why)
		}
	}
	denied(1, 1, "below the least volume")
	stop := limit(50, exchange.Buy, 100, 10)
	stop.Request.Stop = exchange.Stop{Price: 90, Direction: exchange.StopAbove}
	if o := place(t, e, stop, journal.Denied); !strings.Contains(o.Reason, "keeps no stop orders") {
		t.Errorf("a stop order is denied because of %q", o.Reason)
	}
	if o, err := e.Deny(t.Context(), limit(2, exchange.Buy, 100, 10), "too large a position"); err != nil || o.State != journal.Denied || o.Reason != "too large a position" {
		t.Errorf("%s, %q, %v", o.State, o.Reason, err)
	}
	w.clock.Advance(121 * time.Second)
	denied(3, 10, "2m1s old")
	exit := limit(4, exchange.Sell, 100, 10)
	exit.Request.Urgent = true
	place(t, e, exit, journal.Open) // a protective exit goes on
	if _, err := e.Place(t.Context(), execution.Intent{Number: 5, Request: exchange.OrderRequest{Pair: "ETHMYR"}}); errs.CodeOf(err) != "unknown_pair" {
		t.Errorf("another pair: %v", err)
	}
}

// What the stream tells is applied, once, and what it does not tell is read.
func TestHear(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	e := w.open(t)
	first := place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
	w.others(t, w.other, exchange.Sell, 100, 4)
	part := exchange.AccountEvent{Order: &exchange.OrderUpdate{Pair: pair, OrderID: first.VenueID, ClientID: first.ClientID, Executed: true, Filled: 4}}
	hear := func(ev exchange.AccountEvent) {
		t.Helper()
		if err := e.Hear(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	hear(part)
	if o := w.journalled(t, 1); o.State != journal.PartiallyFilled || !o.Filled.Equal(dec("0.0004")) {
		t.Errorf("after a part it is %s with %s", o.State, o.Filled)
	}
	if err := w.mine.Cancel(t.Context(), pair, first.VenueID); err != nil {
		t.Fatal(err)
	}
	over := exchange.AccountEvent{Order: &exchange.OrderUpdate{Pair: pair, OrderID: first.VenueID, ClientID: first.ClientID, Status: exchange.Complete}}
	for range 2 {
		hear(over)
		hear(part)
	}
	hear(exchange.AccountEvent{Order: &exchange.OrderUpdate{Pair: pair, OrderID: "another's", Status: exchange.Complete}})
	hear(exchange.AccountEvent{Balance: &exchange.BalanceUpdate{}})
	if o := w.journalled(t, 1); o.State != journal.Cancelled || !o.Settled() || !o.Filled.Equal(dec("0.0004")) {
		t.Errorf("in the end it is %+v", o)
	}
	place(t, e, limit(2, exchange.Buy, 100, 10), journal.Open)
	w.others(t, w.other, exchange.Sell, 100, 10)
	hear(exchange.AccountEvent{Connected: true}) // it was told to nobody
	if o := w.journalled(t, 2); o.State != journal.Filled || !o.Settled() {
		t.Errorf("after a new connection it is %+v", o)
	}
}

// A commit without an answer is no reason to go on from a wrong state.
func TestJournalWithoutAnswer(t *testing.T) {
	t.Parallel()
	for _, written := range []bool{true, false} {
		w := sqlite(t)
		commit, broken := w.commit, false
		w.commit = func(ctx context.Context, e journal.LiveEntry) error {
			if !broken {
				return commit(ctx, e)
			}
			broken = false
			if written {
				if err := commit(ctx, e); err != nil {
					t.Error(err)
				}
			}
			return errors.New("no answer")
		}
		e := w.open(t)
		broken = true
		if _, err := e.Place(t.Context(), limit(1, exchange.Buy, 100, 10)); err == nil {
			t.Fatal("no error")
		}
		if open, err := w.mine.OpenOrders(t.Context(), pair); err != nil || len(open) != 0 {
			t.Errorf("%d orders were sent without an intent, %v", len(open), err)
		}
		place(t, e, limit(2, exchange.Buy, 100, 10), journal.Open)
		w.clock.Advance(8 * time.Second)
		if c := check(t, e); !c.Ready() || c.Open != 1 {
			t.Errorf("written %v: the check says %+v", written, c)
		}
		if written {
			if o := w.journalled(t, 1); o.State != journal.Expired {
				t.Errorf("what was not sent is %s", o.State)
			}
		}
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := execution.Open(t.Context(), execution.Config{TTL: time.Millisecond, Markets: []exchange.Market{{}}})
	for _, want := range []string{"Account", "BotID", "TenantID", "Commit", "Epoch", "Left", "Now", "Store", "Trader", "TTL", "tick", "client order id"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
