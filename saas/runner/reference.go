package runner

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// referenceGrace is how long a candle waits for those of the other pairs that
// bots trade or look at. What comes later is told with the next minute: a bot whose
// stop-loss is near must not wait for another market.
const referenceGrace = 2 * time.Second

// reference is another pair that bots of a group trade or look at.
type reference struct {
	pair string
	sub  *marketdata.Subscription
	// candles are the newest that are known, without a hole.
	candles []exchange.Candle
	// late is true while it has not come in time; it is not waited for then, unless a
	// bot trades it.
	late bool
}

// look begins to watch pairs that a bot trades or looks at. An unknown pair is an
// error.
func (g *group) look(pairs ...string) error {
	for _, pair := range pairs {
		if slices.ContainsFunc(g.references, func(r *reference) bool { return r.pair == pair }) {
			continue
		}
		if _, err := g.r.cfg.Markets.Market(pair); err != nil {
			return err
		}
		sub, err := g.r.cfg.Feed.Subscribe(pair)
		if err != nil {
			return &outageError{err}
		}
		g.references = append(g.references, &reference{pair: pair, sub: sub})
	}
	return nil
}

// overlook ends the watching of pairs that no bot of the group trades or looks at any
// more. Those that wait to be opened again count: they go on with what is known.
func (g *group) overlook() {
	g.references = slices.DeleteFunc(g.references, func(r *reference) bool {
		needs := func(m *member) bool {
			return slices.Contains(m.assignment.Config.Also, r.pair) || slices.Contains(m.sees.Pairs, r.pair)
		}
		if slices.ContainsFunc(g.active, needs) || slices.ContainsFunc(g.waiting, needs) {
			return false
		}
		r.sub.Close()
		return true
	})
}

// forgetReferences ends the watching.
func (g *group) forgetReferences() {
	for _, r := range g.references {
		r.sub.Close()
	}
	g.references = nil
}

// others returns the candles of the other pairs that some bot has not had, up to
// the one that opens at until, by time. If wait is true it gives those that are
// not there yet a while.
func (g *group) others(ctx context.Context, until int64, wait bool) []engine.PairCandle {
	var out []engine.PairCandle
	var grace context.Context // of all of them together
	for _, r := range g.references {
		from, looked, traded := int64(unknown), false, false
		for _, m := range g.active {
			trades := m.account.Trades(r.pair)
			if traded = traded || trades; trades || slices.Contains(m.sees.Pairs, r.pair) {
				from, looked = min(from, cmp.Or(m.account.PairTime(r.pair), m.lastTime())), true
			}
		}
		r.drain()
		if !looked || from >= until {
			continue
		}
		if wait && (traded || !r.late) && r.newest() < until {
			if grace == nil {
				var end context.CancelFunc
				grace, end = context.WithTimeout(ctx, referenceGrace)
				defer end()
			}
			r.await(grace, until)
		}
		g.complete(ctx, r, from, until)
		if late := r.newest() < until; late != r.late {
			r.late = late
			g.r.cfg.Log.InfoContext(ctx, "another pair that bots trade or look at", "trading_pair", r.pair, "late", late)
		}
		for _, c := range r.candles {
			if c.Time > from && c.Time <= until {
				out = append(out, engine.PairCandle{Pair: r.pair, Candle: c})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b engine.PairCandle) int { return cmp.Compare(a.Candle.Time, b.Candle.Time) })
	return out
}

// newest is when the newest known candle opened, 0 without one.
func (r *reference) newest() int64 {
	if n := len(r.candles); n > 0 {
		return r.candles[n-1].Time
	}
	return 0
}

// drain takes what lies in the mailbox.
func (r *reference) drain() {
	for {
		select {
		case ev, open := <-r.sub.Events():
			if !open {
				return
			}
			r.take(ev)
		default:
			return
		}
	}
}

// await takes what comes until a candle is there or ctx ends.
func (r *reference) await(ctx context.Context, until int64) {
	for r.newest() < until {
		select {
		case ev, open := <-r.sub.Events():
			if !open {
				return
			}
			r.take(ev)
		case <-ctx.Done():
			return
		}
	}
}

// take keeps a candle that follows; after a hole the history has what is missing.
func (r *reference) take(ev marketdata.Event) {
	switch {
	case ev.Lagged:
		r.candles = nil
	case ev.Candle == nil || ev.Candle.Time <= r.newest():
	case ev.Candle.Time == r.newest()+span:
		r.candles = append(r.candles, *ev.Candle)
	default:
		r.candles = []exchange.Candle{*ev.Candle}
	}
}

// complete reads from the history what is missing after one time and up to
// another, and forgets what all bots have had.
func (g *group) complete(ctx context.Context, r *reference, from, until int64) {
	if i := slices.IndexFunc(r.candles, func(c exchange.Candle) bool { return c.Time >= from }); i > 0 {
		r.candles = slices.Clone(r.candles[i:])
	}
	var known []exchange.Candle // the older ones, in front of which the read ones go
	next := r.newest() + span
	if len(r.candles) == 0 || r.candles[0].Time > from+span {
		known, r.candles, next = r.candles, nil, from
	}
	for next <= until && (len(known) == 0 || next < known[0].Time) {
		page, err := g.r.cfg.History.Candles(ctx, r.pair, base, time.UnixMilli(next).UTC(), pageSize)
		if err != nil && ctx.Err() == nil {
			g.r.cfg.Log.WarnContext(ctx, "reading candles of another pair; they are told later", "trading_pair", r.pair, "error", err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			r.append(c)
		}
		next = r.newest() + span
	}
	for _, c := range known {
		r.append(c)
	}
}

// append adds a candle, and flat ones where nothing was traded before it (rule
// M4).
func (r *reference) append(c exchange.Candle) {
	if n := len(r.candles); n > 0 {
		last := r.candles[n-1]
		for t := last.Time + span; t < c.Time; t += span {
			r.candles = append(r.candles, exchange.Flat(t, last.Close))
		}
	}
	if c.Time > r.newest() {
		r.candles = append(r.candles, c)
	}
}

// dealer returns what gives candles from one open time to another what comes
// beside each, in their order, as far as the history and the other pairs' feeds
// have it.
func (g *group) dealer(ctx context.Context, from, until int64) func(at int64) engine.Beside {
	var trades []exchange.Trade
	if g.wants(func(s strategy.Subscription) bool { return s.Trades }) {
		trades = g.tape(ctx, from, until+span)
	}
	pairs := g.others(ctx, until, false)
	return func(at int64) engine.Beside {
		n := 0
		for n < len(pairs) && pairs[n].Candle.Time <= at {
			n++
		}
		b := engine.Beside{Trades: within(trades, at, at+span), Pairs: pairs[:n:n]}
		pairs = pairs[n:]
		return b
	}
}
