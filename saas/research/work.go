package research

import (
	"context"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/lease"
)

// maxReason bounds the sentence that a tenant is told, in characters.
const maxReason = 500

// Resource is what a worker leases to work on a run.
func Resource(tenantID, id string) lease.Resource {
	return lease.Resource{Kind: lease.Backtests, TenantID: tenantID, ID: id}
}

// Begin starts an attempt at a run under its lease and returns the run. A run
// that most workers have begun already is failed. ErrOver if there is nothing
// to do, lease.ErrLost if the lease does not hold.
func (s *Service) Begin(ctx context.Context, l lease.Lease, most int) (Run, error) {
	given := false
	r, err := s.work(ctx, l, func(ctx context.Context, r *Run) error {
		if given = r.Attempt >= int64(most); given {
			return s.end(ctx, r, Failed, fmt.Sprintf("The process that ran it ended %s, and it was given up. Try a shorter time, or other parameters.", times(most)))
		}
		r.Status, r.Done, r.StartedAt = Running, 0, s.now()
		r.Attempt++
		return s.cfg.Store.UpdateRun(ctx, r.TenantID, *r)
	})
	if err == nil && given {
		err = ErrOver
	}
	return r, err
}

// times writes how often something happened.
func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// Progress notes how many candles have been run. ErrOver tells a worker that the
// run was cancelled.
func (s *Service) Progress(ctx context.Context, l lease.Lease, done int64) error {
	_, err := s.work(ctx, l, func(ctx context.Context, r *Run) error {
		if r.Done == done {
			return nil
		}
		r.Done = done
		return s.cfg.Store.UpdateRun(ctx, r.TenantID, *r)
	})
	return err
}

// Finish stores what came of a run.
func (s *Service) Finish(ctx context.Context, l lease.Lease, out Outcome) error {
	if out.Result.Size() > MaxResult {
		return errs.New(errs.Internal, "result_too_large", "a result of %d bytes was not packed by Pack", out.Result.Size())
	}
	_, err := s.work(ctx, l, func(ctx context.Context, r *Run) error {
		if err := s.cfg.Store.PutResult(ctx, r.TenantID, r.ID, out.Result); err != nil {
			return err
		}
		r.Done, r.Figures, r.Line = r.Total, &out.Figures, out.Line
		return s.end(ctx, r, Done, "")
	})
	return err
}

// Fail ends a run that cannot be finished; the reason is a sentence for the
// tenant.
func (s *Service) Fail(ctx context.Context, l lease.Lease, reason string) error {
	_, err := s.work(ctx, l, func(ctx context.Context, r *Run) error { return s.end(ctx, r, Failed, bounded(reason)) })
	return err
}

// Hung is Fail for a run that made no progress for a time, until its process was ended.
// The time counts against the version of the strategy, for the tenant.
func (s *Service) Hung(ctx context.Context, l lease.Lease, reason string, stood time.Duration) error {
	_, err := s.work(ctx, l, func(ctx context.Context, r *Run) error {
		hangs, err := s.hang(ctx, *r, stood)
		if err != nil {
			return err
		}
		told := bounded(reason)
		if until, why := hangs.Rest(r.TenantID, r.Strategy, r.StrategyVersion, s.now()); why != "" {
			told += " " + why + againAt(until)
		}
		return s.end(ctx, r, Failed, bounded(told))
	})
	return err
}

// Stalled counts the time that a run which was cancelled had made no progress for, beyond
// what was usual for it, against the version of the strategy, for the tenant.
func (s *Service) Stalled(ctx context.Context, r Run, stood time.Duration) error {
	return s.cfg.Tx.Tx(ctx, r.TenantID, func(ctx context.Context) error {
		_, err := s.hang(ctx, r, stood)
		return err
	})
}

// hang counts a hang in the caller's transaction and returns what counts of that version
// and of all of the tenant's then.
func (s *Service) hang(ctx context.Context, r Run, stood time.Duration) (Hangs, error) {
	now := s.now()
	var hangs Hangs
	for _, h := range []Hang{NewHang(r.Strategy, r.StrategyVersion, now, stood), NewHang("", "", now, stood)} {
		h, err := s.cfg.Store.PutHang(ctx, r.TenantID, h)
		if err != nil {
			return nil, err
		}
		hangs = append(hangs, h)
	}
	return hangs, nil
}

// bounded cuts a sentence to what is kept of one.
func bounded(reason string) string {
	if text := []rune(reason); len(text) > maxReason {
		return string(text[:maxReason-1]) + "…"
	}
	return reason
}

// Yield puts a run back into the queue, as if its worker had not begun it.
func (s *Service) Yield(ctx context.Context, l lease.Lease) error {
	_, err := s.work(ctx, l, func(ctx context.Context, r *Run) error {
		if r.Status != Running {
			return nil
		}
		r.Status, r.Done = Queued, 0
		r.Attempt--
		return s.cfg.Store.UpdateRun(ctx, r.TenantID, *r)
	})
	return err
}

// work runs fn with the run of a lease, as long as the lease holds and the run
// is not over. The run is locked before the lease, as when it is deleted.
func (s *Service) work(ctx context.Context, l lease.Lease, fn func(ctx context.Context, r *Run) error) (Run, error) {
	var r Run
	err := s.cfg.Tx.Tx(ctx, l.TenantID, func(ctx context.Context) (err error) {
		r, err = s.cfg.Store.LockRun(ctx, l.TenantID, l.ID)
		switch {
		case err != nil && errs.KindOf(err) == errs.NotFound, err == nil && r.Status.Over():
			return ErrOver
		case err != nil:
			return err
		}
		if err := s.cfg.Leases.CheckLease(ctx, l); err != nil {
			return err
		}
		return fn(ctx, &r)
	})
	return r, err
}
