package backtestreport_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/lookahead"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/risk"
)

type swingParams struct {
	Every int    `param:"every" label:"Turn every" unit:"candles" validate:"min=1"`
	Kind  string `param:"kind" label:"Kind" validate:"oneof=a b" options:"a=First,b=<Second>"`
	Loud  bool   `param:"loud" label:"Loud"`
}

// swing buys and sells in turns.
type swing struct {
	Params swingParams `json:"-"`
	Seen   int
}

func (s *swing) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	if s.Seen++; s.Seen%s.Params.Every != 0 {
		return
	}
	if b.Position() > 0 {
		b.SellAll()
	} else {
		b.BuyWith(b.FreeCounter())
	}
}

func definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "swing", Version: "1.0.0", Title: "Swing"}, swingParams{Every: 90, Kind: "a"},
		func(p swingParams) strategy.Strategy { return &swing{Params: p} })
}

// series are two days of the demo market.
func series(t *testing.T) marketdata.Series {
	t.Helper()
	market, err := demo.New(demo.Config{})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2025, 1, 31, 12, 0, 0, 0, time.UTC)
	s, err := market.Series(demo.XBTMYR, from, from.Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func report(t *testing.T, params string) *backtestreport.Report {
	t.Helper()
	s := series(t)
	result, err := backtest.Run(t.Context(), definition(), backtest.Config{
		Market: s.Market, Interval: s.Interval, Balance: 10_000_000_000, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000}, Params: json.RawMessage(params),
		Risk: risk.Config{StopLoss: 5_000_000},
	}, s.Source(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := backtestreport.New(backtestreport.Input{
		Result: result, Closes: backtestreport.ClosesOf(s.Candles), Source: "a <replay>", Title: "Swing", Schema: definition().Schema(), Notes: []string{"These prices repeat."},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func html(t *testing.T, p backtestreport.Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A page that was kept as JSON is drawn to the same bytes.
func TestPageRoundTrips(t *testing.T) {
	t.Parallel()
	p := report(t, `{"every":90,"kind":"b","loud":true}`).Page()
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back backtestreport.Page
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if html(t, back) != html(t, p) {
		t.Error("the kept page is drawn otherwise")
	}
	if len(raw) > 500_000 {
		t.Errorf("the page takes %d bytes", len(raw))
	}
}

// The file can be shown under a policy that allows one style and one script, by
// their hashes.
func TestFileNeedsNothingInline(t *testing.T) {
	t.Parallel()
	text := html(t, report(t, `{"every":90,"kind":"b"}`).Page())
	for name, pattern := range map[string]string{"a style": `\sstyle=`, "a handler": `\son[a-z]+=`, "an address": `(src|href)=`} {
		if m := regexp.MustCompile(pattern).FindString(text); m != "" {
			t.Errorf("an element has %s of its own: %q", name, m)
		}
	}
	between := func(open, end string) string {
		_, rest, found := strings.Cut(text, open)
		inner, _, _ := strings.Cut(rest, end)
		if !found || strings.Contains(rest, open) {
			t.Errorf("there is not one %s", open)
		}
		return inner
	}
	if between("<style>", "</style>") != backtestreport.FileStyle() || between("<script>", "</script>") != backtestreport.FileScript() {
		t.Error("style and script are not those that FileStyle and FileScript tell")
	}
	for _, want := range []string{"a &lt;replay&gt;", "These prices repeat.", "Turn every", "90 candles", "&lt;Second&gt;", "5 % below entry", "class=\"r-gain-", "<td>2025</td>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
}

// The parts hold every drawn thing without a frame around them.
func TestParts(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := report(t, "{}").Page().WriteParts(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`data-chart="equity"`, `data-chart="drawdown"`, `data-chart="price"`, `id="readings"`, "Trades by their return", "<h2>Months</h2>"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the parts lack %s", want)
		}
	}
	if strings.Contains(b.String(), "<html") || strings.Contains(b.String(), "<style") {
		t.Error("the parts bring a frame")
	}
}

// proves PL4: fills in candles in which nobody traded are told of.
func TestQuietFillsAreToldOf(t *testing.T) {
	t.Parallel()
	s := series(t)
	for _, quiet := range []bool{false, true} {
		s.Candles = slices.Clone(s.Candles)
		for i := range s.Candles {
			if quiet {
				s.Candles[i].Volume = 0
			}
		}
		result, err := backtest.Run(t.Context(), definition(), swingConfig(s), s.Source(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := backtestreport.New(backtestreport.Input{Result: result, Schema: definition().Schema(), Title: "Swing"})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%d of %d fills were in candles without volume", result.Account.Fills, result.Account.Fills)
		swept, err := backtestreport.NewSearch(backtestreport.SearchInput{
			Best: result, Config: swingConfig(s), Info: definition().Info(), Schema: definition().Schema(),
			Result: &search.Result{Objective: search.Objective{Measure: search.Equity}, Sets: []*search.Set{{Params: []byte(`{}`), Score: 1}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(strings.Join(swept.Warnings, "\n"), want); n != strings.Count(strings.Join(r.Warnings, "\n"), want) {
			t.Errorf("a sweep tells it %d times", n)
		}
		if told := strings.Contains(strings.Join(r.Warnings, "\n"), want); told != quiet {
			t.Errorf("without volume: %t, warned: %t: %q", quiet, told, r.Warnings)
		}
	}
}

func TestCurve(t *testing.T) {
	t.Parallel()
	r := report(t, "{}")
	for points, want := range map[int]int{-1: 2, 2: 2, 100: 100, 1_000_000: 2881} {
		c := r.Curve(points)
		if len(c.Times) != want || len(c.Values) != want {
			t.Errorf("%d points became %d", points, len(c.Times))
			continue
		}
		if final, _ := r.Final.Float64(); c.Values[0] != 10_000 || c.Values[want-1] != final || c.Times[0] != r.From.UnixMilli() || c.Times[want-1] != r.To.UnixMilli() {
			t.Errorf("%d points go from %v at %d to %v at %d", points, c.Values[0], c.Times[0], c.Values[want-1], c.Times[want-1])
		}
	}
}

// Curves of different times lie on one axis, each from its own start.
func TestOverlay(t *testing.T) {
	t.Parallel()
	hour := time.Hour.Milliseconds()
	d := backtestreport.Overlay([]backtestreport.NamedCurve{
		{Name: "<first>", Curve: backtestreport.Curve{Times: []int64{0, 50 * hour, 100 * hour}, Values: []float64{100, 110, 90}}},
		{Name: "second", Curve: backtestreport.Curve{Times: []int64{50 * hour, 100 * hour}, Values: []float64{1000, 1000}}},
		{Name: "empty"},
	})
	if len(d.Charts) != 1 || len(d.Charts[0].Legend) != 3 || len(d.Dates) != 6 {
		t.Fatalf("drawing = %+v", d)
	}
	values := d.Readings.Values[d.Charts[0].ID]
	for at, want := range map[int]string{0: "0.00 % · – · –", len(values) / 2: "+10.00 % · 0.00 % · –", len(values) - 1: "−10.00 % · 0.00 % · –"} {
		if values[at] != want {
			t.Errorf("reading %d is %q, want %q", at, values[at], want)
		}
	}
	if !strings.HasPrefix(d.Charts[0].Lines[2].D, "M500.0 ") {
		t.Errorf("the second curve begins at %.12s", d.Charts[0].Lines[2].D)
	}
	var b bytes.Buffer
	if err := d.WriteParts(&b); err != nil || !strings.Contains(b.String(), "&lt;first&gt;") {
		t.Errorf("drawn as %.300s, %v", b.String(), err)
	}
	if empty := backtestreport.Overlay(nil); len(empty.Charts) != 0 {
		t.Errorf("nothing is drawn as %+v", empty)
	}
}

// A strategy that knows the future is told so before everything else.
func TestLookAhead(t *testing.T) { // proves PL3
	t.Parallel()
	s := series(t)
	result, err := backtest.Run(t.Context(), definition(), swingConfig(s), s.Source(), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := s.Candles[100].OpenTime()
	found := &lookahead.Report{Depth: lookahead.Full, Probes: 3, Candles: 900, Finding: &lookahead.Finding{Same: at, Time: at.Add(time.Minute), Want: 2, Got: 1}}
	bounded := &lookahead.Report{Depth: lookahead.Cheap, Probes: 6, Candles: 90_000, Within: 16_666}
	for _, checked := range []*lookahead.Report{nil, {Depth: lookahead.Cheap, Probes: 6, Candles: 900}, bounded, found} {
		r, err := backtestreport.New(backtestreport.Input{Result: result, Closes: backtestreport.ClosesOf(s.Candles), LookAhead: checked, Notes: []string{"These prices repeat."}})
		if err != nil {
			t.Fatal(err)
		}
		table, document, page := written(t, r)
		switch {
		case checked == nil:
			if strings.Contains(table+document+page, "ook-ahead") || strings.Contains(document, "look_ahead") {
				t.Error("a check is told that there was not")
			}
		case checked == bounded:
			shows(t, "table", table, "passed   cheap, 6 other futures tried in the first 16,666 candles")
			shows(t, "document", document, `"within": 16666`)
			shows(t, "page", page, "<dd>passed; cheap, 6 other futures tried in the first 16,666 candles</dd>")
		case checked.Finding == nil:
			shows(t, "table", table, "passed   cheap, 6 other futures tried")
			shows(t, "document", document, `"depth": "cheap"`, `"passed": true`)
			shows(t, "page", page, "<dd>passed; cheap, 6 other futures tried</dd>")
		default:
			shows(t, "table", table, "FAILED   it knows the future", "Before you trust this:\n  ! The strategy knows the future")
			shows(t, "document", document, `"passed": false`, `"finding": "The strategy knows the future`)
			shows(t, "page", page, "<dd>FAILED; it knows the future</dd>", "<ul><li>The strategy knows the future")
		}
	}
}

// The document is what the JSON report begins with.
func TestDocument(t *testing.T) {
	t.Parallel()
	r := report(t, "{}")
	head, err := json.MarshalIndent(r.Document(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if err := r.WriteJSON(&whole); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(whole.Bytes(), bytes.TrimSuffix(head, []byte("\n}"))) {
		t.Error("the JSON report begins otherwise")
	}
	if d := r.Document(); len(d.Trades) != r.TradeCount() || len(d.Trades) == 0 || d.Warnings[0] != "These prices repeat." {
		t.Errorf("the document has %d trades of %d, and the warnings %q", len(d.Trades), r.TradeCount(), d.Warnings)
	}
}

// proves PL1: with a seed the trades are put in other orders, the same ones each time,
// which page, table and JSON tell; without one they are not.
func TestTradesInOtherOrders(t *testing.T) {
	t.Parallel()
	own := series(t)
	def := strategy.MustDefine(strategy.Info{Name: "both", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &both{} })
	result, err := backtest.Run(t.Context(), def, backtest.Config{Market: own.Market, Interval: own.Interval, Balance: 10_000_000_000}, own.Source(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var told [2]string
	for i := range told {
		r, err := backtestreport.New(backtestreport.Input{Result: result, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := errors.Join(r.WriteTable(&b, 0), r.WriteJSON(&b), r.WriteHTML(&b)); err != nil {
			t.Fatal(err)
		}
		if told[i] = b.String(); len(r.Orders) != 2 || r.Orders[1].Seed != 7 || len(r.Page().Orders) != 2 {
			t.Fatalf("%d orders, %q", len(r.Orders), r.Page().Orders)
		}
	}
	for want, n := range map[string]int{"with the same trades in other orders": 2, "as many trades drawn anew": 2, `"trade_orders"`: 1} {
		if got := strings.Count(strings.ReplaceAll(told[0], "\u00a0", " "), want); got != n || told[0] != told[1] {
			t.Errorf("%q is told %d times, want %d", want, got, n)
		}
	}
	r, err := backtestreport.New(backtestreport.Input{Result: result})
	if err != nil || r.Orders != nil || r.Page().Orders != nil {
		t.Errorf("without a seed there are %d orders, %v", len(r.Orders), err)
	}
}

// What the strategy waits for and which orders were refused stand among the warnings,
// whatever a stranger's program writes there.
func TestWarningsSayWhyNothingWasTraded(t *testing.T) {
	t.Parallel()
	own := series(t)
	def := strategy.MustDefine(strategy.Info{Name: "wary", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &wary{} })
	result, err := backtest.Run(t.Context(), def, backtest.Config{Market: own.Market, Interval: own.Interval, Balance: 10_000_000_000}, own.Source(), nil)
	if err != nil {
		t.Fatal(err)
	}
	result.Strategy, result.Version, result.Breaker = "w\x1bary", "\x1b[2J", risk.Breaker{Kind: risk.Drawdown, Reason: "a \x1b[31mfall"}
	r, err := backtestreport.New(backtestreport.Input{Result: result})
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := r.WriteTable(&table, 0); err != nil {
		t.Fatal(err)
	}
	told := strings.Join(r.Warnings, "\n") + table.String()
	for _, want := range []string{"The strategy made no trade.", "nothing was bought: a [31mfall.", "What it said last: waiting [31mfor the moon.", "orders were refused, the first at "} {
		if !strings.Contains(strings.ReplaceAll(told, "\u00a0", " "), want) {
			t.Errorf("want %q in\n%s", want, told)
		}
	}
	if strings.Contains(told, "\x1b") {
		t.Errorf("it writes control characters: %q", told)
	}
}

// wary asks for what no market takes, and says so strangely.
type wary struct{}

func (*wary) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	b.Note("waiting\n\x1b[31mfor the  moon.")
	b.Limit(exchange.Sell, 1, 1)
}
