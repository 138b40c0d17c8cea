package saasdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
)

type turnsRow struct {
	bun.BaseModel `bun:"table:account_turns,alias:u"`

	TenantID    string `bun:",pk"`
	AccountID   string `bun:",pk"`
	CallsLeft   int64  // millionths of a call
	CountedAt   db.Timestamp
	PausedUntil db.Timestamp
	Waiting     string
}

// counter names the row in which the calls of an account are counted: that of its
// account at the venue, once that is known.
const counter = "COALESCE((SELECT venue || '/' || venue_account FROM exchange_accounts WHERE tenant_id = ? AND id = ? AND venue_account <> ''), ?)"

// ChangeTurns implements account.TurnStore.
func (s *Store) ChangeTurns(ctx context.Context, tenantID, accountID string, change func(account.Turns) account.Turns) error {
	err := s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		row, err := s.lockTurns(ctx, tx, tenantID, accountID)
		if err != nil {
			return err
		}
		t := account.Turns{Left: row.CallsLeft, At: row.CountedAt.Time, PausedUntil: row.PausedUntil.Time}
		if err := json.Unmarshal([]byte(row.Waiting), &t.Waiting); err != nil {
			return err
		}
		t = change(t)
		waiting, err := json.Marshal(t.Waiting)
		if err != nil {
			return err
		}
		row.CallsLeft, row.CountedAt, row.PausedUntil, row.Waiting = t.Left, db.At(t.At), db.At(t.PausedUntil), string(waiting)
		_, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("counting calls of account %s: %w", accountID, err)
	}
	return nil
}

// lockTurns returns an account's row, which it makes if there is none.
func (s *Store) lockTurns(ctx context.Context, tx bun.IDB, tenantID, accountID string) (turnsRow, error) {
	row := turnsRow{TenantID: tenantID, Waiting: "[]"}
	read := func() error {
		return tx.NewRaw("SELECT * FROM account_turns WHERE tenant_id = ? AND account_id = "+counter+s.locking("FOR UPDATE"),
			tenantID, tenantID, accountID, accountID).Scan(ctx, &row)
	}
	err := read()
	if !errors.Is(err, sql.ErrNoRows) {
		return row, err
	}
	if err := tx.NewRaw("SELECT "+counter, tenantID, accountID, accountID).Scan(ctx, &row.AccountID); err != nil {
		return turnsRow{}, err
	}
	if _, err := tx.NewInsert().Model(&row).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
		return turnsRow{}, err
	}
	return row, read()
}

// SweepTurns implements account.TurnStore.
func (s *Store) SweepTurns(ctx context.Context, before time.Time) error {
	return s.db.System(ctx, "forgetting counts of calls", func(ctx context.Context, tx bun.IDB) error {
		if _, err := tx.NewDelete().Model((*turnsRow)(nil)).Where("counted_at < ?", before.UnixMicro()).Exec(ctx); err != nil {
			return fmt.Errorf("forgetting counts of calls: %w", err)
		}
		return nil
	})
}
