package saasdb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
)

type accountRow struct {
	bun.BaseModel `bun:"table:exchange_accounts,alias:a"`

	TenantID       string `bun:",pk"`
	ID             string `bun:",pk"`
	Name           string
	Venue          string
	SealedKey      string
	SealedSecret   string
	KeyHint        string
	VenueAccount   string
	State          account.State
	Reason         string
	Rights         string // JSON
	Notes          string // JSON
	Balances       string // JSON
	BalancesAt     db.Timestamp
	Tries          int
	UnreachedAt    db.Timestamp
	CheckAt        db.Timestamp
	CheckedAt      db.Timestamp
	KeyDestroyedAt db.Timestamp
	CreatedAt      db.Timestamp
	UpdatedAt      db.Timestamp
}

func accountRowOf(tenantID string, a account.Account) (accountRow, error) {
	rights, err := json.Marshal(a.Rights)
	if err != nil {
		return accountRow{}, err
	}
	notes, err := json.Marshal(a.Notes)
	if err != nil {
		return accountRow{}, err
	}
	balances, err := json.Marshal(a.Balances)
	if err != nil {
		return accountRow{}, err
	}
	return accountRow{
		TenantID: tenantID, ID: a.ID, Name: clean(a.Name), Venue: a.Venue, KeyHint: a.KeyHint, VenueAccount: a.VenueAccount, KeyDestroyedAt: db.At(a.KeyDestroyedAt), State: a.State, Reason: clean(a.Reason), Rights: string(rights),
		Notes: string(notes), Balances: string(balances), BalancesAt: db.At(a.BalancesAt), Tries: a.Tries, UnreachedAt: db.At(a.UnreachedAt), CheckAt: db.At(a.CheckAt), CheckedAt: db.At(a.CheckedAt), CreatedAt: db.At(a.CreatedAt), UpdatedAt: db.At(a.UpdatedAt),
	}, nil
}

func (r accountRow) account() (account.Account, error) {
	a := account.Account{
		ID: r.ID, TenantID: r.TenantID, Name: r.Name, Venue: r.Venue, KeyHint: r.KeyHint, VenueAccount: r.VenueAccount, KeyDestroyedAt: r.KeyDestroyedAt.Time, State: r.State, Reason: r.Reason, Tries: r.Tries, UnreachedAt: r.UnreachedAt.Time,
		BalancesAt: r.BalancesAt.Time, CheckAt: r.CheckAt.Time, CheckedAt: r.CheckedAt.Time, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
	if err := json.Unmarshal([]byte(r.Rights), &a.Rights); err != nil {
		return account.Account{}, fmt.Errorf("reading the rights of account %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.Notes), &a.Notes); err != nil {
		return account.Account{}, fmt.Errorf("reading the notes of account %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.Balances), &a.Balances); err != nil {
		return account.Account{}, fmt.Errorf("reading the balances of account %s: %w", r.ID, err)
	}
	return a, nil
}

func accountsOf(rows []accountRow) ([]account.Account, error) {
	list := make([]account.Account, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.account(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// InsertAccount implements account.Connections.
func (s *Store) InsertAccount(ctx context.Context, tenantID string, a account.Account, key account.SealedKey) error {
	row, err := accountRowOf(tenantID, a)
	if err != nil {
		return fmt.Errorf("storing account %s: %w", a.ID, err)
	}
	row.SealedKey, row.SealedSecret = key.Key, key.Secret
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return fmt.Errorf("storing account %s: %w", a.ID, err)
		}
		return nil
	})
}

// Account implements account.Connections.
func (s *Store) Account(ctx context.Context, tenantID, id string) (a account.Account, err error) {
	err = s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		row, err := readAccount(ctx, tx, tenantID, id, "")
		if err != nil {
			return err
		}
		a, err = row.account()
		return err
	})
	return a, err
}

// LockAccount implements account.Connections.
func (s *Store) LockAccount(ctx context.Context, tenantID, id string) (a account.Account, err error) {
	err = s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		row, err := readAccount(ctx, tx, tenantID, id, s.locking("FOR UPDATE"))
		if err != nil {
			return err
		}
		a, err = row.account()
		return err
	})
	return a, err
}

// SealedKey implements account.Connections.
func (s *Store) SealedKey(ctx context.Context, tenantID, id string) (account.SealedKey, error) {
	var row accountRow
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) (err error) {
		row, err = readAccount(ctx, tx, tenantID, id, "")
		return err
	})
	return account.SealedKey{Key: row.SealedKey, Secret: row.SealedSecret}, err
}

func readAccount(ctx context.Context, tx bun.IDB, tenantID, id, lock string) (row accountRow, err error) {
	err = tx.NewRaw("SELECT * FROM exchange_accounts WHERE tenant_id = ? AND id = ?"+lock, tenantID, id).Scan(ctx, &row)
	return row, db.NotFound(err, "reading account "+id, notFound("account", id))
}

// Accounts implements account.Connections.
func (s *Store) Accounts(ctx context.Context, tenantID string, p page.Page) ([]account.Account, error) {
	rows, err := latest[accountRow](ctx, s, tenantID, "accounts", p, nil)
	if err != nil {
		return nil, err
	}
	return accountsOf(rows)
}

// UpdateAccount implements account.Connections.
func (s *Store) UpdateAccount(ctx context.Context, tenantID string, a account.Account) error {
	row, err := accountRowOf(tenantID, a)
	if err != nil {
		return fmt.Errorf("changing account %s: %w", a.ID, err)
	}
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewUpdate().Model(&row).ExcludeColumn("sealed_key", "sealed_secret", "created_at").WherePK().Exec(ctx)
		if db.IsUnique(err) {
			return errs.New(errs.Conflict, "venue_account_connected", "the account at %s that account %s belongs to is connected already", a.Venue, a.ID)
		}
		return changed(res, err, "changing account "+a.ID, notFound("account", a.ID))
	})
}

// DeleteAccount implements account.Connections.
func (s *Store) DeleteAccount(ctx context.Context, tenantID, id string) error {
	return s.db.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		res, err := tx.NewDelete().Model((*accountRow)(nil)).Where("tenant_id = ? AND id = ?", tenantID, id).Exec(ctx)
		return changed(res, err, "deleting account "+id, notFound("account", id))
	})
}
