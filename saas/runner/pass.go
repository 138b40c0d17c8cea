package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
)

// The pauses before a worker takes a bot up again that it cannot run: it does so
// only to say that nobody else has taken it, and leaves others time to do so.
const (
	passFirst = 2 * time.Second
	passMost  = time.Minute
)

// pass is a bot that this worker leaves to others.
type pass struct {
	// ref is the version that it was to run here.
	ref   catalog.Ref
	until time.Time
	// pause is the time from the attempt before until then.
	pause time.Duration
	// hidden is true if what is lacking showed only when the process was started: then
	// the version seems usable all the while.
	hidden bool
}

// lacks returns why this worker cannot run a bot that another one may be able to;
// nil for one that it can run, or that needs no process, because it is to stop. Of one
// that is to be upgraded, it is the version to go to that counts.
func (r *Runner) lacks(a *bot.Runnable) *catalog.UnusableError {
	if !a.Bot.Desired {
		return nil
	}
	var bad *catalog.UnusableError
	if errors.As(r.cfg.Plugins.Usable(refOf(a)), &bad) && bad.Local() {
		return bad
	}
	return nil
}

// passes reports whether a bot that is not at work here is left to others for now;
// r.mu is held. One that this worker cannot run it leaves alone at first, and then
// tries again and again, each time after a longer while: whoever gets a lease knows
// that nobody has the bot, and can say so.
func (r *Runner) passes(a *bot.Runnable) bool {
	now, lack := r.cfg.Now(), r.lacks(a)
	p, known := r.passed[a.Bot.ID]
	known = known && p.ref == refOf(a)
	switch {
	case lack == nil && (!known || !p.hidden || !a.Bot.Desired):
		delete(r.passed, a.Bot.ID)
		return false
	case !known:
		r.passed[a.Bot.ID] = pass{ref: refOf(a), until: now.Add(r.patience()), pause: r.patience()}
		return true
	}
	if now.Before(p.until) {
		return true
	}
	p.until = now.Add(p.pause) // if another worker has it
	r.passed[a.Bot.ID] = p
	return false
}

// patience is how long a bot is left to others at first: long enough for each of them
// to have looked.
func (r *Runner) patience() time.Duration { return max(passFirst, 2*r.cfg.Poll) }

// offered reports whether a bot has been left to others for a while to be run with the
// version that it is to run, and none of them took it.
func (r *Runner) offered(a *bot.Runnable) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, known := r.passed[a.Bot.ID]
	return known && p.ref == refOf(a)
}

// passOn tells a bot's tenant that this worker cannot run it, and leaves it to
// others for a while. The caller gives the lease back.
func (r *Runner) passOn(ctx context.Context, m *member, lack *catalog.UnusableError) {
	b := m.assignment.Bot
	r.mu.Lock()
	p := r.passed[b.ID]
	if ref := refOf(&m.assignment); p.ref != ref {
		p = pass{ref: ref}
	}
	if p.pause = min(max(r.patience(), 2*p.pause), passMost); !m.minded.IsZero() {
		p.pause = r.patience() // while somebody else looks nobody watches it
	}
	p.until = r.cfg.Now().Add(p.pause)
	p.hidden = r.cfg.Plugins.Usable(lack.Ref) == nil
	r.passed[b.ID] = p
	r.mu.Unlock()
	r.cfg.Log.WarnContext(ctx, "a bot is left to other workers", "tenant_id", b.TenantID, "bot_id", b.ID, "error", lack, "for", p.pause)
	r.observe(ctx, m, bot.Paused, lack.Error()+" on a worker that looked at the bot; it waits for one that can run it, and goes on from where it was")
}

// minds reports whether a bot that no worker took which could run it stays here for now,
// so that its protective exits are watched (rule RK3). It is offered to the others again
// and again.
func (g *group) minds(m *member) bool {
	if m.account == nil || !m.sentinel || !g.r.offered(&m.assignment) {
		return false
	}
	now := g.r.cfg.Now()
	if m.minded.IsZero() {
		m.minded = now.Add(passMost)
	}
	return now.Before(m.minded) || m.account.Leaving()
}

// has notes that a bot runs here.
func (r *Runner) has(botID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.passed, botID)
}

// forgetPassed forgets the bots that no worker is to run any more; r.mu is held.
func (r *Runner) forgetPassed(rows []bot.Runnable) {
	if len(r.passed) == 0 {
		return
	}
	still := make(map[string]pass, len(r.passed))
	for i := range rows {
		id := rows[i].Bot.ID
		if p, ok := r.passed[id]; ok {
			still[id] = p
		}
	}
	r.passed = still
}

// passOn gives the bots of a strategy back that this worker lacks. What is to be
// upgraded to it and was left to others in vain goes on with the version before: nobody
// can run that one (rule PL7).
func (g *group) passOn(ctx context.Context, lack *catalog.UnusableError) {
	for _, m := range slices.Clone(g.waiting) {
		if g.minds(m) {
			continue
		}
		if m.trial && g.r.offered(&m.assignment) {
			if !m.refused {
				g.refuse(ctx, m, fmt.Errorf("%w, and no worker took the bot that can use it", lack))
			}
			continue
		}
		g.part(ctx, m)
		g.r.passOn(ctx, m, lack)
		g.r.forget(ctx, m)
	}
}
