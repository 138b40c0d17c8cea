package saasdb

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/research"
)

type hangRow struct {
	bun.BaseModel `bun:"table:backtest_hangs,alias:h"`

	TenantID  string `bun:",pk"`
	Strategy  string `bun:",pk"`
	Version   string `bun:",pk"`
	Times     int64
	LastAt    db.Timestamp
	EmptiesAt db.Timestamp
}

func (r hangRow) hang() research.Hang {
	return research.Hang{TenantID: r.TenantID, Strategy: r.Strategy, Version: r.Version, Times: r.Times, Last: r.LastAt.Time, Empties: r.EmptiesAt.Time}
}

// Hangs implements research.Store and research.Queue.
func (s *Store) Hangs(ctx context.Context, now time.Time) (research.Hangs, error) {
	var rows []hangRow
	err := s.db.SystemRead(ctx, "looking for backtests that hang", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Model(&rows).Where("h.empties_at > ?", now.UnixMicro()).Order("h.tenant_id", "h.strategy", "h.version").Scan(ctx)
	})
	return convert(rows, hangRow.hang), err
}

// PutHang implements research.Store.
func (s *Store) PutHang(ctx context.Context, tenantID string, h research.Hang) (research.Hang, error) {
	row := hangRow{TenantID: tenantID, Strategy: h.Strategy, Version: h.Version, Times: h.Times, LastAt: db.At(h.Last), EmptiesAt: db.At(h.Empties)}
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, strategy, version) DO UPDATE").
			Set("times = EXCLUDED.times + CASE WHEN h.empties_at > EXCLUDED.last_at THEN h.times ELSE 0 END").
			Set("empties_at = EXCLUDED.empties_at + CASE WHEN h.empties_at > EXCLUDED.last_at THEN h.empties_at - EXCLUDED.last_at ELSE 0 END").
			Set("last_at = EXCLUDED.last_at").Returning("times, empties_at").Exec(ctx)
		if err != nil {
			return fmt.Errorf("noting that a backtest of %s hung: %w", h.Strategy, err)
		}
		return nil
	})
	return row.hang(), err
}
