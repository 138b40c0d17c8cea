package runner

import (
	"context"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

const (
	// judgeEvery is how long the prices of a pair are gathered before its exits are judged
	// on them again. The first price after a quiet while is judged at once.
	judgeEvery = 250 * time.Millisecond
	// debtsMost is the longest pause between two tries to commit exits that have acted; the
	// first is judgeEvery, and each is twice the one before.
	debtsMost = 5 * time.Second
	// reachedAtOnce is how many bots' exits act before they are committed.
	reachedAtOnce = 50
	// mostBeliefs is how many candles are remembered of which not all was believed.
	mostBeliefs = 100
)

// lookout watches what a pair trades at between two candles, for the protective exits of all
// bots of a group: their nearest ones are kept, so that a price that reaches none costs one
// comparison.
type lookout struct {
	pair string
	sub  *marketdata.Subscription
	// alarm is where the exits of the bots are, if drawn is true.
	alarm risk.Alarm
	drawn bool
	// judged is when they were judged last, by the clock of back-offs.
	judged time.Time
	// floor and peak are the lowest and the highest price of a minute so far.
	minute      int64
	floor, peak exchange.Ticks
	// beliefs are of the newest candles of which not all was believed.
	beliefs []belief
}

// belief is a candle as it was told, and as exits see it.
type belief struct{ told, seen exchange.Candle }

// lookout begins to watch the prices of a subscription.
func (g *group) lookout(pair string, sub *marketdata.Subscription) *lookout {
	sub.Ring(g.rung)
	return &lookout{pair: pair, sub: sub}
}

// lookouts are those of the group's pairs.
func (g *group) lookouts() []*lookout {
	list := make([]*lookout, 0, 1+len(g.references))
	if g.own != nil {
		list = append(list, g.own)
	}
	for _, r := range g.references {
		list = append(list, r.lookout)
	}
	return list
}

// redraw has alarms drawn anew, because bots or their exits may have changed.
func (g *group) redraw() {
	for _, l := range g.lookouts() {
		l.drawn = false
	}
}

// note takes what a candle tells of what is believed of it.
func (l *lookout) note(ev *marketdata.Event) {
	if ev.Low == 0 {
		return
	}
	if len(l.beliefs) >= mostBeliefs {
		l.beliefs = slices.Delete(l.beliefs, 0, 1)
	}
	l.beliefs = append(l.beliefs, belief{*ev.Candle, ev.Candle.Within(ev.Low, ev.High)})
}

// belief is what is believed of a candle of a pair, if that is not all.
func (g *group) belief(pair string, c exchange.Candle) (exchange.Candle, bool) {
	l := g.own
	if i := slices.IndexFunc(g.references, func(r *reference) bool { return r.pair == pair }); i >= 0 {
		l = g.references[i].lookout
	}
	if l == nil || l.pair != pair {
		return c, false
	}
	if i := slices.IndexFunc(l.beliefs, func(b belief) bool { return b.told == c }); i >= 0 {
		return l.beliefs[i].seen, true
	}
	return c, false
}

// believe tells a bot's account what is believed of candles, before it begins with them.
func (g *group) believe(m *member, own *exchange.Candle, further []engine.PairCandle) {
	one := func(pair string, c exchange.Candle) {
		if b, ok := g.belief(pair, c); ok {
			m.given(parity.Given{Kind: parity.Belief, Pair: pair, Candle: &b})
			m.account.Believe(pair, b)
		}
	}
	for i := range further {
		one(further[i].Pair, further[i].Candle)
	}
	if own != nil {
		one(g.key.pair, *own)
	}
}

// next puts what came with the prices of before; they are of a minute each.
func (l *lookout) next(got marketdata.Prints) engine.Prints {
	if minute := got.From - got.From%span; minute != l.minute {
		l.minute, l.floor, l.peak = minute, 0, 0
	}
	p := engine.Prints{From: got.From, To: got.To, Low: got.Low, High: got.High, Last: got.Last, Floor: l.floor, Peak: l.peak}
	if l.peak = max(l.peak, got.High); l.floor == 0 || got.Low < l.floor {
		l.floor = got.Low
	}
	return p
}

// judge judges the protective exits of all bots on the prices that came since it was called
// last (rule RK3). What is too soon is judged a little later.
func (g *group) judge(ctx context.Context) {
	g.settleDebts(ctx)
	now := g.r.cfg.Now()
	for _, l := range g.lookouts() {
		if rest := l.judged.Add(judgeEvery).Sub(now); rest > 0 {
			l.sub.Ring(nil) // nobody is woken up for what is looked at then
			g.judgeIn(rest)
			continue
		}
		l.sub.Ring(g.rung)
		got, ok := l.sub.Prints()
		if !ok {
			continue
		}
		l.judged = now
		p := l.next(got)
		if !l.drawn {
			l.alarm, l.drawn = g.alarm(l.pair), true
		}
		if l.alarm.Rings(p.Low, p.High, p.Peak, p.To) {
			g.protect(ctx, l.pair, &p)
			g.redraw()
		}
	}
}

// judgeIn has prices judged in a while, or sooner if that was wanted before.
func (g *group) judgeIn(rest time.Duration) {
	if at := g.r.cfg.Now().Add(rest); g.later == nil || at.Before(g.laterAt) {
		g.later, g.laterAt = time.After(rest), at
	}
}

// armed are the bots whose exits are judged between candles: those at work, those at an
// exchange that are watched while their strategy is away, and those that have failed.
func (g *group) armed(do func(m *member)) {
	for _, m := range g.active {
		if !m.over && m.account != nil {
			do(m)
		}
	}
	for _, m := range g.waiting {
		if m.sentinel && !m.over && m.account != nil && m.trades() && !m.refused {
			do(m)
		}
	}
	for _, m := range g.guards {
		if !m.over && m.account != nil && m.blind == "" {
			do(m)
		}
	}
}

// alarm is where the first exits of all bots are in a pair.
func (g *group) alarm(pair string) risk.Alarm {
	var first risk.Alarm
	g.armed(func(m *member) { first = first.With(m.account.Alarm(pair)) })
	return first
}

// protect closes the positions of the bots whose exits prices have reached, and commits that:
// nothing is sent before. Their strategies are not asked; they hear of it with the next candle.
// Of many bots the first do not wait until all have heard what their exchange has told.
func (g *group) protect(ctx context.Context, pair string, p *engine.Prints) {
	var reached []*member
	g.armed(func(m *member) {
		if m.account.Reaches(pair, p) {
			reached = append(reached, m)
		}
	})
	for some := range slices.Chunk(reached, reachedAtOnce) {
		g.protectSome(ctx, pair, p, some)
	}
}

func (g *group) protectSome(ctx context.Context, pair string, p *engine.Prints, reached []*member) {
	var working, watched []*member
	for _, m := range reached {
		if m.over || m.account == nil { // since those before were committed
			continue
		}
		if !g.hear(ctx, m) || m.blind != "" {
			continue
		}
		if m.account.Reaches(pair, p) {
			m.given(parity.Given{Kind: parity.Between, Pair: pair, Prints: p})
			if err := m.account.ProtectBetween(pair, p); err != nil {
				g.fail(ctx, m, err)
				continue
			}
		}
		if m.sentinel {
			watched = append(watched, m)
		} else {
			working = append(working, m)
		}
	}
	if len(watched) > 0 {
		g.bookWatched(ctx, watched)
		g.stand(ctx)
	}
	if len(working) > 0 {
		g.bookNow(ctx, working)
	}
}

// bookNow is book for bots whose exits have acted. Those whose strategy's state is known, as
// it is of live bots that hold something, do not wait for its process. What could not be
// committed is tried again after a while, and not only with the next candle.
func (g *group) bookNow(ctx context.Context, ms []*member) {
	var ask, known []*member
	for _, m := range ms {
		if m.current {
			known = append(known, m)
		} else {
			ask = append(ask, m)
		}
	}
	g.write(ctx, known)
	g.book(ctx, ask)
	g.judged(ctx, ms)
	g.owed = slices.DeleteFunc(g.owed, func(m *member) bool { return !m.open() || !m.rec.dirty() || slices.Contains(ms, m) })
	for _, m := range ms {
		if m.open() && m.rec.dirty() {
			g.owed = append(g.owed, m)
		}
	}
	now := g.r.cfg.Now()
	switch {
	case len(g.owed) == 0:
		g.debtsPause, g.debtsAt = 0, time.Time{}
	case !g.debtsAt.After(now):
		g.debtsPause = min(max(judgeEvery, 2*g.debtsPause), debtsMost)
		g.debtsAt = now.Add(g.debtsPause)
		g.judgeIn(g.debtsPause)
	}
}

// settleDebts commits what could not be before, once its time has come.
func (g *group) settleDebts(ctx context.Context) {
	owed := slices.DeleteFunc(slices.Clone(g.owed), func(m *member) bool { return !m.open() || !m.rec.dirty() })
	if rest := g.debtsAt.Sub(g.r.cfg.Now()); len(owed) > 0 && rest > 0 {
		g.judgeIn(rest)
		return
	}
	if len(g.owed) > 0 {
		g.bookNow(ctx, owed)
	}
}
