package live_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/live"
)

// Of streams that are asked for at once a tenant gets as many as there are places,
// another tenant as many again, and a place that is given back twice counts once.
func TestPlaces(t *testing.T) {
	t.Parallel()
	const most = 3
	p := live.NewPlaces(most)
	var got atomic.Int64
	leaves := make(chan func(), 100)
	var asking sync.WaitGroup
	for range 100 {
		asking.Go(func() {
			leave, err := p.Enter("a")
			if err == nil {
				got.Add(1)
				leaves <- leave
			} else if errs.KindOf(err) != errs.RateLimited || errs.CodeOf(err) != "too_many_streams" {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	if got.Load() != most {
		t.Fatalf("%d streams of a tenant are open, want %d", got.Load(), most)
	}
	if _, err := p.Enter("b"); err != nil {
		t.Errorf("another tenant: %v", err)
	}
	leave := <-leaves
	leave()
	leave()
	if _, err := p.Enter("a"); err != nil {
		t.Errorf("after one was closed: %v", err)
	}
	if _, err := p.Enter("a"); err == nil {
		t.Error("a place was given back twice")
	}
}
