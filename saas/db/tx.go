package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// scopeKey is the context key of the transaction under way.
type scopeKey struct{}

// scope is the transaction that a context carries.
type scope struct {
	db     *DB
	tx     bun.Tx
	tenant string // "" for work that spans tenants
	write  bool
	after  []func()
}

// Write runs fn in a transaction that may change the tenant's rows. If ctx
// carries a writing transaction of the same tenant, or one that spans tenants,
// fn joins it; otherwise Write begins one, commits it if fn returns nil and
// rolls it back if fn returns an error or panics.
func (d *DB) Write(ctx context.Context, tenantID string, fn func(ctx context.Context, tx bun.IDB) error) error {
	if tenantID == "" {
		return errors.New("db: a write needs a tenant id")
	}
	return d.run(ctx, tenantID, true, fn)
}

// Read runs fn with a view of the tenant's rows. Inside a transaction it sees
// that transaction's changes.
func (d *DB) Read(ctx context.Context, tenantID string, fn func(ctx context.Context, tx bun.IDB) error) error {
	if tenantID == "" {
		return errors.New("db: a read needs a tenant id")
	}
	return d.run(ctx, tenantID, false, fn)
}

// System runs fn in a writing transaction that spans tenants, for work that
// belongs to none of them: looking up a login by e-mail, leases, the outbox.
// The purpose is part of every error of it.
func (d *DB) System(ctx context.Context, purpose string, fn func(ctx context.Context, tx bun.IDB) error) error {
	if err := d.run(ctx, "", true, fn); err != nil {
		return fmt.Errorf("%s: %w", purpose, err)
	}
	return nil
}

// SystemRead is System for work that changes nothing.
func (d *DB) SystemRead(ctx context.Context, purpose string, fn func(ctx context.Context, tx bun.IDB) error) error {
	if err := d.run(ctx, "", false, fn); err != nil {
		return fmt.Errorf("%s: %w", purpose, err)
	}
	return nil
}

// Tx is Write for callers that know no SQL: services use it to make several
// stores' changes one.
func (d *DB) Tx(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error {
	return d.Write(ctx, tenantID, func(ctx context.Context, _ bun.IDB) error { return fn(ctx) })
}

// SystemTx is System for callers that know no SQL.
func (d *DB) SystemTx(ctx context.Context, purpose string, fn func(ctx context.Context) error) error {
	return d.System(ctx, purpose, func(ctx context.Context, _ bun.IDB) error { return fn(ctx) })
}

// AfterCommit runs fn once the transaction that ctx carries has been committed,
// and never if it is rolled back; without a transaction it runs at once. Use it
// for wake-ups, not for anything that must not be lost.
func AfterCommit(ctx context.Context, fn func()) {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		s.after = append(s.after, fn)
		return
	}
	fn()
}

// Writing reports whether ctx carries a transaction that may write, for stores
// whose work makes sense only together with somebody else's.
func Writing(ctx context.Context) bool {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	return ok && s.write
}

func (d *DB) run(ctx context.Context, tenantID string, write bool, fn func(ctx context.Context, tx bun.IDB) error) error {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok && s.db == d {
		switch {
		case s.tenant != "" && s.tenant != tenantID:
			return fmt.Errorf("db: a transaction of tenant %s was asked for rows of tenant %q", s.tenant, tenantID)
		case write && !s.write:
			return errors.New("db: a reading transaction was asked to write")
		}
		return fn(ctx, s.tx)
	}
	pool := d.read
	if write {
		pool = d.write
	}
	s := &scope{db: d, tenant: tenantID, write: write}
	err := pool.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		s.tx = tx
		return fn(context.WithValue(ctx, scopeKey{}, s), tx)
	})
	if err != nil {
		return err
	}
	for _, f := range s.after {
		f()
	}
	return nil
}
