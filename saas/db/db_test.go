package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/errs"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func things() []db.MigrationSet {
	return []db.MigrationSet{{Name: "things", Files: os.DirFS("testdata")}}
}

func count(t *testing.T, d *db.DB, tenant string) (n int) {
	t.Helper()
	err := d.Read(t.Context(), tenant, func(ctx context.Context, tx bun.IDB) error {
		return tx.NewRaw("SELECT count(*) FROM things WHERE tenant_id = ?", tenant).Scan(ctx, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func add(ctx context.Context, tx bun.IDB, tenant, id string) error {
	_, err := tx.NewRaw("INSERT INTO things (tenant_id, id, at) VALUES (?, ?, ?)", tenant, id, db.At(time.UnixMicro(1234567))).Exec(ctx)
	return err
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, things(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		boom := errors.New("boom")
		ran := false
		err := d.Tx(ctx, "a", func(ctx context.Context) error {
			db.AfterCommit(ctx, func() { ran = true })
			if err := d.Write(ctx, "a", func(ctx context.Context, tx bun.IDB) error { return add(ctx, tx, "a", "1") }); err != nil {
				return err
			}
			if n := 0; d.Read(ctx, "a", func(ctx context.Context, tx bun.IDB) error {
				return tx.NewRaw("SELECT count(*) FROM things").Scan(ctx, &n)
			}) != nil || n != 1 {
				t.Errorf("a read inside the transaction saw %d rows, want 1", n)
			}
			return boom
		})
		if !errors.Is(err, boom) || ran || count(t, d, "a") != 0 {
			t.Fatalf("rollback: err=%v, after-commit ran=%v, rows=%d", err, ran, count(t, d, "a"))
		}
		err = d.Tx(ctx, "a", func(ctx context.Context) error {
			db.AfterCommit(ctx, func() { ran = true })
			return d.Write(ctx, "b", func(ctx context.Context, tx bun.IDB) error { return add(ctx, tx, "b", "1") })
		})
		if err == nil || count(t, d, "b") != 0 {
			t.Fatalf("a transaction of tenant a wrote for tenant b: %v", err)
		}
		err = d.SystemTx(ctx, "seeding", func(ctx context.Context) error {
			return d.Write(ctx, "b", func(ctx context.Context, tx bun.IDB) error { return add(ctx, tx, "b", "1") })
		})
		if err != nil || count(t, d, "b") != 1 {
			t.Fatalf("system: err=%v, rows=%d", err, count(t, d, "b"))
		}
		err = d.Write(ctx, "b", func(ctx context.Context, tx bun.IDB) error { return add(ctx, tx, "b", "1") })
		if !db.IsUnique(err) {
			t.Fatalf("a second row with the same key gave %v, which is not seen as a unique violation", err)
		}
		if d.Write(ctx, "", nil) == nil || d.Read(ctx, "", nil) == nil {
			t.Fatal("work without a tenant was accepted")
		}
		var at db.Timestamp
		if err := d.Read(ctx, "b", func(ctx context.Context, tx bun.IDB) error {
			return tx.NewRaw("SELECT at FROM things WHERE tenant_id = ?", "b").Scan(ctx, &at)
		}); err != nil || at.UnixMicro() != 1234567 {
			t.Fatalf("timestamp came back as %v, %v", at, err)
		}
	})
}

// proves E3: writers queue instead of failing with "database is locked".
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, things(), func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if err := d.Write(ctx, "a", func(ctx context.Context, tx bun.IDB) error { return add(ctx, tx, "a", "1") }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				err := d.Write(ctx, "a", func(ctx context.Context, tx bun.IDB) error {
					_, err := tx.NewRaw("UPDATE things SET n = n + 1 WHERE tenant_id = 'a'").Exec(ctx)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var n int
		if err := d.Read(ctx, "a", func(ctx context.Context, tx bun.IDB) error {
			return tx.NewRaw("SELECT n FROM things").Scan(ctx, &n)
		}); err != nil || n != 50 {
			t.Fatalf("n = %d, %v; want 50", n, err)
		}
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, things(), func(t *testing.T, d *db.DB) {
		again, err := d.Migrate(t.Context(), things()...)
		if err != nil || len(again) != 0 {
			t.Fatalf("a second run applied %v, %v", again, err)
		}
		list, err := d.Migrations(t.Context(), things()...)
		if err != nil || len(list) != 1 || !list[0].Applied || list[0].Comment != "things" {
			t.Fatalf("list = %+v, %v", list, err)
		}
		older := []db.MigrationSet{{Name: "things", Files: fstest.MapFS{}}}
		if _, err := d.Migrate(t.Context(), older...); errs.CodeOf(err) != "database_newer" {
			t.Fatalf("a database of a newer version gave %v", err)
		}
		broken := []db.MigrationSet{{Name: "broken", Files: fstest.MapFS{
			"shared/0001_bad.tx.up.sql": {Data: []byte("CREATE TABLE half (id TEXT);\n--bun:split\nCREATE NONSENSE;\n")},
		}}}
		if _, err := d.Migrate(t.Context(), broken...); err == nil {
			t.Fatal("a broken migration was accepted")
		}
		err = d.SystemRead(t.Context(), "looking", func(ctx context.Context, tx bun.IDB) error {
			_, err := tx.NewRaw("SELECT * FROM half").Exec(ctx)
			return err
		})
		if err == nil {
			t.Fatal("half of a broken migration stayed")
		}
	})
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ url, code, secret string }{
		"scheme":     {"mysql://root:hunter2@h/x", "database_url", "hunter2"},
		"no file":    {"sqlite://", "database_url", ""},
		"unwritable": {"sqlite:///proc/nowhere/x.db", "database_folder", ""},
		"no server":  {"postgresql://u:hunter2@127.0.0.1:1/x", "database_open", "hunter2"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := db.Open(t.Context(), db.Config{URL: c.url})
			if errs.CodeOf(err) != c.code {
				t.Fatalf("got %v, want code %s", err, c.code)
			}
			if c.secret != "" && strings.Contains(err.Error(), c.secret) {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
}

// Some programs write an absolute path with four slashes.
func TestOpenFourSlashes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite:///" + path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// A database is for its owner alone, also in a folder that others may read.
func TestFilesAreTheOwners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite://" + dir + "/x.db"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context(), things()...); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}
