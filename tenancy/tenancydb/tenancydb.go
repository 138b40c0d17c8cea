package tenancydb

import (
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/vault"
)

//go:embed migrations
var files embed.FS

// Migrations returns the migrations of this package's tables.
func Migrations() db.MigrationSet {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the name is a constant and embedded above
	}
	return db.MigrationSet{Name: "tenancy", Files: sub}
}

var (
	_ tenancy.Store = (*Store)(nil)
	_ vault.Store   = (*Store)(nil)
)

// Store implements tenancy.Store and vault.Store. It is safe for concurrent
// use.
type Store struct{ db *db.DB }

// New returns a store in a migrated database.
func New(d *db.DB) *Store { return &Store{db: d} }

// notFound is the answer for what does not exist and what is another tenant's.
func notFound(what, id string) *errs.Error {
	return errs.New(errs.NotFound, what+"_not_found", "no %s %q", what, id)
}

// changed returns missing unless a statement changed a row.
func changed(res sql.Result, err error, operation string, missing *errs.Error) error {
	n, err := affected(res, err, operation)
	if err == nil && n == 0 {
		return missing
	}
	return err
}

// affected returns how many rows a statement changed.
func affected(res sql.Result, err error, operation string) (int, error) {
	if err != nil {
		return 0, fmt.Errorf("%s: %w", operation, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", operation, err)
	}
	return int(n), nil
}

// failed wraps the error of an insert with the operation.
func failed(err error, operation string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

// lockedByOther reports whether a FOR UPDATE NOWAIT found the row taken.
func lockedByOther(err error) bool {
	var coded interface{ SQLState() string }
	return errors.As(err, &coded) && coded.SQLState() == "55P03"
}

// forUpdate appends a locking clause where the database has one; on SQLite a
// writing transaction is alone anyway.
func (s *Store) forUpdate(q *bun.SelectQuery, clause string) *bun.SelectQuery {
	if s.db.Dialect() == db.Postgres {
		return q.For(clause)
	}
	return q
}
