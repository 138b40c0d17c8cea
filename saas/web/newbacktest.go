package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/tenancy"
)

// testPage is the form of a backtest.
type testPage struct {
	formPage
	Test  testForm
	Spans []spanChoice
	// History is what would be run over, Stored what there is to choose in the store.
	History historyView
	Stored  []historyCard
	// Request is what would be run; nil if it cannot be.
	Request *research.Request
	// Plan names the plan, which allows AtOnce runs of so many Days; Busy says
	// that all its places are taken.
	Plan         string
	AtOnce, Days billing.Limit
	// Tiers are the rows of fees by traded value.
	Tiers []tierForm
	Busy  bool
	// Kinds are what can be done; Advanced says that the plan includes sweeps and
	// walk-forwards, and Refusal what to do about it if not.
	Kinds    []choice
	Advanced bool
	Refusal  string
	// MarketNotice stands beside prices that are not live.
	MarketNotice string
}

// CostFaults reports whether one of the costs is wrong that are folded away.
func (p testPage) CostFaults() bool {
	return slices.ContainsFunc(costPlaces(), func(place string) bool { return p.Faults[place] != "" }) ||
		slices.ContainsFunc(p.Tiers, func(t tierForm) bool { return t.Fault != "" })
}

// Sets is how many sets would be tried; 0 for a backtest.
func (p testPage) Sets() int { return p.Request.Sets }

// Windows says what the windows of a walk-forward would be; "" for other kinds.
func (p testPage) Windows() string {
	n := p.Request.Windows()
	if n == 0 {
		return ""
	}
	in, out, more := inDays(p.Request.Search.InSample), inDays(p.Request.Search.OutOfSample), ""
	if p.Request.Search.Anchored && n > 1 {
		more = " and more"
	}
	return fmt.Sprintf("%s, chosen over %s days%s and tried over the next %s", grouping(n), in, more, out)
}

// Covers is the time that would be run, in words.
func (p testPage) Covers() string { return span(p.Request.From, p.Request.To) }

// Counts is how many days of data the run would be to the plan, those of each pair
// counted.
func (p testPage) Counts() int64 { return p.Request.Days() }

// Several is how many pairs it would trade if these are several, else 0.
func (p testPage) Several() int64 {
	if n := p.Request.Traded(); n > 1 {
		return n
	}
	return 0
}

// Fits reports whether the plan allows that many.
func (p testPage) Fits() bool { return p.Days.Allows(p.Request.Days()) }

// Candles is how many candles the orders would meet.
func (p testPage) Candles() int64 { return p.Request.Candles() }

// Met names those candles.
func (p testPage) Met() string {
	if d := p.Request.Detail(); d > time.Minute {
		return "candles of " + lengthName(d)
	}
	return "one-minute candles"
}

// Notice says what kind of market the history is of, if it is that of bots.
func (p testPage) Notice() string {
	if p.History.Stored() {
		return ""
	}
	return p.MarketNotice
}

func (w *Web) newBacktest(rq *request) error {
	if err := rq.who.Require(tenancy.BotsWrite); err != nil {
		return err
	}
	ok, _, refusal, err := w.included(rq, billing.NeedBasicBacktests)
	if err != nil {
		return err
	}
	if !ok {
		p := errorPage{
			Status: http.StatusForbidden, Limit: true, Heading: "Backtests are not part of your plan", Text: refusal,
			Back: "/backtests", BackText: "Back to the backtests",
		}
		return w.page(rq, p.Status, "errors/limit", view{Title: p.Heading, Nav: "backtests", D: p})
	}
	form, warning, err := w.suggestedTest(rq)
	if err != nil {
		return err
	}
	p, err := w.testPage(rq, form, nil)
	if err != nil {
		return err
	}
	return w.showTest(rq, http.StatusOK, p, warning)
}

// suggestedTest is the form to begin with: that of an earlier run or of a bot, with the
// version of the strategy that it has, or of a strategy.
func (w *Web) suggestedTest(rq *request) (form testForm, warning string, err error) {
	q := rq.URL.Query()
	switch {
	case q.Get("like") != "":
		r, err := w.cfg.Research.Run(rq.Context(), rq.who, q.Get("like"))
		if err != nil {
			return testForm{}, "", err
		}
		s, warning := w.ran(r.Strategy, r.StrategyVersion, "That run")
		return testFormOf(r, s), warning, nil
	case q.Get("bot") != "":
		b, err := w.cfg.Bots.Bot(rq.Context(), rq.who, q.Get("bot"))
		if err != nil {
			return testForm{}, "", err
		}
		c, err := w.cfg.Bots.Config(rq.Context(), rq.who, b.ConfigID)
		if err != nil {
			return testForm{}, "", err
		}
		s, warning := w.ran(c.Strategy, c.StrategyVersion, "The bot")
		form := newTestForm()
		form.botForm = formOf(c, s)
		form.Pin = s.Version
		return form, warning, nil
	}
	form = newTestForm()
	form.Strategy, form.Pin, form.Interval = q.Get("strategy"), q.Get("pin"), cmp.Or(q.Get("interval"), suggestedInterval)
	form.refer(q.Get("pair"))
	return form, "", nil
}

// suggestedInterval is the length of candles that the form of a backtest begins with: on
// minutes, fees eat what most strategies make.
const suggestedInterval = "1h"

// testPage completes the form of a backtest with what there is to choose from,
// what would be run and what the plan allows.
func (w *Web) testPage(rq *request, f testForm, bad faults) (testPage, error) {
	p := testPage{Test: f, Kinds: kindChoices(), MarketNotice: w.cfg.MarketNotice}
	var err error
	if p.Advanced, _, p.Refusal, err = w.included(rq, billing.NeedAdvancedBacktests); err != nil {
		return testPage{}, err
	}
	if p.formPage, err = w.formPage(rq, f.botForm, bad); err != nil {
		return testPage{}, err
	}
	p.Test.botForm = p.Form
	p.Tiers = p.Test.Terms.tierSelects(bad)
	if p.Form.Name == "" && p.Chosen.Name != "" && rq.Method == http.MethodGet {
		p.Form.Name = p.Chosen.Title + " on " + p.Form.Pair
		p.Test.Name = p.Form.Name
	}
	if err := w.offered(rq, &p); err != nil {
		return testPage{}, err
	}
	st, err := w.cfg.Billing.Subscription(rq.Context(), rq.who.TenantID)
	if err != nil {
		return testPage{}, err
	}
	p.Plan, p.AtOnce, p.Days = st.Terms.Name, st.Limits[billing.RunningBacktests], st.Limits[billing.BacktestDays]
	most := int64(p.Days)
	if most > 0 {
		most /= int64(1 + len(p.Form.Further())) // the days of each pair count
	}
	p.Spans = spanChoices(p.History.To.Sub(p.History.From), most)
	if rq.Method == http.MethodGet {
		p.Test.fit(p.Spans)
	}
	usage, err := w.cfg.Gate.Usage(rq.Context(), rq.who.TenantID)
	if err != nil {
		return testPage{}, err
	}
	for _, u := range usage {
		p.Busy = p.Busy || u.Feature == billing.RunningBacktests && !u.Limit.Allows(u.Used+1)
	}
	if len(bad) == 0 {
		in, _ := p.Test.input(p.Chosen, p.History.From, p.History.To)
		if r, err := w.cfg.Research.Check(rq.Context(), rq.who, in); err == nil {
			p.Request = &r
			p.History.Asked = research.Hole{From: r.From, To: r.To}
		}
	}
	last := p.History.To
	if p.Test.From == "" && p.Test.To == "" {
		p.Test.From, p.Test.To = localTime(last.AddDate(0, 0, -30).Truncate(24*time.Hour)), localTime(last.Truncate(24*time.Hour))
	}
	return p, nil
}

// offered finds the history that is chosen, and those that can be.
func (w *Web) offered(rq *request, p *testPage) error {
	p.Test.Ref.Pair = p.Test.Pair // the first one, if none was chosen
	all, err := w.cfg.Research.Offers(rq.Context(), rq.who)
	if err != nil {
		return err
	}
	offer, err := w.cfg.Research.Offer(rq.Context(), rq.who, p.Test.Ref)
	if errs.KindOf(err) == errs.NotFound && err != nil {
		err = nil // one that is not there, which the fields say
	}
	if err != nil {
		return err
	}
	if p.Chosen.TradesPairs && offer.Source != research.FromStore {
		markets, err := w.cfg.Markets.Markets(rq.Context())
		if err != nil {
			return err
		}
		p.Further = p.Test.furtherSelects(pairsOf(markets), p.Faults)
	}
	p.History.Offer = offer
	p.Stored = cardsOf(all, refValue(p.Test.Ref))
	if offer.Source == research.FromStore {
		pairs, err := w.storedPairs(rq)
		if err != nil {
			return err
		}
		offerPairs(p.Groups, pairs)
		if p.Chosen.TradesPairs {
			p.Further = p.Test.furtherSelects(pairs, p.Faults)
		}
		p.Market = market{offer.Market}
		nameUnits(p.Groups, p.Market)
		for i := range p.Pairs {
			p.Pairs[i].Selected = false
		}
	}
	return nil
}

// pairsOf are the pairs of a history's source.
func (w *Web) pairsOf(rq *request, ref research.Ref) ([]string, error) {
	if ref.Source == research.FromStore {
		return w.storedPairs(rq)
	}
	markets, err := w.cfg.Markets.Markets(rq.Context())
	return pairsOf(markets), err
}

// newBacktestHistory answers with the times of another history.
func (w *Web) newBacktestHistory(rq *request) error {
	q := rq.URL.Query()
	form := newTestForm()
	form.refer(q.Get("pair"))
	form.Strategy, form.Interval, form.Span, form.From, form.To = q.Get("strategy"), q.Get("interval"), q.Get("span"), q.Get("from"), q.Get("to")
	p, err := w.testPage(rq, form, nil)
	if err != nil {
		return err
	}
	return w.part(rq, "backtests/new", "history-swapped", p)
}

func (w *Web) showTest(rq *request, status int, p testPage, warning string) error {
	return w.page(rq, status, "backtests/new", view{Title: "New backtest", Nav: "backtests", MarketNotice: w.cfg.MarketNotice, Warning: warning, D: p})
}

// refuseTest shows the form of a backtest again; a refusal is shown above it.
func (w *Web) refuseTest(rq *request, status int, form testForm, bad faults, refusal error) error {
	p, err := w.testPage(rq, form, bad)
	if err != nil {
		return err
	}
	if refusal != nil {
		p.Error, p.Upgrade = messageOf(refusal), upgradeOf(refusal)
	}
	return w.showTest(rq, status, p, "")
}

// submittedTest reads the form and asks the service what is wrong with it.
func (w *Web) submittedTest(rq *request) (testForm, research.CreateInput, faults, error) {
	chosen, _ := w.chosen(rq.PostFormValue("strategy"), rq.PostFormValue("pin"))
	form := readTestForm(rq.PostForm, chosen)
	// Without a history, Check says what is wrong with the market.
	offer, _ := w.cfg.Research.Offer(rq.Context(), rq.who, form.Ref)
	in, bad := form.input(chosen, offer.From, offer.To)
	if _, err := w.cfg.Research.Check(rq.Context(), rq.who, in); err != nil {
		more, ok := faultsOf(err)
		if !ok {
			return form, in, nil, err
		}
		if _, faulty := more["search/max_drawdown"]; faulty {
			more["search/max_drawdown"] = "Must be a percentage from 0 to below 100."
		}
		for _, place := range append(rates(), form.Terms.tierPlaces()...) {
			if _, faulty := more[place]; faulty {
				more[place] = "Must be a percentage from 0 to below 100 with at most 6 decimals, such as 0.25."
			}
		}
		bad = bad.merge(more)
		if strings.Contains(strings.Join(slices.Collect(maps.Keys(bad)), " "), "search/ranges/") {
			delete(bad, "search/ranges") // it says the same
		}
	}
	return form, in, bad, nil
}

// checkBacktest answers a form that is still being filled in with its faults and
// the summary.
func (w *Web) checkBacktest(rq *request) error {
	form, _, bad, err := w.submittedTest(rq)
	if err != nil {
		return err
	}
	p, err := w.testPage(rq, form, bad)
	if err != nil {
		return err
	}
	return w.part(rq, "backtests/new", "checked", p)
}

// newBacktestStrategy answers with the parameters of another strategy, or of another
// version of it.
func (w *Web) newBacktestStrategy(rq *request) error {
	var p testPage
	var err error
	if p.formPage, err = w.parametersOf(rq); err != nil {
		return err
	}
	p.Test = readTestForm(rq.URL.Query(), p.Chosen)
	if p.Chosen.TradesPairs {
		pairs, err := w.pairsOf(rq, p.Test.Ref)
		if err != nil {
			return err
		}
		p.Further = p.Test.furtherSelects(pairs, nil)
	}
	if p.Advanced, _, _, err = w.included(rq, billing.NeedAdvancedBacktests); err != nil {
		return err
	}
	return w.part(rq, "backtests/new", "strategy-swapped", p)
}

func (w *Web) createBacktest(rq *request) error {
	form, in, bad, err := w.submittedTest(rq)
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		return w.refuseTest(rq, http.StatusUnprocessableEntity, form, bad, nil)
	}
	r, err := w.cfg.Research.Create(rq.Context(), rq.who, in)
	switch {
	case err == nil:
		return rq.redirect("/backtests/" + r.ID)
	case errs.KindOf(err) == errs.LimitExceeded:
		return w.refuseTest(rq, http.StatusForbidden, form, nil, err)
	case errs.CodeOf(err) == "strategy_hangs":
		return w.refuseTest(rq, http.StatusConflict, form, nil, err)
	}
	return err
}
