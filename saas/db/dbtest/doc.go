// Package dbtest gives tests real databases: a fresh SQLite file, and a fresh
// schema in a throw-away PostgreSQL cluster that the test binary starts for
// itself when PostgreSQL's server programs are installed.
//
// It owns the cluster's life. It does not own migrations: the caller names its
// sets.
//
// Without the programs the PostgreSQL half is skipped with a message; with
// LUNOBOT_REQUIRE_SERVICES=1 that skip is a failure.
//
// Smallest use:
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }
//
//	func TestStore(t *testing.T) {
//		dbtest.Each(t, []db.MigrationSet{tenancydb.Migrations()}, func(t *testing.T, d *db.DB) { … })
//	}
package dbtest
