package execution

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// errInTheWay says that an urgent sell waits until claimed orders are over.
var errInTheWay = errors.New("claimed orders that hold what is to be sold are not known to be over")

// Claimed is how many claimed orders are not settled: the bot's engine, which does not know
// of them, has yet to hear what they traded.
func (e *Executor) Claimed() int {
	return len(e.claims(func(journal.LiveOrder) bool { return true }))
}

// claims returns the claimed orders that are not settled and match.
func (e *Executor) claims(match func(o journal.LiveOrder) bool) []journal.LiveOrder {
	return slices.DeleteFunc(e.Orders(), func(o journal.LiveOrder) bool { return o.Number > 0 || !match(o) })
}

// buys matches what buys.
func buys(o journal.LiveOrder) bool { return o.Side == exchange.Buy.String() }

// giveBack wants claimed orders taken back. The error says that such a wish is not in
// the journal; the rest a Check asks again for.
func (e *Executor) giveBack(ctx context.Context, b back) error {
	var failed error
	wanted := func(o journal.LiveOrder) bool {
		return !o.State.Final() && o.CancelAsked.IsZero() && (!b.buys || buys(o))
	}
	for _, o := range e.claims(wanted) {
		_, err := e.Cancel(ctx, o.Number, b.reason)
		if now, open := e.find(o.Number); open && wanted(now) || errors.Is(err, lease.ErrLost) {
			failed = joined(failed, err)
		}
	}
	return failed
}

// makeWay takes back the claimed sells that hold what an urgent sell is to sell. The bot's
// engine does not know of them, so that it cannot do that itself. The error is errInTheWay
// until it is known what has become of them.
func (e *Executor) makeWay(ctx context.Context, in Intent) error {
	list, err := e.inTheWay(ctx, in)
	if err != nil || len(list) == 0 {
		return err
	}
	for _, o := range list {
		if !o.State.Final() {
			_, cerr := e.Cancel(ctx, o.Number, fmt.Sprintf("order %d closes the position and needs what it holds", in.Number))
			err = joined(err, cerr)
		}
	}
	list, again := e.inTheWay(ctx, in)
	if again == nil && len(list) > 0 { // the venue did not say all of it yet
		err = joined(err, e.Sync(ctx))
		list, again = e.inTheWay(ctx, in)
	}
	if again != nil || len(list) == 0 {
		return again
	}
	return joined(fmt.Errorf("order %d of bot %s: %w", in.Number, e.cfg.BotID, errInTheWay), err)
}

// inTheWay returns the claimed sells without which more would be free for an urgent sell
// that needs it; none if its command is in the journal already.
func (e *Executor) inTheWay(ctx context.Context, in Intent) ([]journal.LiveOrder, error) {
	m, ok := e.markets[in.Request.Pair]
	if !ok || in.Request.Side != exchange.Sell || !in.Request.Urgent {
		return nil, nil
	}
	list := e.claims(func(o journal.LiveOrder) bool {
		return o.Pair == m.Pair && o.Side == exchange.Sell.String() && o.Outstanding().IsPositive()
	})
	if len(list) == 0 {
		return nil, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !m.Volume(in.Request.Volume).GreaterThan(e.free(m.Pair)) {
		return nil, nil
	}
	_, known, err := e.known(ctx, in.Number)
	if known {
		list = nil
	}
	return list, err
}

// free is what of the bot's position in a market no order may yet sell; e.mu is held.
func (e *Executor) free(pair string) decimal.Decimal {
	free := e.books[pair].Base
	for _, x := range e.orders {
		if x.Pair == pair && x.Side == exchange.Sell.String() {
			free = free.Sub(x.Outstanding())
		}
	}
	return free
}
