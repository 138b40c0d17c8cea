package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// wound returns the account of the run before without what belonged to its strategy, and
// the pairs of it that there are no markets of any more: it ended without cancelling its
// orders only if it failed.
func (m *member) wound(ctx context.Context, st checkpointState, terms parity.Terms, j journal.Store, markets bot.Markets) (last parity.AccountState, gone []string, err error) {
	last = st.AccountState
	for _, pair := range st.Pairs() {
		if !slices.Contains(markets.Pairs(), pair) {
			gone = append(gone, pair)
		}
	}
	if last.OpenOrders() > 0 {
		if last, err = m.part(ctx, st, gone, j); err != nil {
			return last, nil, err
		}
		if terms.Also, err = marketsOf(markets, last.Pairs()); err != nil {
			return last, nil, err
		}
		m.rec.markets = append(m.rec.markets, terms.Also...)
		before, err := parity.NewAccount(terms, parity.AccountConfig{Recorder: m.rec})
		if err != nil {
			return last, nil, err
		}
		if err := before.Restore(last); err != nil {
			return last, nil, err
		}
		if err := before.CancelAll("left by the run before"); err != nil {
			return last, nil, err
		}
		last = before.State()
	}
	last.Engine.Queue, last.Engine.Signals = nil, nil
	for i := range last.Legs {
		last.Legs[i].Engine.Queue = nil
	}
	return last, gone, nil
}

// part returns the account without the pairs that are gone. The orders there are over, as
// the journal has them: their numbers mean nothing without their markets.
func (m *member) part(ctx context.Context, st checkpointState, gone []string, j journal.Store) (parity.AccountState, error) {
	last := st.AccountState
	if len(gone) == 0 {
		return last, nil
	}
	open, err := j.OpenOrders(ctx, m.assignment.Bot.TenantID, m.assignment.Bot.ID)
	if err != nil {
		return last, &outageError{err}
	}
	for _, o := range open {
		if slices.Contains(gone, o.Pair) {
			o.State, o.Reason, o.UpdatedAt = journal.Cancelled, fmt.Sprintf("left by the run before; there is no market %s any more", o.Pair), st.time()
			m.rec.orders = append(m.rec.orders, o)
		}
	}
	last.Legs = slices.DeleteFunc(slices.Clone(last.Legs), func(l parity.Leg) bool {
		if !slices.Contains(gone, l.Pair) {
			return false
		}
		last.Engine.NextRef = max(last.Engine.NextRef, l.Engine.NextRef)
		return true
	})
	return last, nil
}

// bequest says that a new account begins, and what the one before had.
func (m *member) bequest(gone []string) (string, error) {
	b, had := m.assignment.Bot, m.before
	text := "a new account begins, because the starting balance or the pairs were changed"
	if len(gone) > 0 {
		text = fmt.Sprintf("a new account begins: there is no market %s any more", strings.Join(gone, " and no "))
	}
	positions := had.Positions
	if len(positions) == 0 {
		positions = []journal.Position{{Pair: b.Pair, Position: had.Position}}
	}
	var held []string
	for _, p := range positions {
		if !p.Position.IsZero() {
			held = append(held, exchange.Grouped(p.Position.String())+" in "+p.Pair)
		}
	}
	if len(held) == 0 {
		held = []string{"no position"}
	}
	cash, err := m.market.Units(had.Cash, exchange.Down)
	return fmt.Sprintf("%s; the one before is over, with %s %s and %s", text, m.market.FormatAmount(cash), m.market.Counter, strings.Join(held, " and ")), err
}
