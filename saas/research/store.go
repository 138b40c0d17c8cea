package research

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/saas/page"
)

// Store keeps runs and their results. Every method but Hangs is of one tenant; what
// belongs to another is a NotFound error, code "backtest_not_found". Writes join
// the transaction that ctx carries.
type Store interface {
	// InsertRun stores a new run.
	InsertRun(ctx context.Context, tenantID string, r Run) error
	// Run returns one run.
	Run(ctx context.Context, tenantID, id string) (Run, error)
	// LockRun is Run with the row locked until the transaction ends.
	LockRun(ctx context.Context, tenantID, id string) (Run, error)
	// Runs lists runs, newest first; it returns one more than the limit if more
	// follow.
	Runs(ctx context.Context, tenantID string, p page.Page) ([]Run, error)
	// UpdateRun stores the run's status, reason, progress, attempt, figures, line
	// and times.
	UpdateRun(ctx context.Context, tenantID string, r Run) error
	// DeleteRun removes a run with its result and its lease.
	DeleteRun(ctx context.Context, tenantID, id string) error
	// PruneRuns removes the runs that are over and older than the newest keep, and
	// returns how many.
	PruneRuns(ctx context.Context, tenantID string, keep int) (int, error)
	// PutResult stores the result of a run in place of what was there.
	PutResult(ctx context.Context, tenantID, id string, r Result) error
	// ResultPart returns one part of a result; NotFound, code "result_not_found",
	// if the run has none.
	ResultPart(ctx context.Context, tenantID, id string, part Part) ([]byte, error)
	// PutHang adds one hang, as NewHang made it, to what is not forgotten of those before
	// it, and returns what it stored.
	PutHang(ctx context.Context, tenantID string, h Hang) (Hang, error)
	HangLister
}

// HangLister lists hangs over all tenants.
type HangLister interface {
	// Hangs lists those that are not forgotten at a time.
	Hangs(ctx context.Context, now time.Time) (Hangs, error)
}

// Pending is a run that is not over, as workers find it.
type Pending struct {
	TenantID string
	ID       string
	Status   Status
	// Strategy and Version are what it runs.
	Strategy, Version string
	// Succeeded is when the tenant's newest run with that version that is still kept was
	// done; zero if there is none.
	Succeeded time.Time
	// Holder has the lease on it, and HeldUntil is when that ends; "" and zero if
	// nobody has.
	Holder    string
	HeldUntil time.Time
}

// Queue is what workers look through, over all tenants.
type Queue interface {
	// PendingRuns lists the runs that are not over, oldest first.
	PendingRuns(ctx context.Context) ([]Pending, error)
	HangLister
}
