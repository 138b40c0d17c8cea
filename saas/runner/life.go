package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// shared is the key of the process that all bots of a strategy share.
const shared = "shared"

// open opens the waiting bots in the strategy's process, warms those that begin
// a run, and lets all catch up with the market.
func (g *group) open(ctx context.Context) {
	if len(g.waiting) == 0 {
		return
	}
	market, err := g.r.cfg.Markets.Market(g.key.pair)
	if err != nil {
		for _, m := range slices.Clone(g.waiting) {
			g.fail(ctx, m, err)
		}
		return
	}
	if g.process, err = g.r.cfg.Plugins.Process(ctx, g.key.strategy, shared); err != nil {
		g.crashed(ctx, err)
		return
	}
	joining := slices.Clone(g.waiting)
	states := make([]*checkpointState, 0, len(joining))
	input := make([]strategy.OpenInput, 0, len(joining))
	ready := joining[:0]
	for _, m := range joining {
		st, err := m.load(ctx, g.r.cfg.Journal)
		if err != nil {
			g.fail(ctx, m, err)
			continue
		}
		ready, states = append(ready, m), append(states, st)
		input = append(input, strategy.OpenInput{
			Explain: true, Interval: interval, Market: market, Params: m.assignment.Config.Parameters, Snapshot: m.snapshot,
		})
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	opened, err := g.process.Open(call, input)
	if err != nil {
		g.crashed(ctx, err)
		return
	}
	for i, m := range ready {
		m.number = opened[i].Bot
		err := opened[i].Err
		if err == nil {
			wants := opened[i].Wants
			err = m.build(states[i], market, func(k strategy.EventKind) bool { return slices.Contains(wants, k) })
		}
		if err == nil && m.fresh {
			err = g.begin(ctx, m, opened[i].Warmup)
		}
		var dead *pluginhost.Error
		if errors.As(err, &dead) {
			g.crashed(ctx, err)
			return
		}
		if err != nil {
			g.fail(ctx, m, err)
			continue
		}
		g.remove(m)
		g.active = append(g.active, m)
		g.r.observe(ctx, m, bot.Running, "watching "+g.key.pair)
	}
	g.catchUp(ctx)
	if g.process != nil {
		g.retry = 0
	}
}

// begin starts a run: the strategy sees candles of the past, and the bot stands
// right after the newest closed one.
func (g *group) begin(ctx context.Context, m *member, warmup int) error {
	warmup = min(warmup, 900)
	since := g.r.cfg.MarketNow().Add(-time.Duration(warmup+2) * interval)
	candles, err := g.r.cfg.History.Candles(ctx, g.key.pair, interval, since, 1000)
	if err != nil {
		return fmt.Errorf("reading candles to begin with: %w", err)
	}
	if len(candles) == 0 {
		return errNoCandles
	}
	if err := m.session.Seek(candles[len(candles)-1]); err != nil {
		return err
	}
	if err := g.warm(ctx, m, candles); err != nil {
		return err
	}
	m.rec.note(journal.Decision{
		BotID: m.assignment.Bot.ID, Kind: "started", Time: m.marketTime(),
		Text: fmt.Sprintf("started %s on %s with %s %s", g.key.strategy, g.key.pair, m.market.Amount(m.session.Equity()), m.market.Counter),
	})
	m.fresh = false
	if err := g.save(ctx, []*member{m}); err != nil {
		return err
	}
	return nil
}

// warm shows a strategy candles of the past and then, if it wants to know, that
// its bot starts.
func (g *group) warm(ctx context.Context, m *member, candles []exchange.Candle) error {
	round := &g.step.round
	round.Deliveries = round.Deliveries[:0]
	for _, c := range candles {
		if ev := m.session.Warm(c); ev != nil {
			round.Deliveries = append(round.Deliveries, plugin.Delivery{Event: *ev, Bots: []plugin.Recipient{{Bot: m.number, View: m.session.View()}}})
		}
	}
	if len(round.Deliveries) > 0 {
		if err := g.call(ctx); err != nil {
			return err
		}
		for _, reaction := range round.Reactions {
			if reaction.Err != nil {
				return reaction.Err
			}
		}
	}
	ev := m.session.Start()
	if ev == nil {
		return nil
	}
	round.Deliveries = append(round.Deliveries[:0], plugin.Delivery{Event: *ev, Bots: []plugin.Recipient{{Bot: m.number, View: m.session.View()}}})
	if err := g.call(ctx); err != nil {
		return err
	}
	if err := round.Reactions[0].Err; err != nil {
		return err
	}
	return m.session.Commands(round.Reactions[0].Commands)
}

// stop brings a bot to rest: its orders are taken back, its position stays, and
// its strategy is forgotten.
func (g *group) stop(ctx context.Context, m *member) {
	if m.session == nil {
		st, err := m.load(ctx, g.r.cfg.Journal)
		var market exchange.Market
		if err == nil {
			market, err = g.r.cfg.Markets.Market(g.key.pair)
		}
		if err == nil {
			err = m.build(st, market, nil)
		}
		if err != nil {
			g.fail(ctx, m, err)
			return
		}
	}
	g.remove(m)
	g.close(ctx, m)
	if m.session.LastTime() != 0 { // otherwise it never began
		if err := m.session.CancelAll("the bot was stopped"); err != nil {
			g.fail(ctx, m, err)
			return
		}
		m.snapshot = nil
		text := "stopped"
		if p := m.session.Portfolio(); p.Base > 0 {
			text = fmt.Sprintf("stopped; the position of %s %s stays", m.market.Volume(p.Base), m.market.Base)
		}
		m.rec.note(journal.Decision{BotID: m.assignment.Bot.ID, Kind: "stopped", Time: m.marketTime(), Text: text})
		if err := g.commit(ctx, []*member{m}, true); err != nil {
			g.fail(ctx, m, err)
			return
		}
	}
	g.r.observe(ctx, m, bot.Stopped, "stopped by you")
	g.r.forget(ctx, m)
}

// rest checkpoints the bots when the worker stops, so that nothing has to be
// given again at the next start.
func (g *group) rest(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if len(g.active) == 0 || g.process == nil {
		return
	}
	if err := g.save(ctx, g.active); err != nil {
		g.r.cfg.Log.WarnContext(ctx, "bots were not checkpointed; they go on from their checkpoints before", "bots", len(g.active), "error", err)
	}
}
