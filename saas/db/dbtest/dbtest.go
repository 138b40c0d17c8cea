package dbtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// Main runs a package's tests and stops the cluster that they started, if any.
// Call it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stopping PostgreSQL:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Each runs fn as two parallel subtests, "sqlite" and "postgres", each with a
// fresh migrated database that is closed when the subtest ends.
func Each(t *testing.T, sets []db.MigrationSet, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { fn(t, open(t, url, sets)) })
}

// EachURL runs fn as two parallel subtests, "sqlite" and "postgres", each with
// the address of an empty database.
func EachURL(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, SQLiteURL(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, PostgresURL(t))
	})
}

// SQLite returns a fresh migrated SQLite database.
func SQLite(t testing.TB, sets ...db.MigrationSet) *db.DB {
	t.Helper()
	return open(t, SQLiteURL(t), sets)
}

// SQLiteURL returns the address of a SQLite file that does not exist yet, in a
// folder that goes with the test.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	return "sqlite://" + filepath.Join(t.TempDir(), "lunobot.db")
}

// PostgresURL returns the address of a fresh database in the throw-away
// cluster; it skips the test, with a message, where PostgreSQL is not
// installed, and fails it instead when LUNOBOT_REQUIRE_SERVICES=1.
func PostgresURL(t testing.TB) string {
	t.Helper()
	base, err := shared.start()
	if err != nil {
		machine.Missing(t, "PostgreSQL", err)
	}
	d, err := db.Open(t.Context(), db.Config{URL: base + "/postgres", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("t%d", shared.next())
	err = create(t.Context(), d, name)
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		t.Fatal(err)
	}
	return base + "/" + name
}

func open(t testing.TB, url string, sets []db.MigrationSet) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := d.Migrate(t.Context(), sets...); err != nil {
		t.Fatal(err)
	}
	return d
}

func create(ctx context.Context, d *db.DB, name string) error {
	return d.Exec(ctx, "CREATE DATABASE ?", bun.Ident(name))
}
