package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/perf"
	"github.com/lunobot/lunobot/tenancy"
)

// backtestRow is a run in a list.
type backtestRow struct {
	research.Run
	Market market
	// Title is the strategy's, Candle the length of its candles.
	Title  string
	Candle string
	Made   moment
}

// Active reports whether the run waits or is at work.
func (r backtestRow) Active() bool { return !r.Status.Over() }

// IsDone reports whether there are figures to show.
func (r backtestRow) IsDone() bool { return r.Status == research.Done && r.Figures != nil }

// IsBacktest reports whether it ran one set of parameters, and can be compared.
func (r backtestRow) IsBacktest() bool { return r.Kind == research.Backtest }

// Badge names what was done, for a badge, and KindName in a sentence.
func (r backtestRow) Badge() string { return strings.ToUpper(r.KindName()) }

// KindName is described with Badge.
func (r backtestRow) KindName() string {
	for _, c := range kindChoices() {
		if c.Name == string(r.Kind) {
			return strings.ToLower(c.Text)
		}
	}
	return "backtest"
}

// Unit is what Done and Total count.
func (r backtestRow) Unit() string {
	if r.Search != nil {
		return "sets"
	}
	return "candles"
}

// HasParameters reports whether there are parameters that a bot could use: those
// of a backtest, or of a sweep's best set.
func (r backtestRow) HasParameters() bool {
	return r.IsDone() && (r.IsBacktest() || len(r.Figures.Best) > 0)
}

// Traded names the pairs that the run trades.
func (r backtestRow) Traded() string {
	return strings.Join(append([]string{r.Pair}, pairsOf(r.Further)...), ", ")
}

// Span is the time that the run covers, in words.
func (r backtestRow) Span() string { return span(r.From, r.To) }

// Excess is the run's return less that of holding.
func (r backtestRow) Excess() perf.Number { return r.Figures.Return - r.Figures.HoldReturn }

// span writes a time from day to day, and from minute to minute within two days.
func span(from, to time.Time) string {
	layout := "2 Jan 2006"
	if to.Sub(from) < 48*time.Hour {
		layout = "2 Jan 2006, 15:04"
	}
	return from.UTC().Format(layout) + " to " + to.UTC().Format(layout)
}

// backtestRowsOf adds to runs what lists show of them.
func (w *Web) backtestRowsOf(rq *request, runs []research.Run) ([]backtestRow, error) {
	markets, err := w.markets(rq)
	if err != nil {
		return nil, err
	}
	rows := make([]backtestRow, len(runs))
	for i, r := range runs {
		of := market{r.Market}
		if of.Pair == "" { // a run of before runs said what they were traded by
			of = markets.of(r.Pair)
		}
		rows[i] = backtestRow{Run: r, Market: of, Title: w.title(r.Strategy), Candle: bot.IntervalName(r.Interval), Made: moment{r.CreatedAt}}
	}
	return rows, nil
}

// backtestsPage is the page of all backtests, or the part of it that is renewed.
type backtestsPage struct {
	Rows []backtestRow
	// Next asks for the rows that follow, which begin after After; "" for none,
	// and for the first.
	Next, After string
	MayWrite    bool
	// Included says that the plan has backtests, Plan which it is, and Refusal
	// what to do about it.
	Included bool
	Plan     string
	Refusal  string
	// Keep is how many are kept.
	Keep int
	// Active says that something waits or is at work, Comparable that there are
	// two that can be compared.
	Active, Comparable bool
}

func (w *Web) backtestsPage(rq *request) (backtestsPage, error) {
	after := rq.URL.Query().Get("after")
	list, err := w.cfg.Research.Runs(rq.Context(), rq.who, page.Page{After: after})
	if err != nil {
		return backtestsPage{}, err
	}
	p := backtestsPage{Next: list.Next, After: after, MayWrite: rq.who.Can(tenancy.BotsWrite), Keep: w.cfg.Research.Keep()}
	if p.Rows, err = w.backtestRowsOf(rq, list.Items); err != nil {
		return backtestsPage{}, err
	}
	done := 0
	for _, r := range p.Rows {
		p.Active = p.Active || r.Active()
		if r.IsDone() && r.IsBacktest() {
			done++
		}
	}
	p.Comparable = done >= 2 || after != ""
	p.Included, p.Plan, p.Refusal, err = w.included(rq, billing.NeedBasicBacktests)
	return p, err
}

// included says whether the tenant's plan includes something; if not, a sentence
// says which plan does.
func (w *Web) included(rq *request, need billing.Entitlement) (ok bool, plan, refusal string, err error) {
	st, err := w.cfg.Billing.Subscription(rq.Context(), rq.who.TenantID)
	if err != nil || st.Terms.Entitlements.Has(need) {
		return err == nil, st.Terms.Name, "", err
	}
	refusal = "Your " + st.Terms.Name + " plan does not include " + need.Words() + "."
	for _, p := range w.cfg.Billing.Catalog().Plans() {
		if p.Entitlements.Has(need) {
			return false, st.Terms.Name, refusal + " " + p.Name + " does.", nil
		}
	}
	return false, st.Terms.Name, refusal, nil
}

func (w *Web) backtestList(rq *request) error {
	p, err := w.backtestsPage(rq)
	if err != nil {
		return err
	}
	return w.page(rq, http.StatusOK, "backtests/list", view{Title: "Backtests", Nav: "backtests", MarketNotice: w.cfg.MarketNotice, D: p})
}

// backtestRows answers with the rows alone.
func (w *Web) backtestRows(rq *request) error {
	p, err := w.backtestsPage(rq)
	if err != nil {
		return err
	}
	return w.part(rq, "backtests/list", "rows", p)
}
