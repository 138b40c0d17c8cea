package api

import (
	"context"
	"net/http"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// plan is a plan as the API shows it.
type plan struct {
	ID           string       `json:"id" doc:"The plan's short name." example:"basic"`
	Number       int          `json:"number" doc:"The plan's number, from the smallest." example:"2"`
	Name         string       `json:"name" doc:"What people call it." example:"Basic"`
	Version      int          `json:"version" doc:"The version of the plan's terms." example:"1"`
	Price        money        `json:"price" doc:"What one interval costs."`
	Interval     string       `json:"interval" doc:"How often the price is due." example:"month"`
	Limits       limits       `json:"limits" doc:"How many of what it allows."`
	Entitlements entitlements `json:"entitlements" doc:"What it includes beside."`
	Description  string       `json:"description" doc:"The plan in a sentence."`
	Bullets      []string     `json:"bullets" doc:"The plan in lines."`
}

// limits are how many of each feature a plan allows.
type limits struct {
	Bots             limit `json:"bots" doc:"Bots."`
	RunningBots      limit `json:"running_bots" doc:"Bots that run at once."`
	Pairs            limit `json:"pairs" doc:"Different trading pairs."`
	ExchangeAccounts limit `json:"exchange_accounts" doc:"Exchange accounts that are connected."`
	RunningBacktests limit `json:"running_backtests" doc:"Backtests that wait or run at once."`
	BacktestDays     limit `json:"backtest_days" doc:"Days of data in one backtest."`
	APICallsPerHour  limit `json:"api_calls_per_hour" doc:"Calls of the tenant's own API keys in an hour."`
}

func limitsView(of func(billing.Feature) billing.Limit) limits {
	return limits{
		Bots: limit(of(billing.Bots)), RunningBots: limit(of(billing.RunningBots)), Pairs: limit(of(billing.Pairs)),
		ExchangeAccounts: limit(of(billing.ExchangeAccounts)), RunningBacktests: limit(of(billing.RunningBacktests)), BacktestDays: limit(of(billing.BacktestDays)),
		APICallsPerHour: limit(of(billing.APICallsPerHour)),
	}
}

// entitlements are what a plan includes beside its limits.
type entitlements struct {
	APIAccess        bool     `json:"api_access" doc:"Whether the tenant may have API keys of its own."`
	Backtests        string   `json:"backtests" enum:"none,basic,advanced" doc:"The level of backtesting." example:"basic"`
	Channels         []string `json:"channels" doc:"The ways of notification." example:"[\"email\",\"sms\"]"`
	CustomIndicators bool     `json:"custom_indicators" doc:"Whether the tenant may have indicators of its own."`
	MaxIsolation     string   `json:"max_isolation" enum:"shared,tenant,bot" doc:"The strictest isolation that the tenant may ask for its bots." example:"shared"`
	SLA              string   `json:"sla" doc:"Promised availability in per cent; empty if none is promised." example:"99.9"`
	Support          string   `json:"support" enum:"community,email,priority,dedicated" doc:"The level of help." example:"email"`
	WhiteLabel       bool     `json:"white_label" doc:"Whether the tenant may show its own name and logo."`
}

func planView(p billing.Plan) plan {
	e := p.Entitlements
	v := plan{
		ID: p.ID, Number: p.Number, Name: p.Name, Version: p.Version, Price: moneyView(p.Price), Interval: string(p.Interval),
		Limits: limitsView(p.Limit), Description: p.Description, Bullets: append([]string{}, p.Bullets...),
		Entitlements: entitlements{
			APIAccess: e.APIAccess, Backtests: string(e.Backtests), Channels: []string{}, CustomIndicators: e.CustomIndicators,
			MaxIsolation: string(e.Isolable()), SLA: e.SLA, Support: string(e.Support), WhiteLabel: e.WhiteLabel,
		},
	}
	for _, c := range e.Channels {
		v.Entitlements.Channels = append(v.Entitlements.Channels, string(c))
	}
	return v
}

// subscription is a tenant's subscription as the API shows it.
type subscription struct {
	ID          string     `json:"id" doc:"Identifies the subscription." example:"0197e1a2-6f00-7a00-8000-000000000005"`
	Status      string     `json:"status" doc:"Where it stands." example:"active"`
	Plan        plan       `json:"plan" doc:"The plan as it was subscribed to."`
	Limits      limits     `json:"limits" doc:"The limits in force, those that are the tenant's own included."`
	PeriodStart time.Time  `json:"period_start" doc:"When the present period began." example:"2026-01-02T00:00:00Z"`
	PeriodEnd   time.Time  `json:"period_end" doc:"When it ends." example:"2026-02-02T00:00:00Z"`
	GraceUntil  *time.Time `json:"grace_until" doc:"How long it may be used while a payment is missing; null if none is."`
	PendingPlan *plan      `json:"pending_plan,omitempty" doc:"The plan that it changes to when the period ends; missing if it does not change."`
}

func subscriptionView(s billing.Standing) subscription {
	v := subscription{
		ID: s.ID, Status: string(s.Status), Plan: planView(s.Terms), PeriodStart: s.PeriodStart.UTC(), PeriodEnd: s.PeriodEnd.UTC(),
		GraceUntil: moment(s.GraceUntil), Limits: limitsView(func(f billing.Feature) billing.Limit { return s.Limits[f] }),
	}
	if s.PendingTerms != nil {
		p := planView(*s.PendingTerms)
		v.PendingPlan = &p
	}
	return v
}

// usage is how much of a feature is used.
type usage struct {
	Feature string `json:"feature" doc:"What is counted." example:"bots"`
	Used    int64  `json:"used" doc:"How many are used." example:"1"`
	Limit   limit  `json:"limit" doc:"How many are allowed."`
}

func usageView(u billing.Usage) usage {
	return usage{Feature: string(u.Feature), Used: u.Used, Limit: limit(u.Limit)}
}

// upgrade is the body that changes the plan.
type upgrade struct {
	PlanID planID `json:"plan_id" validate:"required" doc:"The plan's number (1 Free, 2 Basic, 3 Premium, 4 Enterprise) or its name."`
}

// change is what came of changing the plan.
type change struct {
	Subscription subscription `json:"subscription" doc:"The subscription afterwards."`
	EffectiveAt  time.Time    `json:"effective_at" doc:"When the asked plan holds: now, or when the period ends." example:"2026-01-02T15:04:05Z"`
	Invoice      *invoice     `json:"invoice,omitempty" doc:"What was invoiced for it; missing if nothing was."`
}

func (a *API) subscriptionRoutes() {
	const all = "/api/v1/subscriptions"
	handle(a, operation{
		method: http.MethodGet, path: all + "/plans", id: "list-plans", tag: tagSubscriptions, public: true,
		summary: "List plans", description: "Lists the plans on offer, the smallest first. It comes whole: next_cursor is null.",
	}, a.listPlans)
	handle(a, operation{
		method: http.MethodGet, path: all + "/current", id: "get-subscription", tag: tagSubscriptions, fails: []errs.Kind{errs.NotFound},
		summary: "Get the subscription", description: "Shows the tenant's subscription and the limits in force.",
	}, a.currentSubscription)
	handle(a, operation{
		method: http.MethodGet, path: all + "/usage", id: "get-usage", tag: tagSubscriptions, fails: []errs.Kind{errs.NotFound},
		summary: "Get the use", description: "Shows how much of its limits the tenant uses. It comes whole: next_cursor is null.",
	}, a.usage)
	handle(a, operation{
		method: http.MethodPost, path: all + "/upgrade", id: "change-plan", tag: tagSubscriptions, fails: []errs.Kind{errs.Conflict, errs.NotFound},
		summary: "Change the plan",
		description: "A higher plan takes effect at once and is invoiced for the rest of the period; a lower one takes effect when the period ends. " +
			"Asking again changes nothing, and asking for the present plan cancels a noted change.",
	}, a.changePlan)
	handle(a, operation{
		method: http.MethodGet, path: all + "/invoices", id: "list-invoices", tag: tagSubscriptions,
		summary: "List invoices", description: "Lists the tenant's invoices, the newest first.",
	}, a.listInvoices)
}

func (a *API) listPlans(context.Context, tenancy.Principal, *nothing) (*answer[listOf[plan]], error) {
	return listed(a.cursors, nil, page.List[billing.Plan]{Items: a.cfg.Billing.Catalog().Plans()}, planView), nil
}

func (a *API) currentSubscription(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[subscription], error) {
	if err := who.Require(tenancy.BillingRead); err != nil {
		return nil, err
	}
	s, err := a.cfg.Billing.Subscription(ctx, who.TenantID)
	if err != nil {
		return nil, err
	}
	return &answer[subscription]{Body: subscriptionView(s)}, nil
}

func (a *API) usage(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[listOf[usage]], error) {
	if err := who.Require(tenancy.BillingRead); err != nil {
		return nil, err
	}
	u, err := a.cfg.Billing.Gate().Usage(ctx, who.TenantID)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, nil, page.List[billing.Usage]{Items: u}, usageView), nil
}

func (a *API) changePlan(ctx context.Context, who tenancy.Principal, in *struct{ Body body[upgrade] }) (*answer[change], error) {
	if err := who.Require(tenancy.BillingWrite); err != nil {
		return nil, err
	}
	c, err := a.cfg.Billing.ChangePlan(ctx, who.TenantID, billing.ChangePlanInput{Plan: string(in.Body.Value.PlanID), Actor: who.UserID})
	if err != nil {
		return nil, err
	}
	out := change{Subscription: subscriptionView(c.Standing), EffectiveAt: c.EffectiveAt.UTC()}
	if c.Invoice != nil {
		v := invoiceView(*c.Invoice)
		out.Invoice = &v
	}
	return &answer[change]{Body: out}, nil
}
