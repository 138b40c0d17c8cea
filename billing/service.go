package billing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
)

// Provider decides how invoices are collected.
type Provider interface {
	// Name is kept on each invoice.
	Name() string
	// Prepare completes an invoice before it is finalised: when it is due and
	// how it is paid. An error stops whatever the invoice is for. It runs inside
	// a transaction and must not wait for anything.
	Prepare(ctx context.Context, i *Invoice) error
}

// Config is what a Service needs.
type Config struct {
	// Catalog is the plans on offer. Defaults to DefaultCatalog.
	Catalog *Catalog
	// Events records what happened in the same transaction. Required.
	Events event.Recorder
	// Logger gets what ApplyDue could not do. Defaults to discarding.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Provider collects invoices. Required.
	Provider Provider
	// Store keeps everything. Required.
	Store Store
	// Tx begins transactions on the store's database. Required.
	Tx Tx
}

func (c Config) withDefaults() Config {
	if c.Catalog == nil {
		c.Catalog = DefaultCatalog()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	for name, missing := range map[string]bool{
		"Events": c.Events == nil, "Provider": c.Provider == nil, "Store": c.Store == nil, "Tx": c.Tx == nil,
	} {
		if missing {
			problems = append(problems, fmt.Errorf("billing: %s is required", name))
		}
	}
	return errors.Join(problems...)
}

// Service subscribes tenants to plans and writes their invoices. It is safe
// for concurrent use.
type Service struct {
	cfg  Config
	gate *Gate
	// plans caches published versions, which never change: PlanRef to Plan.
	plans sync.Map
}

// New returns a Service; the error names every required field that is missing.
func New(cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg}
	s.gate = &Gate{svc: s}
	return s, nil
}

// Catalog returns the plans on offer.
func (s *Service) Catalog() *Catalog { return s.cfg.Catalog }

// Gate returns the gate that enforces the limits.
func (s *Service) Gate() *Gate { return s.gate }

// Publish stores the catalog's plan versions, to which subscriptions refer.
// Call it at each start, before tenants are enrolled and outside any
// transaction. A plan that was changed without a new version is a Conflict
// error that names it.
func (s *Service) Publish(ctx context.Context) error {
	for _, p := range s.cfg.Catalog.plans {
		if err := s.cfg.Store.PublishPlan(ctx, p, s.cfg.Now().UTC()); err != nil {
			return fmt.Errorf("publishing plan %s version %d: %w", p.ID, p.Version, err)
		}
	}
	return nil
}

// Enrol subscribes the tenant to the lowest plan. It joins the transaction that
// ctx carries, so that a registration has its subscription or neither exists;
// for a tenant that has a subscription it does nothing.
func (s *Service) Enrol(ctx context.Context, tenantID string) error {
	now, plan := s.now(), s.cfg.Catalog.Lowest()
	sub := Subscription{
		ID: uuid.Must(uuid.NewV7()).String(), TenantID: tenantID, Plan: plan.Ref(), Status: StatusActive,
		StartedAt: now, PeriodStart: now, PeriodEnd: addMonths(now, 1),
	}
	err := s.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		created, err := s.cfg.Store.CreateSubscription(ctx, tenantID, sub)
		if err != nil || !created {
			return err
		}
		if err := s.record(ctx, sub, EventSubscriptionStarted, SubscriptionStarted{
			PlanRef: plan.Ref(), PlanName: plan.Name, PeriodStart: sub.PeriodStart, PeriodEnd: sub.PeriodEnd,
		}); err != nil {
			return err
		}
		if plan.Price.IsZero() {
			return nil
		}
		if _, err := s.issue(ctx, &sub, InvoiceStart, sub.PeriodStart, []Line{{Text: plan.Name, Amount: plan.Price}}); err != nil {
			return err
		}
		return s.cfg.Store.UpdateSubscription(ctx, tenantID, sub)
	})
	if err != nil {
		return fmt.Errorf("enrolling tenant %s: %w", tenantID, err)
	}
	return nil
}

// Subscription returns the tenant's subscription with its plan and the limits
// in force. NotFound if the tenant was never enrolled.
func (s *Service) Subscription(ctx context.Context, tenantID string) (Standing, error) {
	sub, err := s.cfg.Store.Subscription(ctx, tenantID)
	if err == nil {
		var st Standing
		if st, err = s.standing(ctx, sub); err == nil {
			return st, nil
		}
	}
	return Standing{}, fmt.Errorf("reading the subscription of tenant %s: %w", tenantID, err)
}

// standing adds to the subscription what follows from it.
func (s *Service) standing(ctx context.Context, sub Subscription) (Standing, error) {
	plan, err := s.plan(ctx, sub.TenantID, sub.Plan)
	if err != nil {
		return Standing{}, err
	}
	overrides, err := s.cfg.Store.Overrides(ctx, sub.TenantID)
	if err != nil {
		return Standing{}, err
	}
	over := inForce(overrides, s.cfg.Now())
	st := Standing{Subscription: sub, Terms: plan, Limits: map[Feature]Limit{}}
	for _, f := range Features() {
		st.Limits[f] = plan.limit(f, over)
	}
	if sub.Pending != (PlanRef{}) {
		pending, err := s.plan(ctx, sub.TenantID, sub.Pending)
		if err != nil {
			return Standing{}, err
		}
		st.PendingTerms = &pending
	}
	return st, nil
}

// SetStatusInput says to which status a subscription is set.
type SetStatusInput struct {
	// Status is the new status.
	Status Status
	// GraceUntil is how long a past-due subscription may still be used.
	GraceUntil time.Time
	// Actor is who sets it.
	Actor string
}

// Validate names every faulty field.
func (in SetStatusInput) Validate() error {
	var faults errs.Fields
	known := false
	for _, st := range Statuses() {
		known = known || st == in.Status
	}
	faults.Check(known, "/status", "must be one of "+joined(Statuses()))
	faults.Check(in.Status == StatusPastDue || in.GraceUntil.IsZero(), "/grace_until", "belongs to the status past_due only")
	faults.Check(in.Actor != "", "/actor", "must not be empty")
	return faults.Err()
}

// SetStatus sets the status of the tenant's subscription, as a provider or an
// operator knows it. Setting what is set already does nothing.
func (s *Service) SetStatus(ctx context.Context, tenantID string, in SetStatusInput) error {
	if err := in.Validate(); err != nil {
		return err
	}
	return s.locked(ctx, tenantID, "setting the status of", func(ctx context.Context, sub Subscription) error {
		if sub.Status == in.Status && sub.GraceUntil.Equal(in.GraceUntil) {
			return nil
		}
		was := sub.Status
		sub.Status, sub.GraceUntil = in.Status, in.GraceUntil
		sub.Revision++
		if err := s.cfg.Store.UpdateSubscription(ctx, tenantID, sub); err != nil {
			return err
		}
		return s.record(ctx, sub, EventSubscriptionStatus, StatusChange{From: was, To: in.Status, GraceUntil: in.GraceUntil, Actor: in.Actor})
	})
}

// locked runs fn in a transaction that holds the tenant's subscription.
func (s *Service) locked(ctx context.Context, tenantID, doing string, fn func(ctx context.Context, sub Subscription) error) error {
	err := s.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		sub, err := s.cfg.Store.LockSubscription(ctx, tenantID)
		if err != nil {
			return err
		}
		return fn(ctx, sub)
	})
	if err != nil {
		return fmt.Errorf("%s tenant %s: %w", doing, tenantID, err)
	}
	return nil
}

// plan returns a published version.
func (s *Service) plan(ctx context.Context, tenantID string, ref PlanRef) (Plan, error) {
	if p, ok := s.plans.Load(ref); ok {
		return p.(Plan).clone(), nil
	}
	p, err := s.cfg.Store.Plan(ctx, tenantID, ref)
	if err != nil {
		return Plan{}, fmt.Errorf("plan %s version %d: %w", ref.ID, ref.Version, err)
	}
	s.plans.Store(ref, p)
	return p.clone(), nil
}

// now is the time, cut to what databases keep.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }
