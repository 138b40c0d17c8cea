package saasdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
)

// ClaimCheck implements account.Connections.
func (s *Store) ClaimCheck(ctx context.Context, now, again time.Time, busy []string) (a account.Account, found bool, err error) {
	err = s.db.System(ctx, "claiming a check of an account", func(ctx context.Context, tx bun.IDB) error {
		others := tx.NewSelect().Table("exchange_accounts").Column("tenant_id", "id").Where("check_at <= ?", now.UnixMicro())
		if len(busy) > 0 {
			others = others.Where("tenant_id NOT IN (?)", bun.List(busy))
		}
		if s.db.Dialect() == db.Postgres {
			others = others.For("UPDATE SKIP LOCKED")
		}
		var row accountRow
		err := tx.NewRaw("WITH due AS (?) UPDATE exchange_accounts SET check_at = ? WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM due) RETURNING *",
			others.Order("tries", "check_at", "id").Limit(1), again.UnixMicro()).Scan(ctx, &row)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("claiming a check: %w", err)
		}
		found = true
		a, err = row.account()
		return err
	})
	return a, found, err
}

// VenueAccount implements account.Connections.
func (s *Store) VenueAccount(ctx context.Context, venue string, ids []string) (id string, err error) {
	if len(ids) == 0 {
		return "", nil
	}
	err = s.db.SystemRead(ctx, "finding the connection to an account at a venue", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Table("exchange_accounts").ColumnExpr("MIN(venue_account)").
			Where("venue = ? AND venue_account IN (?)", venue, bun.List(ids)).Where(held).GroupExpr("venue").Scan(ctx, &id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("finding the connection to an account at %s: %w", venue, err)
		}
		return nil
	})
	return id, err
}

// Holding implements account.OperatorStore.
func (s *Store) Holding(ctx context.Context, venue string, ids []string) (tenantID, accountID string, err error) {
	if len(ids) == 0 {
		return "", "", nil
	}
	err = s.db.SystemRead(ctx, "finding who trades with the operator's account", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Table("exchange_accounts").Column("tenant_id", "id").
			Where("venue = ? AND venue_account IN (?)", venue, bun.List(ids)).Where(held).Order("venue_account").Limit(1).Scan(ctx, &tenantID, &accountID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("finding who trades with the operator's account at %s: %w", venue, err)
		}
		return nil
	})
	return tenantID, accountID, err
}

// held says of which accounts there is one at most for each at a venue.
const held = "venue_account <> '' AND state IN ('checking', 'connected')"

// CheckSoon implements account.Connections.
func (s *Store) CheckSoon(ctx context.Context, venue, venueAccount string, now, since time.Time) error {
	return s.db.System(ctx, "having a key checked", func(ctx context.Context, tx bun.IDB) error {
		_, err := tx.NewUpdate().Table("exchange_accounts").Set("check_at = ?", now.UnixMicro()).
			Where("venue = ? AND venue_account = ? AND state = 'connected'", venue, venueAccount).
			Where("check_at > ? AND checked_at < ?", now.UnixMicro(), since.UnixMicro()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("having the key of an account at %s checked: %w", venue, err)
		}
		return nil
	})
}

// StaleKeys implements account.Connections.
func (s *Store) StaleKeys(ctx context.Context, before time.Time, limit int) ([]account.Account, error) {
	var rows []accountRow
	err := s.db.SystemRead(ctx, "listing keys that nobody needs", func(ctx context.Context, tx bun.IDB) error {
		err := tx.NewSelect().Model(&rows).Where("a.key_destroyed_at IS NULL AND a.state IN ('refused', 'revoked')").
			Where("a.checked_at < ?", before.UnixMicro()).Order("a.checked_at").Limit(int64(limit)).Scan(ctx)
		if err != nil {
			return fmt.Errorf("listing keys that nobody needs: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return accountsOf(rows)
}

// DestroyKey implements account.Connections.
func (s *Store) DestroyKey(ctx context.Context, tenantID, id string) error {
	return s.ReplaceKey(ctx, tenantID, id, account.SealedKey{})
}

// ReplaceKey implements account.Connections.
func (s *Store) ReplaceKey(ctx context.Context, tenantID, id string, key account.SealedKey) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model((*accountRow)(nil)).Set("sealed_key = ?, sealed_secret = ?", key.Key, key.Secret).Where("tenant_id = ? AND id = ?", tenantID, id).Exec(ctx)
		return changed(res, err, "changing the key of account "+id, notFound("account", id))
	})
}
