package runner

import (
	"context"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// trades reports whether the bot trades at an exchange.
func (m *member) trades() bool { return m.assignment.Config.Mode == bot.Live }

// renews reports whether a run that begins has an account of its own, and does not go on
// with the one before; unfit says why that cannot be used any more.
func (m *member) renews(st *checkpointState, terms parity.Terms, unfit string) bool {
	return st == nil || m.fresh && (unfit != "" || st.Ledger != m.assignment.Bot.Ledger || st.Live() != m.trades() || st.Engine.Portfolio.Start != terms.Balance ||
		!slices.Equal(st.Pairs(), m.assignment.Config.Also))
}

// gate reports whether a bot may be opened: one on paper, or one whose exchange has been
// reconciled with and whose run before has no order open there. It begins what is
// lacking, and the group is told when there is something new of it.
func (g *group) gate(ctx context.Context, m *member, st *checkpointState, terms parity.Terms) bool {
	if !m.trades() {
		return true
	}
	if g.r.cfg.Trading == nil {
		g.say(ctx, m, bot.Paused, "this worker trades at no exchange; the bot waits for one that does")
		return false
	}
	unfit := ""
	if st != nil {
		var err error
		if unfit, err = st.unfit(g.r.cfg.Markets); err != nil {
			g.say(ctx, m, bot.Degraded, "it cannot begin yet and is tried again: "+err.Error())
			return false
		}
	}
	if m.live == nil {
		var given *exchange.Units
		if m.fresh && m.renews(st, terms, unfit) {
			given = &terms.Balance
		}
		g.r.enliven(ctx, m, g.marketsOf(terms, st), given)
	}
	_, ready, state, reason := m.live.ready()
	if !ready {
		m.gated = true
		g.say(ctx, m, state, reason)
		return false
	}
	m.gated = false
	if m.fresh && st != nil && st.Live() && unfit == "" && st.Ledger == m.assignment.Bot.Ledger && st.OpenOrders() > 0 {
		m.settling = true
		g.windUp(ctx, m)
		return false
	}
	return true
}

// marketsOf are those of the bot's pairs, and of the pairs of its run before.
func (g *group) marketsOf(terms parity.Terms, st *checkpointState) []exchange.Market {
	list := terms.Markets()
	if st == nil {
		return list
	}
	for _, pair := range st.Pairs() {
		m, err := g.r.cfg.Markets.Market(pair)
		if err == nil && !slices.ContainsFunc(list, func(x exchange.Market) bool { return x.Pair == pair }) {
			list = append(list, m)
		}
	}
	return list
}

// say tells the tenant how a bot stands, once.
func (g *group) say(ctx context.Context, m *member, state bot.Status, reason string) {
	if text := string(state) + " " + reason; m.said != text {
		m.said = text
		g.r.observe(ctx, m, state, reason)
	}
}

// running tells the tenant that a bot runs, or that it places no new orders.
func (g *group) running(ctx context.Context, m *member) {
	state, reason := bot.Running, ""
	if m.live != nil {
		_, _, state, reason = m.live.ready()
	}
	switch {
	case m.ailing != "":
		return // it was told so, and why
	case m.account != nil && m.account.Owed() != "":
		if state == bot.Running {
			reason = ""
		}
		state, reason = bot.Degraded, strings.TrimSuffix(m.owed()+"; "+reason, "; ")
	case state == bot.Running:
		reason = m.watching(g.key.decide)
	}
	g.say(ctx, m, state, reason)
}

// owed says which exit has not closed the bot's position, and why not.
func (m *member) owed() string {
	text := "its position is not closed yet, which is tried again with each candle: " + m.account.Owed()
	if why := m.account.Refusal(); why != "" {
		text += "; the newest order for that: " + why
	}
	return text
}

// awake takes what is new of bots at their exchanges.
func (g *group) awake(ctx context.Context, ms []*member) {
	var news []*member
	opens, watched := false, false
	for _, m := range ms {
		switch {
		case m.over:
		case slices.Contains(g.guards, m):
			watched = true
		case m.live == nil:
		case m.live.broke() != nil: // it would wait for an order for ever that nobody places
			g.fail(ctx, m, m.live.broke())
		case slices.Contains(g.winding, m):
			g.ending(ctx, m)
		case slices.Contains(g.active, m):
			heard := g.hear(ctx, m)
			if heard { // else it has failed
				g.running(ctx, m)
			}
			switch {
			case !heard:
			case m.rec.dirty():
				news = append(news, m)
			default:
				m.carry() // maybe it is connected anew
				if m.closing {
					g.judged(ctx, []*member{m}) // what it waited for may be over
				}
			}
		case m.gated && g.process != nil:
			opens = true
		default:
			watched = true
		}
	}
	if opens {
		g.open(ctx)
	}
	if watched {
		g.watch(ctx, nil)
	}
	g.book(ctx, news)
}

// hear lets a bot hear what happened to its orders, which its account has at once; it
// reports whether the bot is still at work. What could not be read is read next time.
func (g *group) hear(ctx context.Context, m *member) bool {
	if m.live == nil {
		return !m.over
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	list, err := m.live.news(call, m.account)
	if err != nil {
		b := m.assignment.Bot
		g.r.cfg.Log.WarnContext(ctx, "what happened to a bot's orders was not read", "tenant_id", b.TenantID, "bot_id", b.ID, "error", err)
		return true
	}
	m.hears(list)
	if _, err := m.account.News(list); err != nil {
		g.fail(ctx, m, err)
		return false
	}
	return true
}

// book commits what bots at work heard between candles, and tells watchers.
func (g *group) book(ctx context.Context, ms []*member) {
	if ms = slices.DeleteFunc(ms, func(m *member) bool { return !m.open() }); len(ms) == 0 {
		return
	}
	if err := g.snapshots(ctx, ms); err != nil {
		g.crashed(ctx, err)
		return
	}
	g.write(ctx, ms)
}

// write is book for bots whose strategies' states are known.
func (g *group) write(ctx context.Context, ms []*member) {
	if err := g.commit(ctx, ms, true); err != nil && ctx.Err() == nil {
		g.r.cfg.Log.ErrorContext(ctx, "bots were not committed", "bots", len(ms), "error", err)
		return
	}
	g.tellSummaries(ctx, ms)
}

// tellSummaries tells watchers how bots stand between two candles.
func (g *group) tellSummaries(ctx context.Context, ms []*member) {
	for _, m := range ms {
		if !m.over {
			g.r.publish(ctx, m, "summary", m.marketTime(), summaryUpdate{Summary: m.summary(), Time: m.marketTime().UnixMilli()})
		}
	}
}

// carry hands the wishes of a bot's committed state over.
func (m *member) carry() {
	if m.live == nil || m.account == nil {
		return
	}
	m.live.carry(m.account, m.settling)
	if why := m.shuns(); why != "" {
		m.live.shun(why)
	}
}

// shuns is why the bot is to buy nothing, so that claimed buys are taken back as its own
// are; "" if it may.
func (m *member) shuns() string {
	if m.closing {
		return "winding down: nothing is bought any more"
	}
	return m.account.Breaker().Reason
}
