package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// planCard is one plan on offer.
type planCard struct {
	billing.Plan
	// Current is the tenant's plan, Pending the one that follows it.
	Current, Pending bool
	// Selected is what the page suggests.
	Selected bool
	// Higher says that the plan takes effect at once.
	Higher bool
	// Accounts is how many exchange accounts it allows.
	Accounts string
	// Price in parts, so that the amount can be set large.
	Figure, Currency string
}

// meter is how much of a limit is used.
type meter struct {
	Label     string
	Used      int64
	Limit     billing.Limit
	Unlimited bool
	// Full says that nothing more fits.
	Full bool
}

func (w *Web) cards(st billing.Standing, selected string) []planCard {
	var cards []planCard
	for _, p := range w.cfg.Billing.Catalog().Plans() {
		cards = append(cards, planCard{
			Plan: p, Current: p.ID == st.Terms.ID, Pending: st.PendingTerms != nil && p.ID == st.PendingTerms.ID,
			Selected: p.ID == selected, Higher: p.Number > st.Terms.Number, Accounts: accountsOf(p), Figure: exchange.Grouped(p.Price.Amount()), Currency: p.Price.Currency,
		})
	}
	return cards
}

// accountsOf says how many exchange accounts a plan allows.
func accountsOf(p billing.Plan) string {
	limit := p.Limit(billing.ExchangeAccounts)
	if limit == 1 {
		return "1 exchange account"
	}
	return callLimit(limit) + " exchange accounts"
}

func (w *Web) meters(rq *request) ([]meter, error) {
	usage, err := w.cfg.Gate.Usage(rq.Context(), rq.who.TenantID)
	if err != nil {
		return nil, err
	}
	var list []meter
	for _, u := range usage {
		if u.Limit == 0 && u.Used == 0 {
			continue // the plan does not have it
		}
		list = append(list, meter{
			Label: featureLabel(u.Feature), Used: u.Used, Limit: u.Limit, Unlimited: u.Limit == billing.Unlimited,
			Full: !u.Limit.Allows(u.Used + 1),
		})
	}
	return list, nil
}

func featureLabel(f billing.Feature) string {
	switch f {
	case billing.Bots:
		return "Bots"
	case billing.RunningBots:
		return "Running bots"
	case billing.Pairs:
		return "Trading pairs"
	case billing.ExchangeAccounts:
		return "Exchange accounts"
	case billing.RunningBacktests:
		return "Backtests at a time"
	case billing.BacktestDays:
		return "Days of data in a backtest"
	case billing.APICallsPerHour:
		return "API calls an hour"
	}
	return string(f)
}

// callLimit writes a limit as the beginning of a sentence.
func callLimit(l billing.Limit) string {
	if l == billing.Unlimited {
		return "Unlimited"
	}
	return exchange.Grouped(l.String())
}

// plansPage is what the pages about plans show.
type plansPage struct {
	Standing  billing.Standing
	Cards     []planCard
	Meters    []meter
	Invoices  []invoiceRow
	PeriodEnd moment
	MayChange bool
	CallLimit string
	Faults    faults
}

// invoiceRow is one line of the list of invoices.
type invoiceRow struct {
	billing.Invoice
	Issued, Due moment
	Amount      string
}

func (w *Web) welcome(rq *request) error {
	st, err := w.cfg.Billing.Subscription(rq.Context(), rq.who.TenantID)
	if err != nil {
		return err
	}
	return w.page(rq, http.StatusOK, "plans/welcome", view{Title: "Choose a plan", D: plansPage{
		Standing: st, Cards: w.cards(st, st.Terms.ID), MayChange: rq.who.Can(tenancy.BillingWrite),
	}})
}

func (w *Web) choosePlan(rq *request) error {
	plan := rq.PostFormValue("plan")
	st, err := w.cfg.Billing.Subscription(rq.Context(), rq.who.TenantID)
	if err != nil {
		return err
	}
	if plan == "" || plan == st.Terms.ID {
		return rq.redirect("/")
	}
	return rq.redirect("/subscription/change?plan=" + url.QueryEscape(plan))
}

func (w *Web) subscription(rq *request) error {
	if err := rq.who.Require(tenancy.BillingRead); err != nil {
		return err
	}
	ctx, tenant := rq.Context(), rq.who.TenantID
	st, err := w.cfg.Billing.Subscription(ctx, tenant)
	if err != nil {
		return err
	}
	meters, err := w.meters(rq)
	if err != nil {
		return err
	}
	invoices, err := w.cfg.Billing.Invoices(ctx, tenant)
	if err != nil {
		return err
	}
	p := plansPage{
		Standing: st, Cards: w.cards(st, ""), Meters: meters, PeriodEnd: moment{st.PeriodEnd},
		MayChange: rq.who.Can(tenancy.BillingWrite), CallLimit: callLimit(st.Limits[billing.APICallsPerHour]),
	}
	for _, i := range invoices {
		p.Invoices = append(p.Invoices, invoiceRow{Invoice: i, Issued: moment{i.IssuedAt}, Due: moment{i.DueAt}, Amount: exchange.Grouped(i.Total.Amount()) + " " + i.Total.Currency})
	}
	return w.page(rq, http.StatusOK, "plans/subscription", view{Title: "Subscription", Nav: "subscription", D: p})
}

// changePage asks once before money is moved.
type changePage struct {
	From, To  billing.Plan
	AtOnce    bool
	Effective moment
	Lines     []priceLine
	Total     string
	Meters    []overUse
}

// priceLine is one line of what a change costs.
type priceLine struct{ Text, Amount string }

// overUse is what a smaller plan no longer allows.
type overUse struct {
	Label string
	Used  int64
	Limit billing.Limit
}

func (w *Web) confirmPlan(rq *request) error {
	if err := rq.who.Require(tenancy.BillingWrite); err != nil {
		return err
	}
	st, err := w.cfg.Billing.Subscription(rq.Context(), rq.who.TenantID)
	if err != nil {
		return err
	}
	to, ok := w.cfg.Billing.Catalog().Find(rq.URL.Query().Get("plan"))
	if !ok {
		return errs.New(errs.NotFound, "plan_not_found", "There is no such plan.")
	}
	p := changePage{From: st.Terms, To: to, AtOnce: to.Number > st.Terms.Number, Effective: moment{st.PeriodEnd}}
	if p.AtOnce {
		var total billing.Money
		for _, l := range billing.Prorate(st.Terms, to, st.PeriodStart, st.PeriodEnd, w.cfg.Now()) {
			p.Lines = append(p.Lines, priceLine{l.Text, exchange.Grouped(l.Amount.Amount()) + " " + l.Amount.Currency})
			if total, err = total.Add(l.Amount); err != nil {
				return err
			}
		}
		p.Total = exchange.Grouped(total.Amount()) + " " + total.Currency
	}
	usage, err := w.cfg.Gate.Usage(rq.Context(), rq.who.TenantID)
	if err != nil {
		return err
	}
	for _, u := range usage {
		if !to.Limit(u.Feature).Allows(u.Used) {
			p.Meters = append(p.Meters, overUse{Label: featureLabel(u.Feature), Used: u.Used, Limit: to.Limit(u.Feature)})
		}
	}
	return w.page(rq, http.StatusOK, "plans/change", view{Title: "Change to " + to.Name, Nav: "subscription", D: p})
}

func (w *Web) changePlan(rq *request) error {
	if err := rq.who.Require(tenancy.BillingWrite); err != nil {
		return err
	}
	c, err := w.cfg.Billing.ChangePlan(rq.Context(), rq.who.TenantID, billing.ChangePlanInput{
		Plan: rq.PostFormValue("plan"), Actor: rq.who.UserID,
	})
	if err != nil {
		return err
	}
	notice := "plan"
	if c.EffectiveAt.After(w.cfg.Now()) {
		notice = "plan-later"
	}
	return rq.redirect("/subscription?notice=" + notice)
}

// botsFull returns the refusal that creating one more bot would be, or nil, so
// that nobody fills in a form in vain.
func (w *Web) botsFull(rq *request) (*errorPage, error) {
	st, err := w.cfg.Billing.Subscription(rq.Context(), rq.who.TenantID)
	if err != nil {
		return nil, err
	}
	usage, err := w.cfg.Gate.Usage(rq.Context(), rq.who.TenantID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(usage, func(u billing.Usage) bool { return u.Feature == billing.Bots })
	if i < 0 || usage[i].Limit.Allows(usage[i].Used+1) {
		return nil, nil
	}
	return &errorPage{
		Status: http.StatusForbidden, Limit: true, Heading: "Your plan's limit is reached",
		Text: "Your " + st.Terms.Name + " plan allows " + billing.Bots.Count(int64(usage[i].Limit)) + ", and you have " + exchange.Grouped(strconv.FormatInt(usage[i].Used, 10)) + ".",
	}, nil
}
