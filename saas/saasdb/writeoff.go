package saasdb

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

// lostOrder is an order that is not settled, with since when reconciliations do not find
// it.
func lostOrder(o journal.LiveOrder, c journal.Check) bot.LostOrder {
	l := bot.LostOrder{
		Number: o.Number, Account: o.Account, VenueID: o.VenueID, ClientID: o.ClientID, Pair: o.Pair, Side: o.Side, Type: o.Type, Price: o.Price, Volume: o.Volume,
		Value: o.Value, State: string(o.State), Filled: o.Filled, Told: o.Told, PlacedAt: o.CreatedAt, ValidUntil: o.ValidUntil,
	}
	for _, d := range c.Differences {
		if d.Kind == journal.OrderMissing && d.Subject == o.ClientID && d.Confirmed && c.Account == o.Account {
			l.MissedSince = d.Since.UTC()
		}
	}
	return l
}

// WriteOff implements bot.Store.
func (s *Store) WriteOff(ctx context.Context, tenantID, botID string, why map[int64]string, stopping bool, at time.Time) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if err := s.seize(ctx, tx, lease.Resource{Kind: lease.Bots, TenantID: tenantID, ID: botID}, stopping, at); err != nil {
			return err
		}
		st, err := s.LiveState(ctx, tenantID, botID)
		if err != nil {
			return err
		}
		e := journal.LiveEntry{TenantID: tenantID, BotID: botID}
		for _, o := range st.Orders {
			reason, ok := why[o.Number]
			if !ok || len(st.Orders) != len(why) {
				return errBehind("orders that are to be written off")
			}
			next := o.WriteOff(reason)
			next.UpdatedAt = at
			st.LastEvent++
			e.Orders = append(e.Orders, next)
			e.Transitions = append(e.Transitions, journal.Transition{Order: o.Number, Event: st.LastEvent, From: o.State, To: next.State, Cause: reason, At: at})
		}
		var rows liveRows
		rows.add(e)
		return s.storeLive(ctx, tx, rows)
	})
}

// seize ends the lease of a bot that nobody looks after any more, or of one that is held
// only to stop: whoever held it can write nothing under it.
func (s *Store) seize(ctx context.Context, tx bun.IDB, r lease.Resource, stopping bool, at time.Time) error {
	held, err := s.heldEpochs(ctx, tx, []lease.Resource{r})
	if err != nil || held[r] == 0 {
		return err
	}
	freed, err := s.updateLeases(ctx, tx, leaseUpdate{
		set: "holder = '', incarnation = 0, expires_at = 0, epoch = epoch + 1", where: "(tenant_id, kind, resource_id) IN (VALUES ?) AND (? OR expires_at <= ?)",
		whereArgs: []any{tuples(keysOf([]lease.Resource{r})), stopping, at.UnixMicro()}, lock: "FOR UPDATE",
	})
	if err != nil {
		return fmt.Errorf("ending the lease of bot %s: %w", r.ID, err)
	}
	if len(freed) == 0 {
		return errs.New(errs.Conflict, "bot_held", "a worker still looks after the bot: try again in a minute")
	}
	return nil
}
