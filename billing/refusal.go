package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/lunobot/lunobot/saas/errs"
)

// CodeLimitExceeded is the one code of a refusal by a limit.
const CodeLimitExceeded = "limit_exceeded"

// CodeNotInPlan is the code of a refusal for an entitlement.
const CodeNotInPlan = "not_in_plan"

// refusal is the error for a tenant that uses as much of the feature as its
// limit allows and wants more.
func (g *Gate) refusal(st Standing, f Feature, used, more int64) error {
	limit := st.Limits[f]
	text := fmt.Sprintf("Your %s plan allows %s and you have %s.", st.Terms.Name, f.Count(int64(limit)), whole(used))
	if more > 1 {
		text += fmt.Sprintf(" You asked for %s more.", whole(more))
	}
	e := errs.New(errs.LimitExceeded, CodeLimitExceeded, "%s", text).
		With("feature", string(f)).With("limit", int64(limit)).With("used", used).With("plan", st.Terms.ID)
	return g.cure(e, st, f, used+more)
}

// tooLarge is the error for one thing above the limit of its size.
func (g *Gate) tooLarge(st Standing, f Feature, size int64) error {
	limit := st.Limits[f]
	e := errs.New(errs.LimitExceeded, CodeLimitExceeded, "Your %s plan allows %s and you asked for %s.", st.Terms.Name, f.Count(int64(limit)), whole(size)).
		With("feature", string(f)).With("limit", int64(limit)).With("asked", size).With("plan", st.Terms.ID)
	return g.cure(e, st, f, size)
}

// cure adds to a refusal the plan that would allow n of the feature.
func (g *Gate) cure(e *errs.Error, st Standing, f Feature, n int64) error {
	if st.Limits[f] != st.Terms.Limit(f) {
		return e // the tenant's own limit, which no other plan would change
	}
	up, ok := g.svc.cfg.Catalog.cheapest(func(p Plan) bool { return p.ID != st.Terms.ID && p.Limit(f).Allows(n) })
	if !ok {
		return e
	}
	e = e.With("upgrade", up.ID)
	if l := up.Limit(f); l != Unlimited {
		e.Message += fmt.Sprintf(" %s allows %s.", up.Name, whole(int64(l)))
	} else {
		e.Message += fmt.Sprintf(" %s has no such limit.", up.Name)
	}
	return e
}

// excluded is the error for a plan that does not include what is needed.
func (g *Gate) excluded(st Standing, need Entitlement) error {
	e := errs.New(errs.LimitExceeded, CodeNotInPlan, "Your %s plan does not include %s.", st.Terms.Name, need.Words()).
		With("entitlement", string(need)).With("plan", st.Terms.ID)
	up, ok := g.svc.cfg.Catalog.cheapest(func(p Plan) bool { return p.ID != st.Terms.ID && p.Entitlements.Has(need) })
	if !ok {
		return e
	}
	e = e.With("upgrade", up.ID)
	e.Message += fmt.Sprintf(" %s does.", up.Name)
	return e
}

// inactive is the error for a subscription that may not be used.
func inactive(sub Subscription) error {
	return errs.New(errs.Forbidden, "subscription_inactive",
		"The subscription is %s. Settle it to go on.", sub.Status).With("status", string(sub.Status))
}

// closed turns an error without a kind into the refusal of a gate that cannot
// see: the cause is kept for the log.
func closed(err error, doing, tenantID string) error {
	if err == nil {
		return nil
	}
	var known *errs.Error
	switch {
	case errors.As(err, &known), errors.Is(err, context.Canceled):
		return fmt.Errorf("%s tenant %s: %w", doing, tenantID, err)
	}
	return fmt.Errorf("%s tenant %s: %w", doing, tenantID,
		errs.New(errs.Unavailable, "limits_unavailable", "The limits of the plan cannot be checked at present. Nothing was changed; try again.").Wrap(err))
}
