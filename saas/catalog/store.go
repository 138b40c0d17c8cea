package catalog

import "context"

// Store keeps the entries. They are of the installation and of no tenant. Writes
// join the transaction that ctx carries.
type Store interface {
	// Entry returns an entry; NotFound, code "strategy_version_not_found".
	Entry(ctx context.Context, ref Ref) (Entry, error)
	// LockEntry is Entry within a transaction that changes it: who else would change
	// it waits until that ends.
	LockEntry(ctx context.Context, ref Ref) (Entry, error)
	// Entries lists all entries by name, and those of a name by when they were
	// put in.
	Entries(ctx context.Context) ([]Entry, error)
	// InsertEntry stores a new entry; one that is there is a Conflict, code
	// "strategy_version_exists".
	InsertEntry(ctx context.Context, e Entry) error
	// UpdateEntry stores all of an entry but its file and manifest.
	UpdateEntry(ctx context.Context, e Entry) error
	// DeleteEntry removes an entry.
	DeleteEntry(ctx context.Context, ref Ref) error
	// AddChange writes a line of the log.
	AddChange(ctx context.Context, c Change) error
	// Changes lists the newest lines of the log, newest first.
	Changes(ctx context.Context, limit int) ([]Change, error)
	// Pins lists the bots of all tenants that are pinned to a version, or are to
	// be upgraded to it.
	Pins(ctx context.Context, ref Ref) ([]Pin, error)
	// Uses counts the bots of all tenants by the version that they are pinned to;
	// those without a bot are left out.
	Uses(ctx context.Context) ([]Use, error)
}

// Transactor makes several changes of the store one.
type Transactor interface {
	SystemTx(ctx context.Context, purpose string, fn func(ctx context.Context) error) error
}
