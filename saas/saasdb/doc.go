// Package saasdb keeps what joins the two worlds in SQLite or PostgreSQL: bots
// and their configurations, journals, backtests with their results, leases, the
// outbox and sealed exchange credentials.
//
// It owns the tables of those packages, their rows, queries and migrations. It
// does not own their rules.
//
// Every statement on a tenant's table names the tenant, and every key and
// foreign key of such a table leads with it. Leases and the outbox are of the
// installation: their statements span tenants and run as system transactions
// with a stated purpose.
//
// All that hangs on a bot goes with its configuration, and all that hangs on a
// backtest with it, by foreign keys that cascade.
//
// Smallest use:
//
//	d, err := db.Open(ctx, db.Config{URL: url})
//	_, err = d.Migrate(ctx, saasdb.Migrations())
//	store := saasdb.New(d)
package saasdb
