package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

// wound returns the account of the run before without what belonged to its strategy: it
// ended without cancelling its orders only if it failed. If it cannot be used any more,
// it is there for its numbers, and unfit says why.
func (m *member) wound(ctx context.Context, st checkpointState, terms parity.Terms, j journal.Store, markets bot.Markets) (last parity.AccountState, unfit string, err error) {
	last = st.AccountState
	if unfit, err = st.unfit(markets); err != nil {
		return last, "", err
	}
	if last.Live() && (!m.trades() || st.Ledger != m.assignment.Bot.Ledger) {
		last = adrift(last)
	}
	switch {
	case last.OpenOrders() == 0:
	case unfit != "":
		err = m.endOrders(ctx, st, unfit, j)
	default:
		last, err = m.cancelled(st, terms, markets)
	}
	last.Engine.Queue, last.Engine.Signals = nil, nil
	last.Engine.Watch.CloseOnly = false // a run winds down for itself
	for i := range last.Legs {
		last.Legs[i].Engine.Queue = nil
	}
	owesNothing(&last)
	return last, unfit, err
}

// owesNothing lets protective exits go that have not closed their positions: they were meant
// for the run that ends, and its position stays.
func owesNothing(last *parity.AccountState) {
	last.Engine.Owed, last.Engine.Refusal = "", ""
	for i := range last.Legs {
		last.Legs[i].Engine.Owed, last.Legs[i].Engine.Refusal = "", ""
	}
}

// adrift returns an account at an exchange without orders that the exchange was asked for
// in vain, or that were never sent: a new account takes its place.
func adrift(last parity.AccountState) parity.AccountState {
	last.Engine.Orders, last.Legs = nil, slices.Clone(last.Legs)
	for i := range last.Legs {
		last.Legs[i].Engine.Orders = nil
	}
	return last
}

// cancelled returns the account once its orders are taken back.
func (m *member) cancelled(st checkpointState, terms parity.Terms, markets bot.Markets) (parity.AccountState, error) {
	var err error
	if terms.Also, err = marketsOf(markets, st.Pairs()); err != nil {
		return st.AccountState, err
	}
	m.rec.markets = append(m.rec.markets, terms.Also...)
	before, err := parity.NewAccount(terms, parity.AccountConfig{Recorder: m.rec})
	if err != nil {
		return st.AccountState, err
	}
	if err := before.Restore(st.AccountState); err != nil {
		return st.AccountState, err
	}
	err = before.CancelAll("left by the run before")
	return before.State(), err
}

// endOrders ends the orders of the run before as the journal has them: what the account says of
// them cannot be read without its markets.
func (m *member) endOrders(ctx context.Context, st checkpointState, why string, j journal.Store) error {
	open, err := j.OpenOrders(ctx, m.assignment.Bot.TenantID, m.assignment.Bot.ID)
	if err != nil {
		return &outageError{err}
	}
	for _, o := range open {
		o.State, o.Reason, o.UpdatedAt = journal.Cancelled, "left by the run before; "+why, st.time()
		m.rec.orders = append(m.rec.orders, o)
	}
	return nil
}

// measure is in what a market is counted: the account's numbers are multiples of these.
type measure struct {
	Pair string          `json:"pair"`
	Tick decimal.Decimal `json:"tick"`
	Step decimal.Decimal `json:"step"`
}

func measures(markets []exchange.Market) []measure {
	out := make([]measure, len(markets))
	for i, m := range markets {
		out[i] = measure{m.Pair, m.Tick, m.Step}
	}
	return out
}

// unfit says why an account cannot go on; "" if it can. Its pairs are all still there, and
// counted as they were. What an account of an earlier version was counted in is not known.
func (s *checkpointState) unfit(markets bot.Markets) (string, error) {
	for _, pair := range s.Pairs() {
		// One that only rests at present is no pair to begin with, but still a market.
		if _, err := markets.Market(pair); err != nil && !slices.Contains(markets.Pairs(), pair) {
			return fmt.Sprintf("there is no market %s any more", pair), nil
		}
	}
	for _, was := range s.Measures {
		now, err := markets.Market(was.Pair)
		if err != nil {
			return "", err
		}
		if !now.Tick.Equal(was.Tick) || !now.Step.Equal(was.Step) {
			return fmt.Sprintf("%s has other smallest steps of price and volume, %s and %s in place of %s and %s",
				was.Pair, now.Tick, now.Step, was.Tick, was.Step), nil
		}
	}
	return "", nil
}

// bequest says that a new account begins, and what the one before had.
func (m *member) bequest(had journal.Summary, unfit string) (string, error) {
	b := m.assignment.Bot
	if unfit == "" {
		unfit = "its balance, its pairs or whose money it moves were changed"
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
	return fmt.Sprintf("a new account begins: %s; the one before is over, with %s %s and %s", unfit, m.market.FormatAmount(cash), m.market.Counter, strings.Join(held, " and ")), err
}
