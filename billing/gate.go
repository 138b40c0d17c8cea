package billing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/saas/errs"
)

// Gate enforces the limits of tenants' plans. Get one from Service.Gate. It is
// safe for concurrent use, by many processes on one database.
type Gate struct{ svc *Service }

// Want is one thing that a tenant wants to have.
type Want struct {
	// Feature is what the plan counts it as; one of Counted.
	Feature Feature
	// Key names the thing; a feature counts different keys.
	Key string
	// Holder is who needs it. Several holders share one key: two bots on one
	// pair use one pair, until both have released it. Defaults to Key.
	Holder string
}

// Usage is how much of a feature a tenant uses.
type Usage struct {
	// Feature is what is counted.
	Feature Feature `json:"feature"`
	// Used is how many different keys are held.
	Used int64 `json:"used"`
	// Limit is how many are allowed at present; Used may be larger after a
	// downgrade.
	Limit Limit `json:"limit"`
}

// Reserve takes all the wants, or none of them. It joins the transaction that
// ctx carries, so that the reservation exists exactly if what it is for does;
// what is held already, by the same key and holder, costs nothing. A limit
// that does not allow them is a LimitExceeded error with the code
// limit_exceeded, whose Meta says feature, limit, used, plan and, if a plan of
// the catalog would allow it, upgrade. A subscription that may not be used is
// Forbidden, and a store that does not answer Unavailable: nothing is taken
// then.
func (g *Gate) Reserve(ctx context.Context, tenantID string, wants ...Want) error {
	groups, err := group(wants)
	if err != nil {
		return fmt.Errorf("reserving for tenant %s: %w", tenantID, err)
	}
	err = g.svc.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		sub, err := g.svc.cfg.Store.LockSubscription(ctx, tenantID)
		if err != nil {
			return err
		}
		st, err := g.svc.standing(ctx, sub)
		if err != nil {
			return err
		}
		if !sub.Access(g.svc.cfg.Now()) {
			return inactive(sub)
		}
		return g.take(ctx, st, groups)
	})
	return closed(err, "reserving for", tenantID)
}

// take reserves group after group. A refusal gives back what the earlier
// groups took: the caller may go on with its transaction.
func (g *Gate) take(ctx context.Context, st Standing, groups []wanted) error {
	store, id := g.svc.cfg.Store, st.TenantID
	taken := make([]wanted, 0, len(groups))
	for _, w := range groups {
		got, err := store.AddHolds(ctx, id, w.feature, st.Limits[w.feature], w.holds)
		if err != nil {
			return err
		}
		if !got.Refused {
			taken = append(taken, wanted{feature: w.feature, holds: got.Added})
			continue
		}
		for _, t := range taken {
			if err := store.RemoveHolds(ctx, id, t.feature, t.holds); err != nil {
				return err
			}
		}
		return g.refusal(st, w.feature, got.Used, got.More)
	}
	return nil
}

// Release gives the wants back; what is not held costs nothing. It joins the
// transaction that ctx carries, and needs no subscription.
func (g *Gate) Release(ctx context.Context, tenantID string, wants ...Want) error {
	groups, err := group(wants)
	if err != nil {
		return fmt.Errorf("releasing for tenant %s: %w", tenantID, err)
	}
	err = g.svc.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		if err := g.lock(ctx, tenantID); err != nil {
			return err
		}
		for _, w := range groups {
			if err := g.svc.cfg.Store.RemoveHolds(ctx, tenantID, w.feature, w.holds); err != nil {
				return err
			}
		}
		return nil
	})
	return closed(err, "releasing for", tenantID)
}

// lock takes the lock of the tenant's subscription before that of any counter,
// as Reserve does; a tenant without one has nobody to wait for.
func (g *Gate) lock(ctx context.Context, tenantID string) error {
	_, err := g.svc.cfg.Store.LockSubscription(ctx, tenantID)
	if errors.Is(err, ErrNoSubscription) {
		return nil
	}
	return err
}

// Usage returns what the tenant uses and may use of each feature that is
// counted, in the order of Counted. NotFound for a tenant without a
// subscription.
func (g *Gate) Usage(ctx context.Context, tenantID string) ([]Usage, error) {
	st, err := g.svc.Subscription(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	used, err := g.svc.cfg.Store.Used(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("reading the usage of tenant %s: %w", tenantID, err)
	}
	list := make([]Usage, 0, len(Counted()))
	for _, f := range Counted() {
		list = append(list, Usage{Feature: f, Used: used[f], Limit: st.Limits[f]})
	}
	return list, nil
}

// Limit returns how many of the feature the tenant is allowed at present.
func (g *Gate) Limit(ctx context.Context, tenantID string, f Feature) (Limit, error) {
	st, err := g.svc.Subscription(ctx, tenantID)
	if err != nil {
		return 0, err
	}
	return st.Limits[f], nil
}

// Fit returns nil if one thing of a size is within the tenant's limit of a
// feature that is not counted, such as BacktestDays. One that is too large is a
// LimitExceeded error with the code limit_exceeded, as Reserve's, whose Meta
// says asked instead of used; a subscription that may not be used is Forbidden.
// After Reserve in one transaction, no plan change comes between the two.
func (g *Gate) Fit(ctx context.Context, tenantID string, f Feature, size int64) error {
	st, err := g.svc.Subscription(ctx, tenantID)
	if err != nil {
		return err
	}
	switch {
	case !st.Access(g.svc.cfg.Now()):
		return inactive(st.Subscription)
	case st.Limits[f].Allows(size):
		return nil
	}
	return g.tooLarge(st, f, size)
}

// Require returns nil if the tenant's plan includes every one of the
// entitlements. One that is not included is a LimitExceeded error with the code
// not_in_plan, whose Meta says entitlement, plan and, if a plan of the catalog
// includes it, upgrade. A subscription that may not be used is Forbidden.
func (g *Gate) Require(ctx context.Context, tenantID string, needs ...Entitlement) error {
	st, err := g.svc.Subscription(ctx, tenantID)
	if err != nil {
		return err
	}
	for _, need := range needs {
		switch {
		case !st.Access(g.svc.cfg.Now()):
			return inactive(st.Subscription)
		case !st.Terms.Entitlements.Has(need):
			return g.excluded(st, need)
		}
	}
	return nil
}

// Repair sets the tenant's counters to what it holds, and returns how many were
// wrong. A counter that is right is not touched.
func (g *Gate) Repair(ctx context.Context, tenantID string) (int, error) {
	changed := 0
	err := g.svc.cfg.Tx.Tx(ctx, tenantID, func(ctx context.Context) error {
		if err := g.lock(ctx, tenantID); err != nil {
			return err
		}
		var err error
		changed, err = g.svc.cfg.Store.Recount(ctx, tenantID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("repairing the counters of tenant %s: %w", tenantID, err)
	}
	return changed, nil
}

// wanted is the holds of one feature.
type wanted struct {
	feature Feature
	holds   []Hold
}

// group sorts the wants by feature, key and holder, without repeats: the order
// in which every caller takes its locks.
func group(wants []Want) ([]wanted, error) {
	sorted := slices.Clone(wants)
	for i, w := range sorted {
		if !slices.Contains(Counted(), w.Feature) {
			return nil, errs.New(errs.Internal, "feature_not_counted", "the gate does not count %q", w.Feature)
		}
		if w.Key == "" {
			return nil, errs.New(errs.Internal, "want_without_key", "a want of %s has no key", w.Feature)
		}
		if w.Holder == "" {
			sorted[i].Holder = w.Key
		}
	}
	slices.SortFunc(sorted, func(a, b Want) int {
		return cmp.Or(cmp.Compare(a.Feature, b.Feature), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Holder, b.Holder))
	})
	var groups []wanted
	for _, w := range slices.Compact(sorted) {
		if n := len(groups); n == 0 || groups[n-1].feature != w.Feature {
			groups = append(groups, wanted{feature: w.Feature})
		}
		last := &groups[len(groups)-1]
		last.holds = append(last.holds, Hold{Key: w.Key, Holder: w.Holder})
	}
	return groups, nil
}
