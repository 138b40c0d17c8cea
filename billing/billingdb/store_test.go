package billingdb_test

import (
	"testing"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/billingdb"
	"github.com/lunobot/lunobot/billing/billingtest"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func sets() []db.MigrationSet { return []db.MigrationSet{billingdb.Migrations()} }

func TestStore(t *testing.T) {
	t.Parallel()
	for name, url := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			billingtest.ExerciseStore(t, func(t *testing.T) (billing.Store, billing.Tx) {
				d := openURL(t, url(t))
				return billingdb.New(d), d
			})
		})
	}
}

// databases returns how to get the address of a fresh database of each kind.
func databases() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{"sqlite": dbtest.SQLiteURL, "postgres": dbtest.PostgresURL}
}

// openURL opens the database and brings it up to date.
func openURL(t *testing.T, url string) *db.DB {
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
	if _, err := d.Migrate(t.Context(), sets()...); err != nil {
		t.Fatal(err)
	}
	return d
}
