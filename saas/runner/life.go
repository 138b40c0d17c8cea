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
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// open opens the waiting bots in the strategy's process, warms those that begin
// a run, and lets all catch up with the market.
func (g *group) open(ctx context.Context) {
	if len(g.waiting) == 0 {
		return
	}
	var got started
	if got.err = g.r.cfg.Plugins.Usable(g.key.strategy); got.err == nil {
		var here bool
		if got, here = g.summon(ctx); !here {
			return
		}
	}
	g.opens(ctx, got.process, got.err)
}

// started is the process of a strategy, or why it cannot be had.
type started struct {
	process Process
	err     error
}

// summonMost is how long a group waits for its process at once: the plugin host may wait
// for longer until it starts one that has died, and meanwhile exits are watched and bots
// stopped (rules RK2 and RK3).
const summonMost = time.Second

// summon asks for the group's process; false if that is yet to come, and the bots are opened
// then.
func (g *group) summon(ctx context.Context) (started, bool) {
	if g.coming != nil {
		return started{}, false
	}
	call, forgo := context.WithCancel(ctx)
	coming := make(chan started, 1)
	g.coming, g.forgo = coming, forgo
	g.r.done.Go(func() {
		p, err := g.r.cfg.Plugins.Process(call, g.key.strategy, g.key.process)
		coming <- started{p, err}
	})
	wait, cancel := g.mail.interrupted(ctx, summonMost, stopUrgent)
	defer cancel()
	select {
	case got := <-coming:
		g.unsummon()
		return got, true
	case <-wait.Done():
		return started{}, false
	}
}

// unsummon gives up the process that was asked for, if it has not come.
func (g *group) unsummon() {
	if g.forgo != nil {
		g.forgo()
	}
	g.coming, g.forgo = nil, nil
}

// opens opens the waiting bots in a process, or says why there is none.
func (g *group) opens(ctx context.Context, process Process, err error) {
	if len(g.waiting) == 0 {
		return
	}
	if bad := g.r.cfg.Plugins.Usable(g.key.strategy); bad != nil { // by now
		err = bad
	}
	if errors.As(err, new(*catalog.UnusableError)) {
		g.hold(ctx, err)
		return
	}
	if err != nil {
		g.crashed(ctx, err)
		return
	}
	if process != g.process {
		g.move(process)
	}
	ready, states, input := g.prepare(ctx)
	if len(ready) == 0 {
		g.settled()
		return
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	opened, err := g.process.Open(call, input)
	if err != nil {
		g.crashed(ctx, err)
		return
	}
	for i, m := range ready {
		if opened[i].Err == nil {
			m.number = opened[i].Bot
		}
	}
	launched := make([]*member, 0, len(ready))
	for i, m := range ready {
		if ctx.Err() != nil {
			return
		}
		err := g.launch(ctx, m, states[i], opened[i])
		var dead *pluginhost.Error
		var out *outageError
		switch {
		case errors.As(err, &dead):
			g.crashed(ctx, err)
			return
		case errors.As(err, &out):
			g.postpone(ctx, m, err)
		case err != nil && m.trial:
			g.refuse(ctx, m, err)
		case err != nil:
			g.fail(ctx, m, err)
		case !m.over:
			g.remove(m)
			g.active, m.held, m.ailing, m.moved = append(g.active, m), "", "", g.r.cfg.Now()
			launched = append(launched, m)
			g.r.has(m.assignment.Bot.ID)
			m.said = ""
			g.running(ctx, m)
			m.carry() // what the newest checkpoint wishes
			g.hear(ctx, m)
		}
	}
	g.rebase(ctx, launched)
	for _, m := range launched {
		if m.open() { // the process may have died of what was wanted of the one before
			g.comply(ctx, m)
		}
	}
	launched = slices.DeleteFunc(launched, func(m *member) bool { return !m.open() })
	g.judged(ctx, launched)
	g.book(ctx, slices.DeleteFunc(launched, func(m *member) bool { return !m.trades() || !m.rec.dirty() }))
	_ = g.catchUp(ctx, nil) // which logs
	g.settled()
}

// move goes over to a new process. The bots in the one before, which has died
// unnoticed, are opened anew: their numbers mean nothing in the new one.
func (g *group) move(to Process) {
	g.waiting = append(g.waiting, g.active...)
	g.active = nil
	for _, m := range g.waiting {
		m.number, m.account = 0, nil
	}
	g.process = to
}

// settled sees to those that still wait after an attempt to open them.
func (g *group) settled() {
	switch {
	case g.process == nil: // it crashed, and a new attempt is set
	case slices.ContainsFunc(g.waiting, func(m *member) bool { return !m.gated }):
		g.pause()
	default: // who waits for an exchange is told when to look, and holds no other up
		g.retry = 0
	}
}

// prepare loads the waiting bots; those that cannot be loaded are left out.
func (g *group) prepare(ctx context.Context) (ready []*member, states []*checkpointState, input []strategy.OpenInput) {
	for _, m := range slices.Clone(g.waiting) {
		if m.gated = false; m.refused {
			continue // it is about to be moved
		}
		st, err := m.load(ctx, g.r.cfg.Journal)
		var terms parity.Terms
		if err == nil {
			terms, err = termsOf(g.key.pair, m.assignment.Config, g.r.cfg.Markets)
		}
		var out *outageError
		switch {
		case errors.As(err, &out):
			g.postpone(ctx, m, err)
			continue
		case err != nil && m.trial:
			g.refuse(ctx, m, err)
			continue
		case err != nil:
			g.fail(ctx, m, err)
			continue
		}
		if !g.gate(ctx, m, st, terms) {
			continue
		}
		ready, states = append(ready, m), append(states, st)
		input = append(input, strategy.OpenInput{
			Explain: true, Interval: g.key.decide, Market: terms.Market, Also: terms.Also, Params: m.params, Snapshot: m.snapshot,
		})
	}
	return ready, states, input
}

// launch builds a bot that its process has opened and begins its run if it is a
// new one.
func (g *group) launch(ctx context.Context, m *member, st *checkpointState, o pluginhost.Opened) error {
	if o.Err != nil {
		return o.Err
	}
	if err := m.build(ctx, st, g.r.cfg.Journal, g.r.cfg.Markets, func(k strategy.EventKind) bool { return slices.Contains(o.Wants, k) }, o.Subscription); err != nil {
		return err
	}
	if err := g.look(slices.Concat(m.assignment.Config.Also, o.Subscription.Pairs)...); err != nil {
		return err
	}
	if err := g.arrive(ctx, m); err != nil {
		return &outageError{err}
	}
	if err := m.record(st, g.r.cfg.Markets, g.key.strategy, g.process.Manifest().Version); err != nil {
		return err
	}
	if !m.fresh {
		return nil
	}
	return g.begin(ctx, m, o.Warmup)
}

// outageError is a fault of what the worker itself needs: no bot ends for it.
type outageError struct{ err error }

// Error implements error.
func (e *outageError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *outageError) Unwrap() error { return e.err }

// postpone leaves a bot waiting through an outage.
func (g *group) postpone(ctx context.Context, m *member, err error) {
	g.close(ctx, m)
	if ctx.Err() != nil {
		return
	}
	b := m.assignment.Bot
	g.r.cfg.Log.WarnContext(ctx, "a bot cannot begin yet", "tenant_id", b.TenantID, "bot_id", b.ID, "error", err)
	g.r.observe(ctx, m, bot.Degraded, fmt.Sprintf("it cannot begin yet and is tried again: %v", err))
	m.account = nil
}

// begin starts a run: the strategy sees candles of the past, and the bot stands
// right after the newest closed one, within the one that it hears next.
func (g *group) begin(ctx context.Context, m *member, warmup int) error {
	p, err := g.past(ctx, m.market, warmup, unknown)
	if err != nil {
		return &outageError{err}
	}
	var others, further []engine.PairCandle
	resume := make([]func(), 0, len(m.sees.Pairs)+len(m.assignment.Config.Also))
	for _, pair := range slices.Concat(m.assignment.Config.Also, m.sees.Pairs) {
		market, err := g.r.cfg.Markets.Market(pair)
		if err != nil {
			return err
		}
		q, err := g.past(ctx, market, warmup, p.newest.Time)
		if err != nil {
			return &outageError{err}
		}
		resume = append(resume, func() { m.account.ResumePair(pair, q.newest.Time, q.since) })
		if m.account.Trades(pair) {
			further = append(further, engine.PairCandle{Pair: pair, Candle: q.newest})
		}
		for _, c := range q.warmup {
			others = append(others, engine.PairCandle{Pair: pair, Candle: c})
		}
	}
	if err := m.account.Seek(p.newest, further...); err != nil {
		return err
	}
	m.account.Resume(p.since)
	for _, do := range resume {
		do()
	}
	if m.anew {
		m.since = m.marketTime().UnixMilli()
	}
	if err := g.warm(ctx, m, p.warmup, others); err != nil {
		return err
	}
	m.rec.note(journal.Decision{
		BotID: m.assignment.Bot.ID, Kind: "started", Time: m.marketTime(),
		Text: fmt.Sprintf("started %s on %s %s with %s %s", g.key.named(), strings.Join(m.pairs(), ", "), bot.IntervalName(g.key.decide),
			m.market.FormatAmount(m.account.Equity()), m.market.Counter),
	})
	m.fresh = false
	if err := g.save(ctx, []*member{m}); err != nil {
		return &outageError{err}
	}
	return nil
}

// warm shows a strategy candles of the past, those of other pairs before its own
// of the same time, and then, if it wants to know, that its bot starts.
func (g *group) warm(ctx context.Context, m *member, candles []exchange.Candle, others []engine.PairCandle) error {
	for _, c := range candles {
		others = append(others, engine.PairCandle{Candle: c})
	}
	slices.SortStableFunc(others, func(a, b engine.PairCandle) int { return cmp.Compare(a.Candle.Time, b.Candle.Time) })
	show := func(c engine.PairCandle) *strategy.Event {
		if c.Pair == "" {
			return m.account.Warm(c.Candle)
		}
		return m.account.WarmPair(c.Pair, c.Candle)
	}
	round := &g.step.round
	for part := range slices.Chunk(others, pageSize) {
		round.Deliveries = round.Deliveries[:0]
		for _, c := range part {
			if ev := show(c); ev != nil {
				round.Deliveries = append(round.Deliveries, plugin.Delivery{Event: *ev, Bots: []plugin.Recipient{{Bot: m.number, View: m.account.View()}}})
			}
		}
		if len(round.Deliveries) == 0 {
			break // it wants no candles
		}
		if err := g.call(ctx); err != nil {
			return &outageError{err}
		}
		for _, reaction := range round.Reactions {
			if reaction.Err != nil {
				return reaction.Err
			}
		}
	}
	ev := m.account.Start()
	if ev == nil {
		return nil
	}
	round.Deliveries = append(round.Deliveries[:0], plugin.Delivery{Event: *ev, Bots: []plugin.Recipient{{Bot: m.number, View: m.account.View()}}})
	if err := g.call(ctx); err != nil {
		return &outageError{err}
	}
	if err := round.Reactions[0].Err; err != nil {
		return err
	}
	if g.r.halted(&m.assignment.Bot) {
		return nil
	}
	return m.account.Commands(round.Reactions[0].Commands)
}
