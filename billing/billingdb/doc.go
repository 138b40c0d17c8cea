// Package billingdb keeps package billing's plans, subscriptions, holds and
// invoices on SQLite and PostgreSQL.
//
// It owns the rows, the queries and the migrations. It does not own any rule of
// billing but one: the counter of a feature is raised by one conditional UPDATE,
// so that no two transactions can both take what is left.
//
// Smallest use:
//
//	d, err := db.Open(ctx, db.Config{URL: address})
//	_, err = d.Migrate(ctx, billingdb.Migrations())
//	store := billingdb.New(d)
package billingdb
