package execution_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
)

// proves T6: a foreign order that cannot be cancelled keeps the bot from nothing; the
// report says so, and the cancel is tried again.
func TestReconcileForeignCancelFails(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	e := w.open(t)
	foreign := w.others(t, w.mine, exchange.Buy, 50, 10)
	check(t, e)
	w.decide(t, foreign.ID, journal.CancelForeign)
	s.cancel = func(string) error { return exchange.Rejected("ErrMarketUnavailable", "suspended") }
	for range 5 {
		w.clock.Advance(time.Minute)
		if c := check(t, e); !c.Ready() || len(c.Failed) != 1 || !strings.Contains(c.Failed[0], foreign.ID) {
			t.Errorf("while the cancel fails the check says %+v", c)
		}
	}
	if c, _, err := w.store.LastCheck(t.Context(), "t", w.botID); err != nil || len(c.Failed) != 1 {
		t.Errorf("the journal has %+v, %v", c, err)
	}
	place(t, e, limit(1, exchange.Buy, 40, 10), journal.Open)
	s.cancel = nil
	if c := check(t, e); len(c.Failed) != 0 {
		t.Errorf("once it is cancelled the check says %q", c.Failed)
	}
	if v, err := w.mine.OrderByID(t.Context(), pair, foreign.ID); err != nil || v.Status != exchange.Complete {
		t.Errorf("it is %+v, %v", v, err)
	}
}

// proves T6, T7: an order that was given up and arrives after all: its fill is told,
// once, and the bot is paused until somebody has seen it.
func TestReconcileFillOfSettledOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		if err := w.mine.Deposit("MYR", dec("100")); err != nil { // what the fill costs
			t.Fatal(err)
		}
		s := w.script()
		e := w.open(t)
		var late exchange.OrderRequest
		s.place = func(r exchange.OrderRequest) (exchange.Order, error) {
			late = r
			return exchange.Order{}, errors.New("no answer")
		}
		o := place(t, e, limit(1, exchange.Buy, 100, 10), journal.Unknown)
		s.place = nil
		w.clock.Advance(8 * time.Second)
		check(t, e)
		if got := w.journalled(t, 1); got.State != journal.Expired {
			t.Fatalf("it is %s", got.State)
		}
		w.others(t, w.other, exchange.Sell, 100, 10)
		late.Time, late.TTL = 0, 0
		if v, err := w.mine.Place(t.Context(), late); err != nil || v.Status != exchange.Complete {
			t.Fatal(v, err)
		}
		c := check(t, e)
		differs(t, c, journal.FillUnbooked, true)
		if len(c.Differences) != 1 || c.Differences[0].Subject != o.ClientID || len(c.Trades) != 0 {
			t.Fatalf("the check says %+v", c)
		}
		w.pausedBy(t, e)
		e = w.open(t) // another process
		differs(t, check(t, e), journal.FillUnbooked, true)
		if err := e.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := check(t, e); !c.Ready() || len(w.paused) != 1 {
			t.Errorf("once it was seen the check says %+v; told were %q", c, w.paused)
		}
	})
}

// What is booked is not told as missing when a process reads it again.
func TestReconcileFillsReadAgain(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	e := w.open(t)
	place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
	place(t, e, limit(2, exchange.Buy, 100, 10), journal.Open)
	w.others(t, w.other, exchange.Sell, 100, 20)
	commit := w.commit
	w.commit = func(ctx context.Context, entry journal.LiveEntry) error {
		for i := range entry.Books { // as if the mark had been written by nobody
			entry.Books[i].Mark = 0
		}
		return commit(ctx, entry)
	}
	w.open(t)
	e = w.open(t)
	if c := check(t, e); !c.Ready() || !e.Books()[0].Base.Equal(dec("1000.002")) {
		t.Errorf("the check says %+v, the book has %s", c, e.Books()[0].Base)
	}
}

// watched calls back whenever it is asked which orders are owned.
type watched struct {
	journal.LiveStore
	asked func()
}

func (s *watched) OwnedOrders(ctx context.Context, tenantID, account string, venueIDs []string) ([]journal.LiveOrder, error) {
	s.asked()
	return s.LiveStore.OwnedOrders(ctx, tenantID, account, venueIDs)
}

// proves T6: a trade by hand that the stream tells of while a report is made is in
// the next one.
func TestReconcileTradeByHandMeanwhile(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	asked := func() {}
	cfg := w.config(t)
	cfg.Store = &watched{w.store, func() { asked() }}
	e, err := execution.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	check(t, e)
	times := 0
	asked = func() {
		if times++; times != 2 { // the first are the open orders, the second the trades
			return
		}
		w.others(t, w.other, exchange.Sell, 100, 5)
		w.others(t, w.mine, exchange.Buy, 100, 5)
		if err := e.Hear(t.Context(), exchange.AccountEvent{Connected: true}); err != nil {
			t.Error(err)
		}
	}
	first := check(t, e)
	if second := check(t, e); times < 4 || len(first.Trades)+len(second.Trades) != 1 {
		t.Errorf("asked %d times, noticed are %+v and then %+v", times, first.Trades, second.Trades)
	}
}
