package runner

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
)

// Runner is a worker. Start it once; Stop may be called more than once.
type Runner struct {
	cfg    Config
	wake   chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	groups  map[groupKey]*group
	members map[string]*member // by bot id
	// arrivals are members that their groups have given up for other groups.
	arrivals []*member
	// floor is where bots reach their exchanges; nil without Trading.
	floor *floor
	// passed are the bots that this worker leaves to others, by id.
	passed map[string]pass
	// beyond is when bots beyond the share were looked for last.
	beyond time.Time

	// halts are the kill switches that are on; nil before they were read first. alarm
	// wakes who reads them, and reading is held meanwhile, so that what was read later
	// stays.
	halts   atomic.Pointer[halt.Halts]
	alarm   chan struct{}
	reading sync.Mutex
}

// New returns a worker that has not started; the error names everything that is
// missing.
func New(cfg Config) (*Runner, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg, wake: make(chan struct{}, 1), alarm: make(chan struct{}, 1), groups: map[groupKey]*group{}, members: map[string]*member{}, passed: map[string]pass{}}
	if cfg.Trading == nil {
		return r, nil
	}
	var err error
	r.floor, err = newFloor(r)
	return r, err
}

// Start begins the work; it returns once the worker has its name, and leaves
// the rest to goroutines that end with Stop.
func (r *Runner) Start(ctx context.Context) error {
	if err := r.cfg.Keeper.Start(ctx); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	r.done.Go(func() {
		if err := r.cfg.Keeper.Run(run, r.lost); err != nil {
			r.cfg.Log.ErrorContext(run, "this worker was replaced by another of its name and stops", "error", err)
			cancel()
		}
	})
	if r.cfg.Halts != nil {
		if err := r.readHalts(ctx); err != nil { // before the first bot is taken up
			cancel()
			return err
		}
		r.done.Go(func() { r.halting(run) })
	}
	r.done.Go(func() { r.placing(run) })
	return nil
}

// Ready reports why the worker takes no bots any more, as the Keeper does; nil if
// it may.
func (r *Runner) Ready() error { return r.cfg.Keeper.Ready() }

// Wake makes the worker look for bots at once.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Stop ends the work: bots are checkpointed where they are and their leases
// given back, so that another worker, or this one later, goes on with them.
func (r *Runner) Stop() {
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.done.Wait()
	r.mu.Lock()
	leases := make([]lease.Lease, 0, len(r.members))
	for id, m := range r.members {
		leases = append(leases, m.lease)
		delete(r.members, id)
	}
	r.mu.Unlock()
	if err := errors.Join(r.cfg.Keeper.Release(context.Background(), leases...), r.leave()); err != nil {
		r.cfg.Log.Warn("leases were not given back; they end by themselves", "error", err)
	}
}

// placing looks for bots until ctx ends, then waits for the groups.
func (r *Runner) placing(ctx context.Context) {
	tick := time.NewTicker(r.cfg.Poll)
	defer tick.Stop()
	var groups sync.WaitGroup
	defer groups.Wait()
	for {
		if err := r.place(ctx, &groups); err != nil && ctx.Err() == nil {
			r.cfg.Log.WarnContext(ctx, "looking for bots", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.wake:
		}
	}
}

// place takes leases on bots that nobody works on and hands them to their
// groups, and tells groups of bots that are to stop.
func (r *Runner) place(ctx context.Context, wg *sync.WaitGroup) error {
	rows, err := r.cfg.Bots.RunnableBots(ctx)
	if err == nil {
		rows, err = r.enforce(ctx, rows)
	}
	if err != nil {
		return err
	}
	var candidates []lease.Resource
	var working []settled
	joins, stops, sells, frees := map[groupKey][]*member{}, map[groupKey][]*member{}, map[groupKey][]*member{}, map[groupKey][]*member{}
	wishes := map[groupKey]map[*member]wish{}
	r.mu.Lock()
	for i := range rows {
		a := &rows[i]
		m, mine := r.members[a.Bot.ID]
		switch {
		case !mine && r.passes(a):
		case !mine:
			candidates = append(candidates, lease.Resource{Kind: lease.Bots, TenantID: a.Bot.TenantID, ID: a.Bot.ID})
		case a.Bot.Guarded():
		case a.Bot.Desired && m.standing:
			if a.Bot.Run != m.assignment.Bot.Run && !m.stopping {
				m.stopping = true
				frees[m.key()] = append(frees[m.key()], m)
			}
		case !a.Bot.Desired && !m.stopping:
			m.stopping, m.end, m.told = true, a.Bot.Ending, a.Bot.Ending
			stops[m.key()] = append(stops[m.key()], m)
		case !a.Bot.Desired && a.Bot.Ending == bot.Flattened && m.told != bot.Flattened:
			m.told = bot.Flattened
			sells[m.key()] = append(sells[m.key()], m)
		case a.Bot.Desired && !m.stopping && !m.moving && a.Config.Version >= m.seen:
			working = append(working, settled{m, a})
			m.hand(wishes, &a.Bot)
		}
	}
	r.forgetPassed(rows)
	room, mine := r.cfg.Capacity-len(r.members), len(r.members)
	r.mu.Unlock()

	share, beyond, shareErr := r.share(ctx, len(rows))
	if shareErr != nil { // none is taken or given away, but stops and wishes have been noted as passed on
		share, candidates = r.cfg.Capacity, nil
	}
	leases, byID, err := r.acquire(ctx, candidates, min(room, max(share-mine, beyond)))
	taken, takeErr := r.taken(ctx, leases, byID)
	strayed, strayErr := r.strayed(ctx, working)
	err = errors.Join(shareErr, err, takeErr, strayErr)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judge()
	r.transfer(strayed)
	for _, m := range r.arrived() {
		joins[m.key()] = append(joins[m.key()], m)
	}
	for _, m := range taken {
		l := m.lease
		m.kept = len(r.members) >= share
		r.members[l.ID] = m
		if m.stopping {
			stops[m.key()] = append(stops[m.key()], m)
		} else {
			joins[m.key()] = append(joins[m.key()], m)
		}
	}
	for key, ms := range joins {
		r.group(ctx, wg, key).send(control{join: ms})
	}
	for key, ms := range frees {
		r.group(ctx, wg, key).send(control{free: ms})
	}
	for key, ms := range stops {
		r.group(ctx, wg, key).send(control{stop: ms})
	}
	for key, ms := range wishes {
		r.group(ctx, wg, key).send(control{wish: ms})
	}
	for key, ms := range sells {
		r.group(ctx, wg, key).send(control{sell: ms})
	}
	for _, m := range r.shed(share) {
		r.group(ctx, wg, m.key()).send(control{give: []*member{m}})
	}
	r.endIdle()
	return err
}

// acquire takes leases and reads the bots under them: what was read before may
// be over, because the worker that had a bot has ended its run meanwhile. The
// leases on such bots are given back.
func (r *Runner) acquire(ctx context.Context, candidates []lease.Resource, room int) ([]lease.Lease, map[string]bot.Runnable, error) {
	leases, err := r.cfg.Keeper.Acquire(ctx, candidates, room)
	if err != nil || len(leases) == 0 {
		return nil, nil, err
	}
	rows, err := r.cfg.Bots.RunnableBots(ctx)
	byID := make(map[string]bot.Runnable, len(rows))
	for _, a := range rows {
		byID[a.Bot.ID] = a
	}
	var idle []lease.Lease
	leases = slices.DeleteFunc(leases, func(l lease.Lease) bool {
		_, ok := byID[l.ID]
		if !ok {
			idle = append(idle, l)
		}
		return !ok
	})
	return leases, byID, errors.Join(err, r.cfg.Keeper.Release(context.WithoutCancel(ctx), idle...))
}

// group returns the group of a key, starting it if need be; r.mu is held.
func (r *Runner) group(ctx context.Context, wg *sync.WaitGroup, key groupKey) *group {
	g := r.groups[key]
	if g == nil {
		g = newGroup(r, key)
		r.groups[key] = g
		wg.Go(func() { g.run(ctx) })
	}
	return g
}

// lost takes bots away whose lease another worker has.
func (r *Runner) lost(leases []lease.Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range leases {
		m, ok := r.members[l.ID]
		if !ok || m.lease.Epoch != l.Epoch {
			continue
		}
		r.cfg.Log.Warn("the lease on a bot was lost; it is left to its new worker", "tenant_id", l.TenantID, "bot_id", l.ID)
		delete(r.members, l.ID)
		if g := r.groups[m.key()]; g != nil {
			g.send(control{drop: []*member{m}})
		}
	}
}

// forget removes a bot that this worker is done with and gives its lease back.
func (r *Runner) forget(ctx context.Context, m *member) {
	r.mu.Lock()
	if r.members[m.assignment.Bot.ID] == m { // else it has been taken up anew
		delete(r.members, m.assignment.Bot.ID)
	}
	r.mu.Unlock()
	if m.live == nil {
		r.release(ctx, m)
		return
	}
	r.done.Go(func() { // what is under way is told of under this lease
		<-m.live.done
		r.release(ctx, m)
	})
}

func (r *Runner) release(ctx context.Context, m *member) {
	if err := r.cfg.Keeper.Release(context.WithoutCancel(ctx), m.lease); err != nil {
		r.cfg.Log.WarnContext(ctx, "a lease was not given back; it ends by itself", "bot_id", m.assignment.Bot.ID, "error", err)
	}
}

// observe tells the tenant; a failure is logged, because the work goes on.
func (r *Runner) observe(ctx context.Context, m *member, status bot.Status, reason string) {
	b := m.assignment.Bot
	if err := r.cfg.Status.Observe(context.WithoutCancel(ctx), b.TenantID, b.ID, b.Run, status, reason); err != nil {
		r.cfg.Log.WarnContext(ctx, "a bot's status was not written", "tenant_id", b.TenantID, "bot_id", b.ID, "status", status, "error", err)
	}
	r.publish(ctx, m, "status", m.marketTime(), map[string]any{"status": status, "reason": reason})
}

func (r *Runner) publish(ctx context.Context, m *member, typ string, at time.Time, data any) {
	raw, err := json.Marshal(data)
	if err == nil {
		b := m.assignment.Bot
		err = r.cfg.Live.Publish(ctx, b.TenantID, b.ID, live.Update{Type: typ, Time: at, Data: raw})
	}
	if err != nil {
		r.cfg.Log.DebugContext(ctx, "an update was not published", "bot_id", m.assignment.Bot.ID, "error", err)
	}
}
