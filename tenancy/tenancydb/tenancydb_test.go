package tenancydb_test

import (
	"testing"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
	"github.com/lunobot/lunobot/tenancy/tenancytest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func sets() []db.MigrationSet { return []db.MigrationSet{tenancydb.Migrations()} }

func TestStoreSQLite(t *testing.T) {
	t.Parallel()
	tenancytest.ExerciseStore(t, func(t *testing.T) tenancytest.Subject {
		d := dbtest.SQLite(t, sets()...)
		s := tenancydb.New(d)
		return tenancytest.Subject{Store: s, Keys: s, Tx: d}
	})
}

func TestStorePostgres(t *testing.T) {
	t.Parallel()
	tenancytest.ExerciseStore(t, func(t *testing.T) tenancytest.Subject {
		d, err := db.Open(t.Context(), db.Config{URL: dbtest.PostgresURL(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		if _, err := d.Migrate(t.Context(), sets()...); err != nil {
			t.Fatal(err)
		}
		s := tenancydb.New(d)
		return tenancytest.Subject{Store: s, Keys: s, Tx: d}
	})
}
