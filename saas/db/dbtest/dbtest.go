package dbtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// Main runs a package's tests, stops the cluster that they started, if any, and
// calls what else is to be done in the end. Call it from TestMain.
func Main(m *testing.M, after ...func() error) {
	code := m.Run()
	for _, end := range append(after, shared.stop, durable.stop) {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, "after the tests:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Each runs fn as two parallel subtests, "sqlite" and "postgres", each with a
// fresh migrated database that is closed when the subtest ends.
func Each(t *testing.T, sets []db.MigrationSet, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, SQLite(t, sets...))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, open(t, postgres(t, &shared, func() (string, error) { return copies.database(&shared, sets) })))
	})
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
	raw, err := copies.file(sets)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lunobot.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, "sqlite://"+path)
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
	return postgres(t, &shared, func() (string, error) { return "template1", nil })
}

// DurablePostgresURL is PostgresURL in a cluster whose commits wait for the disk,
// for benchmarks.
func DurablePostgresURL(t testing.TB) string {
	t.Helper()
	return postgres(t, &durable, func() (string, error) { return "template1", nil })
}

// postgres returns the address of a fresh copy of a database of a cluster.
func postgres(t testing.TB, c *cluster, from func() (string, error)) string {
	t.Helper()
	base, err := c.start()
	if err != nil {
		machine.Missing(t, "PostgreSQL", err)
	}
	template, err := from()
	if err != nil {
		t.Fatal(err)
	}
	name, err := c.create(t.Context(), template)
	if err != nil {
		t.Fatal(err)
	}
	return base + "/" + name
}

// open opens a database until the test ends.
func open(t testing.TB, url string) *db.DB {
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
	return d
}
