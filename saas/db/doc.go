// Package db opens the database, carries transactions in the context and
// applies migrations. It is the only part of the kernel that knows bun.
//
// It owns the connection pools, the transaction scope (which tenant a piece of
// work is for), the migrator and the column types that both databases share.
// It does not own any table: rows, queries and migrations live in tenancydb,
// billingdb and saasdb.
//
// Both SQLite and PostgreSQL are served by the same store code. SQLite gets two
// pools on one file: one writer whose transactions begin IMMEDIATE, and several
// readers. The address says which: sqlite:///path/to/file or postgresql://….
//
// Transactions travel in the context so that services of different packages can
// join one without knowing SQL: the outermost Write opens and commits it, inner
// calls join it. A call for another tenant than the transaction's is refused.
//
// Smallest use:
//
//	d, err := db.Open(ctx, db.Config{URL: "sqlite:///tmp/lunobot.db"})
//	err = d.Write(ctx, tenantID, func(ctx context.Context, tx bun.IDB) error { … })
package db
