package execution_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// What somebody has decided is done at once, and what came of each reconciliation is told.
func TestRunIsWoken(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	waits, told := make(chan time.Duration), make(chan error, 9)
	c := w.config(t)
	c.Answered = func(err error) { told <- err }
	c.After = func(d time.Duration) <-chan time.Time { waits <- d; return nil }
	e, err := execution.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	if pause, err := <-waits, <-told; err != nil || pause != 30*time.Second {
		t.Errorf("it waits for %s, told %v", pause, err)
	}
	e.Wake()
	if pause, err := <-waits, <-told; err != nil || pause != 30*time.Second {
		t.Errorf("woken, it waits for %s, told %v", pause, err)
	}
	s.place = func(exchange.OrderRequest) (exchange.Order, error) {
		return exchange.Order{}, exchange.Rejected("ErrApiKeyRevoked", "the key was revoked")
	}
	place(t, e, limit(1, exchange.Buy, 100, 10), journal.Rejected)
	if err := <-told; exchange.KindOf(err) != exchange.KindKey {
		t.Errorf("of a refused key it tells %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// proves T6: reconciliation goes on by itself, sooner while something is not known,
// and ends with the context or the lease.
func TestRun(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	s := w.script()
	waits, tick := make(chan time.Duration), make(chan time.Time)
	c := w.config(t)
	c.After = func(d time.Duration) <-chan time.Time { waits <- d; return tick }
	e, err := execution.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	expect := func(want time.Duration) {
		t.Helper()
		if got := <-waits; got != want {
			t.Errorf("it waits for %s, want %s", got, want)
		}
	}
	expect(30 * time.Second)
	place(t, e, limit(1, exchange.Buy, 100, 10), journal.Open) // it was reconciled
	s.place = func(exchange.OrderRequest) (exchange.Order, error) { return exchange.Order{}, errors.New("reset") }
	place(t, e, limit(2, exchange.Buy, 100, 10), journal.Unknown)
	tick <- w.clock.Now()
	expect(time.Second)
	s.order = func(string) (exchange.Order, error) { return exchange.Order{}, errors.New("reset") }
	w.clock.Advance(31 * time.Second) // it takes long: the account's other bots want calls, too
	tick <- w.clock.Now()
	expect(10 * time.Second)
	s.order = nil
	tick <- w.clock.Now()
	expect(30 * time.Second)
	if o := w.journalled(t, 2); o.State != journal.Expired {
		t.Errorf("it is %s", o.State)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	go func() { ended <- e.Run(t.Context()) }()
	expect(30 * time.Second)
	w.open(t) // another has the bot
	tick <- w.clock.Now()
	if err := <-ended; !errors.Is(err, lease.ErrLost) {
		t.Errorf("ended with %v", err)
	}
}
