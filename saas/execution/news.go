package execution

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// pageOfEvents is how many events are read at once.
const pageOfEvents = 500

// News returns what happened to the bot's orders after an event, in the engine's words,
// oldest first. Of orders that its engine does not know, such as those of an account of
// before, there is the number of the event alone: they may be counted in ticks and steps
// that their market has no more. Of claimed ones there are the fills, which are the bot's.
func (d *Desk) News(ctx context.Context, after int64, knows func(number uint64) bool) ([]remote.News, error) {
	c := d.cfg.Executor.cfg
	var out []remote.News
	for {
		events, err := c.Store.LiveEvents(ctx, c.TenantID, c.BotID, after, pageOfEvents)
		if err != nil {
			return nil, fmt.Errorf("reading what happened to the orders of bot %s: %w", c.BotID, err)
		}
		for _, ev := range events {
			n, err := d.news(ctx, ev, knows)
			if err != nil {
				return nil, err
			}
			out, after = append(out, n), ev.Event
		}
		if len(events) < pageOfEvents {
			return out, nil
		}
	}
}

// news is an event in the engine's words.
func (d *Desk) news(ctx context.Context, ev journal.LiveEvent, knows func(number uint64) bool) (remote.News, error) {
	n := remote.News{Event: ev.Event}
	if f := ev.Fill; f != nil {
		m, traded := d.cfg.Executor.markets[f.Pair]
		if n.At = f.Time.UnixMilli(); !traded || f.Order > 0 && !knows(uint64(f.Order)) {
			return n, nil
		}
		if f.Order > 0 {
			n.Number = uint64(f.Order)
		}
		fill, err := executed(m, f)
		n.Fill = &fill
		return n, err
	}
	t := ev.Transition
	if n.At = t.At.UnixMilli(); t.Order <= 0 || !knows(uint64(t.Order)) {
		return n, nil
	}
	n.Number = uint64(t.Order)
	if !t.To.Final() {
		n.Placed = t.To == journal.Open || t.To == journal.PartiallyFilled
		return n, nil
	}
	c := d.cfg.Executor.cfg
	o, err := c.Store.LiveOrder(ctx, c.TenantID, c.BotID, t.Order)
	if err != nil {
		return n, fmt.Errorf("reading how order %d of bot %s ended: %w", t.Order, c.BotID, err)
	}
	m, traded := d.cfg.Executor.markets[o.Pair]
	if !traded {
		return remote.News{Event: ev.Event}, nil
	}
	filled, err := m.Steps(o.Told, exchange.Exact)
	n.End = &remote.End{Filled: filled}
	if o.State != journal.Filled {
		n.End.Reason = cmp.Or(o.Reason, t.Cause, string(o.State))
	}
	switch o.State { //nolint:exhaustive // the other ends are that of an order that was taken back
	case journal.Denied:
		n.End.Ending = exchange.EndedDenied
	case journal.Rejected:
		n.End.Ending = exchange.EndedRejected
	}
	return n, err
}

// executed is a journalled execution in the market's ticks and steps.
func executed(m exchange.Market, f *journal.LiveFill) (exchange.Fill, error) {
	out := exchange.Fill{Pair: f.Pair, Sequence: f.Sequence, Side: exchange.Buy, Maker: f.Maker, Time: f.Time.UnixMilli()}
	if f.Side == exchange.Sell.String() {
		out.Side = exchange.Sell
	}
	problems := make([]error, 5)
	out.Price, problems[0] = m.Ticks(f.Price, exchange.Exact)
	out.Volume, problems[1] = m.Steps(f.Volume, exchange.Exact)
	out.Value, problems[2] = m.Units(f.Value, exchange.Exact)
	out.FeeCounter, problems[3] = m.Units(f.FeeCounter, exchange.Exact)
	out.FeeBase, problems[4] = m.Dust(f.FeeBase, exchange.Exact)
	return out, errors.Join(problems...)
}
