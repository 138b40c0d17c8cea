package tenancydb

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/tenancy"
)

type linkRow struct {
	bun.BaseModel `bun:"table:links,alias:l"`

	Purpose   string  `bun:",pk"`
	Hash      encoded `bun:",pk"`
	CreatedAt db.Timestamp
	ExpiresAt db.Timestamp
	UsedAt    db.Timestamp
}

// ReplaceLink implements tenancy.Store.
func (s *Store) ReplaceLink(ctx context.Context, l tenancy.Link) error {
	row := linkRow{Purpose: l.Purpose, Hash: encode(l.Hash), CreatedAt: db.At(l.CreatedAt), ExpiresAt: db.At(l.ExpiresAt)}
	return s.db.System(ctx, "storing a link", func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewDelete().Model((*linkRow)(nil)).Where("purpose = ?", l.Purpose).Where("used_at IS NULL").Exec(ctx)
		if err != nil {
			return fmt.Errorf("deleting earlier links: %w", err)
		}
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return failed(err, "storing a link")
	})
}

// ConsumeLink implements tenancy.Store.
func (s *Store) ConsumeLink(ctx context.Context, purpose string, hash []byte, now time.Time) error {
	return s.db.System(ctx, "using a link", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*linkRow)(nil)).Set("used_at = ?", db.At(now)).
			Where("purpose = ?", purpose).Where("hash = ?", encode(hash)).
			Where("used_at IS NULL").Where("expires_at > ?", db.At(now)).Exec(ctx)
		return changed(res, err, "using a link", notFound("link", purpose))
	})
}

// DeleteLinks implements tenancy.Store.
func (s *Store) DeleteLinks(ctx context.Context, purpose string) error {
	return s.db.System(ctx, "deleting links", func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewDelete().Model((*linkRow)(nil)).Where("purpose = ?", purpose).Exec(ctx)
		return failed(err, "deleting links")
	})
}
