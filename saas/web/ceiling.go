package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// Ceilings is what the pages need of the bounds of all live bots; *ceiling.Service is one.
type Ceilings interface {
	List(ctx context.Context, p tenancy.Principal) ([]ceiling.Seen, error)
	Reached(ctx context.Context, p tenancy.Principal) ([]ceiling.Ceiling, error)
	Set(ctx context.Context, p tenancy.Principal, in ceiling.SetInput) (ceiling.Seen, error)
	Remove(ctx context.Context, p tenancy.Principal, currency string, version int64) error
}

// ceilingsPath is the page of the bounds of all live bots.
const ceilingsPath = "/accounts/limits"

// ceilingsPage shows the bounds of all live bots and the form that sets one.
type ceilingsPage struct {
	Rows []ceilingRow
	// MayWrite is true for who may set them.
	MayWrite bool
	// Currencies are those that something is traded against here and that have no limits.
	Currencies []string
	Form       ceilingForm
	// Fault says why the form was refused as a whole.
	Fault  string
	Faults faults
}

// ceilingRow is one line of the list.
type ceilingRow struct {
	ceiling.Seen
	MayWrite bool
	// Decimals is how finely amounts of the currency are shown.
	Decimals int32
}

// ceilingForm is what was typed. Version is that of the ceiling that is changed, 0 for a new
// one.
type ceilingForm struct {
	Currency, MaxExposure, MaxDailyLoss string
	Version                             int64
}

// Set is when it was set.
func (r ceilingRow) Set() moment { return moment{r.SetAt} }

// Full reports whether nothing more may be put at stake.
func (r ceilingRow) Full() bool {
	return r.MaxExposure.IsPositive() && r.Standing.Exposure().GreaterThanOrEqual(r.MaxExposure)
}

// Filled is how much of the most exposure is used, in per cent, at most all of it.
func (r ceilingRow) Filled() string { return filled(r.Standing.Exposure(), r.MaxExposure) }

// LossFilled is how much of the day's loss is used, in per cent.
func (r ceilingRow) LossFilled() string { return filled(r.Standing.Loss, r.MaxDailyLoss) }

func filled(used, most decimal.Decimal) string {
	hundred := decimal.NewFromInt(100)
	if !most.IsPositive() {
		return "0"
	}
	return decimal.Max(decimal.Zero, decimal.Min(hundred, used.Mul(hundred).Div(most))).StringFixed(0)
}

func (w *Web) ceilings(rq *request) error {
	return w.showCeilings(rq, http.StatusOK, ceilingsPage{})
}

// showCeilings renders the page around what a refused form has left in p.
func (w *Web) showCeilings(rq *request, status int, p ceilingsPage) error {
	list, err := w.cfg.Ceilings.List(rq.Context(), rq.who)
	if err != nil {
		return err
	}
	p.MayWrite = rq.who.Can(tenancy.AccountsWrite)
	markets, err := w.cfg.Markets.Markets(rq.Context())
	if err != nil {
		return err
	}
	decimals := map[string]int32{}
	for _, m := range markets {
		p.Currencies, decimals[m.Counter] = append(p.Currencies, m.Counter), market{m}.MoneyDecimals()
	}
	slices.Sort(p.Currencies)
	p.Currencies = slices.Compact(p.Currencies)
	for _, c := range list {
		p.Rows = append(p.Rows, ceilingRow{Seen: c, MayWrite: p.MayWrite, Decimals: decimals[c.Currency]})
		p.Currencies = slices.DeleteFunc(p.Currencies, func(currency string) bool { return currency == c.Currency })
		if status == http.StatusOK && c.Currency == rq.URL.Query().Get("currency") {
			p.Form = ceilingForm{Currency: c.Currency, MaxExposure: trimmed(c.MaxExposure), MaxDailyLoss: trimmed(c.MaxDailyLoss), Version: c.Version}
		}
	}
	if len(p.Currencies) == 1 && p.Form == (ceilingForm{}) {
		p.Form.Currency = p.Currencies[0]
	}
	return w.page(rq, status, "accounts/limits", view{Title: "Limits of all live bots", Nav: "accounts", D: p})
}

func (w *Web) setCeiling(rq *request) error {
	form := ceilingForm{
		Currency: rq.PostFormValue("currency"), MaxExposure: rq.PostFormValue("max_exposure"), MaxDailyLoss: rq.PostFormValue("max_daily_loss"),
	}
	var err error
	if form.Version, err = strconv.ParseInt(rq.PostFormValue("version"), 10, 64); err != nil {
		form.Version = 0
	}
	p := ceilingsPage{Form: form, Faults: faults{}}
	in := ceiling.SetInput{
		Currency: form.Currency, MaxExposure: p.Faults.number(form.MaxExposure, "max_exposure"), MaxDailyLoss: p.Faults.number(form.MaxDailyLoss, "max_daily_loss"), Version: form.Version,
	}
	if len(p.Faults) > 0 {
		return w.showCeilings(rq, http.StatusUnprocessableEntity, p)
	}
	_, err = w.cfg.Ceilings.Set(rq.Context(), rq.who, in)
	f, ok := faultsOf(err)
	switch {
	case ok:
		p.Faults = f
		return w.showCeilings(rq, http.StatusUnprocessableEntity, p)
	case errs.KindOf(err) == errs.Stale:
		p.Fault = messageOf(err)
		return w.showCeilings(rq, http.StatusConflict, p)
	case err != nil:
		return err
	}
	return rq.redirect(ceilingsPath + "?notice=saved")
}

func (w *Web) removeCeiling(rq *request) error {
	version, err := strconv.ParseInt(rq.PostFormValue("version"), 10, 64)
	if err != nil {
		version = 0
	}
	err = w.cfg.Ceilings.Remove(rq.Context(), rq.who, rq.PathValue("currency"), version)
	if errs.KindOf(err) == errs.Stale {
		return w.showCeilings(rq, http.StatusConflict, ceilingsPage{Fault: messageOf(err)})
	}
	if err != nil {
		return err
	}
	return rq.redirect(ceilingsPath + "?notice=saved")
}
