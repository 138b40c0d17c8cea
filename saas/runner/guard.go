package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/strategy/engine"
)

// forsaken is why the orders of a bot that has failed are taken back.
const forsaken = "the bot failed"

// guard looks after what a bot leaves that has failed: its orders are taken back, which is
// tried until its exchange has answered, and its protective exits and the host's bounds are
// judged by the engine without its strategy, from its newest checkpoint, until it holds nothing
// that they would sell, or somebody starts or stops it (rule RK3). Another worker goes on with
// that if this one ends. It returns what its tenant is told, and false if nothing is left.
//
// A bot that was to stop is not watched: its tenant wants its position to stay.
func (g *group) guard(ctx context.Context, m *member, cause error) (text string, guarded bool) {
	if m.trades() && g.r.cfg.Trading == nil {
		return cause.Error(), false
	}
	n := newMember(m.assignment, m.at, m.lease)
	n.failure, n.standing, n.stopping, n.live = cause.Error(), true, false, m.live
	switch {
	case m.stopping:
		n.blind = blindEnd
	case m.live != nil && m.live.broke() != nil:
		n.blind = m.live.broke().Error()
	}
	g.reviveGuarded(ctx, n)
	text, guarded = g.post(ctx, n)
	if !guarded {
		return text, false
	}
	g.tellGuarded(ctx, n, text)
	m.live = nil // the exchange goes on
	g.part(ctx, m)
	g.guards = append(g.guards, n)
	if err := g.look(n.assignment.Config.Also...); err != nil {
		g.r.cfg.Log.WarnContext(ctx, "a pair of a bot that failed is not watched", "bot_id", n.assignment.Bot.ID, "error", err)
	}
	g.r.mu.Lock()
	defer g.r.mu.Unlock()
	if id := n.assignment.Bot.ID; g.r.members[id] == m {
		g.r.members[id] = n
		g.send(control{live: []*member{n}})
	} else { // another worker has it
		g.send(control{drop: []*member{n}})
	}
	return text, true
}

// blindEnd is why the position of a bot is not watched that was to stop.
const blindEnd = "it was to stop"

// reviveGuarded makes the account of a bot that has failed as it was at its newest checkpoint,
// if it can be made.
func (g *group) reviveGuarded(ctx context.Context, m *member) {
	if m.account != nil || m.blind != "" {
		return
	}
	begun, err := g.revive(ctx, m)
	var out *outageError
	switch {
	case errors.As(err, &out) && out.Error() != m.failure: // what ended it does not pass
		m.account = nil
		g.r.cfg.Log.WarnContext(ctx, "a bot that failed cannot be watched yet", "bot_id", m.assignment.Bot.ID, "error", err)
	case err != nil:
		m.account, m.blind = nil, err.Error()
	case begun:
		m.untape() // what it does from now on is not its strategy's doing
		m.sentinel, m.appraised = true, m.account.Protected(m.assignment.Bot.Pair)
	default:
		m.blank = true
	}
}

// sentry makes a bot that has failed ready to be judged, takes back what orders it has, and
// lets it hear what is new; false if it is not to be judged.
func (g *group) sentry(ctx context.Context, m *member) bool {
	if m.over || m.trades() && g.r.cfg.Trading == nil {
		return false
	}
	if m.live != nil && m.live.broke() != nil && m.blind == "" {
		m.blind = m.live.broke().Error()
	}
	if g.reviveGuarded(ctx, m); m.blind != "" || m.account == nil {
		g.forsake(ctx, m)
		return false
	}
	if m.trades() {
		if m.live == nil {
			g.r.enliven(ctx, m, m.account.Markets(), nil)
		}
		if _, err := g.claimed(ctx, m); err != nil {
			g.r.cfg.Log.WarnContext(ctx, "claimed orders of a bot that failed are not taken back yet", "bot_id", m.assignment.Bot.ID, "error", err)
		}
		if !g.hear(ctx, m) || m.blind != "" {
			return false
		}
	}
	m.account.TakeBack(forsaken)
	return true
}

// forsake has the orders of a bot at its exchange taken back whose account cannot be read.
func (g *group) forsake(ctx context.Context, m *member) {
	m.account = nil
	if left, err := g.unsettled(ctx, m); err != nil || left == 0 {
		return
	}
	if m.live == nil {
		var markets []exchange.Market
		for _, pair := range m.pairs() {
			if market, err := g.r.cfg.Markets.Market(pair); err == nil {
				markets = append(markets, market)
			}
		}
		g.r.enliven(ctx, m, markets, nil)
	}
	m.live.forsake()
}

// unsettled is how many orders of a bot are not known to be over.
func (g *group) unsettled(ctx context.Context, m *member) (int, error) {
	left := 0
	if m.account != nil {
		for _, p := range m.account.Positions() {
			left += p.Orders
		}
	}
	if !m.trades() {
		return left, nil
	}
	st, err := g.r.cfg.Trading.Journal.LiveState(ctx, m.assignment.Bot.TenantID, m.assignment.Bot.ID)
	if err != nil {
		return 0, err
	}
	if m.account == nil {
		return len(st.Orders), nil
	}
	for _, o := range st.Orders {
		if o.Number < 0 { // one that was claimed
			left++
		}
	}
	return left, nil
}

// judgeGuarded gives the candles on which bots on paper have not been judged to those that
// have failed: what they lead to trades in them, as if their strategies said nothing. The
// candles are in the order of time, those of the bots' own pair before others.
func (g *group) judgeGuarded(ctx context.Context, m *member, candles []engine.PairCandle) {
	for i, c := range candles {
		if c.Pair != g.key.pair || c.Candle.Time <= m.lastTime() || m.blind != "" {
			continue
		}
		end := i + 1
		for end < len(candles) && candles[end].Candle.Time == c.Candle.Time {
			end++
		}
		with := m.sellable(candles[i+1:end], c.Candle.Time)
		g.believe(m, &c.Candle, with)
		if err := m.account.Begin(c.Candle, with...); err != nil {
			g.fail(ctx, m, err)
			return
		}
		for ev := m.account.Next(); ev != nil; ev = m.account.Next() { //nolint:revive // its strategy is gone: nobody hears it
		}
	}
}

// stand tells the tenants of bots that have failed what is done, and lets those go that need
// nothing any more.
func (g *group) stand(ctx context.Context) {
	for _, m := range slices.Clone(g.guards) {
		if m.over || ctx.Err() != nil {
			continue
		}
		text, guarded := g.post(ctx, m)
		if guarded {
			g.tellGuarded(ctx, m, text)
			continue
		}
		g.part(ctx, m)
		g.r.observe(ctx, m, bot.Failed, text)
		g.r.forget(ctx, m)
	}
}

// post says what a bot that has failed leaves, and whether that is looked after.
func (g *group) post(ctx context.Context, m *member) (text string, guarded bool) {
	left, err := g.unsettled(ctx, m)
	switch {
	case err != nil:
		return cmp.Or(m.said, m.failure+"; what it left at its exchange is not known yet"), true
	case m.account == nil && m.blind == "" && !m.blank:
		return cmp.Or(m.said, m.failure+"; its account is not read yet"), true
	}
	exits, owed := "", false
	if m.account != nil && m.unsold() {
		exits, owed = m.exits(), m.account.Owed() != ""
	}
	text = m.failure
	switch {
	case m.account != nil && m.trades() && m.account.Leaving():
		text += "; its position is being closed" + m.unreached()
	case owed:
		text += "; " + m.owed() + m.unreached()
	case exits != "":
		text += fmt.Sprintf("; it holds %s, and %s, until that is sold or you start or stop the bot", m.holding(), exits)
	case m.account != nil && m.holds():
		text += fmt.Sprintf("; the position of %s stays, and nothing stands guard over it", m.holding())
	case m.blind == m.failure:
		text += "; its position is not watched"
	case m.blind != "" && m.blind != blindEnd:
		text += "; its position is not watched: " + m.blind
	}
	if left > 0 && (m.account == nil || !m.trades() || !m.account.Leaving()) {
		text += fmt.Sprintf("; %d of its orders %s being taken back%s", left, be(left), m.unreached())
	}
	if exits != "" {
		text += g.late(m)
	}
	return text, left > 0 || exits != "" || owed
}

func be(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// late says since when no candle has come to judge the exits of a bot on; "" if one has.
func (g *group) late(m *member) string {
	closed := time.UnixMilli(m.account.Protected(g.key.pair) + span)
	if g.r.cfg.MarketNow().Sub(closed) < g.r.cfg.Stale+base {
		return ""
	}
	return fmt.Sprintf("; no candle of %s has come since %s, and they act on the next price", g.key.pair, at(closed.UnixMilli()))
}

// exits names what would sell the position of a bot that has no strategy any more; "" if
// nothing would.
func (m *member) exits() string {
	r := m.assignment.Config.Risk
	var list []string
	add := func(is bool, name string) {
		if is && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	for _, p := range m.account.Positions() {
		if p.Base < max(1, p.Market.MinVolume) {
			continue
		}
		stop := "stop-loss"
		if r.TrailingStopPercent.IsPositive() && r.StopLossPercent.IsZero() {
			stop = "trailing stop"
		}
		add(p.Exits.Stop > 0, stop)
		add(p.Exits.Target > 0, "take-profit")
	}
	add(r.MaxHoldSeconds > 0, "time exit")
	add(r.MaxDailyLossPercent.IsPositive(), "daily loss limit")
	add(r.MaxDrawdownPercent.IsPositive(), "drawdown limit")
	switch n := len(list); n {
	case 0:
		return ""
	case 1:
		return "its " + list[0] + " still stands guard"
	default:
		return "its " + strings.Join(list[:n-1], ", ") + " and " + list[n-1] + " still stand guard"
	}
}

// tellGuarded writes that a bot has failed and what is done about it, and what is new of that.
func (g *group) tellGuarded(ctx context.Context, m *member, text string) {
	if m.said == text {
		return
	}
	b := m.assignment.Bot
	to := bot.Guard{Failure: m.failure, Reason: text, Anew: !m.posted, Broken: m.blind == blindEnd}
	if err := g.r.cfg.Status.Guarded(context.WithoutCancel(ctx), b.TenantID, b.ID, b.Run, to); err != nil {
		g.r.cfg.Log.WarnContext(ctx, "that a bot has failed and is watched was not written; it is tried again", "tenant_id", b.TenantID, "bot_id", b.ID, "error", err)
		return
	}
	m.said, m.posted = text, true
	g.r.publish(ctx, m, "status", m.marketTime(), map[string]any{"status": bot.Failed, "reason": text, "guarded": true})
}
