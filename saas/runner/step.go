package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// stepper holds what a step uses again and again.
type stepper struct {
	round plugin.Round
	// heard are the members of the round's reactions, in their order.
	heard []*member
	// shared are the deliveries of the round that more bots may be added to.
	shared []int
}

// same returns the delivery of the round that tells an event of the market
// already, or nil.
func (s *stepper) same(ev *strategy.Event) *plugin.Delivery {
	for _, i := range s.shared {
		if d := &s.round.Deliveries[i]; sameNews(&d.Event, ev) {
			return d
		}
	}
	return nil
}

// news reports whether events of a kind are the same for all that hear them.
func news(k strategy.EventKind) bool {
	return k == strategy.CandleEvent || k == strategy.TradesEvent || k == strategy.BookEvent || k == strategy.PairEvent
}

// sameNews reports whether two events of the market tell the same.
func sameNews(a, b *strategy.Event) bool {
	if a.Kind != b.Kind || a.Time != b.Time || a.Candle != b.Candle || a.Pair != b.Pair || a.Top != b.Top || len(a.Trades) != len(b.Trades) {
		return false
	}
	return len(a.Trades) == 0 || &a.Trades[0] == &b.Trades[0]
}

// take gives one closed candle, and what came beside it, to every bot that it follows the newest one of, in as few
// calls as the events allow, and commits what they did. Watchers are told if
// tell is true, which it is not for candles of long ago.
func (g *group) take(ctx context.Context, c exchange.Candle, beside engine.Beside, tell bool) {
	begun := make([]*member, 0, len(g.active))
	late := g.r.cfg.MarketNow().UnixMilli() - c.Time - span
	waiting := g.signals(ctx, c)
	if err := g.early(ctx, c, beside.Pairs); err != nil {
		g.crashed(ctx, err)
		return
	}
	for _, m := range append([]*member(nil), g.active...) {
		if !m.follows(c) {
			continue
		}
		m.rec.quiet = nil
		for _, s := range waiting[m.assignment.Bot.ID] {
			m.signal(s, c.Time+span)
		}
		with := m.traded(beside.Pairs, c.Time)
		m.odd = m.odd || len(with) != len(m.assignment.Config.Also)
		g.sawAll(with)
		if !g.hear(ctx, m) {
			continue
		}
		if t := m.taping; t != nil {
			t.tape.Candle(&c, with...)
			t.tape.Late(late)
		}
		m.clock(c, g.r.cfg.MarketNow())
		g.believe(m, &c, with)
		if err := m.account.Begin(c, with...); err != nil {
			g.fail(ctx, m, err)
			continue
		}
		if m.sees.Any() {
			seen := beside
			seen.Pairs = g.visible(m, beside.Pairs)
			m.account.With(seen)
			if m.taping != nil && m.sees.Book {
				m.taping.tape.Book(beside.Top)
			}
		}
		begun = append(begun, m)
	}
	if len(begun) > 0 {
		g.saw(g.key.pair, c)
	}
	err := g.deliver(ctx, begun)
	if err == nil {
		begun, err = g.settle(ctx, begun)
	}
	if err != nil {
		g.crashed(ctx, err)
		return
	}
	now := g.r.cfg.Now()
	for _, m := range begun {
		if m.moved = now; tell {
			g.tellCandle(ctx, m)
		}
	}
	due := begun[:0:0]
	for _, m := range begun {
		m.rec.draw(m.marketTime().Add(-g.key.decide))
		if m.due() {
			m.sample()
			due = append(due, m)
		}
	}
	g.prune(ctx, begun)
	if err := g.commit(ctx, due, tell); err != nil && ctx.Err() == nil {
		// What was not committed stays with the members and goes with the next
		// commit; a restart would do the candles again and come to the same.
		g.r.cfg.Log.ErrorContext(ctx, "bots were not committed", "bots", len(due), "error", err)
	}
	g.judged(ctx, begun)
	if tell {
		for _, m := range begun {
			g.ail(ctx, m, m.lack())
		}
	}
}

// What is kept of a bot's log and equity curve, and how often it is cut.
const (
	pruneEvery    = 24 * 60 // candles
	keepDecisions = 5_000
	keepPoints    = 7 * 24 * time.Hour // of market time; older points are thinned
)

// prune cuts the log and thins the equity curve of the members whose time has
// come; a failure is tried again at the next time.
func (g *group) prune(ctx context.Context, ms []*member) {
	forgotten := false
	for _, m := range ms {
		if m.account.Sequence()%pruneEvery != 0 {
			continue
		}
		b := m.assignment.Bot
		if !forgotten { // they are the pair's, and all these bots are as far
			g.forgetCandles(ctx, m.marketTime())
			forgotten = true
		}
		if _, err := g.r.cfg.Journal.Prune(ctx, b.TenantID, b.ID, keepDecisions, m.marketTime().Add(-keepPoints)); err != nil && ctx.Err() == nil {
			g.r.cfg.Log.WarnContext(ctx, "a bot's journal was not cut", "bot_id", b.ID, "error", err)
		}
	}
}

// deliver tells the strategies all that the candle brought, in rounds: fills
// and order updates first, the candle last.
func (g *group) deliver(ctx context.Context, begun []*member) error {
	for {
		g.gather(begun)
		if len(g.step.heard) == 0 {
			return nil
		}
		if err := g.call(ctx); err != nil {
			return err
		}
		for i := range g.step.round.Reactions {
			m, reaction := g.step.heard[i], &g.step.round.Reactions[i]
			if m.over {
				continue
			}
			err := reaction.Err
			if err == nil {
				err = g.obey(m, reaction.Commands)
			}
			if err != nil {
				g.fail(ctx, m, err)
				continue
			}
			if reaction.Snapshot != nil {
				m.snapshot, m.current = reaction.Snapshot, true
			}
		}
	}
}

// obey carries out what a strategy asks for, unless a kill switch is on.
func (g *group) obey(m *member, cs []strategy.Command) error {
	if m.taping != nil {
		m.taping.tape.Commands(cs)
	}
	if g.r.halted(&m.assignment.Bot) {
		m.given(parity.Given{Kind: parity.Halt, Reason: "the kill switch is on"})
		return nil
	}
	err := m.account.Commands(cs)
	m.rec.settle(cs)
	return err
}

// clock tells a bot at an exchange what time it is as it takes a candle.
func (m *member) clock(c exchange.Candle, now time.Time) {
	if !m.trades() {
		return
	}
	m.account.At(now.UnixMilli())
	if now.Sub(c.OpenTime().Add(base)) > lagging {
		m.given(parity.Given{Kind: parity.Lag, Now: now.UnixMilli()})
	}
}

// gather builds the next round: the next event of every member that has one.
// What the market tells is one event for all that hear the same: the candle, the
// trades within it, the book. Who began within a longer candle of which the
// history lacks a part may hear none.
func (g *group) gather(begun []*member) {
	s := &g.step
	s.round.Deliveries, s.heard, s.shared = s.round.Deliveries[:0], s.heard[:0], s.shared[:0]
	mixed := false
	for _, m := range begun {
		if m.over {
			continue
		}
		ev := m.account.Next()
		if ev == nil {
			continue
		}
		if m.taping != nil {
			m.taping.tape.Event(ev)
		}
		m.rec.listen(ev)
		to := plugin.Recipient{Bot: m.number, View: m.account.View(), Snapshot: m.regular() && ev.Kind == strategy.CandleEvent}
		m.current = false
		if d := s.same(ev); d != nil {
			d.Bots = append(d.Bots, to)
			mixed = mixed || d != &s.round.Deliveries[len(s.round.Deliveries)-1]
		} else {
			if news(ev.Kind) {
				s.shared = append(s.shared, len(s.round.Deliveries))
			}
			s.round.Deliveries = append(s.round.Deliveries, plugin.Delivery{Event: *ev, Bots: []plugin.Recipient{to}})
		}
		s.heard = append(s.heard, m)
	}
	if mixed {
		g.order(begun)
	}
}

// order brings heard into the order of the recipients, which differs from the
// members' when some hear the candle and others something else.
func (g *group) order(begun []*member) {
	byNumber := make(map[uint64]*member, len(begun))
	for _, m := range begun {
		byNumber[m.number] = m
	}
	g.step.heard = g.step.heard[:0]
	for _, d := range g.step.round.Deliveries {
		for _, to := range d.Bots {
			g.step.heard = append(g.step.heard, byNumber[to.Bot])
		}
	}
}

// call makes the round's call within its deadline. A worker that stops awaits
// the answer: a strategy that has heard an event must not lose its commands.
func (g *group) call(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return g.process.Live(ctx, &g.step.round)
}

// settle fetches the states of the members that are due and whose state after
// the candle is not known yet. It returns the members that are still at work.
func (g *group) settle(ctx context.Context, begun []*member) ([]*member, error) {
	kept := begun[:0]
	var ask []*member
	for _, m := range begun {
		if m.over {
			continue
		}
		kept = append(kept, m)
		if m.due() && !m.current {
			ask = append(ask, m)
		}
	}
	if err := g.snapshots(ctx, ask); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(kept, func(m *member) bool { return m.over }), nil
}

// snapshots fetches the members' strategy states. A strategy that cannot tell
// its own fails its bot, and no other.
func (g *group) snapshots(ctx context.Context, ms []*member) error {
	if len(ms) == 0 {
		return nil
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	numbers := make([]uint64, len(ms))
	for i, m := range ms {
		numbers[i] = m.number
	}
	states, err := g.process.Snapshot(call, numbers)
	if err != nil {
		return err
	}
	for i, m := range ms {
		if states[i].Err != nil {
			g.fail(ctx, m, states[i].Err)
			continue
		}
		m.snapshot, m.current = &states[i].Snapshot, true
	}
	return nil
}

// save checkpoints members whatever they did.
func (g *group) save(ctx context.Context, ms []*member) error {
	if err := g.snapshots(ctx, ms); err != nil {
		return err
	}
	return g.commit(ctx, ms, true)
}

// commit writes what the members did in one transaction. A member whose lease
// is lost is taken out; the others are written.
func (g *group) commit(ctx context.Context, all []*member, tell bool) error {
	ms, entries := make([]*member, 0, len(all)), make([]journal.Entry, 0, len(all))
	for _, m := range all {
		if m.over {
			continue
		}
		e, err := m.entry()
		if err != nil {
			g.fail(ctx, m, err)
			continue
		}
		ms, entries = append(ms, m), append(entries, e)
	}
	if len(ms) == 0 {
		return nil
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	g.keep(call)
	err := g.r.cfg.Journal.Commit(call, entries...)
	if errors.Is(err, lease.ErrLost) || errs.CodeOf(err) == errs.CodeOf(lease.ErrLost) {
		if len(ms) > 1 {
			var rest error
			for _, m := range ms {
				rest = errors.Join(rest, g.commit(ctx, []*member{m}, tell))
			}
			return rest
		}
		g.part(ctx, ms[0])
		g.r.forget(ctx, ms[0])
		return nil
	}
	if err != nil {
		return err
	}
	for i, m := range ms {
		if tell {
			g.tellEntry(ctx, m, entries[i])
		}
		m.committed()
		m.carry()
	}
	return nil
}

// tellCandle tells watchers what the candle did to the bot's account and lines.
func (g *group) tellCandle(ctx context.Context, m *member) {
	at := m.marketTime()
	for pair, values := range m.rec.plotted() {
		g.r.publish(ctx, m, "plot", at, plotUpdate{Pair: pair, Time: at.Add(-g.key.decide).UnixMilli(), Values: values})
	}
	if q := m.rec.quiet; q != nil && !m.rec.dirty() {
		g.r.publish(ctx, m, "decision", at, map[string]any{"number": 0, "time": q.Time.UnixMilli(), "kind": q.Kind, "text": q.Text})
	}
	g.r.publish(ctx, m, "summary", at, summaryUpdate{Summary: m.summary(), Time: at.UnixMilli()})
}

// plotUpdate is what a strategy has drawn of a candle on the chart of a pair, the bot's own
// if Pair is "", by line.
type plotUpdate struct {
	Pair   string            `json:"pair,omitempty"`
	Time   int64             `json:"time"`
	Values map[string]string `json:"values"`
}

// summaryUpdate is a summary with the market time that it is of.
type summaryUpdate struct {
	journal.Summary
	Time int64 `json:"time"`
}

// tellEntry tells watchers what was committed.
func (g *group) tellEntry(ctx context.Context, m *member, e journal.Entry) {
	ms := func(t time.Time) int64 { return t.UnixMilli() }
	for _, o := range e.Orders {
		g.r.publish(ctx, m, "order", o.UpdatedAt, map[string]any{
			"client_id": o.ClientID, "pair": o.Pair, "number": o.Number, "side": o.Side, "type": o.Type, "price": o.Price, "volume": o.Volume, "value": o.Value,
			"filled": o.Filled, "state": o.State, "reason": o.Reason, "time": ms(o.UpdatedAt),
		})
	}
	for _, f := range e.Fills {
		g.r.publish(ctx, m, "fill", f.Time, map[string]any{
			"sequence": f.Sequence, "pair": f.Pair, "time": ms(f.Time), "side": f.Side, "price": f.Price, "volume": f.Volume, "value": f.Value,
			"fee": f.FeeCounter, "profit": f.Profit, "maker": f.Maker,
		})
	}
	for _, d := range e.Decisions {
		g.r.publish(ctx, m, "decision", d.Time, map[string]any{"number": d.Number, "time": ms(d.Time), "kind": d.Kind, "text": d.Text})
	}
}
