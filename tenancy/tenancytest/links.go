package tenancytest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// exerciseLinks proves L8: one use, in time, for one purpose.
func exerciseLinks(t *testing.T, s Subject) {
	ctx, now := t.Context(), start()
	link := func(hash string) tenancy.Link {
		return tenancy.Link{Purpose: "admin", Hash: []byte(hash), CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	}
	noError(t, s.Store.ReplaceLink(ctx, link("first")))
	noError(t, s.Store.ReplaceLink(ctx, link("second")))
	wantKind(t, "a replaced link", s.Store.ConsumeLink(ctx, "admin", []byte("first"), now), errs.NotFound)
	wantKind(t, "another purpose", s.Store.ConsumeLink(ctx, "reset", []byte("second"), now), errs.NotFound)
	wantKind(t, "an expired link", s.Store.ConsumeLink(ctx, "admin", []byte("second"), now.Add(time.Hour)), errs.NotFound)
	var used atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			switch err := s.Store.ConsumeLink(ctx, "admin", []byte("second"), now); {
			case err == nil:
				used.Add(1)
			default:
				wantKind(t, "a used link", err, errs.NotFound)
			}
		})
	}
	wg.Wait()
	if used.Load() != 1 {
		t.Errorf("a link was used %d times", used.Load())
	}
	noError(t, s.Store.ReplaceLink(ctx, link("third")))
	noError(t, s.Store.DeleteLinks(ctx, "admin"))
	wantKind(t, "a deleted link", s.Store.ConsumeLink(ctx, "admin", []byte("third"), now), errs.NotFound)
}
