package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// stop brings a bot to rest: its orders are taken back, its position stays, and
// its strategy is forgotten. In an outage it gives the bot back, and the worker
// that takes it up next stops it.
func (g *group) stop(ctx context.Context, m *member) {
	if m.failure != "" { // it is not guarded any more
		m.failure, m.blind, m.account = "", "", nil
	}
	if m.trades() {
		m.settling = false
		g.windUp(ctx, m)
		return
	}
	var err error
	if m.end == bot.Flattened {
		var waits bool
		if waits, err = g.flatten(ctx, m); waits {
			return
		}
	}
	if err == nil {
		err = g.wind(ctx, m)
	}
	var out *outageError
	switch {
	case errors.As(err, &out):
		b := m.assignment.Bot
		g.r.cfg.Log.WarnContext(ctx, "a bot cannot be stopped yet", "tenant_id", b.TenantID, "bot_id", b.ID, "error", err)
		g.part(ctx, m)
		g.r.forget(ctx, m)
	case err != nil:
		g.fail(ctx, m, err)
	case !m.over: // else another worker has it, and stops it
		g.part(ctx, m)
		g.r.observe(ctx, m, bot.Stopped, m.rested())
		g.r.forget(ctx, m)
	}
}

// recall makes the account of a bot that is to stop, if it has none here, as it was at
// its newest checkpoint; no strategy is opened for that.
func (g *group) recall(ctx context.Context, m *member) error {
	if m.account != nil {
		return nil
	}
	st, err := m.load(ctx, g.r.cfg.Journal)
	if err != nil {
		return err
	}
	return m.build(ctx, st, g.r.cfg.Journal, g.r.cfg.Markets, nil, strategy.Subscription{})
}

// wind commits the end of a bot's run.
func (g *group) wind(ctx context.Context, m *member) error {
	if err := g.recall(ctx, m); err != nil {
		return err
	}
	if m.account.LastTime() == 0 {
		return nil // it never began
	}
	m.untape()
	if err := m.account.CancelAll("the bot was stopped"); err != nil {
		return err
	}
	m.snapshot = nil
	m.rec.note(journal.Decision{BotID: m.assignment.Bot.ID, Kind: "stopped", Time: m.marketTime(), Text: m.stopped()})
	if err := g.commit(ctx, []*member{m}, true); err != nil {
		return &outageError{err}
	}
	return nil
}

// holds reports whether the bot holds anything in any of its pairs.
func (m *member) holds() bool {
	return slices.ContainsFunc(m.account.Positions(), func(p parity.Position) bool { return p.Base > 0 })
}

// holding says what the bot holds; "" if it is nothing.
func (m *member) holding() string {
	var held []string
	for _, p := range m.account.Positions() {
		if p.Base > 0 {
			held = append(held, exchange.Grouped(p.Market.Volume(p.Base).String())+" "+p.Market.Base)
		}
	}
	return strings.Join(held, " and ")
}

// stopped says that the bot was stopped, and what it holds.
func (m *member) stopped() string {
	if held := m.holding(); held != "" {
		return fmt.Sprintf("stopped; the position of %s stays", held)
	}
	return "stopped"
}

// rest checkpoints the bots when the worker stops, so that nothing has to be
// given again at the next start.
func (g *group) rest(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if len(g.active) == 0 || g.process == nil {
		return
	}
	if err := g.save(ctx, slices.Clone(g.active)); err != nil {
		g.r.cfg.Log.WarnContext(ctx, "bots were not checkpointed; they go on from their checkpoints before", "bots", len(g.active), "error", err)
	}
}
