package execution_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

// proves T7: what an order's totals say to be filled and the venue never lists is booked
// once it has been waited for, in one fill that says so, fees as the venue charged them;
// and trades that are listed afterwards change nothing, in whatever process.
func TestFillsAreBookedFromTotals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := w.script()
		e := w.open(t)
		place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
		w.others(t, w.other, exchange.Sell, 100, 3)
		check(t, e)
		s.fills = func(list []exchange.Fill) []exchange.Fill { return nil }
		w.others(t, w.other, exchange.Sell, 100, 4)
		w.others(t, w.other, exchange.Sell, 100, 3)
		check(t, e)
		if o := w.journalled(t, 1); o.State != journal.Filled || o.Settled() {
			t.Fatalf("before it is booked the order is %+v", o)
		}
		w.clock.Advance(29 * time.Second)
		differs(t, check(t, e), journal.FillsMissing, false)
		w.clock.Advance(time.Second)
		if c := check(t, e); !c.Ready() || len(w.paused) != 0 {
			t.Errorf("once it is booked the check says %+v; told were %q", c, w.paused)
		}
		booked := func() {
			t.Helper()
			fills, err := w.store.LiveFills(t.Context(), "t", w.botID, 1)
			if err != nil || len(fills) != 2 || fills[0].Totalled() || !fills[1].Totalled() || !fills[1].Volume.Equal(dec("0.0007")) || !fills[1].Price.Equal(dec("100")) {
				t.Fatalf("the fills are %+v, %v", fills, err)
			}
			v, err := w.mine.OrderByID(t.Context(), pair, w.journalled(t, 1).VenueID)
			o := w.journalled(t, 1)
			if err != nil || !o.Settled() || !o.FilledValue.Equal(w.market.Amount(v.Value)) || !o.Fee.Equal(w.market.Amount(v.Fee)) || !o.FeeBase.Equal(w.market.DustAmount(v.FeeBase)) {
				t.Errorf("the order is %+v, at the venue %+v, %v", o, v, err)
			}
			b := e.Books()[0]
			balances, err := w.mine.Balances(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, held := range balances {
				if want := map[string]string{"XBT": b.Base.String(), "MYR": b.Counter.String()}[held.Currency]; held.Total.String() != want {
					t.Errorf("of %s the account has %s, and the book %s", held.Currency, held.Total, want)
				}
			}
		}
		booked()
		history, err := w.store.LiveHistory(t.Context(), "t", w.botID, 1)
		if err != nil || !strings.Contains(history[len(history)-1].Cause, "as the order's own totals say") {
			t.Errorf("its history is %+v, %v", history, err)
		}
		s.fills = nil // they are listed after all
		if c := check(t, e); !c.Ready() {
			t.Errorf("once they are listed the check says %+v", c)
		}
		booked()
		e = w.open(t) // another process
		if c := check(t, e); !c.Ready() || len(c.Trades) != 0 || len(w.paused) != 0 {
			t.Errorf("to another process the check says %+v; told were %q", c, w.paused)
		}
		booked()
	})
}

// proves T7: totals that do not explain what is filled are not booked, and an order that
// is over with fills that are missing, and that the venue does not know, is told as
// missing.
func TestTotalsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, byID := range map[string]func(v exchange.Order) (exchange.Order, error){
		"of no value":  func(v exchange.Order) (exchange.Order, error) { v.Value = 0; return v, nil },
		"not complete": func(v exchange.Order) (exchange.Order, error) { v.Status = exchange.Open; return v, nil },
		"unknown": func(exchange.Order) (exchange.Order, error) {
			return exchange.Order{}, exchange.Rejected(exchange.CodeOrderNotFound, "no such order")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sqlite(t)
			s := w.script()
			e := w.open(t)
			o := place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
			s.fills = func([]exchange.Fill) []exchange.Fill { return nil }
			w.others(t, w.other, exchange.Sell, 100, 10)
			check(t, e)
			s.byID = func(id string) (exchange.Order, error) {
				v, err := w.mine.OrderByID(t.Context(), pair, id)
				if err != nil {
					return v, err
				}
				return byID(v)
			}
			w.clock.Advance(30 * time.Second)
			check(t, e)
			w.clock.Advance(30 * time.Second)
			c := check(t, e)
			if got := w.journalled(t, 1); got.Settled() || c.Paused == "" {
				t.Errorf("the order is %+v, the check says %+v", got, c)
			}
			missing := false
			for _, d := range c.Differences {
				missing = missing || d.Kind == journal.OrderMissing && d.Confirmed && d.Subject == o.ClientID
			}
			if missing != (name == "unknown") {
				t.Errorf("it differs by %+v", c.Differences)
			}
		})
	}
}

// proves T7: totals that lag behind what the stream has told are not booked: what is listed
// later would be booked twice. Once they have caught up, they are.
func TestTotalsThatAreLate(t *testing.T) {
	t.Parallel()
	for name, listed := range map[string]bool{"listed at last": true, "never listed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sqlite(t)
			s := w.script()
			e := w.open(t)
			o := place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open)
			w.others(t, w.other, exchange.Sell, 100, 6)
			late, err := w.mine.OrderByID(t.Context(), pair, o.VenueID)
			if err != nil {
				t.Fatal(err)
			}
			late.Status = exchange.Complete
			w.others(t, w.other, exchange.Sell, 100, 4)
			s.fills = func([]exchange.Fill) []exchange.Fill { return nil }
			s.byID = func(string) (exchange.Order, error) { return late, nil }
			told := exchange.AccountEvent{Order: &exchange.OrderUpdate{Pair: pair, OrderID: o.VenueID, ClientID: o.ClientID, Status: exchange.Complete, Filled: 10, Executed: true}}
			if err := e.Hear(t.Context(), told); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(31 * time.Second)
			if check(t, e); !w.journalled(t, 1).Filled.IsZero() {
				t.Errorf("by late totals the order is %+v", w.journalled(t, 1))
			}
			if s.byID = nil; listed {
				s.fills = nil
			}
			w.clock.Advance(31 * time.Second)
			check(t, e)
			c := check(t, e)
			if o := w.journalled(t, 1); !o.Settled() || !o.Filled.Equal(dec("0.001")) || !e.Books()[0].Base.Equal(dec("1000.001")) || len(c.Differences) != 0 {
				t.Errorf("at last the order is %+v, the book %+v, the check %+v", o, e.Books(), c)
			}
		})
	}
}
