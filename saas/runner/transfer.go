package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// transfer is a member that its group gives up for another, as the member that it
// becomes there: of another version, or of another process.
type transfer struct{ from, to *member }

// newMember makes the member that a bot is to be: of the version that it is to be
// upgraded to if there is one, in the process that it may share.
func (r *Runner) newMember(ctx context.Context, a bot.Runnable, l lease.Lease) (*member, error) {
	b, c := a.Bot, a.Config
	m := &member{assignment: a, lease: l, stopping: !b.Desired, params: c.Parameters, seen: c.Version}
	ref := catalog.Ref{Name: b.Strategy, Version: c.StrategyVersion}
	if c.Upgrade.Pending() {
		ref.Version, m.params, m.trial = c.Upgrade.Version, c.Upgrade.Parameters, true
	}
	process, err := r.cfg.Plugins.Share(ctx, b.TenantID, b.ID, ref, c.Isolation)
	if err != nil {
		return nil, fmt.Errorf("who may share the process of bot %s: %w", b.ID, err)
	}
	m.at = groupKey{pair: b.Pair, strategy: ref, process: process, decide: cmp.Or(c.Interval, base)}
	return m, nil
}

// taken makes members of the bots whose leases the runner has taken. The leases
// on those that cannot be placed are given back.
func (r *Runner) taken(ctx context.Context, leases []lease.Lease, byID map[string]bot.Runnable) ([]*member, error) {
	var (
		ms     []*member
		back   []lease.Lease
		faults error
	)
	for _, l := range leases {
		m, err := r.newMember(ctx, byID[l.ID], l)
		if err != nil {
			back, faults = append(back, l), errors.Join(faults, err)
			continue
		}
		ms = append(ms, m)
	}
	return ms, errors.Join(faults, r.cfg.Keeper.Release(context.WithoutCancel(ctx), back...))
}

// wanted makes of bots at work the members that they are to be.
func (r *Runner) wanted(ctx context.Context, rows []bot.Runnable) (ms []*member, faults error) {
	for _, a := range rows {
		m, err := r.newMember(ctx, a, lease.Lease{})
		if err != nil {
			faults = errors.Join(faults, err)
			continue
		}
		ms = append(ms, m)
	}
	return ms, faults
}

// transfer tells groups of members that belong elsewhere by now; r.mu is held.
func (r *Runner) transfer(wanted []*member) {
	moves := map[groupKey][]transfer{}
	for _, to := range wanted {
		m := r.members[to.assignment.Bot.ID]
		if m == nil || m.at == to.at || m.moving || m.stopping || to.seen < m.seen {
			continue
		}
		m.moving, to.lease = true, m.lease
		moves[m.at] = append(moves[m.at], transfer{m, to})
	}
	for key, ts := range moves {
		if g := r.groups[key]; g != nil {
			g.send(control{move: ts})
		}
	}
}

// arrived returns the members that were given up for other groups since it was
// asked last; r.mu is held.
func (r *Runner) arrived() []*member {
	list := slices.DeleteFunc(r.arrivals, func(m *member) bool { return r.members[m.assignment.Bot.ID] != m }) // lost meanwhile
	r.arrivals = nil
	return list
}

// transfer checkpoints a member and gives it up. One that cannot be checkpointed
// stays, and is tried again.
func (g *group) transfer(ctx context.Context, t transfer) {
	m := t.from
	if m.over {
		return
	}
	var err error
	if slices.Contains(g.active, m) {
		err = g.save(ctx, []*member{m})
	}
	if m.over { // it failed, or is another worker's
		return
	}
	g.r.mu.Lock()
	defer g.r.mu.Unlock()
	m.moving = false
	if err != nil {
		g.r.cfg.Log.WarnContext(ctx, "a bot was not checkpointed to be moved; it is tried again", "bot_id", m.assignment.Bot.ID, "error", err)
		return
	}
	g.part(ctx, m)
	if r := g.r; r.members[m.assignment.Bot.ID] == m {
		t.to.news = m.news
		r.members[m.assignment.Bot.ID] = t.to
		r.arrivals = append(r.arrivals, t.to)
		r.Wake()
	}
}

// arrive writes that a version has taken a bot that is upgraded to it, and says in
// its log what came of an upgrade.
func (g *group) arrive(ctx context.Context, m *member) error {
	b := m.assignment.Bot
	if m.trial {
		c, err := g.r.cfg.Status.Upgraded(ctx, b.TenantID, b.ID, g.key.strategy.Version)
		if err != nil {
			return err
		}
		m.trial, m.news = false, fmt.Sprintf("upgraded to %s with its state", g.key.strategy)
		g.r.heard(m, c)
	}
	if m.news != "" && !m.fresh {
		m.rec.note(journal.Decision{BotID: b.ID, Kind: "upgrade", Time: m.marketTime(), Text: m.news})
	}
	m.news = ""
	return nil
}

// refuse leaves a bot with the version that it had, because the one that it was
// to be upgraded to does not take it (rule PL7). The runner moves it back.
func (g *group) refuse(ctx context.Context, m *member, cause error) {
	g.close(ctx, m)
	m.session = nil
	b := m.assignment.Bot
	reason := fmt.Sprintf("the upgrade to %s was refused, and the bot goes on with the version before: %v", g.key.strategy, cause)
	g.r.cfg.Log.WarnContext(ctx, "an upgrade was refused", "tenant_id", b.TenantID, "bot_id", b.ID, "strategy", g.key.strategy.String(), "error", cause)
	c, err := g.r.cfg.Status.UpgradeRefused(context.WithoutCancel(ctx), b.TenantID, b.ID, g.key.strategy.Version, reason)
	if err != nil {
		g.postpone(ctx, m, err)
		return
	}
	m.refused, m.news = true, reason
	g.r.heard(m, c)
	g.r.Wake()
}

// refuseAll refuses all that are on trial.
func (g *group) refuseAll(ctx context.Context, cause error) {
	for _, m := range g.waiting {
		if m.trial && !m.refused {
			g.refuse(ctx, m, cause)
		}
	}
}

// heard notes the version of a bot's configuration, so that no older one that was
// read before counts.
func (r *Runner) heard(m *member, c bot.Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.seen = max(m.seen, c.Version)
}
