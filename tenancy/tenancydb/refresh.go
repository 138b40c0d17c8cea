package tenancydb

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/tenancy"
)

type refreshTokenRow struct {
	bun.BaseModel `bun:"table:refresh_tokens,alias:r"`

	TenantID   string `bun:",pk"`
	SessionID  string `bun:",pk"`
	Generation int    `bun:",pk"`
	Hash       encoded
	Salt       encoded
	CreatedAt  db.Timestamp
	ExpiresAt  db.Timestamp
	ReplacedAt db.Timestamp
}

// encoded is bytes in a TEXT column, as base64.
type encoded string

func encode(b []byte) encoded { return encoded(base64.StdEncoding.EncodeToString(b)) }

func (e encoded) decode(what string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(string(e))
	if err != nil {
		return nil, fmt.Errorf("decoding %s: %w", what, err)
	}
	return b, nil
}

// InsertRefreshToken implements tenancy.Store.
func (s *Store) InsertRefreshToken(ctx context.Context, tenantID string, t tenancy.RefreshToken) error {
	row := refreshTokenRow{
		TenantID: tenantID, SessionID: t.SessionID, Generation: t.Generation, Hash: encode(t.Hash), Salt: encode(t.Salt),
		CreatedAt: db.At(t.CreatedAt), ExpiresAt: db.At(t.ExpiresAt), ReplacedAt: db.At(t.ReplacedAt),
	}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return failed(err, "storing a refresh token of session "+t.SessionID)
	})
}

// RefreshToken implements tenancy.Store.
func (s *Store) RefreshToken(ctx context.Context, tenantID, sessionID string, generation int) (tenancy.RefreshToken, error) {
	var row refreshTokenRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&row).Where("r.tenant_id = ?", tenantID).
			Where("r.session_id = ?", sessionID).Where("r.generation = ?", generation).Scan(ctx)
		return db.NotFound(err, "reading a refresh token of session "+sessionID, notFound("refresh_token", sessionID))
	})
	if err != nil {
		return tenancy.RefreshToken{}, err
	}
	hash, err := row.Hash.decode("the hash of a refresh token")
	if err != nil {
		return tenancy.RefreshToken{}, err
	}
	salt, err := row.Salt.decode("the salt of a refresh token")
	if err != nil {
		return tenancy.RefreshToken{}, err
	}
	return tenancy.RefreshToken{
		TenantID: row.TenantID, SessionID: row.SessionID, Generation: row.Generation, Hash: hash, Salt: salt,
		CreatedAt: row.CreatedAt.Time, ExpiresAt: row.ExpiresAt.Time, ReplacedAt: row.ReplacedAt.Time,
	}, nil
}

// ReplaceRefreshToken implements tenancy.Store.
func (s *Store) ReplaceRefreshToken(ctx context.Context, tenantID, sessionID string, generation int, at time.Time) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*refreshTokenRow)(nil)).Set("replaced_at = ?", db.At(at)).Set("salt = ''").
			Where("tenant_id = ?", tenantID).Where("session_id = ?", sessionID).Where("generation = ?", generation).Exec(ctx)
		return changed(res, err, "replacing a refresh token of session "+sessionID, notFound("refresh_token", sessionID))
	})
}
