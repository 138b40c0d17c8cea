package billingtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/offline"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
)

// Epoch is where a Clock starts.
func Epoch() time.Time { return time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC) }

// Clock is a clock that stands until it is moved. The zero value stands at
// Epoch; it is safe for concurrent use.
type Clock struct {
	mu    sync.Mutex
	since time.Duration
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Epoch().Add(c.since)
}

// Move moves the clock on.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since += d
}

// Events is a recorder that keeps what it is given, whether or not the
// transaction is committed. It is safe for concurrent use.
type Events struct {
	mu   sync.Mutex
	list []event.Event
}

var _ event.Recorder = (*Events)(nil)

// Record implements event.Recorder.
func (e *Events) Record(_ context.Context, events ...event.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, events...)
	return nil
}

// Take returns the types of the events since the last call, in order.
func (e *Events) Take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	types := make([]string, 0, len(e.list))
	for _, ev := range e.list {
		types = append(types, ev.Type)
	}
	e.list = nil
	return types
}

// Bench is a service on a store, with a clock and a recorder to look at.
type Bench struct {
	*billing.Service
	Clock  *Clock
	Events *Events
}

// NewBench returns a Bench with the catalog's plans published; nil is the
// default catalog.
func NewBench(t testing.TB, store billing.Store, tx billing.Tx, catalog *billing.Catalog) *Bench {
	t.Helper()
	provider, err := offline.New(offline.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b := &Bench{Clock: &Clock{}, Events: &Events{}}
	b.Service, err = billing.New(billing.Config{
		Catalog: catalog, Events: b.Events, Now: b.Clock.Now, Provider: provider, Store: store, Tx: tx,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// Tenant enrols the tenant and changes it to the plan.
func (b *Bench) Tenant(t testing.TB, tenantID, plan string) {
	t.Helper()
	if err := b.Enrol(t.Context(), tenantID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ChangePlan(t.Context(), tenantID, billing.ChangePlanInput{Plan: plan, Actor: "test"}); err != nil {
		t.Fatal(err)
	}
}

// Storm runs do n times at once, all let go at the same moment, and counts the
// outcomes by the code of the error: "" is success, "?" an error without one.
func Storm(n int, do func(i int) error) map[string]int {
	var (
		mu    sync.Mutex
		codes = map[string]int{}
		start = make(chan struct{})
		wg    sync.WaitGroup
	)
	for i := range n {
		wg.Go(func() {
			<-start
			err := do(i)
			code := ""
			if err != nil {
				if code = errs.CodeOf(err); code == "" {
					code = "?"
				}
			}
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	close(start)
	wg.Wait()
	return codes
}
