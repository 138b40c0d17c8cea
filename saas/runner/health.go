package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
)

// pulses is how often within the time after which data is stale a group looks for it.
const pulses = 3

// pulse looks for bots that no candle has come for although one has closed (rule M2). The
// history is asked then, again and again until the stream tells something: so protective
// exits go on. If it answers that there is none, the market is quiet; if it does not answer,
// the bots are degraded, and do nothing, because they hear nothing.
func (g *group) pulse(ctx context.Context) {
	g.watch(ctx, nil)
	now, market := g.r.cfg.Now(), g.r.cfg.MarketNow().UnixMilli()
	stale := func(m *member) bool { return market >= m.lastTime()+2*span && now.Sub(m.moved) >= g.r.cfg.Stale }
	if !g.silent && !slices.ContainsFunc(g.active, stale) {
		return
	}
	g.silent = true
	err := g.catchUp(ctx, nil)
	if ctx.Err() != nil {
		return
	}
	for _, m := range slices.Clone(g.active) {
		switch {
		case !stale(m):
		case err == nil:
			g.ail(ctx, m, m.lack())
		default:
			g.ail(ctx, m, fmt.Sprintf("no candle of %s has come since %s, and none can be read: the bot orders nothing until one does; protective exits act on the next price",
				g.key.pair, at(m.lastTime()+span)))
		}
	}
}

// lack says which of the further pairs that the bot trades are silent; "" for none.
func (m *member) lack() string {
	stale := m.account.Stale()
	if len(stale) == 0 {
		return ""
	}
	since := m.account.PairTime(stale[0]) + span
	for _, pair := range stale[1:] {
		since = min(since, m.account.PairTime(pair)+span)
	}
	return fmt.Sprintf("no candle of %s has come since %s, and none can be read: the bot buys nothing there until one does; protective exits there act on the next price",
		strings.Join(stale, " and "), at(since))
}

// at writes a market time in epoch milliseconds.
func at(ms int64) string { return time.UnixMilli(ms).UTC().Format("15:04 UTC on 2 Jan 2006") }

// ail tells the tenant that a bot is degraded although it works, and why; "" is that all is
// well again.
func (g *group) ail(ctx context.Context, m *member, why string) {
	if m.over || m.ailing == why {
		return
	}
	m.ailing = why
	m.said = ""
	if why == "" {
		g.running(ctx, m)
		return
	}
	b := m.assignment.Bot
	g.r.cfg.Log.WarnContext(ctx, "a bot is degraded", "tenant_id", b.TenantID, "bot_id", b.ID, "reason", why)
	g.r.observe(ctx, m, bot.Degraded, why)
}

// watching says what the bot looks at.
func (m *member) watching(decide time.Duration) string {
	return "watching " + strings.Join(m.pairs(), ", ") + " " + bot.IntervalName(decide)
}
