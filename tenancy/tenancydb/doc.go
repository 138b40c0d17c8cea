// Package tenancydb keeps tenancy and its vault in SQLite or PostgreSQL.
//
// It owns the tables users, tenants, memberships, sessions, refresh_tokens,
// login_attempts, links and tenant_keys, their rows, queries and migrations. It
// does not own rules: those are package tenancy's.
//
// Every statement on a tenant's table names the tenant, and every key and
// foreign key leads with it. Users, links and login attempts belong to the
// installation. A statement that looks over tenants runs as a system
// transaction with a stated purpose.
//
// Smallest use:
//
//	d, err := db.Open(ctx, db.Config{URL: url})
//	_, err = d.Migrate(ctx, tenancydb.Migrations())
//	store := tenancydb.New(d)
package tenancydb
