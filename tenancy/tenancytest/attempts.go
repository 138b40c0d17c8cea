package tenancytest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/tenancy"
)

// exerciseAttempts proves L4: parallel attempts never get more than the limit.
func exerciseAttempts(t *testing.T, s Subject) {
	ctx, now := t.Context(), start()
	limit := tenancy.AttemptLimit{Free: 5, Delay: time.Second, Max: time.Minute, Forget: time.Hour}
	var counted atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			ok, err := s.Store.CountAttempt(ctx, "account:x", limit, now)
			if err != nil {
				t.Error(err)
			}
			if ok {
				counted.Add(1)
			}
		})
	}
	wg.Wait()
	if counted.Load() != 5 {
		t.Fatalf("%d of 50 parallel attempts were counted, want 5", counted.Load())
	}
	until := must[time.Time](t)(s.Store.BlockedUntil(ctx, []string{"account:x", "account:unknown"}))
	if !until.Equal(now.Add(time.Second)) {
		t.Errorf("blocked until %v, want one second after %v", until, now)
	}
	if got := must[time.Time](t)(s.Store.BlockedUntil(ctx, []string{"account:unknown"})); !got.IsZero() {
		t.Errorf("an unknown counter is blocked until %v", got)
	}
	noError(t, s.Store.ForgiveAttempts(ctx, []string{"account:x"}, nil))
	for range 4 {
		must[bool](t)(s.Store.CountAttempt(ctx, "account:x", limit, now))
	}
	noError(t, s.Store.ForgiveAttempts(ctx, nil, []string{"account:x"}))
	for i, want := range []bool{true, true, false} {
		if ok := must[bool](t)(s.Store.CountAttempt(ctx, "account:x", limit, now)); ok != want {
			t.Errorf("attempt %d after one was forgiven: %v", i+1, ok)
		}
	}
	if n := must[int](t)(s.Store.PruneAttempts(ctx, now)); n != 0 {
		t.Errorf("pruned %d counters too early", n)
	}
	if n := must[int](t)(s.Store.PruneAttempts(ctx, now.Add(time.Second))); n != 1 {
		t.Errorf("pruned %d counters, want 1", n)
	}
}

// exerciseDelays compares the store's arithmetic with the limit's own.
func exerciseDelays(t *testing.T, s Subject) {
	for name, limit := range map[string]tenancy.AttemptLimit{
		"doubling":  {Free: 3, Delay: time.Second, Max: 20 * time.Second, Forget: time.Hour},
		"immediate": {Free: 1, Delay: time.Second, Max: 3 * time.Second, Forget: time.Hour},
		"constant":  {Free: 2, Delay: time.Second, Max: time.Second, Forget: time.Hour},
	} {
		now := start()
		for n := 1; n <= 10; n++ {
			if !must[bool](t)(s.Store.CountAttempt(t.Context(), name, limit, now)) {
				t.Fatalf("%s: attempt %d was refused after its wait", name, n)
			}
			until := must[time.Time](t)(s.Store.BlockedUntil(t.Context(), []string{name}))
			if got := until.Sub(now); got != limit.After(n) {
				t.Errorf("%s: attempt %d is followed by %v, want %v", name, n, got, limit.After(n))
			}
			if wait := limit.After(n); wait > 0 {
				early := must[bool](t)(s.Store.CountAttempt(t.Context(), name, limit, now.Add(wait-time.Microsecond)))
				if early {
					t.Errorf("%s: attempt %d was counted before the wait was over", name, n+1)
				}
				now = now.Add(wait)
			}
		}
		now = now.Add(limit.Forget + time.Microsecond)
		must[bool](t)(s.Store.CountAttempt(t.Context(), name, limit, now))
		until := must[time.Time](t)(s.Store.BlockedUntil(t.Context(), []string{name}))
		if got := until.Sub(now); got != limit.After(1) {
			t.Errorf("%s: the first attempt after all is forgotten is followed by %v", name, got)
		}
	}
}

func exerciseKnownNetwork(t *testing.T, s Subject) {
	v := s.seed(t, "ada@example.com")
	s.seed(t, "bob@example.com")
	for _, c := range []struct {
		email, network string
		want           bool
	}{
		{v.user.Email, "192.0.2.7", true},
		{v.user.Email, "192.0.2.8", false},
		{"nobody@example.com", "192.0.2.7", false},
	} {
		if got := must[bool](t)(s.Store.KnownNetwork(t.Context(), c.email, c.network)); got != c.want {
			t.Errorf("KnownNetwork(%s, %s) = %v", c.email, c.network, got)
		}
	}
}
