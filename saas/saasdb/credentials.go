package saasdb

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
)

type credentialRow struct {
	bun.BaseModel `bun:"table:exchange_credentials,alias:r"`

	TenantID     string `bun:",pk"`
	ConfigID     string `bun:",pk"`
	SealedKey    string
	SealedSecret string
	KeyHint      string
	CreatedAt    db.Timestamp
}

// PutCredential implements account.Store.
func (s *Store) PutCredential(ctx context.Context, tenantID string, c account.Sealed) error {
	row := credentialRow{
		TenantID: tenantID, ConfigID: c.ConfigID, SealedKey: c.Key, SealedSecret: c.Secret, KeyHint: c.KeyHint, CreatedAt: db.At(c.CreatedAt),
	}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (tenant_id, config_id) DO UPDATE").
			Set("sealed_key = EXCLUDED.sealed_key, sealed_secret = EXCLUDED.sealed_secret").
			Set("key_hint = EXCLUDED.key_hint, created_at = EXCLUDED.created_at").Exec(ctx)
		if err != nil {
			return fmt.Errorf("storing the credential of configuration %s: %w", c.ConfigID, err)
		}
		return nil
	})
}

// Credential implements account.Store.
func (s *Store) Credential(ctx context.Context, tenantID, configID string) (account.Sealed, error) {
	var row credentialRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("r.tenant_id = ? AND r.config_id = ?", tenantID, configID).Scan(ctx)
		return db.NotFound(err, "reading the credential of configuration "+configID, notFound("credential", configID))
	})
	if err != nil {
		return account.Sealed{}, err
	}
	return account.Sealed{
		TenantID: row.TenantID, ConfigID: row.ConfigID, Key: row.SealedKey, Secret: row.SealedSecret,
		KeyHint: row.KeyHint, CreatedAt: row.CreatedAt.Time,
	}, nil
}

// DeleteCredential implements account.Store.
func (s *Store) DeleteCredential(ctx context.Context, tenantID, configID string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*credentialRow)(nil)).Where("tenant_id = ? AND config_id = ?", tenantID, configID).Exec(ctx)
		return changed(res, err, "deleting the credential of configuration "+configID, notFound("credential", configID))
	})
}
