package lease

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// Kind is the sort of thing that is leased.
type Kind string

// The kinds of resources.
const (
	// Bots is the kind of leases on bots; the resource is the bot's id.
	Bots Kind = "bot"
	// Backtests is the kind of leases on backtests; the resource is the run's id.
	Backtests Kind = "backtest"
	// Workers is the kind of leases that tell which workers there are: each has one on
	// itself; the resource is the holder's name.
	Workers Kind = "worker"
)

// Resource is a thing that can be leased.
type Resource struct {
	Kind Kind
	// TenantID is whose it is; "" for what belongs to no tenant.
	TenantID string
	ID       string
}

// Holder is one start of one worker.
type Holder struct {
	// Name is the same after a restart.
	Name string
	// Incarnation counts the starts, from 1.
	Incarnation int64
}

// Lease is the right to work on a resource until a time.
type Lease struct {
	Resource
	// Epoch is the fencing number: it grows with every change of hands and
	// stands in whatever is written under the lease.
	Epoch int64
	// ExpiresAt is when the lease ends unless it is renewed.
	ExpiresAt time.Time
}

// ErrSuperseded is the error of a holder whose name has started again since: a
// Conflict, code "holder_superseded".
var ErrSuperseded = errs.New(errs.Conflict, "holder_superseded",
	"another process with the same holder name was started after this one")

// ErrLost is the error of work under a lease that somebody else took or that
// was given back: a Conflict, code "lease_lost".
var ErrLost = errs.New(errs.Conflict, "lease_lost", "the lease was lost to another holder")

// Take asks for leases.
type Take struct {
	Holder Holder
	// Resources are candidates; at most Limit of them are taken.
	Resources []Resource
	Limit     int
	// Now decides which leases have ended, Until when the new ones do.
	Now, Until time.Time
}

// Store keeps the leases. Its methods span tenants.
type Store interface {
	// StartHolder counts a start of the name and returns its number.
	StartHolder(ctx context.Context, name string) (Holder, error)
	// TakeLeases takes resources that are free, whose lease has ended, or that
	// an earlier incarnation of the holder has, and raises their epochs.
	// Resources that somebody else is taking meanwhile, and bots and backtests
	// that do not exist, are left out. A holder that is not its name's newest
	// incarnation gets ErrSuperseded.
	TakeLeases(ctx context.Context, t Take) ([]Lease, error)
	// RenewLeases moves the end of all of the holder's leases, ended ones that
	// nobody took included, and returns them. A holder that is not its name's
	// newest incarnation gets ErrSuperseded.
	RenewLeases(ctx context.Context, h Holder, until time.Time) ([]Lease, error)
	// ReleaseLeases frees leases at once; those of another epoch stay as they
	// are.
	ReleaseLeases(ctx context.Context, h Holder, leases []Lease) error
	// CheckLease returns ErrLost unless the lease's epoch is the present one
	// and somebody holds it. Inside a writing transaction it stays so until
	// that ends.
	CheckLease(ctx context.Context, l Lease) error
}
