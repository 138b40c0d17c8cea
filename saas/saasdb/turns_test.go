package saasdb_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// hand is a clock that a test moves, for all workers.
type hand struct{ at atomic.Int64 }

func (h *hand) now() time.Time       { return start().Add(time.Duration(h.at.Load())) }
func (h *hand) move(d time.Duration) { h.at.Add(int64(d)) }

// counted counts how often a store is asked, and fails if broken.
type counted struct {
	account.OperatorStore
	asked  int
	broken error
}

func (c *counted) ChangeTurns(ctx context.Context, tenantID, accountID string, change func(account.Turns) account.Turns) error {
	c.asked++
	if c.broken != nil {
		return c.broken
	}
	return c.OperatorStore.ChangeTurns(ctx, tenantID, accountID, change)
}

// caller is a worker with a connection of its own, as another process has it.
type caller struct {
	exchange.Budget
	t     *testing.T
	clock *hand
	store *counted
	ready time.Time
	made  []time.Time
	// bots is how many of its bots wait.
	bots int
	// spare is set of one by whose calls nobody trades.
	spare bool
}

// callers returns workers that share account "x" of tenant "a".
func callers(t *testing.T, url string, clock *hand, names ...string) []*caller {
	t.Helper()
	return callersOf(t, url, clock, names, func(store account.OperatorStore, name string) (exchange.Budget, error) {
		return account.NewBudget(account.BudgetConfig{TenantID: "a", AccountID: "x", Holder: name, Now: clock.now, Store: store})
	})
}

// callersOf returns workers with budgets of any kind.
func callersOf(t *testing.T, url string, clock *hand, names []string, budget func(store account.OperatorStore, name string) (exchange.Budget, error)) []*caller {
	t.Helper()
	var list []*caller
	for _, name := range names {
		d, err := db.Open(t.Context(), db.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		if _, err := d.Migrate(t.Context(), sets()...); err != nil {
			t.Fatal(err)
		}
		c := &caller{t: t, clock: clock, store: &counted{OperatorStore: saasdb.New(d)}}
		if c.Budget, err = budget(c.store, name); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

// call makes a call if the budget lets it, and reports whether it did.
func (c *caller) call(urgent bool) bool {
	c.t.Helper()
	now := c.clock.now()
	if now.Before(c.ready) && !urgent {
		return false
	}
	wait, err := c.Take(c.t.Context(), exchange.Turn{Bot: "bot", Urgent: urgent, Spare: c.spare && !urgent, Bots: c.bots})
	if err != nil {
		c.t.Fatal(err)
	}
	if wait > 0 {
		if !urgent {
			c.ready = now.Add(wait)
		}
		return false
	}
	c.made = append(c.made, now)
	return true
}

// busiest returns the most calls that were in any minute.
func busiest(made []time.Time) (most int) {
	slices.SortFunc(made, time.Time.Compare)
	first := 0
	for i, at := range made {
		for at.Sub(made[first]) >= time.Minute {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// proves T10: workers that share an account through the database never make more
// than 300 calls a minute together, use what there is, get their turns alike,
// also beside one that died while it waited, and ask the database less often than
// the venue.
func TestThrottleShared(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		clock := &hand{}
		workers := callers(t, url, clock, "one", "two", "three", "dead")
		dead := workers[3]
		workers = workers[:3]
		const minutes = 3
		for clock.now().Before(start().Add(minutes * time.Minute)) {
			for i, w := range workers {
				for w.call(false) { // the first asks first and never stops
				}
				if i == 0 && clock.now().Sub(start()) < 10*time.Second {
					dead.call(false)
				}
			}
			clock.move(100 * time.Millisecond)
		}
		all, asked := slices.Clone(dead.made), 0
		for _, w := range workers {
			all, asked = append(all, w.made...), asked+w.store.asked
		}
		if most := busiest(all); most > 300 || most < 270 {
			t.Errorf("there were %d calls in a minute", most)
		}
		if len(all) < 260*minutes {
			t.Errorf("%d calls in %d minutes leave much unused", len(all), minutes)
		}
		for i, w := range workers {
			if len(w.made) < len(all)*28/100 {
				t.Errorf("worker %d of three made %d of %d calls", i+1, len(w.made), len(all))
			}
		}
		if asked > len(all)*2/3 {
			t.Errorf("the database was asked %d times for %d calls", asked, len(all))
		}
		t.Logf("%d calls in %d minutes, %d at most in one; the database was asked %d times", len(all), minutes, busiest(all), asked)
	})
}

// proves T10: no bot starves beside those of a worker that has many: workers get as
// many calls as they have bots that wait, and one that comes back gets no more for
// having been away.
func TestThrottleIsFairByBot(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		clock := &hand{}
		workers := callers(t, url, clock, "many", "few", "away")
		for i, bots := range []int{24, 3, 3} {
			workers[i].bots = bots
		}
		many, few, away := workers[0], workers[1], workers[2]
		run := func(d time.Duration, working ...*caller) {
			for _, w := range workers {
				w.made = nil
			}
			for end := clock.now().Add(d); clock.now().Before(end); clock.move(100 * time.Millisecond) {
				for _, w := range working {
					for w.call(false) {
					}
				}
			}
		}
		share := func(what string, w *caller, least, most int) {
			t.Helper()
			all := len(many.made) + len(few.made) + len(away.made)
			if per := 1000 * len(w.made) / all; per < least || per > most {
				t.Errorf("%s: %d of %d calls", what, len(w.made), all)
			}
		}
		run(4*time.Minute, many, few)
		share("3 bots beside 24", few, 90, 133) // a ninth
		run(2*time.Minute, many, few, away)
		share("3 bots that were away", away, 80, 133) // a tenth
		share("24 bots", many, 750, 840)
	})
}

// proves T10: cancels have a reserve that others cannot use up; and workers that
// ask at the same moment get no call twice.
func TestThrottleKeepsAReserve(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		clock := &hand{}
		workers := callers(t, url, clock, "one", "two")
		var all sync.WaitGroup
		for _, w := range workers {
			all.Go(func() {
				for w.call(false) {
				}
			})
		}
		all.Wait()
		if n := len(workers[0].made) + len(workers[1].made); n != 10 {
			t.Errorf("%d calls came at once, want 10 of the 20", n)
		}
		urgent := 0
		for _, w := range workers {
			for i := 0; i < 5 && w.call(true); i++ {
				urgent++
			}
		}
		if urgent != 10 {
			t.Errorf("%d cancels passed, want 10", urgent)
		}
		if workers[0].call(true) || workers[1].call(true) {
			t.Error("a cancel passed an empty bucket")
		}
	})
}

// proves T10: what a worker leaves behind whose clock was once an hour ahead, as
// turns, as a pause and as places in the queue, stops nobody for long.
func TestThrottleAfterAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		clock, ahead := &hand{}, &hand{}
		ahead.move(time.Hour)
		w := callers(t, url, clock, "one")[0]
		others := callers(t, url, ahead, "two", "three", "four")
		for range 20 { // until they wait
			for _, o := range others {
				o.call(false)
			}
		}
		for w.call(true) { // what they left
		}
		minute := func(urgent bool) {
			t.Helper()
			w.made = nil
			for range 60 {
				clock.move(time.Second)
				for w.call(urgent) {
				}
			}
			if n := len(w.made); n < 200 || n > 300 {
				t.Errorf("%d calls in a minute, urgent: %t", n, urgent)
			}
		}
		minute(true)
		minute(false)
		if err := others[0].Pause(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if w.call(true) {
			t.Error("a call passed a pause")
		}
		clock.move(5*time.Minute - time.Second)
		if w.call(true) {
			t.Error("a pause is over early")
		}
		clock.move(time.Second)
		minute(true)
	})
}

// proves T10: a 429 that one worker met pauses the other, for cancels as well, no
// later than after a lease, and no other account; a pause never gets shorter.
func TestThrottlePausesAll(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		clock := &hand{}
		workers := callers(t, url, clock, "one", "two")
		one, two := workers[0], workers[1]
		for range 3 { // the second has a call left
			two.call(false)
		}
		for _, d := range []time.Duration{10 * time.Second, time.Second} {
			if err := one.Pause(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		if one.call(true) {
			t.Error("who paused went on")
		}
		clock.move(time.Second)
		for range 9 {
			if one.call(true) || two.call(true) || two.call(false) {
				t.Fatalf("a call passed %s into the pause", clock.now().Sub(start()))
			}
			clock.move(time.Second)
		}
		if !one.call(true) || !two.call(false) {
			t.Error("the pause goes on beyond its end")
		}
		if err := one.Pause(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		other, err := account.NewBudget(account.BudgetConfig{TenantID: "b", AccountID: "x", Holder: "one", Now: clock.now, Store: one.store})
		if err != nil {
			t.Fatal(err)
		}
		if wait, err := other.Take(t.Context(), exchange.Turn{}); wait != 0 || err != nil {
			t.Errorf("another tenant's account waits %s, %v", wait, err)
		}
	})
}

// A budget that cannot be reached lets nothing pass, and pauses even so.
func TestThrottleFailsClosed(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	w := callers(t, dbtest.SQLiteURL(t), clock, "one")[0]
	w.store.broken = errors.New("no database")
	if _, err := w.Take(t.Context(), exchange.Turn{Urgent: true}); !errors.Is(err, w.store.broken) {
		t.Errorf("a call without a budget gave %v", err)
	}
	if err := w.Pause(t.Context(), time.Minute); !errors.Is(err, w.store.broken) {
		t.Errorf("a pause that nobody else hears of gave %v", err)
	}
	w.store.broken = nil
	if w.call(true) {
		t.Error("the pause was forgotten")
	}
	clock.move(time.Minute)
	if !w.call(true) {
		t.Error("the pause goes on beyond its end")
	}
}
