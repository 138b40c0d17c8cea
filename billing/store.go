package billing

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// Tx begins transactions that the context then carries; inner calls join the
// outer one. The database of package db is one.
type Tx interface {
	// Tx runs fn in a transaction over the tenant's rows.
	Tx(ctx context.Context, tenantID string, fn func(ctx context.Context) error) error
}

// Store keeps plans, subscriptions, what tenants hold, and invoices. Every
// method joins the transaction that ctx carries, and sees and touches rows of
// the named tenant only.
type Store interface {
	PlanStore
	SubscriptionStore
	HoldStore
	InvoiceStore
}

// PlanStore keeps published plan versions, which belong to no tenant.
type PlanStore interface {
	// PublishPlan keeps the version. It is a no-op if the same is kept already,
	// and ErrPlanChanged if another plan is kept under the version. It must not
	// be called in a tenant's transaction.
	PublishPlan(ctx context.Context, p Plan, at time.Time) error
	// Plan reads a published version, for a tenant. NotFound if there is none.
	Plan(ctx context.Context, tenantID string, ref PlanRef) (Plan, error)
}

// SubscriptionStore keeps one subscription a tenant, and overrides.
type SubscriptionStore interface {
	// CreateSubscription stores the subscription unless the tenant has one
	// already, and reports whether it did.
	CreateSubscription(ctx context.Context, tenantID string, s Subscription) (bool, error)
	// Subscription reads the tenant's subscription. NotFound if there is none.
	Subscription(ctx context.Context, tenantID string) (Subscription, error)
	// LockSubscription is Subscription, and no other transaction can lock or
	// update it until the present one ends.
	LockSubscription(ctx context.Context, tenantID string) (Subscription, error)
	// UpdateSubscription replaces all but ID, TenantID and StartedAt. NotFound
	// if the tenant has no subscription of that ID.
	UpdateSubscription(ctx context.Context, tenantID string, s Subscription) error
	// DueTenants lists up to limit tenants, in order and after the given one,
	// whose period has ended and shall be renewed. It spans tenants and must
	// not be called in a tenant's transaction.
	DueTenants(ctx context.Context, now time.Time, after string, limit int) ([]string, error)
	// Overrides lists the tenant's overrides by feature.
	Overrides(ctx context.Context, tenantID string) ([]Override, error)
	// SetOverride sets or replaces the override of its feature.
	SetOverride(ctx context.Context, tenantID string, o Override) error
	// RemoveOverride reports whether there was one.
	RemoveOverride(ctx context.Context, tenantID string, f Feature) (bool, error)
}

// Hold says that a holder holds a key. Several holders may hold one key, which
// counts once.
type Hold struct{ Key, Holder string }

// Taking is what came of adding holds.
type Taking struct {
	// Added are the holds that were not there before.
	Added []Hold
	// Used is the counter afterwards.
	Used int64
	// More is how many keys were, or would have been, new.
	More int64
	// Refused says that the limit did not allow them.
	Refused bool
}

// HoldStore keeps what tenants hold and, beside it, a counter of the different
// keys for each feature.
type HoldStore interface {
	// AddHolds adds the holds that are missing, all or none: if the limit does
	// not allow the keys that are new, the result says Refused and nothing is
	// added.
	AddHolds(ctx context.Context, tenantID string, f Feature, limit Limit, holds []Hold) (Taking, error)
	// RemoveHolds removes those of the holds that exist.
	RemoveHolds(ctx context.Context, tenantID string, f Feature, holds []Hold) error
	// Used reads the counters; a missing feature is 0.
	Used(ctx context.Context, tenantID string) (map[Feature]int64, error)
	// Recount sets every counter to the number of different keys held, and
	// returns how many it changed.
	Recount(ctx context.Context, tenantID string) (int, error)
}

// InvoiceStore keeps finalised invoices.
type InvoiceStore interface {
	// CreateInvoice stores the invoice, and reports false without storing it if
	// there is one of the same subscription, start, kind and revision.
	CreateInvoice(ctx context.Context, tenantID string, i Invoice) (bool, error)
	// Invoices lists the tenant's invoices, the newest first.
	Invoices(ctx context.Context, tenantID string) ([]Invoice, error)
	// Invoice reads one. NotFound if the tenant has none of the id.
	Invoice(ctx context.Context, tenantID, id string) (Invoice, error)
	// SettleInvoice turns an open invoice into a paid one and reports whether it
	// did. NotFound if the tenant has none of the id.
	SettleInvoice(ctx context.Context, tenantID, id, by string, at time.Time) (bool, error)
}

// ErrPlanChanged is the refusal to publish another plan under a version that
// is in use.
var ErrPlanChanged = errs.New(errs.Conflict, "plan_version_changed",
	"a published version of a plan cannot be changed: raise its version")

// ErrNoSubscription is the error for a tenant that has no subscription.
var ErrNoSubscription = errs.New(errs.NotFound, "subscription_not_found", "there is no subscription")

// ErrNoPlan is the error for a plan version that was never published.
var ErrNoPlan = errs.New(errs.NotFound, "plan_not_found", "there is no such plan")

// ErrNoInvoice is the error for an invoice that the tenant does not have.
var ErrNoInvoice = errs.New(errs.NotFound, "invoice_not_found", "there is no such invoice")
