package saasdb

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/halt"
)

type haltRow struct {
	bun.BaseModel `bun:"table:halts,alias:h"`

	TenantID   string `bun:",pk"`
	ID         string `bun:",pk"`
	BotID      string
	Flatten    bool
	Reason     string
	PulledBy   string
	PulledAt   db.Timestamp
	ReleasedBy string
	ReleasedAt db.Timestamp
	Stopped    int64
}

func (r haltRow) halt() halt.Halt {
	return halt.Halt{
		ID: r.ID, TenantID: r.TenantID, BotID: r.BotID, Flatten: r.Flatten, Reason: r.Reason, PulledBy: r.PulledBy, PulledAt: r.PulledAt.Time,
		ReleasedBy: r.ReleasedBy, ReleasedAt: r.ReleasedAt.Time, Stopped: r.Stopped,
	}
}

// write runs fn in a transaction of a tenant, or of the installation for "".
func (s *Store) write(ctx context.Context, tenantID, purpose string, fn func(ctx context.Context, tx bun.IDB) error) error {
	if tenantID == "" {
		return s.db.System(ctx, purpose, fn)
	}
	return s.db.Write(ctx, tenantID, fn)
}

// PutHalt implements halt.Store.
func (s *Store) PutHalt(ctx context.Context, tenantID string, h halt.Halt) (halt.Halt, bool, error) {
	row := haltRow{
		TenantID: tenantID, ID: h.ID, BotID: h.BotID, Flatten: h.Flatten, Reason: clean(h.Reason), PulledBy: clean(h.PulledBy), PulledAt: db.At(h.PulledAt),
	}
	err := s.write(ctx, tenantID, "storing a kill switch", func(ctx context.Context, tx bun.IDB) error {
		if h.BotID != "" {
			if _, err := selectBot(ctx, tx, tenantID, h.BotID); err != nil {
				return err
			}
		}
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, bot_id) WHERE released_at IS NULL DO UPDATE").
			Set("flatten = h.flatten OR EXCLUDED.flatten").Returning("*").Exec(ctx)
		if err != nil {
			return fmt.Errorf("storing a kill switch: %w", err)
		}
		return nil
	})
	return row.halt(), row.ID == h.ID, err
}

// LockHalt implements halt.Store.
func (s *Store) LockHalt(ctx context.Context, tenantID, id string) (halt.Halt, error) {
	var row haltRow
	err := s.write(ctx, tenantID, "locking a kill switch", func(ctx context.Context, tx bun.IDB) error {
		q := tx.NewSelect().Model(&row).Where("h.tenant_id = ? AND h.id = ?", tenantID, id)
		if s.db.Dialect() == db.Postgres {
			q = q.For("UPDATE")
		}
		return db.NotFound(q.Scan(ctx), "reading kill switch "+id, notFound("halt", id))
	})
	return row.halt(), err
}

// ReleaseHalt implements halt.Store.
func (s *Store) ReleaseHalt(ctx context.Context, tenantID string, h halt.Halt) error {
	return s.write(ctx, tenantID, "releasing a kill switch", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*haltRow)(nil)).Set("released_by = ?, released_at = ?", clean(h.ReleasedBy), db.At(h.ReleasedAt)).
			Where("tenant_id = ? AND id = ?", tenantID, h.ID).Exec(ctx)
		return changed(res, err, "releasing kill switch "+h.ID, notFound("halt", h.ID))
	})
}

// StopCovered implements halt.Store.
func (s *Store) StopCovered(ctx context.Context, h halt.Halt, now time.Time) (n int64, err error) {
	ending := bot.Halted
	if h.Flatten {
		ending = bot.Flattened
	}
	err = s.write(ctx, h.TenantID, "stopping bots by a kill switch", func(ctx context.Context, tx bun.IDB) error {
		// The first condition is that of the index bots_runnable. The rows are locked in
		// one order, so that two switches at once do not wait for each other in a circle.
		running := tx.NewSelect().Model((*botRow)(nil)).Column("b.tenant_id", "b.id").Where("b.desired OR b.failure <> '' OR b.status NOT IN ('stopped', 'error')").
			Where("b.desired OR b.failure <> '' OR b.ending <> ? AND ?", bot.Flattened, h.Flatten)
		// One that stopped or failed may have orders that nobody takes back, and a position.
		atRest := tx.NewSelect().Model((*botRow)(nil)).Column("b.tenant_id", "b.id").
			Where("NOT b.desired AND b.status IN ('stopped', 'error')").
			Where("EXISTS (SELECT 1 FROM bot_configs AS c WHERE c.tenant_id = b.tenant_id AND c.id = b.config_id AND c.mode = ?)", bot.Live).
			WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.Where("EXISTS (SELECT 1 FROM live_orders AS o WHERE o.tenant_id = b.tenant_id AND o.bot_id = b.id AND NOT o.settled)").
					WhereOr("? AND EXISTS (SELECT 1 FROM live_books AS k WHERE k.tenant_id = b.tenant_id AND k.bot_id = b.id AND k.base <> '0')", h.Flatten)
			})
		for _, covered := range []*bun.SelectQuery{running, atRest} {
			stopped, err := s.stopCovered(ctx, tx, h, covered, ending, now)
			if err != nil {
				return err
			}
			n += stopped
		}
		if n == 0 {
			return nil
		}
		_, err := tx.NewUpdate().Model((*haltRow)(nil)).Set("stopped = stopped + ?", n).Where("tenant_id = ? AND id = ?", h.TenantID, h.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("counting what a kill switch stopped: %w", err)
		}
		return nil
	})
	return n, err
}

// stopCovered asks those of some bots to stop that a switch covers, and returns how many
// they are.
func (s *Store) stopCovered(ctx context.Context, tx bun.IDB, h halt.Halt, covered *bun.SelectQuery, ending bot.Ending, now time.Time) (int64, error) {
	covered = covered.Order("b.tenant_id", "b.id")
	if h.TenantID != "" {
		covered = covered.Where("b.tenant_id = ?", h.TenantID)
	}
	if h.BotID != "" {
		covered = covered.Where("b.id = ?", h.BotID)
	}
	if s.db.Dialect() == db.Postgres {
		covered = covered.For("NO KEY UPDATE")
	}
	res, err := tx.NewUpdate().Model((*botRow)(nil)).
		Set("desired = ?, status = ?, reason = ?, ending = ?, failure = '', updated_at = ?", false, bot.Stopping, "stopping: the kill switch was pulled", ending, db.At(now)).
		Where("(tenant_id, id) IN (?)", covered).Exec(ctx)
	return affected(res, err, "stopping bots by a kill switch")
}

// HaltsOver implements halt.Store.
func (s *Store) HaltsOver(ctx context.Context, tenantID string) (halt.Halts, error) {
	var rows []haltRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		return listHalts(ctx, tx.NewSelect().Model(&rows).Where("h.released_at IS NULL AND h.tenant_id IN ('', ?)", tenantID))
	})
	return convert(rows, haltRow.halt), err
}

// HaltsOf implements halt.Store.
func (s *Store) HaltsOf(ctx context.Context, tenantID string, limit int) (halt.Halts, error) {
	var rows []haltRow
	list := func(ctx context.Context, tx bun.IDB) error {
		return listHalts(ctx, tx.NewSelect().Model(&rows).Where("h.tenant_id = ?", tenantID).Limit(int64(limit)))
	}
	var err error
	if tenantID == "" {
		err = s.db.SystemRead(ctx, "listing kill switches", list)
	} else {
		err = s.db.Read(ctx, tenantID, list)
	}
	return convert(rows, haltRow.halt), err
}

// HaltsOn implements halt.Store.
func (s *Store) HaltsOn(ctx context.Context) (halt.Halts, error) {
	var rows []haltRow
	err := s.db.SystemRead(ctx, "looking for kill switches", func(ctx context.Context, tx bun.IDB) error {
		return listHalts(ctx, tx.NewSelect().Model(&rows).Where("h.released_at IS NULL"))
	})
	return convert(rows, haltRow.halt), err
}

// listHalts reads switches, the newest first.
func listHalts(ctx context.Context, q *bun.SelectQuery) error {
	if err := q.Order("h.id DESC").Scan(ctx); err != nil {
		return fmt.Errorf("listing kill switches: %w", err)
	}
	return nil
}
