package tenancydb

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/tenancy/vault"
)

type keyRow struct {
	bun.BaseModel `bun:"table:tenant_keys,alias:k"`

	TenantID   string `bun:",pk"`
	ID         string `bun:",pk"`
	Generation int
	KEKID      string `bun:"kek_id"`
	Public     encoded
	Wrapped    encoded
	CreatedAt  db.Timestamp
}

func (r keyRow) key() (vault.Key, error) {
	public, err := r.Public.decode("a public key")
	if err != nil {
		return vault.Key{}, err
	}
	wrapped, err := r.Wrapped.decode("a wrapped key")
	if err != nil {
		return vault.Key{}, err
	}
	return vault.Key{
		TenantID: r.TenantID, ID: r.ID, Generation: r.Generation, KEK: r.KEKID,
		Public: public, Wrapped: wrapped, CreatedAt: r.CreatedAt.Time,
	}, nil
}

// NewestKey implements vault.Store.
func (s *Store) NewestKey(ctx context.Context, tenantID string) (vault.Key, error) {
	return s.selectKey(ctx, tenantID, "newest", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Order("k.generation DESC").Limit(1)
	})
}

// Key implements vault.Store.
func (s *Store) Key(ctx context.Context, tenantID, keyID string) (vault.Key, error) {
	return s.selectKey(ctx, tenantID, keyID, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("k.id = ?", keyID)
	})
}

func (s *Store) selectKey(ctx context.Context, tenantID, name string, which func(*bun.SelectQuery) *bun.SelectQuery) (vault.Key, error) {
	var row keyRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := which(tx.NewSelect().Model(&row).Where("k.tenant_id = ?", tenantID)).Scan(ctx)
		return db.NotFound(err, "reading a key of tenant "+tenantID, notFound("key", name))
	})
	if err != nil {
		return vault.Key{}, err
	}
	return row.key()
}

// AddKey implements vault.Store.
func (s *Store) AddKey(ctx context.Context, tenantID string, k vault.Key) error {
	row := keyRow{
		TenantID: tenantID, ID: k.ID, Generation: k.Generation, KEKID: k.KEK,
		Public: encode(k.Public), Wrapped: encode(k.Wrapped), CreatedAt: db.At(k.CreatedAt),
	}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, generation) DO NOTHING").Exec(ctx)
		return failed(err, "storing a key of tenant "+tenantID)
	})
}

// DeleteKeys implements vault.Store.
func (s *Store) DeleteKeys(ctx context.Context, tenantID string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewDelete().Model((*keyRow)(nil)).Where("tenant_id = ?", tenantID).Exec(ctx)
		return failed(err, "deleting the keys of tenant "+tenantID)
	})
}

// KEKs implements vault.Store.
func (s *Store) KEKs(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.db.SystemRead(ctx, "checking the key-encryption key", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model((*keyRow)(nil)).ColumnExpr("DISTINCT k.kek_id").Order("k.kek_id").Scan(ctx, &ids)
		if err != nil {
			return fmt.Errorf("listing key-encryption keys: %w", err)
		}
		return nil
	})
	return ids, err
}
