package runner

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
)

// watch judges the protective exits of the bots that trade at an exchange and whose
// strategy is away: its process has failed and is started again, or its version must not
// run now (rule RK3). The exits are judged on the candles that the strategy is to hear
// once it is back, and is not made to miss. newest is the candle that has just closed; nil
// if none has been told.
//
// A bot on paper needs no watch: its exits act in the candles that they are reached in, at
// the prices of these, whenever it is given them. But one that has failed is given none any
// more, so that it is watched here, as is a failed one at an exchange.
func (g *group) watch(ctx context.Context, newest *exchange.Candle) {
	defer g.stand(ctx)
	var ms []*member
	for _, m := range slices.Clone(g.guards) {
		if g.sentry(ctx, m) {
			ms = append(ms, m)
		}
	}
	for _, m := range slices.Clone(g.waiting) {
		if m.trades() && !m.refused && g.r.cfg.Trading != nil && g.sentinel(ctx, m) && g.hear(ctx, m) {
			ms = append(ms, m)
		}
	}
	if len(ms) == 0 {
		return
	}
	for _, m := range ms {
		m.adopt()
	}
	candles := g.unwatched(ctx, ms, newest)
	for _, m := range ms {
		if !m.trades() {
			g.judgeGuarded(ctx, m, candles)
		}
	}
	for _, c := range candles {
		believed, _ := g.belief(c.Pair, c.Candle)
		for _, m := range ms {
			if m.over || m.blind != "" || !m.trades() {
				continue
			}
			if believed.Time > m.account.Protected(c.Pair) {
				m.given(parity.Given{Kind: parity.Protect, Pair: c.Pair, Candle: &believed})
			}
			if err := m.account.Protect(c.Pair, believed); err != nil && !m.over {
				g.fail(ctx, m, err)
			}
		}
	}
	g.bookWatched(ctx, slices.DeleteFunc(ms, func(m *member) bool { return m.blind != "" }))
}

// sentinel makes the account of a bot whose strategy is away as it was at its newest
// checkpoint, if it has none here, and begins its work at its exchange; false if there is
// nothing to watch. What a run before holds is watched once the new one has begun.
func (g *group) sentinel(ctx context.Context, m *member) bool {
	if m.account != nil {
		return true
	}
	err := g.recallWatched(ctx, m)
	if err != nil && ctx.Err() == nil {
		m.account = nil
		g.r.cfg.Log.WarnContext(ctx, "a bot whose strategy is away cannot be watched", "bot_id", m.assignment.Bot.ID, "error", err)
	}
	return m.account != nil
}

func (g *group) recallWatched(ctx context.Context, m *member) error {
	st, err := m.load(ctx, g.r.cfg.Journal)
	if err != nil || st == nil || m.fresh || !st.Live() || st.Ledger != m.assignment.Bot.Ledger {
		return err
	}
	terms, err := termsOf(g.key.pair, m.assignment.Config, g.r.cfg.Markets)
	if err != nil {
		return err
	}
	if err := g.look(m.assignment.Config.Also...); err != nil {
		return err
	}
	if m.live == nil {
		g.r.enliven(ctx, m, g.marketsOf(terms, st), nil)
	}
	var sees strategy.Subscription // how far it has come with pairs that it looks at stays
	for _, p := range st.Engine.Pairs {
		sees.Pairs = append(sees.Pairs, p.Pair)
	}
	if err := m.build(ctx, st, g.r.cfg.Journal, g.r.cfg.Markets, nil, sees); err != nil {
		return err
	}
	m.sentinel, m.appraised = true, m.account.Protected(m.assignment.Bot.Pair)
	m.recordBare(st, terms)
	return nil
}

// dismiss forgets the accounts of bots whose strategy has gone in the midst of its work:
// they go on from their checkpoints.
func (g *group) dismiss() {
	for _, m := range g.waiting {
		if !m.sentinel {
			m.account = nil
		}
	}
}

// bookWatched commits what bots whose strategy is away heard and did, and what those that
// hold something are worth at each candle, hands what they want over, and tells what there
// is to tell.
func (g *group) bookWatched(ctx context.Context, ms []*member) {
	var dirty []*member
	for _, m := range ms {
		switch {
		case m.over:
		case m.appraise(), m.rec.dirty(), m.tripped != m.noted:
			dirty = append(dirty, m)
		default:
			m.carry()
		}
	}
	defer g.judged(ctx, ms)
	if err := g.commit(ctx, dirty, true); err != nil && ctx.Err() == nil {
		g.r.cfg.Log.ErrorContext(ctx, "bots whose strategy is away were not committed; they are judged anew", "bots", len(dirty), "error", err)
		for _, m := range dirty {
			m.account = nil
		}
		return
	}
	g.tellSummaries(ctx, dirty)
}

// appraise adds a point of the equity curve for the newest candle that a bot which holds
// something was judged on, if that is new.
func (m *member) appraise() bool {
	newest := m.account.Protected(m.assignment.Bot.Pair)
	if newest <= m.appraised || !m.holds() {
		return false
	}
	m.appraised = newest
	own := m.account.Positions()[0]
	m.equity = append(m.equity, journal.EquityPoint{
		BotID: m.assignment.Bot.ID, Time: time.UnixMilli(newest + span).UTC(), Equity: m.market.Amount(m.account.Appraised()),
		Position: m.market.Volume(own.Base), Price: m.market.Price(own.Price),
	})
	return true
}

// unwatched returns the candles on which bots' exits have not been judged, by time: of
// each pair what the history has, and what the feed has told since. What cannot be read is
// passed over, because the newest price counts for who has to sell.
func (g *group) unwatched(ctx context.Context, ms []*member, newest *exchange.Candle) []engine.PairCandle {
	var out []engine.PairCandle
	for _, pair := range ms[0].pairs() { // those of all bots of the group
		since := int64(unknown)
		for _, m := range ms {
			since = min(since, m.account.Protected(pair)+span)
		}
		var told []exchange.Candle
		if pair == g.key.pair && newest != nil {
			told = append(told, *newest)
		}
		for _, r := range g.references {
			if r.pair == pair {
				r.drain()
				told = r.candles
			}
		}
		last := since - span
		if now := g.r.cfg.MarketNow().UnixMilli(); since+span <= now && (len(told) == 0 || told[0].Time > since) {
			read, err := g.read(ctx, pair, since, now-span+1)
			if err != nil && ctx.Err() == nil {
				g.r.cfg.Log.WarnContext(ctx, "reading candles for protective exits", "trading_pair", pair, "error", err)
			}
			for _, c := range read {
				last = c.Time
				out = append(out, engine.PairCandle{Pair: pair, Candle: c})
			}
		}
		for _, c := range told {
			if c.Time > last {
				out = append(out, engine.PairCandle{Pair: pair, Candle: c})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b engine.PairCandle) int { return cmp.Compare(a.Candle.Time, b.Candle.Time) })
	return out
}

// meanwhile says what goes on while the strategy of a bot is away.
func (m *member) meanwhile() string {
	if !m.trades() || m.fresh {
		return ""
	}
	return "; its protective exits go on meanwhile"
}
