package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
)

// heldRetry is how often a group whose strategy must not run asks again.
const heldRetry = 2 * time.Second

// named is the strategy as people read it: its version only if the bots are
// pinned to one.
func (k groupKey) named() string {
	if k.strategy.Version == "" {
		return k.strategy.Name
	}
	return k.strategy.String()
}

// judge tells the groups whose strategies must not run any more; r.mu is held.
// They ask themselves whether they may again.
func (r *Runner) judge() {
	for key, g := range r.groups {
		err := r.cfg.Plugins.Usable(key.strategy)
		if err != nil && !g.barred {
			g.send(control{bar: err})
		}
		g.barred = err != nil
	}
}

// endIdle ends the groups that have no bot any more; r.mu is held. Nothing is
// sent to them after that, because their keys lead to new groups.
func (r *Runner) endIdle() {
	used := make(map[groupKey]bool, len(r.groups))
	for _, m := range r.members {
		used[m.key()] = true
	}
	for key, g := range r.groups {
		if !used[key] {
			delete(r.groups, key)
			g.send(control{end: true})
		}
	}
}

// hold takes all bots out of a strategy that must not run and tells their
// tenants why; they go on from their checkpoints once it may again (rule PL5). If
// it may not because of what this worker lacks, the bots are left to others.
func (g *group) hold(ctx context.Context, err error) {
	g.waiting = append(g.waiting, g.active...)
	g.active = nil
	g.close(ctx, g.waiting...) // the process may live on
	g.process = nil
	if ctx.Err() != nil || len(g.waiting) == 0 {
		return
	}
	g.again = time.After(heldRetry)
	var lack *catalog.UnusableError
	if errors.As(err, &lack) && lack.Local() {
		g.dismiss()
		g.watch(ctx, nil)
		g.passOn(ctx, lack)
		return
	}
	g.refuseAll(ctx, err)
	for _, m := range slices.Clone(g.waiting) {
		if m.refused || m.held == err.Error() {
			continue // said already
		}
		m.held = err.Error()
		b := m.assignment.Bot
		g.r.cfg.Log.WarnContext(ctx, "a bot pauses", "tenant_id", b.TenantID, "bot_id", b.ID, "error", err)
		g.r.observe(ctx, m, bot.Paused, err.Error()+"; the bot goes on from where it was once that has changed"+m.meanwhile())
	}
	g.dismiss()
	g.watch(ctx, nil)
}
