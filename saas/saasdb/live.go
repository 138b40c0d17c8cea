package saasdb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
)

// ofBot is the condition of all rows of one bot.
const ofBot = "tenant_id = ? AND bot_id = ?"

// LiveState implements journal.LiveStore.
func (s *Store) LiveState(ctx context.Context, tenantID, botID string) (journal.LiveState, error) {
	var st journal.LiveState
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		var orders []liveOrderRow
		// The condition is that of the index live_orders_unsettled.
		if err := tx.NewSelect().Model(&orders).Where(ofBot, tenantID, botID).Where("NOT settled").Order("number").Scan(ctx); err != nil {
			return fmt.Errorf("reading unsettled orders of bot %s: %w", botID, err)
		}
		var fills []liveFillRow
		if numbers := convert(orders, func(r liveOrderRow) int64 { return r.Number }); len(numbers) > 0 {
			err := tx.NewSelect().Model(&fills).Where(ofBot, tenantID, botID).Where("number IN (?)", bun.List(numbers)).Order("event").Scan(ctx)
			if err != nil {
				return fmt.Errorf("reading the fills of unsettled orders of bot %s: %w", botID, err)
			}
		}
		var books []bookRow
		if err := tx.NewSelect().Model(&books).Where(ofBot, tenantID, botID).Order("pair").Scan(ctx); err != nil {
			return fmt.Errorf("reading the books of bot %s: %w", botID, err)
		}
		foreign, err := openForeign(ctx, tx, tenantID, botID)
		if err != nil {
			return err
		}
		var checks []checkRow
		if err := tx.NewSelect().Model(&checks).Where(ofBot, tenantID, botID).Scan(ctx); err != nil {
			return fmt.Errorf("reading the reconciliation of bot %s: %w", botID, err)
		}
		st.Orders, st.Fills, st.Books, st.Foreign = convert(orders, liveOrderRow.order), convert(fills, liveFillRow.fill), convert(books, bookRow.book), foreign
		for _, c := range checks {
			st.Check = c.check()
		}
		return numbers(ctx, tx, tenantID, botID, &st)
	})
	return st, err
}

// numbers reads the numbers that a bot has used.
func numbers(ctx context.Context, tx bun.IDB, tenantID, botID string, st *journal.LiveState) error {
	const of = " WHERE tenant_id = ?0 AND bot_id = ?1)"
	err := tx.NewRaw("SELECT (SELECT COALESCE(MAX(number), 0) FROM live_orders"+of+", (SELECT COALESCE(MIN(number), 0) FROM live_orders"+of, tenantID, botID).
		Scan(ctx, &st.LastNumber, &st.FirstNumber)
	if err == nil {
		st.LastEvent, err = lastEvent(ctx, tx, tenantID, botID)
	}
	if err != nil {
		return fmt.Errorf("reading the numbers of bot %s: %w", botID, err)
	}
	return nil
}

func openForeign(ctx context.Context, tx bun.IDB, tenantID, botID string) ([]journal.ForeignOrder, error) {
	var rows []foreignRow
	err := tx.NewSelect().Model(&rows).Where(ofBot, tenantID, botID).Where("NOT over").Order("found_at", "pair", "venue_id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading foreign orders of bot %s: %w", botID, err)
	}
	return convert(rows, foreignRow.foreign), nil
}

// LiveOrder implements journal.LiveStore.
func (s *Store) LiveOrder(ctx context.Context, tenantID, botID string, number int64) (journal.LiveOrder, error) {
	var row liveOrderRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where(ofBot, tenantID, botID).Where("number = ?", number).Scan(ctx)
		return db.NotFound(err, "reading an order of bot "+botID, notFound("order", strconv.FormatInt(number, 10)))
	})
	if err != nil {
		return journal.LiveOrder{}, err
	}
	return row.order(), nil
}

// LiveOrders implements journal.LiveStore.
func (s *Store) LiveOrders(ctx context.Context, tenantID, botID string, p page.Page) ([]journal.LiveOrder, error) {
	rows, err := newest[liveOrderRow](ctx, s, tenantID, botID, "number", p)
	return convert(rows, liveOrderRow.order), err
}

// LiveHistory implements journal.LiveStore.
func (s *Store) LiveHistory(ctx context.Context, tenantID, botID string, number int64) ([]journal.Transition, error) {
	var rows []transitionRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).Where(ofBot, tenantID, botID).Where("number = ?", number).Order("event").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the history of order %d of bot %s: %w", number, botID, err)
		}
		return nil
	})
	return convert(rows, transitionRow.transition), err
}

// LiveFills implements journal.LiveStore.
func (s *Store) LiveFills(ctx context.Context, tenantID, botID string, number int64) ([]journal.LiveFill, error) {
	var rows []liveFillRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).Where(ofBot, tenantID, botID).Where("number = ?", number).Order("event").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the fills of order %d of bot %s: %w", number, botID, err)
		}
		return nil
	})
	return convert(rows, liveFillRow.fill), err
}

// LiveEvents implements journal.LiveStore. Transitions and fills are two tables, and what is
// committed between the reading of one and of the other must not hide an event of the
// first: only those are listed that were there when the newest number was looked up.
func (s *Store) LiveEvents(ctx context.Context, tenantID, botID string, after int64, limit int) ([]journal.LiveEvent, error) {
	var transitions []transitionRow
	var fills []liveFillRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		newest, err := lastEvent(ctx, tx, tenantID, botID)
		if err != nil || newest <= after {
			return err
		}
		for _, rows := range []any{&transitions, &fills} {
			err := tx.NewSelect().Model(rows).Where(ofBot, tenantID, botID).Where("event > ? AND event <= ?", after, newest).Order("event").Limit(int64(limit)).Scan(ctx)
			if err != nil {
				return fmt.Errorf("reading events of bot %s: %w", botID, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	events := make([]journal.LiveEvent, 0, len(transitions)+len(fills))
	for _, r := range transitions {
		t := r.transition()
		events = append(events, journal.LiveEvent{Event: r.Event, Transition: &t})
	}
	for _, r := range fills {
		f := r.fill()
		events = append(events, journal.LiveEvent{Event: r.Event, Fill: &f})
	}
	slices.SortFunc(events, func(a, b journal.LiveEvent) int { return cmp.Compare(a.Event, b.Event) })
	return events[:min(limit, len(events))], nil
}

// lastEvent is the highest number of an event that a bot has used, as of one moment.
func lastEvent(ctx context.Context, tx bun.IDB, tenantID, botID string) (int64, error) {
	const of = " WHERE tenant_id = ?0 AND bot_id = ?1)"
	var transition, fill int64
	err := tx.NewRaw("SELECT (SELECT COALESCE(MAX(event), 0) FROM live_transitions"+of+", (SELECT COALESCE(MAX(event), 0) FROM live_fills"+of, tenantID, botID).
		Scan(ctx, &transition, &fill)
	if err != nil {
		return 0, fmt.Errorf("reading the newest event of bot %s: %w", botID, err)
	}
	return max(transition, fill), nil
}

// AccountBooks implements journal.LiveStore.
func (s *Store) AccountBooks(ctx context.Context, tenantID, account string) ([]journal.Book, error) {
	var rows []bookRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).Where("tenant_id = ? AND account = ?", tenantID, account).Order("bot_id", "pair").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the books of account %s: %w", account, err)
		}
		return nil
	})
	return convert(rows, bookRow.book), err
}

// OwnedOrders implements journal.LiveStore.
func (s *Store) OwnedOrders(ctx context.Context, tenantID, account string, venueIDs []string) ([]journal.LiveOrder, error) {
	if len(venueIDs) == 0 {
		return nil, nil
	}
	var rows []liveOrderRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).Where("tenant_id = ? AND account = ? AND venue_id IN (?)", tenantID, account, bun.List(venueIDs)).
			Order("bot_id", "number").Scan(ctx)
		if err != nil {
			return fmt.Errorf("looking for orders on account %s: %w", account, err)
		}
		return nil
	})
	return convert(rows, liveOrderRow.order), err
}

// DecideForeign implements journal.LiveStore.
func (s *Store) DecideForeign(
	ctx context.Context, tenantID, botID, pair, venueID string, d journal.ForeignDecision, by string, at time.Time,
) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*foreignRow)(nil)).Set("decision = ?, decided_by = ?, decided_at = ?", d, by, db.At(at)).
			Where(ofBot, tenantID, botID).Where("pair = ? AND venue_id = ? AND NOT over", pair, venueID).Exec(ctx)
		if db.IsUnique(err) { // the index live_foreign_claims
			return errClaimed(venueID)
		}
		if err := changed(res, err, "deciding about a foreign order", notFound("foreign_order", venueID)); err != nil || d != journal.Claim {
			return err
		}
		// After the update, which waits for a bot that is just claiming it.
		held, err := tx.NewSelect().Model((*liveOrderRow)(nil)).Where("tenant_id = ? AND pair = ? AND venue_id = ? AND NOT settled", tenantID, pair, venueID).Exists(ctx)
		if err != nil {
			return fmt.Errorf("looking for who has order %s: %w", venueID, err)
		}
		if held {
			return errClaimed(venueID)
		}
		return nil
	})
}

// errClaimed is the Conflict of a foreign order that another bot has or is to claim.
func errClaimed(venueID string) *errs.Error {
	return errs.New(errs.Conflict, "foreign_order_claimed", "order %s is claimed by another bot already: only one can have it; decide otherwise there first", venueID)
}

// AskResume implements journal.LiveStore.
func (s *Store) AskResume(ctx context.Context, tenantID, botID, by string, at time.Time) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*checkRow)(nil)).Set("resume_by = ?, resume_at = ?", by, db.At(at)).
			Where(ofBot, tenantID, botID).Where("paused <> ''").Exec(ctx)
		return changed(res, err, "resuming bot "+botID, errs.New(errs.Conflict, "not_paused", "the bot is not paused by a reconciliation"))
	})
}

// LastCheck implements journal.LiveStore.
func (s *Store) LastCheck(ctx context.Context, tenantID, botID string) (journal.Check, []journal.ForeignOrder, error) {
	var row checkRow
	var foreign []journal.ForeignOrder
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where(ofBot, tenantID, botID).Scan(ctx)
		if err := db.NotFound(err, "reading the reconciliation of bot "+botID, notFound("check", botID)); err != nil {
			return err
		}
		foreign, err = openForeign(ctx, tx, tenantID, botID)
		return err
	})
	if err != nil {
		return journal.Check{}, nil, err
	}
	return row.check(), foreign, nil
}
