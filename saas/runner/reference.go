package runner

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// settles is after which time a candle that the history has not had no trade: it is not
// only late.
const settles = 3 * time.Minute

// reference is another pair that bots of a group trade or look at.
type reference struct {
	pair string
	sub  *marketdata.Subscription
	// lookout watches its prices between candles, for bots that trade it.
	lookout *lookout
	// candles are the newest that are known, without a hole but one that the history
	// has not answered for.
	candles []exchange.Candle
	// hole is when the first candle after that opened; 0 if there is none.
	hole int64
	// late is true while it has not come in time.
	late bool
	// asked is how the history of the pair has answered.
	asked patience
}

// lookedCandles is how many candles may be missing of a pair that bots only look at and
// that is waited for; of one that they trade it is engine.StaleCandles.
const lookedCandles = 1

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
		g.references = append(g.references, &reference{pair: pair, sub: sub, lookout: g.lookout(pair, sub)})
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
		if slices.ContainsFunc(g.active, needs) || slices.ContainsFunc(g.waiting, needs) || slices.ContainsFunc(g.leaving, needs) || slices.ContainsFunc(g.guards, needs) {
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
	var grace, asking context.Context // of all of them together
	for _, r := range g.references {
		from, close, traded := g.heard(r.pair)
		r.drain()
		if from >= until {
			continue
		}
		if wait && r.newest() < until && !r.silent(from, until, traded) {
			if grace == nil {
				var end context.CancelFunc
				grace, end = g.mail.interrupted(ctx, g.r.cfg.Grace, killUrgent)
				defer end()
			}
			r.await(grace, until)
		}
		if !wait {
			g.complete(ctx, r, from, until, close)
		} else if r.asked.again() {
			if asking == nil {
				var end context.CancelFunc
				asking, end = g.mail.interrupted(ctx, g.r.cfg.Grace, stopUrgent)
				defer end()
			}
			if asking.Err() == nil {
				g.complete(asking, r, from, until, close)
			}
		}
		if late := r.newest() < until || r.hole > 0; late != r.late {
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

// silent reports whether so many candles are missing of a pair, of which bots have had
// those up to a time, that the one that opens at until is not waited for.
func (r *reference) silent(from, until int64, traded bool) bool {
	most := int64(lookedCandles)
	if traded {
		most = engine.StaleCandles
	}
	return max(r.newest(), from) < until-most*span
}

// heard is when the newest candle of another pair opened that all bots have had which
// trade it or look at it, unknown if none does, and at what it closed, 0 if that is not
// known.
func (g *group) heard(pair string) (at int64, close exchange.Ticks, traded bool) {
	at = unknown
	for _, m := range slices.Concat(g.active, g.leaving) {
		if t := m.had(pair); m.needs(pair) && t < at {
			at, close, traded = t, m.account.PairPrice(pair), m.account.Trades(pair)
		}
	}
	return at, close, traded
}

// needs reports whether the bot trades another pair or looks at it.
func (m *member) needs(pair string) bool {
	return m.account.Trades(pair) || slices.Contains(m.sees.Pairs, pair)
}

// had is when the newest candle of another pair opened that the bot has had; before its
// first one counts those that come with the next of its own.
func (m *member) had(pair string) int64 { return cmp.Or(m.account.PairTime(pair), m.lastTime()) }

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
	if ev.Candle != nil {
		r.asked = patience{}
		r.lookout.note(&ev)
	}
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

// complete reads from the history what is missing after one time, at which the pair
// closed at a price, 0 if that is not known, and up to another; it forgets what all bots
// have had. Where the history has no candle, nothing was traded, and they are flat (rule
// M4); but only where it has answered: what it may have yet stays missing.
func (g *group) complete(ctx context.Context, r *reference, from, until int64, price exchange.Ticks) {
	if i := slices.IndexFunc(r.candles, func(c exchange.Candle) bool { return c.Time >= from }); i > 0 {
		r.candles = slices.Clone(r.candles[i:])
	}
	r.hole = 0
	last := exchange.Flat(from, price)
	known := 0 // how many follow
	for known < len(r.candles) && (r.candles[known].Time == from || r.candles[known].Time == last.Time+span) {
		last = r.candles[known]
		known++
	}
	since, end := last.Time+span, until+span
	if known < len(r.candles) {
		end = r.candles[known].Time
	}
	if since >= end || since > until {
		return
	}
	if last.Close == 0 {
		since = from // for its price
	}
	read, err := g.read(ctx, r.pair, since, end)
	if err == nil && last.Close == 0 && (len(read) == 0 || read[0].Time > from) {
		last.Close, err = g.closed(ctx, r.pair, from)
	}
	r.asked.answered(err)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		g.r.cfg.Log.WarnContext(ctx, "reading candles of another pair; they are told later", "trading_pair", r.pair, "error", err)
	}
	rest := r.candles[known:]
	r.candles = slices.Clone(r.candles[:known])
	newest, settled := int64(0), int64(0) // of the history, and what it has no candle of for good
	if len(read) > 0 {
		newest = read[len(read)-1].Time
	}
	if err == nil {
		ago := settles
		if slices.ContainsFunc(rest, func(c exchange.Candle) bool { return c.Volume > 0 && c.Time > newest }) {
			ago = quiet // it is behind the stream
		}
		settled = g.r.cfg.MarketNow().Add(-ago).UnixMilli() - span
	}
	for len(read) > 0 || len(rest) > 0 {
		next := &rest
		if len(rest) == 0 || len(read) > 0 && read[0].Time < rest[0].Time {
			next = &read
		}
		c := (*next)[0]
		*next = (*next)[1:]
		if c.Time == from && last.Time == from && last.Close == 0 {
			last.Close = c.Close
		}
		if c.Time <= last.Time {
			continue
		}
		last = r.extend(last, c.Time, max(newest, settled))
		if last.Time+span < c.Time && last.Close > 0 {
			r.hole = c.Time
		}
		r.candles = append(r.candles, c)
		last = c
	}
	r.extend(last, until+span, settled)
}

// extend adds flat candles after one and before a time, as far as the history has
// answered, and returns the newest; without a price there are none.
func (r *reference) extend(last exchange.Candle, before, answered int64) exchange.Candle {
	for t := last.Time + span; t < before && t <= answered && last.Close > 0; t += span {
		last = exchange.Flat(t, last.Close)
		r.candles = append(r.candles, last)
	}
	return last
}

// read returns the candles of a pair that the history has from one time on and before
// another, and perhaps later ones; with an error those before it.
func (g *group) read(ctx context.Context, pair string, since, end int64) (out []exchange.Candle, err error) {
	for since < end {
		page, err := g.page(ctx, pair, since)
		if err != nil {
			return out, err
		}
		page = slices.DeleteFunc(page, func(c exchange.Candle) bool { return c.Time < since })
		if len(page) == 0 {
			break
		}
		out = append(out, page...)
		since = page[len(page)-1].Time + span
	}
	return out, nil
}

// closed is the price at which a pair closed last before the end of the candle of a time,
// 0 if the history has none of the hours before.
func (g *group) closed(ctx context.Context, pair string, at int64) (exchange.Ticks, error) {
	list, err := g.read(ctx, pair, at-(pageSize-1)*span, at+span)
	if err != nil {
		return 0, err
	}
	list = slices.DeleteFunc(list, func(c exchange.Candle) bool { return c.Time > at })
	if len(list) == 0 {
		return 0, nil
	}
	return list[len(list)-1].Close, nil
}

// dealer returns what gives candles from one open time to another what comes
// beside each, in their order, as far as the history and the other pairs' feeds
// have it: the trades within, and the candles of the other pairs up to then that some bot
// has not had.
func (g *group) dealer(ctx context.Context, from, until int64) func(at int64) engine.Beside {
	var trades []exchange.Trade
	if g.wants(func(s strategy.Subscription) bool { return s.Trades }) {
		trades = g.tape(ctx, from, until+span)
	}
	pairs := g.others(ctx, until, false)
	return func(at int64) engine.Beside {
		for len(pairs) > 0 && !g.lacks(&pairs[0]) {
			pairs = pairs[1:]
		}
		n := 0
		for n < len(pairs) && pairs[n].Candle.Time <= at {
			n++
		}
		return engine.Beside{Trades: within(trades, at, at+span), Pairs: pairs[:n:n]}
	}
}

// lacks reports whether a bot has not had a candle of another pair.
func (g *group) lacks(p *engine.PairCandle) bool {
	return slices.ContainsFunc(g.active, func(m *member) bool { return m.needs(p.Pair) && p.Candle.Time > m.had(p.Pair) })
}

// visible returns those of the candles of other pairs that a bot may be told which looks
// at them: it has not had them, and none before them is missing.
func (g *group) visible(m *member, list []engine.PairCandle) []engine.PairCandle {
	hidden := func(p engine.PairCandle) bool {
		had := m.had(p.Pair)
		return p.Candle.Time <= had || slices.ContainsFunc(g.references, func(r *reference) bool {
			return r.pair == p.Pair && had < r.hole-span && p.Candle.Time >= r.hole
		})
	}
	if !slices.ContainsFunc(list, hidden) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), hidden)
}
