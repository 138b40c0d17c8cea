package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/search"
)

func sweepForm(name string) url.Values {
	form := testForm(name)
	form["vary"] = []string{"fast", "slow"}
	for key, value := range map[string]string{
		"kind": "sweep", "from-fast": " 5", "to-fast": "20 ", "step-fast": "5", "from-slow": "40, 50", "to-slow": "", "step-slow": "", "method": "grid", "objective": "equity", "trials": "", "min_trades": "", "max_drawdown": "",
	} {
		form.Set(key, value)
	}
	return form
}

// atWork is a search that a worker has taken up, with what it runs.
type atWork struct {
	lease  lease.Lease
	run    research.Run
	series marketdata.Series
	def    strategy.Definition
	cfg    backtest.Config
	task   search.Config
}

// must fails the test for an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// takeUp takes a search up, as a worker does.
func (w *world) takeUp(t testing.TB, b *browser, id string) (s atWork) {
	t.Helper()
	var err error
	s.lease, s.run = w.worker(t, b, id)
	s.series, err = w.market.Series(s.run.Pair, s.run.From, s.run.To)
	must(t, err)
	s.def = strategy.MustDefine(strategy.Info{Name: "basic", Version: "1.0.0", Title: "Moving-average cross"}, parameters{Fast: 10, Slow: 30, Kind: "sma"},
		func(p parameters) strategy.Strategy { return &swinging{Every: p.Fast * p.Slow} })
	space, err := s.run.Space(w.schema, nil)
	must(t, err)
	s.cfg = backtest.Config{
		Market: s.series.Market, Interval: s.series.Interval, Balance: 10_000_000_000, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000},
	}
	s.task = s.run.Searching(space)
	s.task.Runners = []search.Runner{search.NewLocal(s.def, s.cfg, s.series.Packed())}
	return s
}

// finishSweep makes a sweep and stores its result, as a worker does.
func (w *world) finishSweep(t testing.TB, b *browser, id string) {
	t.Helper()
	s := w.takeUp(t, b, id)
	result, err := search.Run(t.Context(), s.task)
	must(t, err)
	best, ok := result.Best()
	if !ok {
		t.Fatal("there is no best set")
	}
	run := s.cfg
	run.Params = best.Params
	whole, err := backtest.Run(t.Context(), s.def, run, s.series.Source(), nil)
	must(t, err)
	report, err := backtestreport.NewSearch(backtestreport.SearchInput{
		Best: whole, Closes: backtestreport.ClosesOf(s.series.Candles), Config: s.cfg, Info: s.def.Info(), Result: result, Schema: w.schema, Source: "Demo market: a replay",
	})
	must(t, err)
	out, err := research.PackSearch(report)
	must(t, err)
	must(t, w.research.Finish(t.Context(), s.lease, out))
}

// finishWalk makes a walk forward and stores its result, as a worker does.
func (w *world) finishWalk(t testing.TB, b *browser, id string) {
	t.Helper()
	s := w.takeUp(t, b, id)
	s.task.From, s.task.To = s.run.From, s.run.To
	walk, err := search.WalkForward(t.Context(), search.WalkConfig{
		InSample: s.run.Search.InSample, OutOfSample: s.run.Search.OutOfSample, Search: s.task,
	})
	must(t, err)
	report, err := backtestreport.NewWalk(backtestreport.WalkInput{
		Candles: s.series.Packed(), Config: s.cfg, Info: s.def.Info(), Walk: walk, Source: "Demo market: a replay",
	})
	must(t, err)
	out, err := research.PackWalk(report)
	must(t, err)
	must(t, w.research.Finish(t.Context(), s.lease, out))
}

// A walk-forward from its form to its report within the frame.
func TestWalkForwardLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("premium")
	form := sweepForm("Windows")
	form.Set("kind", "walkforward")
	form.Set("inside", "2")
	form.Set("outside", "1")
	ada.post("/backtests/new/check", form).want(t, "its summary", http.StatusOK, "<dt>Windows</dt><dd>5, chosen over 2 days and tried over the next 1</dd>")
	form.Set("anchored", "1")
	ada.post("/backtests/new/check", form).want(t, "one that grows", http.StatusOK, "chosen over 2 days and more and tried")
	form.Del("anchored")
	id := ada.newTest(form)
	ada.get("/backtests/"+id).want(t, "waiting", http.StatusOK, `<span class="badge">WALK-FORWARD</span>`)
	w.finishWalk(t, ada, id)
	ada.get("/backtests/"+id).want(t, "done", http.StatusOK, "Result after the windows", "Growth a year within each window and after it", "Sources", "!style=", "!Use the best parameters")
	ada.get("/backtests/new?like="+id).want(t, "once more", http.StatusOK, `value="walkforward" checked`, `name="inside" type="text" value="2"`, `name="to-fast" value="20"`)
}

// Sweeps and walk-forwards are for plans with advanced backtests: others are told
// which, and cannot get past the form.
func TestSweepsNeedAPlan(t *testing.T) { // proves E6
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	ada.get("/backtests/new").want(t, "the form", http.StatusOK, "Your Basic plan does not include advanced backtests. Premium does.", `value="sweep" disabled`, `!id="ranges"`)
	for _, kind := range []string{"sweep", "walkforward"} {
		form := sweepForm("Slipped in")
		form.Set("kind", kind)
		ada.post("/backtests/new", form).want(t, kind, http.StatusForbidden, "Your Basic plan does not include advanced backtests. Premium does.", "See the plans")
	}
	ada.get("/backtests").want(t, "the list", http.StatusOK, "No backtests yet")
}

func TestSweepFormNamesFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("premium")
	for name, c := range map[string]struct {
		set      map[string]string
		id, want string
	}{
		"no range":             {map[string]string{"vary": ""}, "fault-ranges", "Choose at least one parameter to vary."},
		"ranges that are none": {map[string]string{"to-fast": "<x>"}, "fault-range-fast", "&lt;x&gt;&#34; is no number"},
		"a step of nothing":    {map[string]string{"step-fast": "0"}, "fault-range-fast", "must be above 0"},
		"no value":             {map[string]string{"from-slow": ""}, "fault-range-slow", "A value is missing."},
		"nothing picked":       {map[string]string{"vary": "kind"}, "fault-range-kind", "A value is missing."},
		"a pick of nothing":    {map[string]string{"vary": "kind", "pick-kind": "wma"}, "fault-range-kind", "Wma is not one of sma, ema"},
		"too many sets":        {map[string]string{"from-fast": "2", "to-fast": "200", "step-fast": "", "from-slow": "3", "to-slow": "500"}, "fault-ranges", "at most 5,000 are tried"},
		"trials":               {map[string]string{"method": "tpe", "trials": "2.5"}, "fault-trials", "Must be a whole number from 1 to 5,000."},
		"too many trials":      {map[string]string{"method": "random", "trials": "5001"}, "fault-trials", "Must be a whole number from 1 to 5,000."},
		"no trial":             {map[string]string{"method": "random", "trials": "0"}, "fault-trials", "Must be a whole number from 1 to 5,000."},
		"trials in words":      {map[string]string{"method": "random", "trials": "many"}, "fault-trials", "Must be a plain number"},
		"drawdown":             {map[string]string{"max_drawdown": "100"}, "fault-max_drawdown", "Must be a percentage from 0 to below 100."},
		"a long window":        {map[string]string{"kind": "walkforward", "inside": "30"}, "fault-inside", "Must leave room for a window"},
		"no window":            {map[string]string{"kind": "walkforward", "outside": "-1"}, "fault-outside", "Must be a number of days"},
	} {
		form := sweepForm("First")
		for key, value := range c.set {
			form.Set(key, value)
		}
		for path, status := range map[string]int{"/backtests/new": http.StatusUnprocessableEntity, "/backtests/new/check": http.StatusOK} {
			a := ada.post(path, form)
			_, rest, found := strings.Cut(a.body, `id="`+c.id+`"`)
			text, _, _ := strings.Cut(rest, "</p>")
			if a.status != status || !found || !strings.Contains(text, c.want) {
				t.Errorf("%s: POST %s: %d, the fault is %q, want %q", name, path, a.status, text, c.want)
			}
		}
	}
	// A form that comes back begins at the first field that is marked; a range and a fee tier are, too.
	marked := sweepForm("First")
	marked.Set("to-fast", "1")
	marked["tier_volume"], marked["tier_maker"], marked["tier_taker"] = []string{"many"}, []string{""}, []string{""}
	ada.post("/backtests/new", marked).want(t, "a faulty range", http.StatusUnprocessableEntity, `aria-describedby="fault-range-fast" aria-invalid="true"`, `aria-describedby="fault-tier-0" aria-invalid="true"`,
		`!aria-describedby="fault-range-slow" aria-invalid`, `!aria-describedby="fault-tier-1" aria-invalid`)
	ada.post("/backtests/new/check", sweepForm("First")).want(t, "a good one", http.StatusOK, "8 sets of parameters", `id="fault-range-slow"`)
	ada.get("/backtests").want(t, "the list", http.StatusOK, "No backtests yet")
}

// A sweep from its form to its report and to a bot of its best set.
func TestSweepLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("premium")
	// A sweep can be run as the form comes: its first two numbers are varied.
	ada.get("/backtests/new").want(t, "the form", http.StatusOK, `name="vary" value="fast" checked`, `name="vary" value="slow" checked`, `name="vary" value="kind">`, `id="run-label">Run the backtest<`)
	ada.post("/backtests/new/check", sweepForm("Many")).want(t, "a sweep in the form", http.StatusOK, `id="run-label" hx-swap-oob="true">Run the sweep<`,
		`id="run-name" hx-swap-oob="true">Your sweep<`, "<dd>5 to 20", "<dd>40, 50", "!<dd>10 <")
	ada.post("/backtests/new/check", testForm("One")).want(t, "a backtest in the form", http.StatusOK, `id="run-name" hx-swap-oob="true">Your backtest<`, "!<dd>5 to 20")
	many := sweepForm("Many <sets>")
	many.Set("full_look", "1") // ticked before a sweep was chosen, which hides it
	id := ada.newTest(many)
	ada.get("/backtests/"+id).want(t, "waiting", http.StatusOK, `<span class="badge">SWEEP</span>`, `data-unit="sets"`, "the sweep goes on", "Many &lt;sets&gt;")
	w.finishSweep(t, ada, id)
	r, err := w.research.Run(t.Context(), ada.who, id)
	if err != nil || r.Done != 8 || r.Figures == nil {
		t.Fatalf("the sweep is %+v, %v", r, err)
	}
	ada.get("/backtests/"+id).want(t, "done", http.StatusOK, "Final equity by Fast average and Slow average", "r-frame", "What it is worth", "deflated Sharpe ratio", "The best set",
		`data-chart="equity"`, "Sources", "Use the best parameters for a bot", "!style=")
	ada.get("/backtests").want(t, "the list", http.StatusOK, "SWEEP", "polyline", "!pick-"+id)
	ada.get("/backtests/new?like="+id).want(t, "once more", http.StatusOK, `name="to-fast" value="20"`, `name="step-fast" value="5"`, `name="from-slow" value="40, 50"`, `name="vary" value="slow" checked`, `value="sweep" checked`, `value="equity" selected`)
	bot := ada.get("/bots/new?backtest=" + id)
	for _, p := range []string{"fast", "slow"} {
		_, value, _ := strings.Cut(string(r.Figures.Best), `"`+p+`":`)
		value = value[:strings.IndexAny(value, ",}")]
		bot.want(t, "a bot of it", http.StatusOK, `name="p-`+p+`" type="text" inputmode="numeric" class="figure" value="`+value+`"`)
	}
	ada.get("/backtests/"+id+"/report").want(t, "the report", http.StatusOK, "<!doctype html>", "SWEEP")
	other := ada.newTest(testForm("One"))
	w.finish(t, ada, other, 100)
	ada.get("/backtests/compare?id="+id+"&id="+other).want(t, "comparing it", http.StatusBadRequest, "Choose backtests of one set of parameters")

	form := sweepForm("Walk")
	for key, value := range map[string]string{"kind": "walkforward", "inside": "2.5", "outside": "1", "anchored": "1"} {
		form.Set(key, value)
	}
	walk := ada.newTest(form)
	ada.get("/backtests/"+walk).want(t, "a walk that waits", http.StatusOK, `<span class="badge">WALK-FORWARD</span>`)
	ada.post("/backtests/"+walk+"/cancel", nil)
	ada.get("/backtests/"+walk).want(t, "a cancelled walk", http.StatusOK, "This walk-forward was cancelled")
	ada.get("/backtests/new?like="+walk).want(t, "the walk once more", http.StatusOK, `name="inside" type="text" value="2.5"`, `name="anchored" value="1" checked`)
}
