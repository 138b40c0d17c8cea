package billing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lunobot/lunobot/saas/errs"
)

// ChangePlanInput says to which plan a tenant changes.
type ChangePlanInput struct {
	// Plan is the plan's id, number or name.
	Plan string
	// Actor is who asks, for the events.
	Actor string
	// Immediately makes a downgrade take effect at once too, with a credit for
	// what is unused.
	Immediately bool
}

// Change is what came of ChangePlan.
type Change struct {
	// Standing is the subscription afterwards.
	Standing Standing
	// EffectiveAt is when the asked plan holds: now, or when the period ends.
	EffectiveAt time.Time
	// Invoice is what was invoiced for it, or nil.
	Invoice *Invoice
}

// ChangePlan changes the tenant's plan to the catalog's present version of
// another. A plan with a higher number, or a dearer version of the same plan,
// takes effect at once and is invoiced for the rest of the period; any other is
// noted and takes effect when the period ends. Asking again for what is so
// already changes nothing; asking for the present plan cancels a noted change.
// An unknown plan is an Invalid error, a tenant without a subscription
// NotFound, and one whose subscription may not be used Forbidden.
func (s *Service) ChangePlan(ctx context.Context, tenantID string, in ChangePlanInput) (Change, error) {
	to, ok := s.cfg.Catalog.Find(in.Plan)
	var faults errs.Fields
	faults.Check(ok, "/plan_id", fmt.Sprintf("must be one of %s, not %q", s.cfg.Catalog.names(), in.Plan))
	faults.Check(strings.TrimSpace(in.Actor) != "", "/actor", "must not be empty")
	if err := faults.Err(); err != nil {
		return Change{}, err
	}
	var out Change
	err := s.locked(ctx, tenantID, "changing the plan of", func(ctx context.Context, sub Subscription) error {
		if !sub.Access(s.now()) {
			return inactive(sub)
		}
		if _, err := s.applyDue(ctx, &sub, s.now()); err != nil {
			return err
		}
		from, err := s.plan(ctx, tenantID, sub.Plan)
		if err != nil {
			return err
		}
		switch {
		case from.Ref() == to.Ref():
			out.EffectiveAt = s.now()
			err = s.cancelPending(ctx, &sub, in.Actor)
		case in.Immediately && sameMoney(from, to), isUpgrade(from, to):
			out.EffectiveAt = s.now()
			out.Invoice, err = s.changeNow(ctx, &sub, from, to, in.Actor)
		default:
			out.EffectiveAt = sub.PeriodEnd
			err = s.schedule(ctx, &sub, to, in.Actor)
		}
		if err != nil {
			return err
		}
		out.Standing, err = s.standing(ctx, sub)
		return err
	})
	if err != nil {
		return Change{}, err
	}
	return out, nil
}

// isUpgrade reports whether the change takes effect at once. Plans in different
// currencies cannot be offset within a period.
func isUpgrade(from, to Plan) bool {
	if !sameMoney(from, to) {
		return false
	}
	return to.Number > from.Number || to.Number == from.Number && to.Price.Minor >= from.Price.Minor
}

func sameMoney(a, b Plan) bool {
	return a.Price.Currency == b.Price.Currency || a.Price.IsZero() || b.Price.IsZero()
}

// names lists the plans' ids for a sentence.
func (c *Catalog) names() string {
	ids := make([]string, len(c.plans))
	for i, p := range c.plans {
		ids[i] = p.ID
	}
	return strings.Join(ids, ", ")
}

func (s *Service) changeNow(ctx context.Context, sub *Subscription, from, to Plan, actor string) (*Invoice, error) {
	now := s.now()
	sub.Plan, sub.Pending, sub.PendingBy = to.Ref(), PlanRef{}, ""
	sub.Revision++
	var inv *Invoice
	if lines := Prorate(from, to, sub.PeriodStart, sub.PeriodEnd, now); len(lines) > 0 {
		var err error
		if inv, err = s.issue(ctx, sub, InvoiceChange, now, lines); err != nil {
			return nil, err
		}
	}
	if err := s.cfg.Store.UpdateSubscription(ctx, sub.TenantID, *sub); err != nil {
		return nil, err
	}
	return inv, s.record(ctx, *sub, EventSubscriptionChanged, PlanChange{
		From: from.Ref(), To: to.Ref(), ToName: to.Name, EffectiveAt: now, Actor: actor,
	})
}

func (s *Service) schedule(ctx context.Context, sub *Subscription, to Plan, actor string) error {
	if sub.Pending == to.Ref() {
		return nil
	}
	sub.Pending, sub.PendingBy = to.Ref(), actor
	sub.Revision++
	if err := s.cfg.Store.UpdateSubscription(ctx, sub.TenantID, *sub); err != nil {
		return err
	}
	return s.record(ctx, *sub, EventChangeScheduled, PlanChange{
		From: sub.Plan, To: to.Ref(), ToName: to.Name, EffectiveAt: sub.PeriodEnd, Actor: actor,
	})
}

func (s *Service) cancelPending(ctx context.Context, sub *Subscription, actor string) error {
	if sub.Pending == (PlanRef{}) {
		return nil
	}
	was, err := s.plan(ctx, sub.TenantID, sub.Pending)
	if err != nil {
		return err
	}
	sub.Pending, sub.PendingBy = PlanRef{}, ""
	sub.Revision++
	if err := s.cfg.Store.UpdateSubscription(ctx, sub.TenantID, *sub); err != nil {
		return err
	}
	return s.record(ctx, *sub, EventChangeCanceled, PlanChange{
		From: sub.Plan, To: was.Ref(), ToName: was.Name, EffectiveAt: sub.PeriodEnd, Actor: actor,
	})
}

// ApplyDue begins the next period of every subscription whose period has ended
// at the time: it applies the noted change of plan and invoices the new
// period. It returns how many subscriptions it moved on. Several processes may
// call it at once and again; each period is begun and invoiced once. One
// tenant's failure is logged, part of the error, and does not stop the others.
func (s *Service) ApplyDue(ctx context.Context, now time.Time) (int, error) {
	const page = 100
	var problems []error
	moved, after := 0, ""
	for {
		tenants, err := s.cfg.Store.DueTenants(ctx, now, after, page)
		if err != nil {
			return moved, errors.Join(append(problems, fmt.Errorf("listing subscriptions that are due: %w", err))...)
		}
		for _, id := range tenants {
			changed := false
			err := s.locked(ctx, id, "beginning the next period of", func(ctx context.Context, sub Subscription) (err error) {
				changed, err = s.applyDue(ctx, &sub, now)
				return err
			})
			switch {
			case err != nil:
				s.cfg.Logger.ErrorContext(ctx, "the next period could not be begun", "tenant_id", id, "error", err)
				problems = append(problems, err)
			case changed:
				moved++
			}
			after = id
		}
		if len(tenants) < page {
			return moved, errors.Join(problems...)
		}
	}
}

// applyDue begins periods until sub's contains now, and stores sub if it did.
func (s *Service) applyDue(ctx context.Context, sub *Subscription, now time.Time) (bool, error) {
	changed := false
	for sub.renews() && !now.Before(sub.PeriodEnd) {
		if err := s.renew(ctx, sub); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// renew begins the next period.
func (s *Service) renew(ctx context.Context, sub *Subscription) error {
	from, by := sub.Plan, sub.PendingBy
	sub.PeriodStart, sub.PeriodEnd = sub.PeriodEnd, sub.nextPeriod()
	if sub.Pending != (PlanRef{}) {
		sub.Plan, sub.Pending, sub.PendingBy = sub.Pending, PlanRef{}, ""
	}
	sub.Revision++
	plan, err := s.plan(ctx, sub.TenantID, sub.Plan)
	if err != nil {
		return err
	}
	if !plan.Price.IsZero() {
		if _, err := s.issue(ctx, sub, InvoiceRenewal, sub.PeriodStart, []Line{{Text: plan.Name, Amount: plan.Price}}); err != nil {
			return err
		}
	}
	if err := s.cfg.Store.UpdateSubscription(ctx, sub.TenantID, *sub); err != nil {
		return err
	}
	if from == sub.Plan {
		return nil
	}
	return s.record(ctx, *sub, EventSubscriptionChanged, PlanChange{
		From: from, To: plan.Ref(), ToName: plan.Name, EffectiveAt: sub.PeriodStart, Actor: by,
	})
}
