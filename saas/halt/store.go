package halt

import (
	"context"
	"time"
)

// Store keeps switches. The tenant "" is that of the installation's own. Writes join the
// transaction that ctx carries.
type Store interface {
	// PutHalt stores a switch that is pulled. If one of the same tenant and bot is on, it
	// takes over whether it flattens, if h does, and returns that one and false. A bot
	// that there is not is a NotFound error, code "bot_not_found".
	PutHalt(ctx context.Context, tenantID string, h Halt) (Halt, bool, error)
	// LockHalt returns a switch of a tenant, locked until the transaction ends; NotFound,
	// code "halt_not_found".
	LockHalt(ctx context.Context, tenantID, id string) (Halt, error)
	// ReleaseHalt stores who released a switch, and when.
	ReleaseHalt(ctx context.Context, tenantID string, h Halt) error
	// StopCovered asks every bot that a switch covers and that shall run to stop, and, if
	// it flattens, those that are stopping to do that; so too live bots that stopped or
	// failed and have orders that are not over, or, if it flattens, a position. It returns
	// how many that were.
	StopCovered(ctx context.Context, h Halt, now time.Time) (int64, error)
	// HaltsOver lists the switches that are on and cover a tenant or a bot of it.
	HaltsOver(ctx context.Context, tenantID string) (Halts, error)
	// HaltsOf lists the switches of a tenant, those of the installation not among them,
	// the newest first.
	HaltsOf(ctx context.Context, tenantID string, limit int) (Halts, error)
	// HaltsOn lists the switches of all tenants that are on.
	HaltsOn(ctx context.Context) (Halts, error)
}

// Transactor makes several changes of the store one.
type Transactor interface {
	Tx(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error
	SystemTx(ctx context.Context, purpose string, fn func(ctx context.Context) error) error
}
