package execution

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

// lacks notes that the venue refuses an urgent sell because the account has too little: its
// owner has sold or moved some of what the bot holds.
func (e *Executor) lacks(o journal.LiveOrder, err error) {
	var refused *exchange.Error
	if !exits(o) || !errors.As(err, &refused) || refused.Outcome != exchange.OutcomeRejected || refused.Unsent {
		return
	}
	if refused.Code == "ErrInsufficientBalance" || refused.Code == "ErrInsufficientFunds" {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.short[o.Pair] = true
	}
}

// exits matches urgent sells, which close positions.
func exits(o journal.LiveOrder) bool { return o.Urgent && o.Side == exchange.Sell.String() }

// fit makes an urgent sell one of what the account has free, where the venue has refused one
// for that: what is there is sold. It says why nothing can be sold; "" if something can, or if
// that is not known.
//
// The rest stays owed, and is sold once it is there: a balance may be late, or held by an order
// that is taken back, and a position that is there must not be without its exit for that (rule
// RK3). Who does not want that stops the bot, which lets its exits go.
func (e *Executor) fit(ctx context.Context, in Intent) (Intent, string) {
	m, ok := e.markets[in.Request.Pair]
	e.mu.Lock()
	short := e.short[m.Pair]
	e.mu.Unlock()
	if !ok || !short || !in.Request.Urgent || in.Request.Side != exchange.Sell {
		return in, ""
	}
	balances, err := e.cfg.Trader.Balances(ctx)
	if err != nil {
		e.cfg.Log.WarnContext(ctx, "what an account has for an exit was not read; the whole is tried", "bot_id", e.cfg.BotID, "error", err)
		return in, ""
	}
	free := decimal.Zero
	for _, b := range balances {
		if b.Currency == m.Base {
			free = free.Add(b.Free())
		}
	}
	steps, err := m.Steps(free, exchange.Down)
	if err != nil {
		return in, ""
	}
	wanted := in.Request.Volume
	if steps >= wanted {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.short, m.Pair)
		return in, ""
	}
	part := in.Request
	part.Volume = steps
	if m.Check(part) != nil {
		return in, fmt.Sprintf("of the %s %s that it sells the account has %s free: the rest was sold or moved, or other orders hold it. "+
			"What comes there is sold for this exit, unless you stop the bot", m.Volume(wanted), m.Base, free)
	}
	in.Request = part
	in.Reason += fmt.Sprintf("; of %s %s the account has only these free", m.Volume(wanted), m.Base)
	return in, ""
}
