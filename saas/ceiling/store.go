package ceiling

import (
	"context"
	"time"
)

// Store keeps ceilings and knows how bots stand. Every method but Watched is of one tenant;
// what belongs to another is a NotFound error, code "ceiling_not_found". Writes join the
// transaction that ctx carries.
type Store interface {
	// Ceilings lists a tenant's, by currency.
	Ceilings(ctx context.Context, tenantID string) ([]Ceiling, error)
	// LockCeiling returns the one of a currency, locked until the transaction ends.
	LockCeiling(ctx context.Context, tenantID, currency string) (Ceiling, error)
	// PutCeiling stores a ceiling, in place of the one of its currency if that has the
	// version before; if it has another one, a Stale error, code "ceiling_changed".
	PutCeiling(ctx context.Context, tenantID string, c Ceiling) error
	// DeleteCeiling removes the one of a currency.
	DeleteCeiling(ctx context.Context, tenantID, currency string) error
	// Standing returns how a tenant's live bots stand in a currency, with the loss of a
	// day, or of what there was of it at now.
	Standing(ctx context.Context, tenantID, currency string, now time.Time) (Standing, error)
	// Watched lists the ceilings of all tenants that bound a day's loss.
	Watched(ctx context.Context) ([]Ceiling, error)
}

// Transactor makes several changes of the store one.
type Transactor interface {
	Tx(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error
}
