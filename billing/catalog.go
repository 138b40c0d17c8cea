package billing

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/lunobot/lunobot/saas/errs"
)

// Catalog is the plans on offer, one version of each. It never changes and is
// safe for concurrent use.
type Catalog struct{ plans []Plan }

// NewCatalog returns a catalog of the plans. What a plan leaves out is the
// least: a first version, billed by the month, community support, no backtests.
// Faulty plans are an Invalid error that names every faulty field by its place,
// such as /plans/1/limits/bots.
func NewCatalog(plans ...Plan) (*Catalog, error) {
	plans = slices.Clone(plans)
	for i := range plans {
		p := &plans[i]
		p.Version = cmp.Or(p.Version, 1)
		p.Interval = cmp.Or(p.Interval, Month)
		p.Entitlements.Support = cmp.Or(p.Entitlements.Support, SupportCommunity)
		p.Entitlements.Backtests = cmp.Or(p.Entitlements.Backtests, BacktestsNone)
	}
	if err := validatePlans(plans); err != nil {
		return nil, err
	}
	c := &Catalog{}
	for _, p := range plans {
		c.plans = append(c.plans, p.clone())
	}
	slices.SortFunc(c.plans, func(a, b Plan) int { return cmp.Compare(a.Number, b.Number) })
	return c, nil
}

// Plans returns the plans by their number, as copies.
func (c *Catalog) Plans() []Plan {
	list := make([]Plan, 0, len(c.plans))
	for _, p := range c.plans {
		list = append(list, p.clone())
	}
	return list
}

// Find returns the plan with the id, the number or, in any case, the name.
func (c *Catalog) Find(s string) (Plan, bool) {
	s = strings.TrimSpace(s)
	for _, p := range c.plans {
		if p.ID == s || strconv.Itoa(p.Number) == s || strings.EqualFold(p.Name, s) || strings.EqualFold(p.ID, s) {
			return p.clone(), true
		}
	}
	return Plan{}, false
}

// Lowest returns the plan with the smallest number, on which tenants start.
func (c *Catalog) Lowest() Plan { return c.plans[0].clone() }

// cheapest returns the cheapest plan that cures a refusal.
func (c *Catalog) cheapest(cures func(Plan) bool) (Plan, bool) {
	var best Plan
	found := false
	for _, p := range c.plans {
		if cures(p) && (!found || p.Price.Minor < best.Price.Minor) {
			best, found = p, true
		}
	}
	return best, found
}

func validatePlans(plans []Plan) error {
	var faults errs.Fields
	faults.Check(len(plans) > 0, "/plans", "must hold at least one plan")
	seen := map[string]int{}
	unique := func(i int, field, key string) {
		if first, ok := seen[field+"="+key]; ok {
			faults.Add(place(i, field), fmt.Sprintf("is also that of plan %d of the list", first+1))
			return
		}
		seen[field+"="+key] = i
	}
	for i, p := range plans {
		unique(i, "id", p.ID)
		unique(i, "number", strconv.Itoa(p.Number))
		unique(i, "name", strings.ToLower(p.Name))
		p.check(&faults, i)
		faults.Check(p.Price.Currency == plans[0].Price.Currency, place(i, "price"), "must be in the same currency as the first plan's")
	}
	return faults.Err()
}

func place(plan int, field string) string { return fmt.Sprintf("/plans/%d/%s", plan, field) }

// check notes what is wrong with the plan, the i-th of its list.
func (p Plan) check(faults *errs.Fields, i int) {
	slug := regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	sla := regexp.MustCompile(`^([0-9]{1,2}(\.[0-9]{1,4})?|100)?$`)
	faults.Check(slug.MatchString(p.ID), place(i, "id"), "must be 1 to 32 of a-z, 0-9, - and _, beginning with a letter")
	faults.Check(p.Number >= 1, place(i, "number"), "must be 1 or more")
	faults.Check(strings.TrimSpace(p.Name) != "", place(i, "name"), "must not be empty")
	faults.Check(p.Version >= 1, place(i, "version"), "must be 1 or more")
	faults.Check(p.Price.Minor >= 0, place(i, "price"), "must not be negative")
	faults.Check(validator.New().Var(p.Price.Currency, "required,iso4217") == nil, place(i, "price"),
		fmt.Sprintf("must have a currency of ISO 4217, not %q", p.Price.Currency))
	faults.Check(p.Interval == Month, place(i, "interval"), "must be month")
	for _, f := range []Feature{Bots, Pairs, APICallsPerHour} {
		_, ok := p.Limits[f]
		faults.Check(ok, place(i, "limits"), fmt.Sprintf("must say a limit of %s", f))
	}
	for _, f := range sortedFeatures(p.Limits) {
		at := place(i, "limits/"+string(f))
		faults.Check(f.IsValid(), at, fmt.Sprintf("is not a feature; the features are %s", joined(Features())))
		faults.Check(p.Limits[f] >= 0 || p.Limits[f] == Unlimited, at, "must be a whole number from 0, or unlimited")
	}
	e := p.Entitlements
	for k, c := range e.Channels {
		at := place(i, fmt.Sprintf("entitlements/channels/%d", k))
		faults.Check(slices.Contains(Channels(), c), at, fmt.Sprintf("must be one of %s, not %q", joined(Channels()), c))
	}
	faults.Check(slices.Contains(supports(), e.Support), place(i, "entitlements/support"),
		fmt.Sprintf("must be one of %s, not %q", joined(supports()), e.Support))
	faults.Check(slices.Contains(backtests(), e.Backtests), place(i, "entitlements/backtests"),
		fmt.Sprintf("must be one of %s, not %q", joined(backtests()), e.Backtests))
	for name, isolation := range map[string]Isolation{"isolation": e.Isolation, "max_isolation": e.MaxIsolation} {
		faults.Check(isolation == "" || slices.Contains(isolations(), isolation), place(i, "entitlements/"+name),
			fmt.Sprintf("must be one of %s, not %q", joined(isolations()), isolation))
	}
	faults.Check(e.MaxIsolation == "" || e.MaxIsolation.rank() >= e.Isolation.rank(), place(i, "entitlements/max_isolation"),
		fmt.Sprintf("must not be less than the isolation %s that all bots have", e.Isolation))
	faults.Check(sla.MatchString(e.SLA), place(i, "entitlements/sla"), fmt.Sprintf("must be a percentage such as 99.9, not %q", e.SLA))
}

func sortedFeatures(m map[Feature]Limit) []Feature {
	fs := make([]Feature, 0, len(m))
	for f := range m {
		fs = append(fs, f)
	}
	slices.Sort(fs)
	return fs
}

// joined joins names for a sentence.
func joined[T ~string](names []T) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = string(n)
	}
	return strings.Join(parts, ", ")
}
