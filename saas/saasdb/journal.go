package saasdb

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
)

// Checkpoint implements journal.Store.
func (s *Store) Checkpoint(ctx context.Context, tenantID, botID string) (journal.Checkpoint, error) {
	var row checkpointRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("k.tenant_id = ? AND k.bot_id = ?", tenantID, botID).Scan(ctx)
		return db.NotFound(err, "reading the checkpoint of bot "+botID, notFound("checkpoint", botID))
	})
	if err != nil {
		return journal.Checkpoint{}, err
	}
	return row.checkpoint(), nil
}

// Marks implements journal.Store.
func (s *Store) Marks(ctx context.Context, tenantID, botID string) (journal.Marks, error) {
	var m journal.Marks
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		const of = " WHERE tenant_id = ?0 AND bot_id = ?1)"
		err := tx.NewRaw("SELECT (SELECT COALESCE(MAX(number), 0) FROM bot_orders"+of+", "+
			"(SELECT COALESCE(MAX(sequence), 0) FROM bot_fills"+of+", "+
			"(SELECT COALESCE(MAX(number), 0) FROM bot_decisions"+of, tenantID, botID).Scan(ctx, &m.Order, &m.Fill, &m.Decision)
		if err != nil {
			return fmt.Errorf("reading the numbers of bot %s: %w", botID, err)
		}
		return nil
	})
	return m, err
}

// Summaries implements journal.Store.
func (s *Store) Summaries(ctx context.Context, tenantID string, botIDs ...string) (map[string]journal.Summary, error) {
	found := make(map[string]journal.Summary, len(botIDs))
	if len(botIDs) == 0 {
		return found, nil
	}
	var rows []checkpointRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).Column("bot_id", "summary").
			Where("k.tenant_id = ? AND k.bot_id IN (?)", tenantID, bun.List(botIDs)).Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading summaries: %w", err)
		}
		return nil
	})
	for _, r := range rows {
		found[r.BotID] = r.Summary.value
	}
	return found, err
}

// Orders implements journal.Store.
func (s *Store) Orders(ctx context.Context, tenantID, botID string, p page.Page) ([]journal.Order, error) {
	rows, err := newest[orderRow](ctx, s, tenantID, botID, "number", p)
	return convert(rows, orderRow.order), err
}

// Fills implements journal.Store.
func (s *Store) Fills(ctx context.Context, tenantID, botID string, p page.Page) ([]journal.Fill, error) {
	rows, err := newest[fillRow](ctx, s, tenantID, botID, "sequence", p)
	return convert(rows, fillRow.fill), err
}

// Decisions implements journal.Store.
func (s *Store) Decisions(ctx context.Context, tenantID, botID string, p page.Page) ([]journal.Decision, error) {
	rows, err := newest[decisionRow](ctx, s, tenantID, botID, "number", p)
	return convert(rows, decisionRow.decision), err
}

// newest reads a page of a bot's records, the highest number first.
func newest[R any](ctx context.Context, s *Store, tenantID, botID, number string, p page.Page) ([]R, error) {
	p = p.Bounded()
	var rows []R
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		q := tx.NewSelect().Model(&rows).Where("tenant_id = ? AND bot_id = ?", tenantID, botID).
			OrderExpr("? DESC", bun.Ident(number)).Limit(int64(p.Limit) + 1)
		if p.After != "" {
			after, err := strconv.ParseInt(p.After, 10, 64)
			if err != nil {
				return errs.New(errs.Malformed, "bad_page", "the list cannot go on after %q", p.After)
			}
			q = q.Where("? < ?", bun.Ident(number), after)
		}
		if err := q.Scan(ctx); err != nil {
			return fmt.Errorf("listing records of bot %s: %w", botID, err)
		}
		return nil
	})
	return rows, err
}

// OpenOrders implements journal.Store.
func (s *Store) OpenOrders(ctx context.Context, tenantID, botID string) ([]journal.Order, error) {
	var rows []orderRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		// The condition is that of the index bot_orders_open.
		err := tx.NewSelect().Model(&rows).Where("o.tenant_id = ? AND o.bot_id = ? AND o.rank < ?", tenantID, botID, journal.FinalRank).
			Order("o.number").Scan(ctx)
		if err != nil {
			return fmt.Errorf("listing open orders of bot %s: %w", botID, err)
		}
		return nil
	})
	return convert(rows, orderRow.order), err
}

// Equity implements journal.Store. Of n points numbered from 0 it takes those
// at which number × (points - 1) / (n - 1), rounded down, is a new value: the
// first, the last, and as many between as are wanted.
func (s *Store) Equity(ctx context.Context, tenantID, botID string, q journal.EquityQuery) ([]journal.EquityPoint, error) {
	if q.Points <= 0 {
		q.Points = 500
	}
	var rows []equityRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		all := tx.NewSelect().TableExpr("bot_equity").Where("tenant_id = ? AND bot_id = ?", tenantID, botID).
			ColumnExpr("*").ColumnExpr("ROW_NUMBER() OVER (ORDER BY at) - 1 AS i").ColumnExpr("COUNT(*) OVER () AS n")
		if !q.From.IsZero() {
			all = all.Where("at >= ?", db.At(q.From))
		}
		if !q.To.IsZero() {
			all = all.Where("at < ?", db.At(q.To))
		}
		err := tx.NewSelect().Model(&rows).ModelTableExpr("(?) AS e", all).
			Where("e.n <= ?0 OR e.i = 0 OR e.i * (?0 - 1) / (e.n - 1) <> (e.i - 1) * (?0 - 1) / (e.n - 1)", q.Points).
			Order("e.at").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the equity of bot %s: %w", botID, err)
		}
		return nil
	})
	return convert(rows, equityRow.point), err
}

// DailyEquity implements journal.Store.
func (s *Store) DailyEquity(ctx context.Context, tenantID, botID string, since time.Time) ([]journal.EquityPoint, error) {
	from := int64(0)
	if !since.IsZero() {
		from = since.UnixMicro()
	}
	var rows []equityRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).
			Where("tenant_id = ?0 AND bot_id = ?1 AND at IN (SELECT MAX(at) FROM bot_equity WHERE tenant_id = ?0 AND bot_id = ?1 AND at > ?2 "+
				"GROUP BY (at - 1) / ?3)", tenantID, botID, from, (24 * time.Hour).Microseconds()).
			Order("at").Scan(ctx)
		if err != nil {
			return fmt.Errorf("reading the daily equity of bot %s: %w", botID, err)
		}
		return nil
	})
	return convert(rows, equityRow.point), err
}

// Prune implements journal.Store. Of each hour the last point before the time
// stays.
func (s *Store) Prune(ctx context.Context, tenantID, botID string, keep int, before time.Time) (int64, error) {
	var gone int64
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewRaw("DELETE FROM bot_decisions WHERE tenant_id = ?0 AND bot_id = ?1 AND number <= "+
			"(SELECT number FROM bot_decisions WHERE tenant_id = ?0 AND bot_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
			tenantID, botID, max(0, keep)).Exec(ctx)
		decisions, err := affected(res, err, "pruning the decisions of bot "+botID)
		if err != nil {
			return err
		}
		res, err = tx.NewRaw("DELETE FROM bot_equity AS e WHERE e.tenant_id = ?0 AND e.bot_id = ?1 AND e.at < ?2 AND EXISTS "+
			"(SELECT 1 FROM bot_equity AS o WHERE o.tenant_id = ?0 AND o.bot_id = ?1 AND o.at < ?2 "+
			"AND o.at > e.at AND o.at < (e.at / ?3 + 1) * ?3)",
			tenantID, botID, before.UnixMicro(), time.Hour.Microseconds()).Exec(ctx)
		points, err := affected(res, err, "thinning the equity of bot "+botID)
		if err != nil {
			return err
		}
		tapes, err := pruneTape(ctx, tx, tenantID, botID, before)
		if err != nil {
			return err
		}
		plots, err := prunePlots(ctx, tx, tenantID, botID)
		gone = decisions + points + tapes + plots
		return err
	})
	return gone, err
}
