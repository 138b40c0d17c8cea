package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

const (
	// windMost is how long the ends of a bot's orders take at most when it stops, unless
	// its exchange is away: its tenant is told then.
	windMost = 2 * time.Minute
	// windRetry is after how long an end is gone on with that an outage has held up.
	windRetry = 5 * time.Second
	// sellRetry is the least time between two sales of a position that is being closed: an
	// exchange that refuses one is not asked without a pause.
	sellRetry = time.Second
	// deniedRetry is after how long a sale is tried again that was not sent, such as while
	// the market is suspended.
	deniedRetry = 15 * time.Second
)

// windUp begins to bring a bot's orders at its exchange to an end: its strategy hears
// nothing any more, and the group is told of each order that is over.
func (g *group) windUp(ctx context.Context, m *member) {
	m.until, m.recalled = g.r.cfg.Now().Add(windMost), -1
	if m.taping != nil {
		m.taping.bare = true
	}
	if slices.Contains(g.winding, m) { // and shall end otherwise now
		g.ending(ctx, m)
		return
	}
	g.close(ctx, m)
	g.remove(m)
	g.winding = append(g.winding, m)
	wake := m.assignment.Bot.ID
	m.late = time.AfterFunc(windMost, func() { g.r.look(wake) })
	g.ending(ctx, m)
}

// look lets the group of a bot look at it.
func (r *Runner) look(botID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.members[botID]; m != nil {
		if g := r.groups[m.key()]; g != nil {
			g.send(control{live: []*member{m}})
		}
	}
}

// ending goes on with a bot whose orders are coming to an end, as far as that is known.
func (g *group) ending(ctx context.Context, m *member) {
	left, err := g.winds(ctx, m)
	var out *outageError
	now := g.r.cfg.Now()
	late := !now.Before(m.until)
	switch {
	case m.over:
	case errors.As(err, &out):
		g.r.cfg.Log.WarnContext(ctx, "a bot's orders cannot be brought to an end yet", "bot_id", m.assignment.Bot.ID, "error", err)
		m.late.Reset(windRetry)
	case err != nil:
		g.fail(ctx, m, err)
	case left > 0 && m.settling && late: // its tenant wants it to run, and may stop it
		m.until = now.Add(windMost)
		m.late.Reset(windMost)
		g.say(ctx, m, bot.Degraded, fmt.Sprintf("it cannot start yet: the exchange has not said that %d orders of the run before are over, and is asked again", left))
	case left > 0 && m.settling:
		m.lookAgain(now)
		g.say(ctx, m, bot.Starting, fmt.Sprintf("starting: the exchange is asked for %d orders back", left))
	case left > 0 && !m.hopeless():
		if late { // whoever stops it is told the truth for as long as it takes (rule RK2)
			m.until, m.overdue = now.Add(windMost), true
		}
		m.lookAgain(now)
		g.say(ctx, m, bot.Stopping, m.stoppingText(left))
	case m.settling:
		m.settling = false
		g.unwind(m)
		m.account = nil
		g.waiting = append(g.waiting, m)
		g.open(ctx)
	default:
		g.ended(ctx, m)
	}
}

// hopeless reports whether nobody will ever hear from the exchange of a bot that stops: the
// account is gone, or its key is.
func (m *member) hopeless() bool { return m.live != nil && m.live.isGone() }

// stoppingText says what a bot that stops waits for.
func (m *member) stoppingText(left int) string {
	orders := "orders"
	if left == 1 {
		orders = "order"
	}
	switch {
	case m.end == bot.Flattened && m.account.Open() == 0 && !m.sellAt.IsZero():
		return "stopping: its position is not closed yet, which is tried again: " + m.rec.last
	case m.end == bot.Flattened && m.account.Leaving():
		return "stopping: closing its position; the exchange has not confirmed that yet" + m.unreached()
	case m.overdue:
		return fmt.Sprintf("stopping: %d %s not yet confirmed cancelled; the exchange is asked until it answers%s", left, orders, m.unreached())
	}
	return fmt.Sprintf("stopping: the exchange is asked for %d %s back%s", left, orders, m.unreached())
}

// unreached says why the exchange is not reached; "" if it is.
func (m *member) unreached() string {
	if m.live == nil {
		return ""
	}
	if _, ok, _, reason := m.live.ready(); !ok && reason != "" {
		return ": " + reason
	}
	return ""
}

// lookAgain sets the timer of an end that goes on.
func (m *member) lookAgain(now time.Time) {
	next := m.until
	if m.sellAt.After(now) && m.sellAt.Before(next) {
		next = m.sellAt
	}
	m.late.Reset(next.Sub(now))
}

// winds takes one step: what is new is heard, what is open is asked for, and both are
// written. It returns how many orders are not known to be over, or are yet to be placed.
func (g *group) winds(ctx context.Context, m *member) (int, error) {
	if m.denied && !m.sellAt.After(g.r.cfg.Now()) {
		m.account, m.denied = nil, false // its market may take orders by now
	}
	if m.account == nil {
		if begun, err := g.revive(ctx, m); err != nil || !begun {
			return 0, err
		}
		m.recalled = -1
	}
	if m.account.Open() > 0 && m.live == nil && g.r.cfg.Trading != nil {
		g.r.enliven(ctx, m, m.account.Markets(), nil)
	}
	claimed, err := g.claimed(ctx, m) // before it hears of them
	if err != nil || !g.hear(ctx, m) {
		return 0, err
	}
	if at := m.account.Event(); at != m.recalled { // without news there is nothing more to take back
		m.given(parity.Given{Kind: parity.Recall, Reason: m.windReason()})
		if err := m.account.CancelAll(m.windReason()); err != nil {
			return 0, err
		}
		m.recalled = at
	}
	selling := m.end == bot.Flattened && !m.settling && m.account.Open()+claimed == 0
	now := g.r.cfg.Now()
	pauses := selling && m.sellAt.After(now)
	if selling && !pauses {
		m.sellAt = now.Add(sellRetry)
		m.untape() // that its position is closed is not the strategy's doing
		m.account.Close(g.r.cfg.MarketNow().UnixMilli())
		open, err := m.sell()
		if err != nil || !open && !m.unsold() {
			m.end, m.sold = bot.Halted, err == nil
			return 0, err
		}
		if !open { // denied: it is not over for that
			pauses, m.denied, m.sellAt = true, true, now.Add(deniedRetry)
		}
		if m.live == nil && g.r.cfg.Trading != nil {
			g.r.enliven(ctx, m, m.account.Markets(), nil)
		}
	}
	if m.snapshot = nil; m.rec.dirty() {
		if err := g.commit(ctx, []*member{m}, true); err != nil {
			return m.account.Open() + claimed, &outageError{err}
		}
	}
	m.carry()
	if pauses {
		return 1, nil
	}
	return m.account.Open() + claimed, nil
}

// claimed wants the orders taken back that the bot has claimed, which its account does not
// know of, and returns how many are not settled. A run that only waits to begin keeps them.
func (g *group) claimed(ctx context.Context, m *member) (int, error) {
	if g.r.cfg.Trading == nil || m.settling {
		return 0, nil
	}
	if m.live != nil {
		if left, known := m.live.giveBack(m.windReason()); known {
			return left, nil
		}
	}
	b, left := m.assignment.Bot, 0
	st, err := g.r.cfg.Trading.Journal.LiveState(ctx, b.TenantID, b.ID)
	if err != nil {
		return 0, &outageError{err}
	}
	for _, o := range st.Orders {
		if o.Number < 0 {
			left++
		}
	}
	if left > 0 && m.live == nil {
		g.r.enliven(ctx, m, m.account.Markets(), nil)
	}
	return left, nil
}

// hasten makes of the end of a bot one that closes its position, because such a kill switch
// was pulled while it was ending. One on paper ends at once.
func (g *group) hasten(ctx context.Context, m *member) {
	if m.over || !m.trades() || m.sold {
		return
	}
	m.end = bot.Flattened
	g.windUp(ctx, m)
}

func (m *member) windReason() string {
	if m.settling {
		return "left by the run before"
	}
	if m.failure != "" {
		return forsaken
	}
	if m.end == bot.Asked || m.end == bot.WoundDown {
		return "the bot was stopped"
	}
	return "the kill switch was pulled"
}

// revive builds the account of a bot's newest checkpoint, under its run, for its orders
// to end, or to be watched without its strategy; false if there is nothing to end. What an account of an earlier ledger holds is
// its tenant's: it may even be another account at the exchange.
func (g *group) revive(ctx context.Context, m *member) (bool, error) {
	st, err := m.load(ctx, g.r.cfg.Journal)
	if err != nil || st == nil || st.Live() != m.trades() || st.Ledger != m.assignment.Bot.Ledger {
		return false, err
	}
	switch unfit, err := st.unfit(g.r.cfg.Markets); {
	case err != nil:
		return false, &outageError{err}
	case unfit != "" && st.OpenOrders() == 0 && (m.failure == "" && m.end != bot.Flattened || m.failure != "" && !st.holds()):
		return false, nil
	case unfit != "":
		return false, fmt.Errorf("its orders and its position are left to you, look for them at the exchange: %s", unfit)
	}
	terms, err := termsOf(g.key.pair, m.assignment.Config, g.r.cfg.Markets)
	if err != nil {
		return false, err
	}
	if terms.Also, err = marketsOf(g.r.cfg.Markets, st.Pairs()); err != nil {
		return false, err
	}
	m.market, m.sees, m.listens = terms.Market, strategy.Subscription{}, false
	m.rec = &recorder{botID: m.assignment.Bot.ID, run: m.runNumber(), markets: terms.Markets()}
	m.rec.numbered, m.rec.filled, m.since = st.Decisions, max(st.Fills, st.Venue.LastFill), st.Since
	m.followed(st)
	if m.account, err = parity.NewAccount(terms, parity.AccountConfig{OrderPrefix: m.prefix(), Recorder: m.rec, Live: m.trades()}); err != nil {
		return false, err
	}
	if err := m.account.Restore(st.AccountState); err != nil {
		return true, err
	}
	m.recordBare(st, terms)
	return true, nil
}

// unwind ends the winding-up of a bot.
func (g *group) unwind(m *member) {
	if m.late != nil {
		m.late.Stop()
	}
	g.remove(m)
}

// ended stops a bot whose orders are over, or of which nobody will ever hear that.
func (g *group) ended(ctx context.Context, m *member) {
	g.unwind(m)
	text, left := m.rested(), 0
	if m.account != nil {
		left = m.account.Open()
	}
	if m.account != nil && m.account.LastTime() > 0 {
		note := m.stopped()
		if left > 0 {
			open := fmt.Sprintf("the exchange has not said that %d orders are over, and cannot be asked any more: look there", left)
			note, text = note+"; "+open, text+"; "+open
		}
		m.rec.note(journal.Decision{BotID: m.assignment.Bot.ID, Kind: "stopped", Time: m.marketTime(), Text: note})
		err := m.letGo()
		if err == nil {
			err = g.commit(ctx, []*member{m}, true)
		}
		if err != nil || m.over {
			g.r.cfg.Log.WarnContext(ctx, "the end of a bot's run was not written; it is stopped anew", "bot_id", m.assignment.Bot.ID, "error", err)
			if !m.over {
				g.part(ctx, m)
				g.r.forget(ctx, m)
			}
			return
		}
	}
	g.part(ctx, m)
	g.r.observe(ctx, m, bot.Stopped, text)
	g.r.forget(ctx, m)
}

// letGo lets exits go that the bot owes: nobody who watches its account later, because a run
// failed before it began, sells for them what its tenant wanted to stay.
func (m *member) letGo() error {
	if m.account.Owed() == "" {
		return nil
	}
	st := m.account.State()
	owesNothing(&st)
	return m.account.Restore(st)
}
