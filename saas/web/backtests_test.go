package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/param"
)

// testForm is a form of a backtest that is right.
func testForm(name string) url.Values {
	form := botForm(name)
	for key, value := range map[string]string{
		"interval": "1h", "span": "7", "from": "", "to": "", "maker_fee": "0.25", "taker_fee": "0.25", "slippage": "0.05",
	} {
		form.Set(key, value)
	}
	return form
}

// The store's histories are offered beside the market's, with what is missing in
// them; a plan's days bound the spans of both.
func TestStoredHistories(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	const value = "store/BTCUSD/1h"
	ada.get("/backtests/new").want(t, "the form", http.StatusOK, "Stored history", `value="`+value+`"`, "BTC in USD, candles of 1h", "1 Jan 2019 to 1 Jan 2020")
	part := ada.get("/backtests/new/history?pair=" + value + "&interval=1h&span=90")
	part.want(t, "its times", http.StatusOK, "There is history from 1 Jan 2019 to 1 Jan 2020, in candles of 1h.", "77 of 8,760 candles are missing, in 2 gaps",
		"the longest goes from 11 Apr 2019, 00:00 to 14 Apr 2019, 00:00.", `<rect class="gap"`, `id="suffix-balance" hx-swap-oob="true">USD`, "up to its end", `value="90" checked`, "!Replay")
	ada.get("/backtests/new/history?pair=ETHMYR&interval=1h&span=90").want(t, "the market's", http.StatusOK, "up to now", "!class=\"gap\"", `hx-swap-oob="true">MYR`)
	form := testForm("From the store")
	form.Set("pair", value)
	form.Set("span", "90")
	ada.post("/backtests/new/check", form).want(t, "what is checked", http.StatusOK, "BTCUSD (stored)", "3 Oct 2019 to 1 Jan 2020", "2,160 candles of 1h", `<rect class="asked"`)
	form.Set("interval", "1m")
	ada.post("/backtests/new", form).want(t, "minutes of hours", http.StatusUnprocessableEntity, "whole number of the recorded candles, which are of 1h", `value="`+value+`" checked`)
	form.Set("pair", "store/BTCUSD/7m")
	ada.post("/backtests/new", form).want(t, "a length that is not kept", http.StatusUnprocessableEntity, "not a length of candles that there is")
	form.Set("pair", "store/NOPE/1h")
	ada.post("/backtests/new", form).want(t, "a pair that is not kept", http.StatusUnprocessableEntity, "BTCUSD")
	form.Set("interval", "1h")
	form.Set("pair", value)
	id := ada.newTest(form)
	ada.get("/backtests/"+id).want(t, "its page", http.StatusOK, "BTCUSD")
	ada.get("/backtests/new?like="+id).want(t, "once more", http.StatusOK, `value="`+value+`" checked`, `value="2019-10-03T00:00"`)
	ada.get("/bots/new?backtest="+id).want(t, "a bot of it", http.StatusOK, `value="XBTMYR" checked`)
}

// A parameter that names a market is chosen from those that there are: of the market
// that bots trade in, or of the store.
func TestPairParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, err := param.Of(struct {
		Other string `param:"other" label:"Other pair" kind:"pair"`
	}{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, w.schema); err != nil {
		t.Fatal(err)
	}
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	const none, ether, stored = `<option value="" selected>none</option>`, `<option value="ETHMYR">ETHMYR</option>`, `<option value="BTCUSD">BTCUSD</option>`
	for _, path := range []string{"/bots/new", "/backtests/new", "/bots/new/strategy?strategy=basic", "/backtests/new/strategy?strategy=basic&pair=XBTMYR"} {
		ada.get(path).want(t, path, http.StatusOK, `<select id="p-other"`, none, ether, "!"+stored)
	}
	ada.get("/backtests/new/strategy?strategy=basic&pair=store/BTCUSD/1h").want(t, "in the store", http.StatusOK, none, stored, "!"+ether)
	ada.get("/backtests/new/history?strategy=basic&interval=1h&pair=store/BTCUSD/1h").want(t, "another history", http.StatusOK, stored, `hx-swap-oob="true"`, "!"+ether)
	form := testForm("Looks around")
	form.Set("p-other", "ETHMYR")
	id := ada.newTest(form)
	ada.get("/backtests/new?like="+id).want(t, "once more", http.StatusOK, `<option value="ETHMYR" selected>`)
	for pair, want := range map[string]string{"XBTMYR": "Is the pair that is traded", "GONE": "Is not a pair that there is here"} {
		form.Set("p-other", pair)
		ada.post("/backtests/new", form).want(t, pair, http.StatusUnprocessableEntity, want, `<option value="`+pair+`" selected>`)
	}
	bot := botForm("Looks around")
	bot.Set("p-other", "ETHMYR")
	ada.newBotOf(bot)
}

// newTest makes a backtest through the pages and returns its id.
func (b *browser) newTest(form url.Values) string {
	b.t.Helper()
	a := b.post("/backtests/new", form)
	id, ok := strings.CutPrefix(a.header.Get("Location"), "/backtests/")
	if a.status != http.StatusSeeOther || !ok {
		b.t.Fatalf("making a backtest: %d %s", a.status, a.body)
	}
	return id
}

// swinging buys and sells in turns of so many candles.
type swinging struct {
	Every int `json:"-"`
	Seen  int
}

// OnCandle implements strategy.CandleHandler.
func (s *swinging) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	if s.Seen++; s.Seen%s.Every != 0 {
		return
	}
	pairs := b.Pairs()
	for _, p := range pairs {
		if p.Position() > 0 {
			p.SellAll()
		} else {
			p.BuyWith(p.FreeCounter() / exchange.Units(len(pairs)))
		}
	}
}

// TradePairs implements strategy.PairTrader.
func (s *swinging) TradePairs(exchange.Market, []exchange.Market) error { return nil }

// OnPair implements strategy.PairHandler.
func (s *swinging) OnPair(*strategy.Bot, string, exchange.Candle) {}

// worker takes the lease of a run, as a worker does, and begins it.
func (w *world) worker(t testing.TB, b *browser, id string) (lease.Lease, research.Run) {
	t.Helper()
	ctx := t.Context()
	h, err := w.runs.StartHolder(ctx, "backtests")
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.runs.TakeLeases(ctx, lease.Take{
		Holder: h, Resources: []lease.Resource{research.Resource(b.who.TenantID, id)}, Limit: 1, Now: w.now(), Until: w.now().Add(time.Minute),
	})
	if err != nil || len(got) != 1 {
		t.Fatalf("taking the lease of %s: %v, %v", id, got, err)
	}
	r, err := w.research.Begin(ctx, got[0], 3)
	if err != nil {
		t.Fatal(err)
	}
	return got[0], r
}

// finish runs a run and stores what came of it, as a worker does.
func (w *world) finish(t testing.TB, b *browser, id string, every int) {
	t.Helper()
	l, r := w.worker(t, b, id)
	series, err := w.market.Series(r.Pair, r.From, r.To)
	if err != nil {
		t.Fatal(err)
	}
	def := strategy.MustDefine(strategy.Info{Name: "basic", Version: "1.0.0", Title: "Moving-average cross"}, struct{}{},
		func(struct{}) strategy.Strategy { return &swinging{Every: every} })
	balance, err := series.Market.Units(r.Balance, exchange.Exact)
	if err != nil {
		t.Fatal(err)
	}
	cfg := backtest.Config{Market: series.Market, Interval: series.Interval, Balance: balance, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000}}
	seen := backtestreport.NewWatch(series.Interval)
	feed := &backtest.Feed{Source: series.Source()}
	for _, m := range r.Further {
		further, err := w.market.Series(m.Pair, r.From, r.To)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Pairs = append(cfg.Pairs, backtest.Pair{Market: m})
		feed.Pairs = append(feed.Pairs, backtest.PairSource{Pair: m.Pair, Source: seen.Through(m.Pair, further.Source())})
	}
	result, err := backtest.Run(t.Context(), def, cfg, feed, nil)
	if err != nil {
		t.Fatal(err)
	}
	result.Config.Params, result.Config.Decide = r.Parameters, r.Interval
	report, err := backtestreport.New(backtestreport.Input{
		Result: result, Closes: backtestreport.ClosesOf(series.Candles), Further: seen.Further(cfg), Source: "Demo market: a replay", Title: "Moving-average cross", Schema: w.schema,
		Notes: []string{"The demo market repeats the same 8.8 days."},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := research.Pack(report, result.Equity)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.research.Finish(t.Context(), l, out); err != nil {
		t.Fatal(err)
	}
}

func (w *world) fail(t testing.TB, b *browser, id, reason string) {
	t.Helper()
	l, _ := w.worker(t, b, id)
	if err := w.research.Fail(t.Context(), l, reason); err != nil {
		t.Fatal(err)
	}
}

// want checks an answer's status and that it holds, or with a "!" in front lacks,
// texts.
func (a answer) want(t testing.TB, what string, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d, want %d: %.300s", what, a.status, status, a.body)
	}
	for _, text := range texts {
		without, not := strings.CutPrefix(text, "!")
		if strings.Contains(a.body, without) == not {
			t.Errorf("%s: has %q: %v", what, without, not)
		}
	}
}

// A plan without backtests leads to the plans, not to an error.
func TestBacktestsNeedAPlan(t *testing.T) { // proves E6
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.get("/backtests").want(t, "the list", http.StatusOK, "Your Free plan does not include backtests. Basic does.", "See the plans", "!New backtest")
	ada.get("/backtests/new").want(t, "the form", http.StatusForbidden, "Your Free plan does not include backtests. Basic does.", "See the plans", "Back to the backtests")
	ada.post("/backtests/new", testForm("x")).want(t, "sending it", http.StatusForbidden, "Your Free plan does not include backtests. Basic does.")
	ada.get("/subscription").want(t, "the plan", http.StatusOK, "!Backtests at a time")
	ada.upgrade("basic")
	ada.get("/backtests").want(t, "the empty list", http.StatusOK, "No backtests yet", "New backtest", "!See the plans")
	ada.get("/backtests/new").want(t, "the form", http.StatusOK, "Basic: 1 at a time, up to 366 days of data.", "90 days", `value="custom"`, `!value="all"`)
	first := ada.newTest(testForm("First"))
	ada.get("/backtests/new").want(t, "the form while one is under way", http.StatusOK, "your plan runs one at a time")
	ada.post("/backtests/new", testForm("Second")).want(t, "a second", http.StatusForbidden, "Your Basic plan allows 1 backtest at a time and you have 1. Premium allows 4.", "See the plans")
	long := testForm("Long")
	long.Set("span", "all")
	ada.post("/backtests/"+first+"/cancel", nil)
	ada.post("/backtests/new", long).want(t, "two years", http.StatusForbidden, "366 days of data in a backtest and you asked for", "Premium allows 3,653.")
	ada.upgrade("premium")
	ada.get("/backtests/new").want(t, "the form", http.StatusOK, "Premium: 4 at a time, up to 3,653 days of data.", `value="all"`)
	ada.newTest(long)
	ada.get("/subscription").want(t, "the plan", http.StatusOK, "Backtests at a time")
}

// What a run begins with and all of its costs are in the summary, on its page, and in
// the form of one like it.
func TestTermsOfABacktest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	form := testForm("With terms")
	for key, value := range map[string]string{"holding": "0.5", "spread": "0.1", "range_share": "10", "impact": "1", "max_share": "20", "latency": "1.5"} {
		form.Set(key, value)
	}
	form["tier_volume"], form["tier_maker"], form["tier_taker"] = []string{"", "100,000", "500000", "", "600000", "", "700000"}, []string{"", "0.1", "", "", "", "", "0"}, []string{"", "0.15", "0.05", "", "0.04", "", "0.02"}
	ada.post("/backtests/new/check", form).want(t, "the summary", http.StatusOK, "Fees from 100,000</dt><dd>0.1&nbsp;% maker, 0.15&nbsp;% taker", "Fees from 500,000</dt><dd>0&nbsp;% maker, 0.05&nbsp;% taker", "0.5 XBT", "Spread</dt><dd>0.1 %", "at most 20 %", "1.5 s")
	id := ada.newTest(form)
	ada.get("/backtests/new?like="+id).want(t, "the form of one like it", http.StatusOK, `name="holding" type="text" value="0.5"`, `name="spread" type="text" value="0.1"`,
		`name="range_share" type="text" value="10"`, `name="impact" type="text" value="1"`, `name="max_share" type="text" value="20"`, `name="latency" type="text" value="1.5"`,
		`<details class="unfold" open><summary>More costs`, `name="tier_volume" type="text" value="100000"`, `name="tier_taker" type="text" value="0.15"`, `name="tier_maker" type="text" value="0"`,
		`<details class="unfold" open><summary>More of them`, `id="tier-volume-3" name="tier_volume" type="text" value="700000"`, `id="tier-volume-9"`)
	ada.get("/backtests/new").want(t, "the empty form", http.StatusOK, `<details class="unfold"><summary>More of them`)
	if r, err := w.research.Run(t.Context(), ada.who, id); err != nil || len(r.Terms.FeeTiers) != 4 || r.Terms.FeeTiers[1].TakerFee.String() != "0.0005" {
		t.Errorf("its fees are %+v, %v", r.Terms.FeeTiers, err)
	}
}

func TestBacktestFormNamesFaults(t *testing.T) { //nolint:tparallel // that nothing was made is checked after all of them
	t.Parallel()
	cases := map[string]struct {
		set      map[string]string
		id, want string
	}{
		"name":          {map[string]string{"name": strings.Repeat("x", 81)}, "fault-name", "Must have at most 80 characters."},
		"fee":           {map[string]string{"taker_fee": "100"}, "fault-taker_fee", "Must be a percentage from 0 to below 100"},
		"fine fee":      {map[string]string{"maker_fee": "0.0000001"}, "fault-maker_fee", "Must be a percentage from 0 to below 100"},
		"no number":     {map[string]string{"slippage": "little"}, "fault-slippage", "Must be a plain number"},
		"holding":       {map[string]string{"holding": "-1"}, "fault-holding", "Must be from 0 to 1,000,000,000."},
		"fine holding":  {map[string]string{"holding": "0.1234567891"}, "fault-holding", "Has more decimals than XBT is traded with."},
		"tier":          {map[string]string{"tier_volume": "much", "tier_taker": "1"}, "fault-tier-0", "Traded value: must be a plain number"},
		"tier's fee":    {map[string]string{"tier_volume": "1000", "tier_taker": "100"}, "fault-tier-0", "Taker fee: must be a percentage from 0 to below 100"},
		"spread":        {map[string]string{"spread": "100"}, "fault-spread", "Must be a percentage from 0 to below 100"},
		"share":         {map[string]string{"max_share": "-1"}, "fault-max_share", "Must be a percentage from 0 to below 100"},
		"latency":       {map[string]string{"latency": "86401"}, "fault-latency", "Must be from 0 to 86,400 seconds"},
		"balance":       {map[string]string{"balance": "0"}, "fault-balance", "Must be above 0."},
		"parameter":     {map[string]string{"p-fast": "40"}, "fault-p-fast", "Must be below Slow average (30)."},
		"risk":          {map[string]string{"stop_loss": "150"}, "fault-stop_loss", "Must be between 0 and 99."},
		"no time":       {map[string]string{"span": "custom", "from": "soon", "to": "2025-01-02T00:00"}, "fault-from", "Must be a date and a time"},
		"backwards":     {map[string]string{"span": "custom", "from": "2025-01-03T00:00", "to": "2025-01-02T00:00"}, "fault-to", "Must be after from."},
		"the future":    {map[string]string{"span": "custom", "from": "2025-01-03T00:00", "to": "2099-01-02T00:00"}, "fault-to", "where the history ends"},
		"long ago":      {map[string]string{"span": "custom", "from": "1999-01-03T00:00", "to": "2025-01-02T00:00"}, "fault-from", "where the history begins"},
		"no interval":   {map[string]string{"interval": "7m"}, "fault-interval", "Must be one of 1m"},
		"a wild span":   {map[string]string{"span": "99999999999999"}, "fault-from", "Must be a date and a time"},
		"a short story": {map[string]string{"span": "custom", "interval": "1d", "from": "2025-01-03T00:00", "to": "2025-01-03T05:00"}, "fault-to", "at least two candles"},
	}
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			form := testForm("First")
			for key, value := range c.set {
				form.Set(key, value)
			}
			for path, status := range map[string]int{"/backtests/new": http.StatusUnprocessableEntity, "/backtests/new/check": http.StatusOK} {
				a := ada.post(path, form)
				_, rest, found := strings.Cut(a.body, `id="`+c.id+`"`)
				text, _, _ := strings.Cut(rest, "</p>")
				if a.status != status || !found || !strings.Contains(text, c.want) {
					t.Errorf("POST %s: %d, the fault is %q, want %q", path, a.status, text, c.want)
				}
			}
		})
	}
	ada.get("/backtests").want(t, "the list", http.StatusOK, "No backtests yet")
	gone := testForm("x")
	gone.Set("pair", "NOPE")
	ada.post("/backtests/new", gone).want(t, "a pair that is not there", http.StatusUnprocessableEntity, "Trading pair: Is not a pair that is traded here")
}

func TestBacktestsLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	form := testForm("First <try>")
	form.Set("stop_loss", "3.5")
	form.Set("p-fast", "7")
	form.Set("full_look", "1")
	ada.get("/backtests/new").want(t, "the form", http.StatusOK, `name="full_look" value="1" aria-describedby="help-look"`)
	ada.post("/backtests/new/check", form).want(t, "its summary", http.StatusOK, "<dt>Look-ahead check</dt><dd>full</dd>")
	id := ada.newTest(form)
	if r, err := w.research.Run(t.Context(), ada.who, id); err != nil || !r.FullLook || r.Total != 2*r.Candles() {
		t.Errorf("a run that looks closely is %+v, %v", r, err)
	}
	ada.get("/backtests/"+id).want(t, "waiting", http.StatusOK, "First &lt;try&gt;", "Waiting for a worker", "/cancel", "XBTMYR", "Replay of real candles", "!Delete this backtest")
	ada.get("/backtests").want(t, "the list", http.StatusOK, `data-status="queued"`, "<progress")
	ada.post("/backtests/"+id+"/delete", nil).want(t, "deleting it now", http.StatusConflict, "cancel it before you delete it")
	ada.get("/backtests/"+id+"/report").want(t, "its report now", http.StatusConflict, "there is no result")
	w.finish(t, ada, id, 200)
	ada.get("/backtests/"+id).want(t, "done", http.StatusOK, "Buy and hold", `data-chart="equity"`, `data-chart="drawdown"`, `data-chart="price"`, "Months", "Trades by their return",
		"The demo market repeats the same 8.8 days.", "Fast average", "Use these parameters for a bot", "/bots/new?backtest="+id, "/backtests/new?like="+id, "!style=",
		`data-close autofocus>Keep it`) // Enter twice deletes nothing
	ada.get("/backtests").want(t, "the list", http.StatusOK, `data-status="done"`, "polyline", "!<progress")
	again := ada.get("/backtests/new?like=" + id)
	again.want(t, "once more", http.StatusOK, `value="First &lt;try&gt;"`, `name="p-fast" type="text" inputmode="numeric" class="figure" value="7"`, `value="3.5"`, `value="custom" checked`, `value="1h" checked`, `name="full_look" value="1" checked`)
	ada.get("/bots/new?backtest="+id).want(t, "a bot of it", http.StatusOK, `value="7"`, `value="3.5"`, `value="1h" checked`, "Filled in with what the backtest “First &lt;try&gt;” ran with")
	file := ada.get("/backtests/" + id + "/report")
	file.want(t, "the report", http.StatusOK, "<!doctype html>", "Demo market: a replay")
	if d := file.header.Get("Content-Disposition"); !strings.HasPrefix(d, `attachment; filename="backtest-xbtmyr-`) {
		t.Errorf("Content-Disposition = %s", d)
	}
	if policy := file.header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'sha256-") {
		t.Errorf("policy = %s", policy)
	}
	if a := ada.post("/backtests/"+id+"/delete", nil); a.header.Get("Location") != "/backtests?notice=backtest-deleted" {
		t.Errorf("deleted: %d to %s", a.status, a.header.Get("Location"))
	}
	ada.get("/backtests/"+id).want(t, "deleted", http.StatusNotFound)

	failed := ada.newTest(testForm("Second"))
	w.fail(t, ada, failed, "The strategy basic failed: <b>its process ended</b> by itself during the run.")
	ada.get("/backtests/"+failed).want(t, "failed", http.StatusOK, "This backtest failed", "The strategy basic failed: &lt;b&gt;its process ended", "Change and run again", "!Use these parameters")
	ada.get("/backtests").want(t, "the list", http.StatusOK, `data-status="failed"`, "&lt;b&gt;its process ended")
	stopped := ada.newTest(testForm("Third"))
	if a := ada.post("/backtests/"+stopped+"/cancel", nil); a.header.Get("Location") != "/backtests/"+stopped {
		t.Errorf("cancelled: %d to %s", a.status, a.header.Get("Location"))
	}
	ada.get("/backtests/"+stopped).want(t, "cancelled", http.StatusOK, "This backtest was cancelled")
}

// A version whose backtests of the tenant hang is refused on the form, which keeps what
// was typed; what waits already says why, and administrators see that it hangs.
func TestBacktestsThatHang(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada, root := w.member(t, server, "ada@example.com"), w.operator(t, server)
	ada.upgrade("basic")
	root.get(catalogPath).want(t, "the catalog", http.StatusOK, "!Backtests that hung")
	waits := ada.newTest(testForm("Waits"))
	ada.get("/backtests/"+waits).want(t, "it waits", http.StatusOK, "Waiting for a worker. It begins by itself.")
	for range 2 {
		if _, err := w.runs.PutHang(t.Context(), ada.who.TenantID, research.NewHang("basic", "", w.now(), time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	ada.post("/backtests/new", testForm("Again")).want(t, "refused", http.StatusConflict, `value="Again"`, "2 of your backtests of basic hung lately. The next one can be made at")
	ada.get("/backtests/"+waits).want(t, "it rests", http.StatusOK, "2 of your backtests of basic hung lately. This one waits until", "It begins by itself.", "!Waiting for a worker")
	ada.get("/backtests").want(t, "the list", http.StatusOK, "2 of your backtests of basic hung lately. This one waits until")
	root.get(catalogPath).want(t, "the catalog", http.StatusOK, "Backtests that hung", "2 backtests of basic hung lately, of 1 tenant, the newest at")
}

// What a bot runs with can be tested, and the other way round.
func TestBacktestOfABot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	form := botForm("Night owl")
	form.Set("p-slow", "77")
	form.Set("take_profit", "9")
	form.Set("interval", "15m")
	id := ada.newBotOf(form)
	ada.get("/bots/"+id).want(t, "the bot", http.StatusOK, "/backtests/new?bot="+id)
	ada.get("/backtests/new?bot="+id).want(t, "the form", http.StatusOK, `value="Night owl"`, `value="77"`, `value="9"`, `value="15m" checked`, `value="90" checked`)
	ada.get("/backtests/new?bot=nothing").want(t, "a bot that is not there", http.StatusNotFound)
	ada.get("/backtests/new?like=nothing").want(t, "a run that is not there", http.StatusNotFound)
	ada.get("/bots/new?backtest=nothing").want(t, "a run that is not there", http.StatusNotFound)
	ada.get("/backtests/new/strategy?strategy=basic").want(t, "its parameters", http.StatusOK, "Fast average")
	ada.get("/backtests/new/strategy?strategy=none").want(t, "none", http.StatusNotFound)
}

func TestCompareBacktests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("basic")
	var ids []string
	for i, fast := range []string{"5", "9", "9"} {
		form := testForm(fmt.Sprintf("Run %d", i))
		form.Set("p-fast", fast)
		ids = append(ids, ada.newTest(form))
		w.finish(t, ada, ids[i], 100*(i+1))
	}
	three := "/backtests/compare?id=" + strings.Join(ids, "&id=")
	a := ada.get(three)
	a.want(t, "three", http.StatusOK, "Run 0", "Run 2", `data-chart="overlay"`, `r-run-3`, "Largest drawdown", "Leave it out", "!style=")
	row := func(label string) string {
		_, rest, _ := strings.Cut(a.body, `<th scope="row">`+label)
		cells, _, _ := strings.Cut(rest, "</tr>")
		return cells
	}
	differs := func(label string) bool {
		before, _, _ := strings.Cut(a.body, `<th scope="row">`+label)
		return strings.HasSuffix(before, `<tr class="differs">`)
	}
	if !differs("Fast average") || differs("Slow average") || differs("Taker fee") {
		t.Errorf("fast: %q, slow: %q", row("Fast average"), row("Slow average"))
	}
	if n := strings.Count(row("Result"), "best"); n < 1 {
		t.Errorf("no result is the best: %s", row("Result"))
	}
	ada.get("/backtests/compare?id="+ids[0]+"&id="+ids[1]).want(t, "two", http.StatusOK, "!Leave it out")
	ada.get("/backtests/compare?id="+ids[0]).want(t, "one", http.StatusBadRequest, "Choose two to 4", `href="/backtests">Back to the backtests`)
	ada.get("/backtests/compare?id="+ids[0]+"&id="+ids[0]).want(t, "one twice", http.StatusBadRequest)
	ada.get("/backtests/compare").want(t, "none", http.StatusBadRequest)
	waiting := ada.newTest(testForm("Waiting"))
	ada.get("/backtests/compare?id="+ids[0]+"&id="+waiting).want(t, "one that waits", http.StatusConflict, "there is no result")
	w.member(t, server, "eve@example.com").get(three).want(t, "another tenant's", http.StatusNotFound)
}

// TestCompareWithOneThatDidNothing: what never traded has no drawdown, and is not marked
// as the best for it.
func TestCompareWithOneThatDidNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	address := "/backtests/compare?"
	for i, every := range []int{100, 200, 1_000_000} {
		id := ada.newTest(testForm(fmt.Sprintf("Run %d", i)))
		w.finish(t, ada, id, every)
		address += "&id=" + id
	}
	_, rest, _ := strings.Cut(ada.get(address).body, `<th scope="row">Largest drawdown`)
	row, _, _ := strings.Cut(rest, "</tr>")
	cells := strings.Split(row, "<td")
	if len(cells) != 4 || strings.Contains(cells[3], "best") || !strings.Contains(cells[3], "0.00 %") || !strings.Contains(cells[1]+cells[2], "best") {
		t.Errorf("the drawdowns are %q", cells)
	}
}

// Another tenant's backtest is not there, whatever is asked of it.
func TestOtherTenantsBacktest(t *testing.T) { // proves P12
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada, eve := w.member(t, server, "ada@example.com"), w.member(t, server, "eve@example.com")
	ada.upgrade("basic")
	eve.upgrade("basic")
	id := ada.newTest(testForm("Secret"))
	w.finish(t, ada, id, 100)
	for _, path := range []string{"", "/stream", "/report"} {
		eve.get("/backtests/"+id+path).want(t, "GET "+path, http.StatusNotFound, "!Secret")
	}
	for _, path := range []string{"/cancel", "/delete"} {
		eve.post("/backtests/"+id+path, nil).want(t, "POST "+path, http.StatusNotFound)
	}
	for _, path := range []string{"/backtests/new?like=" + id, "/bots/new?backtest=" + id} {
		eve.get(path).want(t, path, http.StatusNotFound, "!Secret")
	}
	eve.get("/backtests").want(t, "the list", http.StatusOK, "!Secret")
	ada.get("/backtests/"+id).want(t, "its owner", http.StatusOK, "Secret")
}

func TestBacktestStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	id := ada.newTest(testForm("First"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, ada.url+"/backtests/"+id+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := ada.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	lines := bufio.NewScanner(res.Body)
	next := func(want string) {
		t.Helper()
		event := ""
		for lines.Scan() {
			if lines.Text() == "" {
				if strings.Contains(event, want) {
					return
				}
				event = ""
			}
			event += lines.Text() + "\n"
		}
		t.Fatalf("the stream ended before %q", want)
	}
	next("event: hello\ndata: {\"done\":0")
	publish := func(typ, data string) {
		w.live.publish(ada.who.TenantID, id, live.Update{Type: typ, Time: w.now(), Data: []byte(data)})
	}
	publish("progress", `{"done":5}`)
	next("event: progress\ndata: {\"done\":5}")
	w.finish(t, ada, id, 100)
	publish("status", `{"status":"done"}`)
	last := ""
	for lines.Scan() { // told as an update too, unless the heartbeat comes first
		if lines.Text() != "" {
			last = lines.Text()
		}
	}
	if !strings.Contains(last, `"status":"done"`) || lines.Err() != nil {
		t.Errorf("the stream ends with %q, %v", last, lines.Err())
	}
}
