package execution_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

// proves T6, T7: orders that were written off and rest all the same are foreign to every bot
// of the account from then on: quarantined, and claimed if nothing of them is in a book. What
// they trade is told as a trade that no bot ordered; what was booked before is not.
func TestWrittenOffOrdersAreFound(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations(), saasdb.Migrations()}, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		other := *w
		other.botID = uuid.Must(uuid.NewV7()).String()
		other.seed(t, d)
		cfg := other.config(t)
		cfg.Account, cfg.Given = "acc-"+w.botID, map[string]execution.Given{pair: {Base: 100, Counter: 10_000}}
		o, err := execution.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		check(t, o)
		own := w.config(t)
		own.Given = cfg.Given
		e, err := execution.Open(t.Context(), own)
		if err != nil {
			t.Fatal(err)
		}
		check(t, e)
		partly := place(t, e, limit(1, exchange.Buy, 50, 10), journal.Open)
		whole := place(t, e, limit(2, exchange.Buy, 49, 10), journal.Open)
		w.others(t, w.other, exchange.Sell, 50, 3)
		check(t, e)
		if err := w.store.WriteOff(t.Context(), "t", w.botID, map[int64]string{1: "it is lost", 2: "it is lost"}, true, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if err := w.store.CloseBooks(t.Context(), "t", w.botID); err != nil { // it goes back to paper
			t.Fatal(err)
		}
		if c := check(t, o); !c.Ready() || c.Foreign != 0 || len(c.Trades) != 0 {
			t.Errorf("while the venue's list may be late the check says %+v", c)
		}
		w.clock.Advance(31 * time.Second)
		if c := check(t, o); !c.Ready() || c.Foreign != 2 || len(c.Trades) != 0 {
			t.Errorf("once they are written off the check says %+v", c)
		}
		other.decide(t, partly.VenueID, journal.Claim)
		other.decide(t, whole.VenueID, journal.Claim)
		if c := check(t, o); c.Open != 1 || len(c.Failed) != 1 || !strings.Contains(c.Failed[0], partly.VenueID+" cannot be claimed") || !strings.Contains(c.Failed[0], "0.0003") {
			t.Errorf("once they are to be claimed the check says %+v", c)
		}
		w.others(t, w.other, exchange.Sell, 49, 17)
		for range 2 {
			if c := check(t, o); len(c.Trades) != 1 || !c.Trades[0].Volume.Equal(dec("0.0007")) || !o.Books()[0].Base.Equal(dec("0.011")) || c.Paused != "" {
				t.Errorf("once they are filled the check says %+v, the book %+v", c, o.Books())
			}
		}
	})
}
