package billingdb

import (
	"embed"
	"io/fs"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/db"
)

//go:embed migrations
var files embed.FS

// Migrations returns the migrations of this package's tables.
func Migrations() db.MigrationSet {
	sub, err := fs.Sub(files, "migrations")
	if err != nil { // only a malformed path can be refused, and this one is not
		sub = files
	}
	return db.MigrationSet{Name: "billing", Files: sub}
}

// Store is a billing.Store on a database. It is safe for concurrent use.
type Store struct{ db *db.DB }

var (
	_ billing.Store = (*Store)(nil)
	_ billing.Tx    = (*db.DB)(nil)
)

// New returns a Store on the database, which the caller migrates and closes.
func New(d *db.DB) *Store { return &Store{db: d} }
