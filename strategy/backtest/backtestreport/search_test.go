package backtestreport_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/search"
)

func swingConfig(s marketdata.Series) backtest.Config {
	return backtest.Config{
		Market: s.Market, Interval: s.Interval, Balance: 10_000_000_000, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000},
	}
}

func swingSearch(t *testing.T, s marketdata.Series, cfg search.Config, ranges ...string) search.Config {
	t.Helper()
	space, err := search.NewSpace(search.SpaceConfig{Schema: definition().Schema(), Ranges: ranges})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Space = space
	for range 2 {
		cfg.Runners = append(cfg.Runners, search.NewLocal(definition(), swingConfig(s), s.Packed()))
	}
	return cfg
}

// sweep searches the swing's parameters over two days.
func sweep(t *testing.T, cfg search.Config, ranges ...string) *backtestreport.Search {
	t.Helper()
	s := series(t)
	result, err := search.Run(t.Context(), swingSearch(t, s, cfg, ranges...))
	if err != nil {
		t.Fatal(err)
	}
	in := backtestreport.SearchInput{
		Closes: backtestreport.ClosesOf(s.Candles), Notes: []string{"These prices repeat."}, Schema: definition().Schema(), Source: "a <replay>", Config: swingConfig(s),
		Info: definition().Info(), Result: result,
	}
	if best, ok := result.Best(); ok {
		run := swingConfig(s)
		run.Params = best.Params
		if in.Best, err = backtest.Run(t.Context(), definition(), run, s.Source(), nil); err != nil {
			t.Fatal(err)
		}
	}
	r, err := backtestreport.NewSearch(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// walk returns the report of a walk that the edits were made to.
func walk(t *testing.T, objective search.Objective, edits ...func(*search.Walk)) *backtestreport.Walk {
	t.Helper()
	s := series(t)
	cfg := search.WalkConfig{
		InSample: 12 * time.Hour, OutOfSample: 6 * time.Hour, Search: swingSearch(t, s, search.Config{Objective: objective}, "every=30:120:30", "kind=a,b"),
	}
	cfg.Search.From, cfg.Search.To = s.Candles[0].OpenTime(), s.Candles[len(s.Candles)-1].OpenTime().Add(s.Interval)
	w, err := search.WalkForward(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, edit := range edits {
		edit(w)
	}
	r, err := backtestreport.NewWalk(backtestreport.WalkInput{
		Candles: s.Packed(), Notes: []string{"These prices repeat."}, Source: "a <replay>", Config: swingConfig(s), Info: definition().Info(), Walk: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// threefold is what a search and a walk forward have in common.
type threefold interface {
	WriteTable(w io.Writer, elapsed time.Duration) error
	WriteJSON(w io.Writer) error
	WriteHTML(w io.Writer) error
}

// written returns the three forms of a report.
func written(t *testing.T, r threefold) (table, document, page string) {
	t.Helper()
	var forms [3]bytes.Buffer
	for i, write := range []func(io.Writer) error{
		func(w io.Writer) error { return r.WriteTable(w, 0) }, r.WriteJSON, r.WriteHTML,
	} {
		if err := write(&forms[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !json.Valid(forms[1].Bytes()) {
		t.Error("the JSON is none")
	}
	return forms[0].String(), forms[1].String(), forms[2].String()
}

// shows reports what a text lacks of what it should tell.
func shows(t *testing.T, what, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("the %s does not tell %q:\n%.3000s", what, w, text)
		}
	}
}

func TestSearchReport(t *testing.T) {
	t.Parallel()
	r := sweep(t, search.Config{Objective: search.Objective{Measure: search.Equity}}, "every=10:120:10", "kind=a,b")
	table, document, page := written(t, r)
	shows(t, "table", table, "24 sets by grid, best by Final equity", "Turn every", "What the best set is worth:", "deflated Sharpe ratio",
		"probability of backtest overfitting", "the best of 24 sets without any skill", "Bailey, Borwein, López de Prado and Zhu", "Deflated", "1st half")
	shows(t, "page", page, "SWEEP", "Final equity by Turn every and Kind", "First half against second half", "class=\"r-frame\"", "a &lt;replay&gt;",
		"Journal of Portfolio Management 40, 2014", "These prices repeat.", "The best set")
	if n := strings.Count(page, `class="r-gain-`) + strings.Count(page, `class="r-loss-`); n < 24 {
		t.Errorf("the heatmap has %d cells of 24", n)
	}
	if m := regexp.MustCompile(`\sstyle=|\son[a-z]+=|(src|href)=`).FindString(page); m != "" {
		t.Errorf("the page has %q", m)
	}
	var d struct {
		Sets []struct {
			Parameters map[string]any
			Score      *float64
			Metrics    struct {
				Trades int
			}
		}
		Doubts struct {
			Trials      int
			Overfitting struct{ Splits int }
		}
		References []backtestreport.Reference
	}
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Sets) != 24 || d.Doubts.Trials != 24 || d.Doubts.Overfitting.Splits != 12_870 || len(d.References) < 3 {
		t.Errorf("the document has %d sets of %d trials, %d splits and %d references", len(d.Sets), d.Doubts.Trials, d.Doubts.Overfitting.Splits, len(d.References))
	}
	for i, s := range d.Sets {
		if s.Score == nil || i > 0 && *s.Score > *d.Sets[i-1].Score || s.Parameters["every"] == nil || s.Metrics.Trades == 0 {
			t.Errorf("set %d is %+v", i, s)
		}
	}
}

// With more ranges than a map has sides each set is a line besides.
func TestSearchOfThreeRanges(t *testing.T) {
	t.Parallel()
	r := sweep(t, search.Config{Method: search.TPE, Trials: 20, Seed: math.MaxUint64, Objective: search.Objective{Measure: search.Equity}}, "every=10:120", "kind=a,b", "loud=true,false")
	table, _, page := written(t, r)
	shows(t, "table", table, "20 sets by TPE", "Bergstra, Bardenet, Bengio and Kégl")
	shows(t, "page", page, "18446744073709551615", "All ranges and the score", "class=\"r-strand-best\"", "From the left: Turn every 10 … 120 · Kind", "A cell shows the best of the sets that share it.")
	if p := r.Page(); len(p.Heat.Columns) > 20 || p.Heat.Best == nil || p.Strands == nil {
		t.Errorf("the map has %d columns", len(p.Heat.Columns))
	}
}

// Where no set is good enough the report says so and shows the rest.
func TestSearchWithoutABestSet(t *testing.T) {
	t.Parallel()
	table, document, page := written(t, sweep(t, search.Config{Objective: search.Objective{MinTrades: 5_000}}, "every=30,60,90"))
	shows(t, "table", table, "No set has a Sharpe ratio within the bounds asked for", "These prices repeat.")
	shows(t, "page", page, "none", "Sharpe ratio by Turn every")
	shows(t, "document", document, `"parameters": {}`)
	if strings.Contains(table, "What the best set is worth") {
		t.Error("it tells what a set is worth that there is not")
	}
}

// proves PL4: what a walk draws of holding and of what the account held is what the
// windows' runs give, not a line between their ends.
func TestWalkTellsWhatWasHeld(t *testing.T) {
	t.Parallel()
	_, document, page := written(t, walk(t, search.Objective{Measure: search.Equity}))
	shows(t, "page", page, `data-chart="exposure"`, "What the account held", "class=\"r-asset-cash\"")
	var d backtestreport.WalkDocument
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		t.Fatal(err)
	}
	s, at := series(t), 0
	value, some, last := 1.0, 0, d.Equity[len(d.Equity)-1]
	for _, w := range d.Windows {
		first := s.Candles[w.To.Sub(s.Candles[0].OpenTime())/s.Interval]
		for ; at < len(d.Equity) && !d.Equity[at].Time.After(w.End); at++ {
			p := d.Equity[at]
			if want := value; p.Time.After(w.To) {
				closed := s.Candles[p.Time.Sub(s.Candles[0].OpenTime())/s.Interval-1]
				if want *= closed.Close.Float() / first.Open.Float(); math.Abs(p.Held-want) > 1e-7 {
					t.Fatalf("holding was worth %v at %s, want %v", p.Held, p.Time, want)
				}
			}
			if len(p.Shares) == 1 && p.Shares[0].Pair == s.Market.Pair && p.Shares[0].Share > 0.5 {
				some++
			}
		}
		value *= 1 + w.BuyAndHold.Float()
	}
	if math.Abs(last.Held-1-d.Walk.BuyAndHold.Float()) > 1e-7 || at != len(d.Equity) || some < 100 || some == len(d.Equity) {
		t.Errorf("holding ends at %v of %v; the account held something at %d of %d points", last.Held, 1+d.Walk.BuyAndHold, some, len(d.Equity))
	}
}

func TestWalkReport(t *testing.T) {
	t.Parallel()
	table, document, page := written(t, walk(t, search.Objective{Measure: search.Equity}))
	shows(t, "table", table, "6 windows (rolling) of 12 h, each traded for 6 h after it; 48 sets by grid", "Efficiency", "2025-01-31 12:00 to 2025-02-01 00:00",
		"on candles that no choice had seen", "Pardo", "These prices repeat.")
	shows(t, "warnings", table, "Only 1 d 12 h were traded after the windows: figures for a year are blown up")
	shows(t, "page", page, "WALK-FORWARD", `data-chart="equity"`, `data-chart="windows"`, "Final equity within against after", "class=\"r-fold\"", "Pardo")
	var d struct {
		Windows []struct {
			Inside, Outside *struct{ Trades int }
		}
		Equity []struct{ Value float64 }
		Walk   struct {
			TotalReturn float64 `json:"total_return"`
		}
	}
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		t.Fatal(err)
	}
	if n := len(d.Equity); len(d.Windows) != 6 || n < 6*6 || d.Equity[0].Value != 1 || d.Equity[n-1].Value-1 != d.Walk.TotalReturn {
		t.Errorf("the document has %d windows and a curve of %d", len(d.Windows), n)
	}
	for i, w := range d.Windows {
		if w.Inside == nil || w.Outside == nil || w.Inside.Trades == 0 {
			t.Errorf("window %d is %+v", i, w)
		}
	}
}

// Only windows that were traded count in the time that a year's figures are of.
func TestWalkWithUntradedWindows(t *testing.T) {
	t.Parallel()
	table, _, _ := written(t, walk(t, search.Objective{Measure: search.Equity}, func(w *search.Walk) {
		for i := range w.Windows[:4] {
			w.Windows[i].Best, w.Windows[i].Outside = nil, search.Metrics{}
		}
	}))
	shows(t, "warnings", table, "4 windows have no set within the bounds asked for", "Only 12 h were traded after the windows: figures for a year are blown up")
}

func TestWalkWithoutAChoice(t *testing.T) {
	t.Parallel()
	table, _, page := written(t, walk(t, search.Objective{Measure: search.Equity, MinTrades: 5_000}))
	for what, text := range map[string]string{"table": table, "page": page} {
		shows(t, what, text, "nothing was traded", "–")
	}
}

// Pages that were kept as JSON are drawn to the same bytes, and the same search
// gives the same report however often it is made.
func TestSearchPagesRoundTrip(t *testing.T) { // proves PL1
	t.Parallel()
	cfg := search.Config{Method: search.Random, Trials: 12, Seed: 2, Objective: search.Objective{Measure: search.Equity}}
	r := sweep(t, cfg, "every=10:120", "kind=a,b")
	_, document, page := written(t, r)
	if again := redrawn[backtestreport.SearchPage](t, r.Page()); again != page {
		t.Error("the kept page is drawn otherwise")
	}
	if _, d, p := written(t, sweep(t, cfg, "every=10:120", "kind=a,b")); d != document || p != page {
		t.Error("the same search gives another report")
	}
	w := walk(t, search.Objective{Measure: search.Equity})
	_, document, page = written(t, w)
	if again := redrawn[backtestreport.WalkPage](t, w.Page()); again != page {
		t.Error("the kept page of a walk is drawn otherwise")
	}
	if _, d, p := written(t, walk(t, search.Objective{Measure: search.Equity})); d != document || p != page {
		t.Error("the same walk gives another report")
	}
}

// redrawn draws a page that went through JSON.
func redrawn[P interface{ WriteHTML(w io.Writer) error }](t *testing.T, page P) string {
	t.Helper()
	raw, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	var back P
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := back.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
