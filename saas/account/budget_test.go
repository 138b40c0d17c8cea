package account_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
)

// turnsInMemory are an account's turns for a test.
type turnsInMemory struct {
	mu    sync.Mutex
	turns account.Turns
	// hold, if set, lets it answer, after it has told asked of a question; lost is why it
	// does not know who holds an account.
	asked, hold chan struct{}
	lost        error
}

func (s *turnsInMemory) ChangeTurns(_ context.Context, _, _ string, change func(account.Turns) account.Turns) error {
	if s.hold != nil {
		s.asked <- struct{}{}
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns = change(s.turns)
	return nil
}

func (s *turnsInMemory) SweepTurns(context.Context, time.Time) error { return nil }

func (s *turnsInMemory) Holding(context.Context, string, []string) (tenantID, accountID string, err error) {
	return "", "", s.lost
}

// budgetOf returns a process's budget in a store.
func budgetOf(t *testing.T, s *turnsInMemory, holder string, now func() time.Time) *account.Budget {
	t.Helper()
	b, err := account.NewBudget(account.BudgetConfig{TenantID: "a", AccountID: "x", Holder: holder, Now: now, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// take asks for a call and returns after how long to ask again; 0 if it may be made.
func take(t *testing.T, b exchange.Budget, turn exchange.Turn) time.Duration {
	t.Helper()
	wait, err := b.Take(t.Context(), turn)
	if err != nil {
		t.Fatal(err)
	}
	return wait
}

// beside is how bots, pages and backtests of three processes shared a budget.
type beside struct {
	// late is how many calls of bots waited, spare how many calls there were of pages and
	// backtests, and longest how long a page waited.
	late, spare int
	longest     time.Duration
}

// share lets bots make so many calls a second, beside a page every three seconds and so
// many backtests that never stop.
func share(t *testing.T, perSecond, backtests int, during time.Duration) (r beside) {
	t.Helper()
	const (
		tick    = 50 * time.Millisecond
		latency = 450 * time.Millisecond
	)
	clock, store := now(), &turnsInMemory{}
	time := func() time.Time { return clock }
	bots, server, worker := budgetOf(t, store, "bots", time), budgetOf(t, store, "server", time), budgetOf(t, store, "worker", time)
	spare := exchange.Turn{Bot: "spare", Spare: true}
	due, page, pageAt, workerAt, ready := 0, clock, clock, clock, make([]int64, backtests)
	for range int(during / tick) {
		for due += perSecond; due >= int(1e9/tick); due -= int(1e9 / tick) {
			if take(t, bots, exchange.Turn{Bot: "bot"}) > 0 {
				r.late++
			}
		}
		for k := range ready {
			if clock.UnixNano() < ready[k] || clock.Before(workerAt) {
				continue
			}
			if wait := take(t, worker, spare); wait > 0 {
				workerAt = clock.Add(wait)
				continue
			}
			ready[k] = clock.Add(latency).UnixNano()
			r.spare++
		}
		if !clock.Before(page) && !clock.Before(pageAt) {
			if wait := take(t, server, spare); wait > 0 {
				pageAt = clock.Add(wait)
			} else {
				r.longest = max(r.longest, clock.Sub(page))
				page = clock.Add(3e9)
				r.spare++
			}
		}
		clock = clock.Add(tick)
	}
	r.longest = max(r.longest, clock.Sub(page))
	return r
}

// proves T10: what bots leave of the budget is there for pages and backtests; pages get
// theirs within seconds beside backtests of another process, and bots wait for neither.
func TestSpareCallsUseWhatIsLeft(t *testing.T) {
	t.Parallel()
	const minutes = 5
	for perSecond := 1; perSecond <= 4; perSecond++ {
		for _, backtests := range []int{1, 3} {
			r := share(t, perSecond, backtests, minutes*time.Minute)
			all := 60*perSecond + r.spare/minutes
			if r.late > 0 || r.longest > 3*time.Second || backtests > 1 && all < 265 {
				t.Errorf("%d calls of bots a second beside %d backtests: %d of them waited, a page waited for %s, and there were %d calls a minute",
					perSecond, backtests, r.late, r.longest, all)
			}
		}
	}
}

// Whoever waits while another call asks the store can go away, and a 429 pauses this
// process at once. // proves T10
func TestBudgetLetsGoOfWhoeverWaits(t *testing.T) {
	t.Parallel()
	store := &turnsInMemory{asked: make(chan struct{}), hold: make(chan struct{})}
	b := budgetOf(t, store, "one", now)
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := b.Take(t.Context(), exchange.Turn{}); err != nil {
			t.Errorf("who asks the store: %v", err)
		}
	})
	<-store.asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone := make(chan error, 1)
	go func() {
		_, err := b.Take(ctx, exchange.Turn{Urgent: true})
		gone <- err
	}()
	select {
	case err := <-gone:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who went away: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("who waits behind one that asks the store cannot go away")
	}
	all.Go(func() {
		if err := b.Pause(t.Context(), 10*time.Second); err != nil {
			t.Error(err)
		}
	})
	<-store.asked
	close(store.hold)
	all.Wait()
	if wait := take(t, b, exchange.Turn{}); wait != 10*time.Second {
		t.Errorf("in the pause a call waits for %s", wait)
	}
}

// A look-up of whose account the operator's key is one of stops no call where it fails:
// bots need their prices, and calls are counted as before. // proves T10
func TestOperatorBudgetWithoutALookUp(t *testing.T) {
	t.Parallel()
	store := &turnsInMemory{lost: errors.New("no answer")}
	b, err := account.NewOperatorBudget(account.OperatorBudgetConfig{Holder: "server", Market: "luno", Now: now, Store: store, Venue: "luno"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Reach(t.Context(), []string{"17"}); !errors.Is(err, store.lost) {
		t.Errorf("who tells the ids hears %v", err)
	}
	if wait := take(t, b, exchange.Turn{Bot: "bots"}); wait > 0 || store.turns.Left == 0 {
		t.Errorf("a call waits for %s, with %d left", wait, store.turns.Left)
	}
}
