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

	TenantID string `bun:",pk"`
	Strategy string `bun:",pk"`
	Version  string `bun:",pk"`
	Times    int64
	LastAt   db.Timestamp
}

func (r hangRow) hang() research.Hang {
	return research.Hang{TenantID: r.TenantID, Strategy: r.Strategy, Version: r.Version, Times: r.Times, Last: r.LastAt.Time}
}

// Hangs implements research.Store and research.Queue.
func (s *Store) Hangs(ctx context.Context, since time.Time) (research.Hangs, error) {
	var rows []hangRow
	err := s.db.SystemRead(ctx, "looking for backtests that hang", func(ctx context.Context, tx bun.IDB) error {
		return tx.NewSelect().Model(&rows).Where("h.last_at >= ?", since.UnixMicro()).Order("h.tenant_id", "h.strategy", "h.version").Scan(ctx)
	})
	return convert(rows, hangRow.hang), err
}

// PutHang implements research.Store.
func (s *Store) PutHang(ctx context.Context, tenantID string, h research.Hang, since time.Time) (research.Hang, error) {
	row := hangRow{TenantID: tenantID, Strategy: h.Strategy, Version: h.Version, Times: 1, LastAt: db.At(h.Last)}
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, strategy, version) DO UPDATE").
			Set("times = CASE WHEN h.last_at < ? THEN 1 ELSE h.times + 1 END, last_at = EXCLUDED.last_at", since.UnixMicro()).
			Returning("times").Exec(ctx)
		if err != nil {
			return fmt.Errorf("noting that a backtest of %s hung: %w", h.Strategy, err)
		}
		return nil
	})
	return row.hang(), err
}

// DropHang implements research.Store.
func (s *Store) DropHang(ctx context.Context, tenantID, strategy, version string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewDelete().Model((*hangRow)(nil)).Where("tenant_id = ? AND strategy = ? AND version = ?", tenantID, strategy, version).Exec(ctx)
		if err != nil {
			return fmt.Errorf("forgetting that backtests of %s hung: %w", strategy, err)
		}
		return nil
	})
}
