package saasdb_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
)

func cap1000() ceiling.Ceiling {
	return ceiling.Ceiling{TenantID: "a", Currency: "MYR", MaxExposure: dec("1000.000000000000000001"), MaxDailyLoss: dec("50"), SetBy: "ada@example.com", SetAt: start(), Version: 1}
}

// proves N3 for ceilings, and that a change of a version that is not the present one, or by
// another tenant, changes nothing.
func TestCeilings(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		ctx, c := t.Context(), cap1000()
		if err := s.PutCeiling(ctx, "a", c); err != nil {
			t.Fatal(err)
		}
		wantCode(t, s.PutCeiling(ctx, "a", c), errs.Stale, "ceiling_changed")
		c.Version, c.Reached, c.Loss = 2, ceiling.Day(start()), dec("51")
		if err := s.PutCeiling(ctx, "a", c); err != nil {
			t.Fatal(err)
		}
		got, err := s.Ceilings(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "ceilings", got, []ceiling.Ceiling{c})
		if got, err = s.Watched(ctx); err != nil || len(got) != 1 {
			t.Errorf("watched are %+v, %v", got, err)
		}
		if got, err = s.Ceilings(ctx, "b"); err != nil || len(got) != 0 {
			t.Errorf("another tenant sees %+v, %v", got, err)
		}
		_, err = s.LockCeiling(ctx, "b", "MYR")
		wantCode(t, err, errs.NotFound, "ceiling_not_found")
		wantCode(t, s.DeleteCeiling(ctx, "b", "MYR"), errs.NotFound, "ceiling_not_found")
		if err := s.DeleteCeiling(ctx, "a", "MYR"); err != nil {
			t.Fatal(err)
		}
		_, err = s.LockCeiling(ctx, "a", "MYR")
		wantCode(t, err, errs.NotFound, "ceiling_not_found")
	})
}

// trading stores a bot that has books and a lease, and returns its id and epoch.
func trading(t *testing.T, s *saasdb.Store, tenantID, base string) (botID string, epoch int64) {
	t.Helper()
	_, b := newBot(t, s, tenantID)
	epoch = own(t, s, tenantID, b.ID)
	err := commitLive(t, s, journal.LiveEntry{TenantID: tenantID, BotID: b.ID, Epoch: epoch, Books: []journal.Book{{
		BotID: b.ID, Account: "acc", Pair: "XBTMYR", BaseCurrency: "XBT", CounterCurrency: "MYR", GivenCounter: dec("10000"), Base: dec(base), Counter: dec("10000"),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return b.ID, epoch
}

// wanted is the entry of an intent to buy or sell one for 100.
func wanted(tenantID, botID string, epoch, number int64, side string) journal.LiveEntry {
	o := journal.LiveOrder{
		Order: journal.Order{
			BotID: botID, ClientID: fmt.Sprintf("%s.%d", botID, number), Number: number, Side: side, Type: "limit", Price: dec("100"), Volume: dec("1"), State: journal.Submitted,
			CreatedAt: start(), UpdatedAt: start(),
		},
		Account: "acc", Pair: "XBTMYR", Epoch: epoch,
	}
	return journal.LiveEntry{
		TenantID: tenantID, BotID: botID, Epoch: epoch, Orders: []journal.LiveOrder{o},
		Transitions: []journal.Transition{{Order: number, Event: number, To: journal.Submitted, At: start()}},
	}
}

// proves RK1: two workers that commit the buys of a tenant's bots at once do not exceed its
// ceiling together, whoever is first; sells, exits and other tenants' orders go on.
func TestNoTwoWorkersExceedACeiling(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, s *saasdb.Store) {
		c := cap1000()
		if err := s.PutCeiling(t.Context(), "a", c); err != nil {
			t.Fatal(err)
		}
		const bots, each = 4, 6 // 24 buys for 100, of which 10 are admitted
		var admitted atomic.Int64
		var wg sync.WaitGroup
		workers := make([]*journal.Group, 2)
		for i := range workers {
			var err error
			if workers[i], err = journal.NewGroup(journal.GroupConfig{Store: saasdb.New(d)}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range bots {
			id, epoch := trading(t, s, "a", "0")
			wg.Go(func() {
				for n := range int64(each) {
					err := workers[i%2].Commit(t.Context(), wanted("a", id, epoch, n+1, "buy"))
					switch {
					case err == nil:
						admitted.Add(1)
					case errs.CodeOf(err) != "over_ceiling" || !strings.Contains(err.Error(), "it may spend 100 MYR") || !strings.Contains(err.Error(), "and 1,000 MYR are already"):
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		st, err := s.Standing(t.Context(), "a", "MYR", start())
		if err != nil || admitted.Load() != 10 || !st.Buys.Equal(dec("1000")) || st.Bots != bots {
			t.Errorf("%d buys were admitted, and the bots stand so: %+v, %v", admitted.Load(), st, err)
		}
		id, epoch := trading(t, s, "a", "0")
		exit := wanted("a", id, epoch, 2, "buy")
		exit.Orders[0].Urgent = true
		other, otherEpoch := trading(t, s, "b", "0")
		for what, e := range map[string]journal.LiveEntry{
			"a sell": wanted("a", id, epoch, 1, "sell"), "a protective exit": exit, "another tenant's buy": wanted("b", other, otherEpoch, 1, "buy"),
		} {
			if err := commitLive(t, s, e); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		wantCode(t, commitLive(t, s, wanted("a", id, epoch, 3, "buy")), errs.Conflict, "over_ceiling")
	})
}

// proves RK1: what counts as exposure and as the day's loss.
func TestStanding(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, s *saasdb.Store) {
		at := start()
		stand := func(tenantID, positions, buys, loss string) {
			t.Helper()
			st, err := s.Standing(t.Context(), tenantID, "MYR", at)
			if err != nil || !st.Positions.Equal(dec(positions)) || !st.Buys.Equal(dec(buys)) || !st.Loss.Equal(dec(loss)) {
				t.Errorf("tenant %s stands so: %+v, %v; want %s, %s and %s", tenantID, st, err, positions, buys, loss)
			}
		}
		stand("a", "0", "0", "0")
		old, oldEpoch := trading(t, s, "a", "2")
		young, youngEpoch := trading(t, s, "a", "0.5")
		day := ceiling.Day(at)
		point := func(at time.Time, equity string) journal.EquityPoint {
			return journal.EquityPoint{Time: at, Equity: dec(equity)}
		}
		state := func(botID string, epoch int64, since time.Time, equity, profit string, points ...journal.EquityPoint) journal.Entry {
			return journal.Entry{TenantID: "a", BotID: botID, Epoch: epoch, Equity: points, Checkpoint: &journal.Checkpoint{
				State: []byte(`{}`), Sequence: 1, MarketTime: at,
				Summary: journal.Summary{Equity: dec(equity), Profit: dec(profit), Price: dec("100"), Since: since},
			}}
		}
		// One began before the day, with 990 at its beginning, and one within it.
		commit(t, s, state(old, oldEpoch, day.Add(-48*time.Hour), "970", "-30", point(day.Add(-time.Hour), "1000"), point(day, "990"), point(day.Add(time.Hour), "900")))
		commit(t, s, state(young, youngEpoch, day.Add(time.Hour), "95", "-5", point(day.Add(2*time.Hour), "99")))
		if err := commitLive(t, s, wanted("a", old, oldEpoch, 1, "buy")); err != nil {
			t.Fatal(err)
		}
		if err := commitLive(t, s, wanted("a", old, oldEpoch, 2, "sell")); err != nil {
			t.Fatal(err)
		}
		stand("a", "250", "100", "25")
		stand("b", "0", "0", "0")
		at = at.Add(24 * time.Hour) // the day after nothing is lost yet
		commit(t, s, state(old, oldEpoch, day.Add(-48*time.Hour), "970", "-30", point(at.Add(-13*time.Hour), "970")),
			state(young, youngEpoch, day.Add(time.Hour), "95", "-5", point(at.Add(-13*time.Hour), "95")))
		stand("a", "250", "100", "0")
	})
}
