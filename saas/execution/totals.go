package execution

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
)

// total books what is filled of orders that are over and was never listed, from the
// orders' own totals: a venue's list of trades may lag behind or leave one out, and what
// waits for its fills, such as a protective exit, must not wait for ever. It is tried once
// nothing new has come for Grace. What the totals do not explain stays a difference.
func (e *Executor) total(ctx context.Context, s *sight) error {
	var failed error
	for _, o := range e.Orders() {
		if !o.State.Final() || !o.Told.GreaterThan(o.Filled) || o.VenueID == "" || e.cfg.Now().Sub(o.UpdatedAt) < e.cfg.Grace {
			continue
		}
		m := e.markets[o.Pair]
		v, err := e.cfg.Trader.OrderByID(ctx, o.Pair, o.VenueID)
		switch {
		case exchange.KindOf(err) == exchange.KindNotFound:
			s.differ(journal.OrderMissing, o.ClientID, fmt.Sprintf("order %s is over here with fills that are missing, and the venue does not know it", called(o)))
		case err != nil:
			failed = joined(failed, fmt.Errorf("reading the totals of order %s: %w", o.ClientID, err))
		case v.Status == exchange.Complete:
			failed = joined(failed, e.bookTotal(ctx, m, o.Number, v))
		}
	}
	return failed
}

// bookTotal books the rest of an order in one fill.
func (e *Executor) bookTotal(ctx context.Context, m exchange.Market, number int64, v exchange.Order) error {
	return e.change(ctx, func(w *step) error {
		o, ok := w.order(number)
		if !ok {
			return nil
		}
		o = o.Hear(m, v)
		f, err := rest(m, o, v, w.now)
		key := fillKey{number, journal.FromTotals}
		// Totals of less than was told are late, and fills of the rest may yet be listed.
		if err != nil || e.taken[key] || !m.Volume(v.Filled).Equal(o.Told) { // it stays a difference
			return nil //nolint:nilerr // and the report says so
		}
		w.event++
		f.Event = w.event
		w.taken[key] = true
		w.entry.Fills = append(w.entry.Fills, f)
		w.book(w.bookOf(m.Pair).Take(f))
		w.put(o.Take(f), fmt.Sprintf("%s filled at %s on average, as the order's own totals say: the venue has listed no trade of that for %s",
			f.Volume, f.Price, w.now.Sub(o.UpdatedAt).Round(time.Second)))
		return nil
	})
}

// rest is what an order's totals have beyond its fills, as one fill. The error says that
// they do not fit: there is less of something than its fills have already.
func rest(m exchange.Market, o journal.LiveOrder, v exchange.Order, now time.Time) (journal.LiveFill, error) {
	at := now
	if v.Completed > 0 {
		at = time.UnixMilli(v.Completed).UTC()
	}
	f := journal.LiveFill{
		Fill: journal.Fill{
			BotID: o.BotID, Sequence: journal.FromTotals, ClientID: o.ClientID, Side: o.Side, Volume: m.Volume(v.Filled).Sub(o.Filled),
			Value: m.Amount(v.Value).Sub(o.FilledValue), Time: at,
			// Fees of fills are rounded up, each for itself: their sum may be above the total.
			FeeCounter: decimal.Max(decimal.Zero, m.Amount(v.Fee).Sub(o.Fee)), FeeBase: decimal.Max(decimal.Zero, m.DustAmount(v.FeeBase).Sub(o.FeeBase)),
		},
		Order: o.Number, Pair: o.Pair,
	}
	if !f.Volume.IsPositive() || !f.Value.IsPositive() {
		return f, errors.New("the totals are not more than the fills")
	}
	price, err := m.Ticks(f.Value.Div(f.Volume), exchange.Down)
	f.Price = m.Price(price)
	return f, err
}
