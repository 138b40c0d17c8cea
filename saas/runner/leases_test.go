package runner_test

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/saas/lease"
)

// StartHolder implements lease.Store.
func (w *world) StartHolder(_ context.Context, name string) (lease.Holder, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holder++
	return lease.Holder{Name: name, Incarnation: w.holder}, nil
}

// TakeLeases implements lease.Store.
func (w *world) TakeLeases(_ context.Context, t lease.Take) (got []lease.Lease, _ error) {
	w.change(func() {
		for _, r := range t.Resources {
			l := w.leases[r]
			if l.ExpiresAt.After(t.Now) || len(got) == t.Limit {
				continue
			}
			l.Resource, l.Epoch, l.ExpiresAt = r, l.Epoch+1, t.Until
			w.leases[r], w.holders[r] = l, t.Holder.Name
			w.takers[r.ID] = append(w.takers[r.ID], t.Holder.Name)
			got = append(got, l)
		}
	})
	return got, nil
}

// RenewLeases implements lease.Store.
func (w *world) RenewLeases(_ context.Context, h lease.Holder, until time.Time) (got []lease.Lease, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r, l := range w.leases {
		if !l.ExpiresAt.IsZero() && w.holders[r] == h.Name {
			l.ExpiresAt = until
			w.leases[r] = l
			got = append(got, l)
		}
	}
	return got, nil
}

// ReleaseLeases implements lease.Store.
func (w *world) ReleaseLeases(_ context.Context, _ lease.Holder, leases []lease.Lease) error {
	w.change(func() {
		for _, l := range leases {
			if now := w.leases[l.Resource]; now.Epoch == l.Epoch {
				now.ExpiresAt = time.Time{}
				w.leases[l.Resource] = now
			}
		}
	})
	return nil
}

// CheckLease implements lease.Store.
func (w *world) CheckLease(context.Context, lease.Lease) error { return nil }

// CountLeases implements runner.Peers.
func (w *world) CountLeases(_ context.Context, kind lease.Kind, _ time.Time) (n int64, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r, l := range w.leases {
		if r.Kind == kind && !l.ExpiresAt.IsZero() {
			n++
		}
	}
	return n, nil
}
