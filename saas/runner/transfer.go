package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/strategy"
)

// transfer is a member that its group gives up for another, as the member that it
// becomes there: of another version, or of another process.
type transfer struct{ from, to *member }

// keyOf returns the group that a bot belongs in: that of the version that it is
// to be upgraded to if there is one, in the process that it may share.
func (r *Runner) keyOf(ctx context.Context, a *bot.Runnable) (groupKey, error) {
	b, c, ref := &a.Bot, &a.Config, refOf(a)
	process, err := r.cfg.Plugins.Share(ctx, b.TenantID, b.ID, ref, c.Isolation)
	if err != nil {
		return groupKey{}, fmt.Errorf("who may share the process of bot %s: %w", b.ID, err)
	}
	return groupKey{pair: b.Pair, also: strings.Join(c.Also, ","), strategy: ref, process: process, decide: cmp.Or(c.Interval, base)}, nil
}

// refOf is the version that a bot shall run: that which it is to be upgraded to if
// there is one.
func refOf(a *bot.Runnable) catalog.Ref {
	ref := catalog.Ref{Name: a.Bot.Strategy, Version: a.Config.StrategyVersion}
	if up := a.Config.Upgrade; up.Pending() {
		ref.Version = up.Version
	}
	return ref
}

// newMember makes the member that a bot is in a group.
func newMember(a bot.Runnable, at groupKey, l lease.Lease) *member {
	m := &member{assignment: a, lease: l, at: at, stopping: !a.Bot.Desired && !a.Bot.Guarded(), end: a.Bot.Ending, told: a.Bot.Ending, params: a.Config.Parameters, seen: a.Config.Version, wish: wishOf(&a.Bot), passed: wishOf(&a.Bot)}
	if a.Bot.Guarded() {
		m.failure, m.standing, m.posted = a.Bot.Failure, true, true
		if a.Bot.Ending == bot.Broken {
			m.blind = blindEnd
		}
	}
	if up := a.Config.Upgrade; up.Pending() {
		m.params, m.trial = up.Parameters, true
	}
	return m
}

// taken makes members of the bots whose leases the runner has taken. The leases
// on those that cannot be placed, or that this worker cannot run, are given back.
func (r *Runner) taken(ctx context.Context, leases []lease.Lease, byID map[string]bot.Runnable) ([]*member, error) {
	var (
		ms     []*member
		back   []lease.Lease
		faults error
	)
	for _, l := range leases {
		a := byID[l.ID]
		// A bot that is to be upgraded and that nobody took is taken to be told so, and one
		// that trades at an exchange for its exits to be watched.
		if lack := r.lacks(&a); lack != nil && !((a.Config.Upgrade.Pending() || a.Config.Mode == bot.Live && r.cfg.Trading != nil) && r.offered(&a)) {
			r.passOn(ctx, newMember(a, groupKey{}, l), lack)
			back = append(back, l)
			continue
		}
		at, err := r.keyOf(ctx, &a)
		if err != nil {
			back, faults = append(back, l), errors.Join(faults, err)
			continue
		}
		ms = append(ms, newMember(a, at, l))
	}
	return ms, errors.Join(faults, r.cfg.Keeper.Release(context.WithoutCancel(ctx), back...))
}

// settled is a bot at work as it is and as it was read anew.
type settled struct {
	m   *member
	row *bot.Runnable
}

// strayed makes of the bots that belong in another group by now the members that
// they are to be there.
func (r *Runner) strayed(ctx context.Context, list []settled) (ts []transfer, faults error) {
	for _, s := range list {
		at, err := r.keyOf(ctx, s.row)
		switch {
		case err != nil:
			faults = errors.Join(faults, err)
		case at != s.m.at:
			ts = append(ts, transfer{s.m, newMember(*s.row, at, s.m.lease)})
		}
	}
	return ts, faults
}

// transfer tells groups of members that belong elsewhere by now; r.mu is held.
func (r *Runner) transfer(ts []transfer) {
	moves := map[groupKey][]transfer{}
	for _, t := range ts {
		m := t.from
		if r.members[m.assignment.Bot.ID] == m && !m.moving && !m.stopping && t.to.seen >= m.seen {
			m.moving = true
			moves[m.at] = append(moves[m.at], t)
		}
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
	list := slices.DeleteFunc(r.arrivals, func(m *member) bool {
		lost := r.members[m.assignment.Bot.ID] != m
		if lost && m.live != nil {
			m.live.close()
		}
		return lost
	})
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
	if err == nil {
		t.to.live, m.live = m.live, nil // the exchange goes on
		g.part(ctx, m)                  // before the lock: its process may take long, and no other bot is to wait for it
	}
	g.r.mu.Lock()
	defer g.r.mu.Unlock()
	m.moving = false
	if err != nil {
		g.r.cfg.Log.WarnContext(ctx, "a bot was not checkpointed to be moved; it is tried again", "bot_id", m.assignment.Bot.ID, "error", err)
		return
	}
	if r := g.r; r.members[m.assignment.Bot.ID] == m {
		t.to.news = m.news
		r.members[m.assignment.Bot.ID] = t.to
		r.arrivals = append(r.arrivals, t.to)
		r.Wake()
	} else if t.to.live != nil { // another worker has it
		t.to.live.close()
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

// beginsAnew is what becomes of a bot at a start.
const beginsAnew = "the strategy begins anew, with the account and the position as they are"

// refuse leaves a bot with the version that it had, because the one that it was
// to be upgraded to does not take it (rule PL7). The runner moves it back.
func (g *group) refuse(ctx context.Context, m *member, cause error) {
	g.close(ctx, m)
	m.account = nil
	b := m.assignment.Bot
	reason := fmt.Sprintf("the upgrade to %s was refused, and the bot goes on with the version before: %v", g.key.strategy, cause)
	if errors.As(cause, new(*strategy.NewerStateError)) {
		reason += ". To go back to that version, stop the bot, change its version and start it: " + beginsAnew
	}
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
