package saasdb

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/hook"
)

type hookRow struct {
	bun.BaseModel `bun:"table:hooks,alias:w"`

	TenantID  string `bun:",pk"`
	BotID     string `bun:",pk"`
	ID        string
	Due       int64
	CreatedAt db.Timestamp
}

type hookKeyRow struct {
	bun.BaseModel `bun:"table:hook_keys,alias:y"`

	TenantID  string `bun:",pk"`
	BotID     string `bun:",pk"`
	ID        string `bun:",pk"`
	Hash      []byte
	CreatedAt db.Timestamp
	ExpiresAt db.Timestamp
}

func (r hookKeyRow) key() hook.Key {
	return hook.Key{ID: r.ID, Hash: r.Hash, CreatedAt: r.CreatedAt.Time, ExpiresAt: r.ExpiresAt.Time}
}

func hookKeyRows(tenantID, botID string, keys []hook.Key) []hookKeyRow {
	return convert(keys, func(k hook.Key) hookKeyRow {
		return hookKeyRow{TenantID: tenantID, BotID: botID, ID: k.ID, Hash: k.Hash, CreatedAt: db.At(k.CreatedAt), ExpiresAt: db.At(k.ExpiresAt)}
	})
}

// Address implements hook.Store.
func (s *Store) Address(ctx context.Context, id string) (hook.Hook, error) {
	var h hook.Hook
	err := s.db.SystemRead(ctx, "looking up a webhook", func(ctx context.Context, tx bun.IDB) (err error) {
		h, err = selectHook(ctx, tx, "", "w.id = ?", id)
		return err
	})
	return h, err
}

// Hook implements hook.Store.
func (s *Store) Hook(ctx context.Context, tenantID, botID string) (hook.Hook, error) {
	var h hook.Hook
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) (err error) {
		h, err = selectHook(ctx, tx, "", "w.tenant_id = ? AND w.bot_id = ?", tenantID, botID)
		return err
	})
	return h, err
}

// LockHook implements hook.Store.
func (s *Store) LockHook(ctx context.Context, tenantID, botID string) (hook.Hook, error) {
	var h hook.Hook
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) (err error) {
		lock := ""
		if s.db.Dialect() == db.Postgres {
			lock = "UPDATE"
		}
		h, err = selectHook(ctx, tx, lock, "w.tenant_id = ? AND w.bot_id = ?", tenantID, botID)
		return err
	})
	return h, err
}

func selectHook(ctx context.Context, tx bun.IDB, lock, where string, args ...any) (hook.Hook, error) {
	var row hookRow
	q := tx.NewSelect().Model(&row).Where(where, args...)
	if lock != "" {
		q = q.For(lock)
	}
	if err := db.NotFound(q.Scan(ctx), "reading a webhook", hook.ErrNone()); err != nil {
		return hook.Hook{}, err
	}
	var keys []hookKeyRow
	err := tx.NewSelect().Model(&keys).Where("y.tenant_id = ? AND y.bot_id = ?", row.TenantID, row.BotID).Order("y.created_at DESC", "y.id").Scan(ctx)
	if err != nil {
		return hook.Hook{}, fmt.Errorf("reading a webhook's keys: %w", err)
	}
	return hook.Hook{
		ID: row.ID, TenantID: row.TenantID, BotID: row.BotID, Due: row.Due, CreatedAt: row.CreatedAt.Time, Keys: convert(keys, hookKeyRow.key),
	}, nil
}

// InsertHook implements hook.Store.
func (s *Store) InsertHook(ctx context.Context, tenantID string, h hook.Hook) error {
	row := hookRow{TenantID: tenantID, BotID: h.BotID, ID: h.ID, Due: h.Due, CreatedAt: db.At(h.CreatedAt)}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return fmt.Errorf("storing the webhook of bot %s: %w", h.BotID, err)
		}
		return s.PutKeys(ctx, tenantID, h.BotID, h.Keys)
	})
}

// PutKeys implements hook.Store.
func (s *Store) PutKeys(ctx context.Context, tenantID, botID string, keys []hook.Key) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if _, err := tx.NewDelete().Model((*hookKeyRow)(nil)).Where("tenant_id = ? AND bot_id = ?", tenantID, botID).Exec(ctx); err != nil {
			return fmt.Errorf("removing the keys of the webhook of bot %s: %w", botID, err)
		}
		rows := hookKeyRows(tenantID, botID, keys)
		if len(rows) == 0 {
			return nil
		}
		if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
			return fmt.Errorf("storing the keys of the webhook of bot %s: %w", botID, err)
		}
		return nil
	})
}

// PutDue implements hook.Store.
func (s *Store) PutDue(ctx context.Context, tenantID, botID string, due int64) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*hookRow)(nil)).Set("due = ?", due).Where("w.tenant_id = ? AND w.bot_id = ?", tenantID, botID).Exec(ctx)
		return changed(res, err, "counting a message to bot "+botID, hook.ErrNone())
	})
}

// DeleteHook implements hook.Store. The keys go with it, by foreign keys that
// cascade.
func (s *Store) DeleteHook(ctx context.Context, tenantID, botID string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*hookRow)(nil)).Where("tenant_id = ? AND bot_id = ?", tenantID, botID).Exec(ctx)
		return changed(res, err, "deleting the webhook of bot "+botID, hook.ErrNone())
	})
}

// PruneSignals implements hook.Store.
func (s *Store) PruneSignals(ctx context.Context, before time.Time) (int64, error) {
	var n int64
	err := s.db.System(ctx, "pruning signals", func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*signalRow)(nil)).Where("received_at < ?", before.UnixMicro()).Exec(ctx)
		if n, err = affected(res, err, "deleting signals"); err != nil {
			return err
		}
		_, err = tx.NewDelete().Model((*hookKeyRow)(nil)).Where("expires_at < ?", before.UnixMicro()).Exec(ctx)
		return err
	})
	return n, err
}
