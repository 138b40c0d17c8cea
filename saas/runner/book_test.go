package runner_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// book is the world's journal.
type book struct {
	journal.Store // what a worker does not use
	*world
}

// Commit implements journal.Store.
func (b book) Commit(_ context.Context, entries ...journal.Entry) (err error) {
	b.change(func() {
		if err = b.outage; err != nil {
			return
		}
		if b.refuse != nil {
			if err = b.refuse(entries); err != nil {
				return
			}
		}
		for _, e := range entries {
			if b.leases[lease.Resource{Kind: lease.Bots, TenantID: e.TenantID, ID: e.BotID}].Epoch != e.Epoch {
				err = lease.ErrLost
				return
			}
		}
		for _, e := range entries {
			b.latest[e.BotID] = e
			for _, h := range e.Heard {
				b.heard[h.Key] = append(b.heard[h.Key], h)
			}
			b.lines[e.BotID] = append(b.lines[e.BotID], e.Decisions...)
			if len(e.Plots) > 0 {
				b.plots[e.BotID] = append(b.plots[e.BotID], e.Plots)
			}
			if e.Point != nil {
				b.points[e.BotID] = append(b.points[e.BotID], *e.Point)
			}
			if e.Baseline != nil {
				b.baselines[e.BotID] = append(b.baselines[e.BotID], *e.Baseline)
			}
			for _, o := range e.Orders {
				o.ClientID = "" // names the lease's epoch
				b.orders[o.Number] = o
			}
			for _, f := range e.Fills {
				f.ClientID = ""
				b.fills[f.Sequence] = f
			}
		}
	})
	return err
}

// Checkpoint implements journal.Store.
func (b book) Checkpoint(_ context.Context, _, id string) (journal.Checkpoint, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e, ok := b.latest[id]; ok || b.outage != nil {
		if b.outage != nil {
			return journal.Checkpoint{}, b.outage
		}
		return *e.Checkpoint, nil
	}
	return journal.Checkpoint{}, errs.New(errs.NotFound, "checkpoint_not_found", "none")
}

// OpenOrders implements journal.Store.
func (b book) OpenOrders(_ context.Context, _, id string) (list []journal.Order, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range slices.Sorted(maps.Keys(b.orders)) {
		if o := b.orders[n]; o.BotID == id && !o.State.Final() {
			list = append(list, o)
		}
	}
	return list, b.outage
}

// KeepCandles implements journal.Store.
func (b book) KeepCandles(_ context.Context, pair string, candles []exchange.Candle) error {
	b.change(func() {
		if pair == demo.XBTMYR {
			b.kept = append(b.kept, candles...)
			return
		}
		b.keptToo = append(b.keptToo, candles...)
	})
	return nil
}

// DropCandles implements journal.Store.
func (b book) DropCandles(context.Context, string, time.Time) error { return nil }

// Prune implements journal.Store.
func (b book) Prune(context.Context, string, string, int, time.Time) (int64, error) { return 0, nil }
