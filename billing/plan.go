package billing

import "maps"

// Interval is how often a plan is paid.
type Interval string

// Month is a calendar month, counted from the day of subscription.
const Month Interval = "month"

// PlanRef names one version of one plan.
type PlanRef struct {
	// ID is the plan's id, such as "basic".
	ID string `json:"plan_id"`
	// Version is the version of it, from 1.
	Version int `json:"plan_version"`
}

// Plan is one version of what a tenant can subscribe to. A published version
// never changes.
type Plan struct {
	// ID is a short name in lower case, such as "basic".
	ID string `json:"id" yaml:"id"`
	// Number orders the plans from the smallest, which is 1; people may use it
	// instead of the id.
	Number int `json:"number" yaml:"number"`
	// Name is what people read, such as "Basic".
	Name string `json:"name" yaml:"name"`
	// Version counts the versions of this plan from 1.
	Version int `json:"version" yaml:"version"`
	// Price is what one interval costs.
	Price Money `json:"price" yaml:"price"`
	// Interval is how often the price is due.
	Interval Interval `json:"interval" yaml:"interval"`
	// Limits says how many of each feature are allowed. A feature that is
	// missing allows none, but for RunningBots and ExchangeAccounts, which then
	// follow Bots, and those of backtests, which then follow Entitlements.Backtests.
	Limits map[Feature]Limit `json:"limits" yaml:"limits"`
	// Entitlements is what is included beside.
	Entitlements Entitlements `json:"entitlements" yaml:"entitlements"`
	// Description is one sentence for the page of prices.
	Description string `json:"description" yaml:"description"`
	// Bullets are the lines of the plan on the page of prices.
	Bullets []string `json:"bullets" yaml:"bullets"`
}

// Ref returns the plan's id and version.
func (p Plan) Ref() PlanRef { return PlanRef{ID: p.ID, Version: p.Version} }

// Limit returns how many of the feature the plan allows.
func (p Plan) Limit(f Feature) Limit { return p.limit(f, nil) }

// limit is Limit with a tenant's overrides; a plan that does not say how many
// bots may run, or accounts be connected, follows the override of bots too.
func (p Plan) limit(f Feature, over map[Feature]Limit) Limit {
	if l, ok := over[f]; ok {
		return l
	}
	if l, ok := p.Limits[f]; ok {
		return l
	}
	if f == RunningBots || f == ExchangeAccounts {
		return p.limit(Bots, over)
	}
	return p.Entitlements.Backtests.limit(f)
}

// clone returns a copy that shares no memory with p. Its lists are never nil,
// so that plans compare, and show in JSON, alike whoever wrote them.
func (p Plan) clone() Plan {
	p.Limits = maps.Clone(p.Limits)
	p.Bullets = append([]string{}, p.Bullets...)
	p.Entitlements.Channels = append([]Channel{}, p.Entitlements.Channels...)
	return p
}
