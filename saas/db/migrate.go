package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"github.com/lunobot/lunobot/saas/errs"
)

// migrationLock is the key of the PostgreSQL advisory lock under which
// migrations run; a lock of the session, so that it ends with the process.
const migrationLock = 0x4c554e4f424f54

// MigrationSet is one package's migrations.
type MigrationSet struct {
	// Files holds NNNN_name.tx.up.sql files in the folders shared, sqlite and
	// postgres, each of which may be missing. Numbers are unique over the three.
	Files fs.FS
	// Name names the set's table of applied migrations; letters only.
	Name string
}

// Migration is one migration and whether it has been applied.
type Migration struct {
	Set, Name, Comment string
	Applied            bool
}

// Migrate applies what is missing of the sets, in their order, each migration
// in a transaction of its own, and returns the migrations that it applied. A
// database that holds a migration that the sets do not know was written by a
// newer version: that is a Conflict error and nothing is changed.
func (d *DB) Migrate(ctx context.Context, sets ...MigrationSet) ([]Migration, error) {
	var done []Migration
	err := d.locked(ctx, func(db *bun.DB) error {
		migrators, err := d.check(ctx, db, sets)
		if err != nil {
			return err
		}
		for i, m := range migrators {
			group, err := m.Migrate(ctx)
			if err != nil {
				return fmt.Errorf("migrating %s: %w", sets[i].Name, err)
			}
			for _, g := range group.Migrations {
				done = append(done, Migration{Set: sets[i].Name, Name: g.Name, Comment: g.Comment, Applied: true})
			}
		}
		return nil
	})
	return done, err
}

// Migrations lists the migrations of the sets and whether each is applied.
func (d *DB) Migrations(ctx context.Context, sets ...MigrationSet) ([]Migration, error) {
	var list []Migration
	err := d.locked(ctx, func(db *bun.DB) error {
		migrators, err := d.check(ctx, db, sets)
		if err != nil {
			return err
		}
		for i, m := range migrators {
			ms, err := m.MigrationsWithStatus(ctx)
			if err != nil {
				return fmt.Errorf("reading the state of %s: %w", sets[i].Name, err)
			}
			slices.Reverse(ms) // bun lists the newest first
			for _, g := range ms {
				list = append(list, Migration{Set: sets[i].Name, Name: g.Name, Comment: g.Comment, Applied: g.IsApplied()})
			}
		}
		return nil
	})
	return list, err
}

// locked runs fn while no other process migrates.
func (d *DB) locked(ctx context.Context, fn func(db *bun.DB) error) (err error) {
	if d.dialect == SQLite {
		return fn(d.write)
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("reserving a connection for migrations: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(?)", int64(migrationLock)); err != nil {
		return fmt.Errorf("locking migrations: %w", err)
	}
	defer func() {
		_, uerr := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(?)", int64(migrationLock))
		err = errors.Join(err, uerr)
	}()
	return fn(d.write)
}

// check builds the sets' migrators and refuses a database of a newer version.
func (d *DB) check(ctx context.Context, db *bun.DB, sets []MigrationSet) ([]*migrate.Migrator, error) {
	migrators := make([]*migrate.Migrator, 0, len(sets))
	for _, set := range sets {
		known := migrate.NewMigrations()
		for _, dir := range []string{"shared", string(d.dialect)} {
			if _, err := fs.Stat(set.Files, dir); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			sub, err := fs.Sub(set.Files, dir)
			if err != nil {
				return nil, fmt.Errorf("reading migrations of %s: %w", set.Name, err)
			}
			if err := known.Discover(sub); err != nil {
				return nil, fmt.Errorf("reading migrations of %s: %w", set.Name, err)
			}
		}
		m := migrate.NewMigrator(db, known,
			migrate.WithTableName("migrations_"+set.Name),
			migrate.WithLocksTableName("migration_locks_"+set.Name),
			migrate.WithMarkAppliedOnSuccess(true))
		if err := m.Init(ctx); err != nil {
			return nil, fmt.Errorf("preparing migrations of %s: %w", set.Name, err)
		}
		foreign, err := m.MissingMigrations(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the state of %s: %w", set.Name, err)
		}
		if len(foreign) > 0 {
			return nil, errs.New(errs.Conflict, "database_newer",
				"the database was written by a newer version (it holds the %s migration %s, which this one does not know): "+
					"start that version or a later one", set.Name, foreign[0].Name)
		}
		migrators = append(migrators, m)
	}
	return migrators, nil
}
