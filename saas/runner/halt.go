package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Halts knows the kill switches; *halt.Service is one.
type Halts interface {
	// On lists those that are on, of all tenants.
	On(ctx context.Context) (halt.Halts, error)
	// Enforce asks bots to stop that run under switches all the same.
	Enforce(ctx context.Context, list halt.Halts) error
}

// haltPoll is how often switches are looked for when nobody calls WakeHalts: often
// enough that one that this worker did not hear of is effective within a second (rule
// RK2).
const haltPoll = 250 * time.Millisecond

// WakeHalts makes the worker look for kill switches at once.
func (r *Runner) WakeHalts() {
	select {
	case r.alarm <- struct{}{}:
	default:
	}
}

// halting looks for kill switches until ctx ends.
func (r *Runner) halting(ctx context.Context) {
	tick := time.NewTicker(haltPoll)
	defer tick.Stop()
	for failing := false; ; {
		err := r.readHalts(ctx)
		switch {
		case err == nil:
			failing = false
		case ctx.Err() == nil && !failing:
			failing = true // said once: it is asked several times a second
			r.cfg.Log.ErrorContext(ctx, "kill switches cannot be read; those that were on stay on", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.alarm:
		}
	}
}

// readHalts makes the switches effective that are on: from now on no command of a strategy
// under one is carried out. Then the bots are brought to rest.
func (r *Runner) readHalts(ctx context.Context) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	list, err := r.cfg.Halts.On(ctx)
	if err != nil {
		return err
	}
	before := r.halts.Swap(&list)
	if before == nil || !slices.Equal(*before, list) {
		r.Wake()
	}
	return nil
}

// halted reports whether a bot is under a kill switch.
func (r *Runner) halted(b *bot.Bot) bool {
	list := r.halts.Load()
	if list == nil || len(*list) == 0 {
		return false
	}
	_, on := list.Cover(b.TenantID, b.ID)
	return on
}

// enforce asks bots to stop that are to run under a kill switch: they were started in
// the moment in which it was pulled. It returns the bots as they are then. Those that were
// started since a switch was released run: what is known of switches may be older than that.
func (r *Runner) enforce(ctx context.Context, rows []bot.Runnable) ([]bot.Runnable, error) {
	defiant := func() bool {
		return slices.ContainsFunc(rows, func(a bot.Runnable) bool { return a.Bot.Desired && r.halted(&a.Bot) })
	}
	if !defiant() {
		return rows, nil
	}
	if err := r.readHalts(ctx); err != nil || !defiant() {
		return rows, err
	}
	if err := r.cfg.Halts.Enforce(ctx, *r.halts.Load()); err != nil {
		return nil, err
	}
	return r.cfg.Bots.RunnableBots(ctx)
}

// flatten begins to close the positions of a bot that ends its run so: its orders are
// taken back and what it holds is sold by market orders, which meet the next candle. It
// reports whether there is something to wait for; until then the bot is among the
// leaving, and its strategy hears nothing any more.
func (g *group) flatten(ctx context.Context, m *member) (waits bool, err error) {
	if err := g.recall(ctx, m); err != nil {
		return false, err
	}
	if m.account.LastTime() == 0 {
		return false, nil // it never began
	}
	m.untape()
	if err := m.account.CancelAll("the kill switch was pulled"); err != nil {
		return false, err
	}
	if waits, err = m.sell(); err != nil || !waits && !m.unsold() {
		return false, err
	}
	m.denied = !waits
	m.snapshot = nil
	if err := g.commit(ctx, []*member{m}, true); err != nil {
		return false, &outageError{err}
	}
	if m.over {
		return true, nil // another worker has it
	}
	g.remove(m)
	g.close(ctx, m)
	g.leaving = append(g.leaving, m)
	if err := g.look(m.assignment.Config.Also...); err != nil {
		return false, err
	}
	g.r.observe(ctx, m, bot.Stopping, "closing its position at the next price, by the kill switch")
	return true, nil
}

// sell places market orders for all that the bot holds and has not offered yet, and
// reports whether any is open. Of what is above a market's largest order the rest is sold
// once that is over; what is less than its least order stays.
func (m *member) sell() (open bool, err error) {
	for _, p := range m.account.Positions() {
		if p.Orders > 0 {
			open = true
			continue
		}
		if p.Base <= 0 || p.Base < p.Market.MinVolume {
			continue
		}
		volume := p.Base
		if most := p.Market.MaxVolume; most > 0 {
			volume = min(volume, most)
		}
		if err := m.account.Sell(p.Market.Pair, volume, "the kill switch closes the position"); err != nil {
			return false, err
		}
	}
	return open || slices.ContainsFunc(m.account.Positions(), func(p parity.Position) bool { return p.Orders > 0 }), nil
}

// leave gives a closed candle to the bots whose positions are being closed, and ends the
// runs of those that hold nothing any more. They need no candle that they missed: what is
// sold is sold at the next price that there is.
func (g *group) leave(ctx context.Context, c exchange.Candle) {
	if len(g.leaving) == 0 {
		return
	}
	pairs := g.others(ctx, c.Time, true)
	if ctx.Err() != nil {
		return // the worker that goes on sells
	}
	for _, m := range slices.Clone(g.leaving) {
		if m.over || m.lastTime() >= c.Time {
			continue
		}
		if err := g.renewed(ctx, m); err != nil {
			g.fail(ctx, m, err)
			continue
		}
		if err := m.account.Begin(c, m.sellable(pairs, c.Time)...); err != nil {
			g.fail(ctx, m, err)
			continue
		}
		for ev := m.account.Next(); ev != nil; ev = m.account.Next() { //nolint:revive // its strategy is gone: nobody hears it
		}
		waits, err := m.sell()
		if err != nil {
			g.fail(ctx, m, err)
			continue
		}
		m.sample()
		if err := g.commit(ctx, []*member{m}, true); err != nil && ctx.Err() == nil {
			g.r.cfg.Log.ErrorContext(ctx, "a bot whose position is closed was not committed; it goes with the next candle", "bot_id", m.assignment.Bot.ID, "error", err)
			continue
		}
		m.denied = !waits && m.unsold()
		if !waits && !m.denied && !m.over {
			m.end, m.sold = bot.Halted, true
			g.stop(ctx, m)
		}
	}
}

// renewed lets a bot whose sale was denied see its markets anew: they may take orders by
// now. In an outage it goes on as it was.
func (g *group) renewed(ctx context.Context, m *member) error {
	if !m.denied {
		return nil
	}
	was := m.account
	m.account = nil
	err := g.recall(ctx, m)
	if errors.As(err, new(*outageError)) {
		m.account, err = was, nil
	}
	return err
}

// sellable returns those of the candles that opened at a time and are of further pairs,
// whether or not the bot has missed some before.
func (m *member) sellable(candles []engine.PairCandle, at int64) []engine.PairCandle {
	var out []engine.PairCandle
	for _, p := range candles {
		if p.Candle.Time == at && m.account.Trades(p.Pair) && m.account.PairTime(p.Pair) < at {
			out = append(out, p)
		}
	}
	return out
}

// rested is what a bot's tenant is told when it has come to rest.
func (m *member) rested() string {
	switch {
	case m.end == bot.Asked:
		return "stopped by you"
	case m.end == bot.WoundDown:
		return "stopped by itself: it was to close only, and holds nothing any more"
	case m.sold && !m.holds():
		return "stopped by the kill switch, and its position was closed"
	}
	return "stopped by the kill switch"
}
