package backtester

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/research"
)

// Backtester is a worker. Start it once; Stop may be called more than once.
type Backtester struct {
	cfg    Config
	wake   chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
	turns  turns // of the goroutine that places runs

	mu   sync.Mutex
	jobs map[lease.Resource]*job
}

// New returns a worker that has not started; the error names everything that is
// missing.
func New(cfg Config) (*Backtester, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Backtester{cfg: cfg, wake: make(chan struct{}, 1), jobs: map[lease.Resource]*job{}}, nil
}

// Start begins the work; it returns once the worker has its name, and leaves the
// rest to goroutines that end with Stop.
func (b *Backtester) Start(ctx context.Context) error {
	if err := b.cfg.Keeper.Start(ctx); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	b.cancel = cancel
	// The leases are renewed until the last run has been given back.
	renewing, stopRenewing := context.WithCancel(context.WithoutCancel(ctx))
	b.done.Go(func() {
		if err := b.cfg.Keeper.Run(renewing, b.lost); err != nil {
			b.cfg.Log.ErrorContext(run, "this worker was replaced by another of its name and stops", "error", err)
			cancel()
		}
	})
	b.done.Go(func() {
		defer stopRenewing()
		b.placing(run)
	})
	return nil
}

// Ready reports why the worker takes no runs any more, as the Keeper does; nil if
// it may.
func (b *Backtester) Ready() error { return b.cfg.Keeper.Ready() }

// Wake makes the worker look for new and cancelled runs at once.
func (b *Backtester) Wake() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Stop ends the work: runs go back into the queue, as if they had not been
// begun.
func (b *Backtester) Stop() {
	if b.cancel == nil {
		return
	}
	b.cancel()
	b.done.Wait()
}

// placing looks for runs until ctx ends, then waits for those at work.
func (b *Backtester) placing(ctx context.Context) {
	tick := time.NewTicker(b.cfg.Poll)
	defer tick.Stop()
	var jobs sync.WaitGroup
	defer jobs.Wait()
	for {
		if err := b.place(ctx, &jobs); err != nil && ctx.Err() == nil {
			b.cfg.Log.WarnContext(ctx, "looking for backtests", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-b.wake:
		}
	}
}

// place drops the runs that are over meanwhile, and takes leases on those that
// are next.
func (b *Backtester) place(ctx context.Context, jobs *sync.WaitGroup) error {
	pending, err := b.cfg.Queue.PendingRuns(ctx)
	if err != nil {
		return err
	}
	now, mine := b.cfg.Now(), b.look(pending)
	var hangs research.Hangs
	if len(pending) > 0 {
		if hangs, err = b.cfg.Queue.Hangs(ctx, now); err != nil {
			return err
		}
	}
	for _, p := range b.turns.next(pending, mine, b.cfg.Keeper.Holder().Name, now, hangs) {
		j := &job{b: b, suspect: hangs.Suspect(p, now)}
		if !b.fits(p.TenantID, j.suspect) {
			continue
		}
		got, err := b.cfg.Keeper.Acquire(ctx, []lease.Resource{research.Resource(p.TenantID, p.ID)}, 1)
		if err != nil {
			return err
		}
		for _, l := range got {
			j.lease = l
			b.turns.note(l.TenantID)
			b.begin(ctx, j, jobs)
		}
	}
	return nil
}

// fits reports whether there is room for a run of a tenant.
func (b *Backtester) fits(tenantID string, suspect bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, suspects, others := 0, 0, 0
	var first string
	for _, j := range b.jobs {
		if n++; n == 1 {
			first = j.lease.TenantID
		}
		if j.lease.TenantID != first {
			others++
		}
		if j.suspect {
			suspects++
		}
	}
	switch {
	case b.cfg.AtOnce == 1:
		return n == 0
	case suspect && suspects > 0:
		return false
	}
	return n < b.cfg.AtOnce || n == b.cfg.AtOnce && others == 0 && first != tenantID && !suspect
}

// look drops the jobs whose runs are not pending any more, and returns which there
// are.
func (b *Backtester) look(pending []research.Pending) (mine map[lease.Resource]bool) {
	open := make(map[lease.Resource]bool, len(pending))
	for _, p := range pending {
		open[research.Resource(p.TenantID, p.ID)] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	mine = make(map[lease.Resource]bool, len(b.jobs))
	for r, j := range b.jobs {
		mine[r] = true
		if !open[r] {
			j.cancel(research.ErrOver)
		}
	}
	return mine
}

// begin starts the goroutine of a run.
func (b *Backtester) begin(ctx context.Context, j *job, jobs *sync.WaitGroup) {
	work, cancel := context.WithCancelCause(ctx)
	l := j.lease
	j.cancel = cancel
	b.mu.Lock()
	b.jobs[l.Resource] = j
	b.mu.Unlock()
	jobs.Go(func() {
		defer cancel(nil)
		j.run(work)
		b.mu.Lock()
		delete(b.jobs, l.Resource)
		b.mu.Unlock()
		if err := b.cfg.Keeper.Release(context.WithoutCancel(ctx), l); err != nil {
			b.cfg.Log.WarnContext(ctx, "a lease was not given back; it ends by itself", "backtest_id", l.ID, "error", err)
		}
		b.Wake() // there is room again
	})
}

// lost drops the runs whose lease another worker has.
func (b *Backtester) lost(leases []lease.Lease) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range leases {
		if j, ok := b.jobs[l.Resource]; ok && j.lease.Epoch == l.Epoch {
			b.cfg.Log.Warn("the lease on a backtest was lost; it is left to its new worker", "tenant_id", l.TenantID, "backtest_id", l.ID)
			j.cancel(lease.ErrLost)
		}
	}
}

// gone reports whether the run of a job is none of this worker's business any
// more.
func gone(err error) bool { return errors.Is(err, research.ErrOver) || errors.Is(err, lease.ErrLost) }
