package runner

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/lease"
)

// Peers counts the workers that share the bots.
type Peers interface {
	// CountLeases returns how many resources of a kind that belong to no tenant are held
	// at a time.
	CountLeases(ctx context.Context, kind lease.Kind, now time.Time) (int64, error)
}

// looksBeyond is after how many looks a worker looks for bots beyond its share: those
// that are still free then may be such as no other worker can run.
const looksBeyond = 3

// share makes sure that this worker is counted, and returns how many of so many bots
// are its share, and how many beyond that it may take at this look.
func (r *Runner) share(ctx context.Context, bots int) (share, beyond int, err error) {
	if r.cfg.Peers == nil {
		return r.cfg.Capacity, 0, nil
	}
	me := lease.Resource{Kind: lease.Workers, ID: r.cfg.Keeper.Holder().Name}
	if _, err := r.cfg.Keeper.Acquire(ctx, []lease.Resource{me}, 1); err != nil {
		return 0, 0, err
	}
	now := r.cfg.Now()
	counted, err := r.cfg.Peers.CountLeases(ctx, lease.Workers, now)
	if err != nil {
		return 0, 0, err
	}
	workers := max(1, int(counted))
	share = (bots + workers - 1) / workers
	if now.Sub(r.beyond) >= looksBeyond*r.cfg.Poll {
		beyond, r.beyond = 1+share/8, now
	}
	return share, beyond, nil
}

// shed chooses the bots to give to others: those above the share, a quarter of them at
// a look, so that whoever takes them is not flooded. Those that nobody else took once
// stay; r.mu is held.
func (r *Runner) shed(share int) []*member {
	var ready []*member
	for _, m := range r.members {
		if !m.stopping && !m.moving && !m.leaving && !m.kept {
			ready = append(ready, m)
		}
	}
	above := min(len(r.members)-share, len(ready))
	if above <= 0 {
		return nil
	}
	slices.SortFunc(ready, func(a, b *member) int { return strings.Compare(b.lease.ID, a.lease.ID) }) // the youngest bots
	ready, r.beyond = ready[:(above+3)/4], r.cfg.Now()                                                // others look first
	for _, m := range ready {
		m.leaving = true
	}
	return ready
}

// handOver checkpoints bots and gives them to other workers.
func (g *group) handOver(ctx context.Context, ms []*member) {
	ms = slices.DeleteFunc(slices.Clone(ms), func(m *member) bool { return m.over })
	var open []*member
	for _, m := range ms {
		if slices.Contains(g.active, m) {
			open = append(open, m)
		}
	}
	if len(open) > 0 && g.process != nil {
		if err := g.save(ctx, open); err != nil {
			g.r.cfg.Log.WarnContext(ctx, "bots were not checkpointed; they go on from their checkpoints before", "bots", len(open), "error", err)
		}
	}
	for _, m := range ms {
		g.part(ctx, m)
		g.r.forget(ctx, m)
	}
}

// leave makes this worker count no more.
func (r *Runner) leave() error {
	var mine []lease.Lease
	for _, l := range r.cfg.Keeper.Held() {
		if l.Kind == lease.Workers {
			mine = append(mine, l)
		}
	}
	return errors.Join(r.cfg.Keeper.Release(context.Background(), mine...))
}
