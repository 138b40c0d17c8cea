package saasdb

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/outbox"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
)

//go:embed migrations
var files embed.FS

// Migrations returns the migrations of this package's tables.
func Migrations() db.MigrationSet {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the name is a constant and embedded above
	}
	return db.MigrationSet{Name: "saas", Files: sub}
}

var (
	_ account.Connections = (*Store)(nil)
	_ account.TurnStore   = (*Store)(nil)
	_ journal.LiveStore   = (*Store)(nil)
	_ bot.Store           = (*Store)(nil)
	_ ceiling.Store       = (*Store)(nil)
	_ halt.Store          = (*Store)(nil)
	_ hook.Store          = (*Store)(nil)
	_ catalog.Store       = (*Store)(nil)
	_ journal.Store       = (*Store)(nil)
	_ lease.Store         = (*Store)(nil)
	_ outbox.Store        = (*Store)(nil)
	_ replay.Store        = (*Store)(nil)
	_ research.Queue      = (*Store)(nil)
	_ research.Store      = (*Store)(nil)
)

// Store implements the stores of packages account, bot, catalog, ceiling, halt, journal, lease,
// outbox, replay and research. It is safe for concurrent use.
type Store struct {
	db *db.DB
	// capped has the tenants that had ceilings when one of their buys was committed last.
	capped sync.Map
}

// New returns a store in a database, which the caller migrates and closes.
func New(d *db.DB) *Store { return &Store{db: d} }

// batch is how many rows one statement writes at most.
const batch = 500

// tuples lists keys of several columns for VALUES, the only form in which SQLite
// takes them.
func tuples[T any](keys []T) schema.QueryAppender {
	return bun.In(keys) //nolint:staticcheck // bun.Tuple puts parentheses around them all, which VALUES does not take
}

// insertAll writes rows in batches; on completes the statement.
func insertAll[T any](ctx context.Context, tx bun.IDB, rows []T, on func(q *bun.InsertQuery) *bun.InsertQuery) error {
	for part := range slices.Chunk(rows, batch) {
		if _, err := on(tx.NewInsert().Model(&part)).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// locking returns the clause that locks the rows of a select, where the
// database has one: SQLite's writers are alone anyway.
func (s *Store) locking(clause string) string {
	if s.db.Dialect() == db.Postgres {
		return " " + clause
	}
	return ""
}

// notFound is the answer for what does not exist and what is another tenant's.
func notFound(what, id string) *errs.Error {
	return errs.New(errs.NotFound, what+"_not_found", "no %s %q", what, id)
}

// affected returns how many rows a statement changed.
func affected(res sql.Result, err error, operation string) (int64, error) {
	if err != nil {
		return 0, fmt.Errorf("%s: %w", operation, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", operation, err)
	}
	return n, nil
}

// changed returns missing unless a statement changed a row.
func changed(res sql.Result, err error, operation string, missing *errs.Error) error {
	n, err := affected(res, err, operation)
	if err == nil && n == 0 {
		return missing
	}
	return err
}

// latest reads a page of a tenant's rows that have an id, the newest first, and one more
// than the page takes. What narrows them further may be nil; what says what they are.
func latest[R any](ctx context.Context, s *Store, tenantID, what string, p page.Page, narrow func(*bun.SelectQuery) *bun.SelectQuery) ([]R, error) {
	p = p.Bounded()
	var rows []R
	err := s.db.Read(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error {
		q := tx.NewSelect().Model(&rows).Where("?TableAlias.tenant_id = ?", tenantID).OrderExpr("?TableAlias.id DESC").Limit(int64(p.Limit) + 1)
		if p.After != "" {
			q = q.Where("?TableAlias.id < ?", p.After)
		}
		if narrow != nil {
			q = narrow(q)
		}
		if err := q.Scan(ctx); err != nil {
			return fmt.Errorf("listing %s: %w", what, err)
		}
		return nil
	})
	return rows, err
}

// convert maps rows to what the stores return.
func convert[R, T any](rows []R, of func(R) T) []T {
	list := make([]T, len(rows))
	for i, r := range rows {
		list[i] = of(r)
	}
	return list
}
