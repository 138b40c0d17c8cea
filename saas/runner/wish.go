package runner

import (
	"context"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// wish is what a tenant wants of a bot while it runs.
type wish struct {
	closeOnly bool
	// resumes is how often the bot shall have gone on after a breaker.
	resumes int64
}

func wishOf(b *bot.Bot) wish { return wish{closeOnly: b.CloseOnly, resumes: b.Resumes} }

// hand notes for a bot's group what its tenant wants of it if that is new; r.mu is held.
func (m *member) hand(to map[groupKey]map[*member]wish, b *bot.Bot) {
	want := wishOf(b)
	if m.passed == want {
		return
	}
	m.passed = want
	if to[m.key()] == nil {
		to[m.key()] = map[*member]wish{}
	}
	to[m.key()][m] = want
}

// follow takes what tenants want of bots. One whose strategy is away does so if it is
// watched; any other that is not at work does so when it is.
func (g *group) follow(ctx context.Context, wishes map[*member]wish) {
	for m, want := range wishes {
		switch m.wish = want; {
		case m.over || m.account == nil:
		case slices.Contains(g.active, m):
			g.comply(ctx, m)
		case m.sentinel && slices.Contains(g.waiting, m) && m.adopt():
			g.bookWatched(ctx, []*member{m})
		}
	}
}

// comply has a bot's account do what its tenant wants, between two candles, and commits
// that. The strategy may die of it: then the bot is not at work any more.
func (g *group) comply(ctx context.Context, m *member) {
	if m.over || !m.adopt() {
		return
	}
	g.book(ctx, []*member{m})
	g.judged(ctx, []*member{m})
}

// adopt has a bot's account do what its tenant wants; it reports whether that is new.
func (m *member) adopt() bool {
	if m.closing == m.wish.closeOnly && m.resumed >= m.wish.resumes {
		return false
	}
	if m.closing != m.wish.closeOnly {
		m.given(parity.Given{Kind: parity.CloseOnly, On: m.wish.closeOnly})
		m.account.SetCloseOnly(m.wish.closeOnly)
		m.closing, m.unwound = m.wish.closeOnly, false
	}
	if m.resumed < m.wish.resumes {
		m.given(parity.Given{Kind: parity.Resume})
		m.account.ResumeBreaker()
		m.resumed = m.wish.resumes
	}
	return true
}

// judged tells of breakers that have stopped bots from buying, once each unless a crash
// comes right after, and asks bots to stop that have wound down. Bots that have no account
// any more, because their strategy has just died, come to that later.
func (g *group) judged(ctx context.Context, ms []*member) {
	for _, m := range ms {
		if m.over || m.account == nil {
			continue
		}
		b := m.assignment.Bot
		if now := m.account.Reached(); now.Since != m.tripped {
			if now.Kind != "" {
				until := time.Time{}
				if now.Until > 0 {
					until = time.UnixMilli(now.Until).UTC()
				}
				if err := g.r.cfg.Status.Tripped(ctx, b.TenantID, b.ID, string(now.Kind), now.Reason, until); err != nil {
					g.r.cfg.Log.WarnContext(ctx, "that a breaker was reached is told with the next candle", "tenant_id", b.TenantID, "bot_id", b.ID, "error", err)
					continue
				}
			}
			m.tripped = now.Since
		}
		if !m.closing || m.unwound || !m.empty() || g.buys(ctx, m) {
			continue
		}
		if err := g.r.cfg.Status.Unwound(ctx, b.TenantID, b.ID, b.Run); err != nil {
			g.r.cfg.Log.WarnContext(ctx, "a bot that has wound down is asked to stop with the next candle", "tenant_id", b.TenantID, "bot_id", b.ID, "error", err)
			continue
		}
		m.unwound = true
		g.r.Wake()
	}
}

// buys reports whether an order that the bot has claimed may yet buy something, which its
// account does not know of. While that cannot be read it may.
func (g *group) buys(ctx context.Context, m *member) bool {
	if g.r.cfg.Trading == nil || !m.trades() {
		return false
	}
	if m.live != nil {
		if n, known := m.live.claimedBuys(); known {
			return n > 0
		}
	}
	b := m.assignment.Bot
	st, err := g.r.cfg.Trading.Journal.LiveState(ctx, b.TenantID, b.ID)
	return err != nil || slices.ContainsFunc(st.Orders, func(o journal.LiveOrder) bool { return o.Number < 0 && o.Side == exchange.Buy.String() })
}

// empty reports whether the bot's account has no order and nothing that it could sell.
func (m *member) empty() bool {
	return m.account.Open() == 0 && !m.unsold() && !slices.ContainsFunc(m.account.Positions(), func(p parity.Position) bool { return p.Orders > 0 })
}

// unsold reports whether the bot holds something that it could sell.
func (m *member) unsold() bool {
	return slices.ContainsFunc(m.account.Positions(), func(p parity.Position) bool { return p.Base >= max(1, p.Market.MinVolume) })
}

// breaker is the circuit breaker that holds the bot back; nil if none does.
func (m *member) breaker() *journal.Breaker {
	b := m.account.Breaker()
	if b.Kind == "" {
		return nil
	}
	out := &journal.Breaker{Kind: string(b.Kind), Reason: b.Reason, Since: time.UnixMilli(b.Since).UTC()}
	if b.Until > 0 {
		out.Until = time.UnixMilli(b.Until).UTC()
	}
	return out
}
