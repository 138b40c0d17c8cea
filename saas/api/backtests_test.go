package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy"
	btest "github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/search"
)

const backtests = "/api/v1/backtests"

// upgrade puts a tenant on the Basic plan.
func (b *bench) upgrade(token string) {
	b.t.Helper()
	b.call("POST", subscriptions+"/upgrade", token, `{"plan_id":2}`).want(200)
}

// backtest asks for a run of a day and returns its id.
func (b *bench) backtest(token string) string {
	b.t.Helper()
	return b.call("POST", backtests, token, `{"name":"Secret cross","trading_pair":"XBTMYR","strategy_type":"basic","from":"2026-01-29","to":"2026-01-30"}`).want(201).text("id")
}

// swing buys and sells every hour.
type swing struct{ Seen int }

func (s *swing) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	if s.Seen++; s.Seen%60 != 0 {
		return
	}
	if b.Position() > 0 {
		b.SellAll()
	} else {
		b.BuyWith(b.FreeCounter())
	}
}

// lease takes the lease of a run, as a worker does.
func (b *bench) lease(token, id string) lease.Lease {
	b.t.Helper()
	return b.take("backtests", research.Resource(b.tenant(token), id))
}

// take takes a lease as a worker of a name does.
func (b *bench) take(name string, r lease.Resource) lease.Lease {
	b.t.Helper()
	ctx := b.t.Context()
	h, err := b.store.StartHolder(ctx, name)
	must(b.t, err)
	got, err := b.store.TakeLeases(ctx, lease.Take{
		Holder: h, Resources: []lease.Resource{r}, Limit: 1, Now: b.clock.Now(), Until: b.clock.Now().Add(time.Minute),
	})
	must(b.t, err)
	return got[0]
}

// finish runs a run and stores its result, as a worker does.
func (b *bench) finish(token, id string) {
	b.t.Helper()
	ctx, l := b.t.Context(), b.lease(token, id)
	r, err := b.runs.Begin(ctx, l, 3)
	must(b.t, err)
	series, err := markets(b.t).Series(r.Pair, r.From, r.To)
	must(b.t, err)
	def := strategy.MustDefine(strategy.Info{Name: "basic", Version: "1.0.0", Title: "Cross"}, struct{}{}, func(struct{}) strategy.Strategy { return &swing{} })
	result, err := btest.Run(ctx, def, btest.Config{
		Market: series.Market, Interval: time.Minute, Balance: 10_000_000_000, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000},
	}, series.Source(), nil)
	must(b.t, err)
	report, err := backtestreport.New(backtestreport.Input{Result: result, Closes: backtestreport.ClosesOf(series.Candles), Source: "the <tests>", Title: "Cross"})
	must(b.t, err)
	out, err := research.Pack(report, result.Equity)
	must(b.t, err)
	must(b.t, b.runs.Finish(ctx, l, out))
}

func TestBacktestLife(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.upgrade(token)
	made := b.call("POST", backtests, token, `{"trading_pair":"XBTMYR","strategy_type":"basic","interval":"1h","from":"2026-01-01T00:30:00+00:00","to":"2026-01-20",
		"balance":"5000","maker_fee":0.001,"taker_fee":"0.002","slippage":"0.0005","holding":"0.5","spread":0.001,"max_share":"0.1","latency_ms":1500,"parameters":{"fast":5},"risk":{"stop_loss_percent":"4"}}`).want(201,
		`"name":"basic on XBTMYR"`, `"from":"2026-01-01T01:00:00Z"`, `"to":"2026-01-20T00:00:00Z"`, `"interval":"1h"`, `"maker_fee":"0.001"`, `"taker_fee":"0.002"`,
		`"slippage":"0.0005"`, `"holding":"0.5"`, `"spread":"0.001"`, `"range_share":"0"`, `"max_share":"0.1"`, `"latency_ms":1500`, `"stop_loss_percent":"4"`, `"status":"queued"`, `"percent":0`, `"started_at":null`, `"balance":"5000"`)
	if made.get("parameters", "slow") != 30.0 || strings.Contains(made.Body, "figures") {
		t.Errorf("made = %s", made.Body)
	}
	id := made.text("id")
	b.call("GET", backtests, token, "").want(200, id)
	b.call("GET", backtests+"/"+id+"/result", token, "").want(409, `"code":"backtest_not_done"`)
	b.call("GET", backtests+"/"+id+"/report", token, "").want(409, `"code":"backtest_not_done"`)
	b.call("DELETE", backtests+"/"+id, token, "").want(409, `"code":"backtest_running"`)
	b.call("POST", backtests+"/"+id+"/cancel", token, "").want(200, `"status":"cancelled"`, `"status_reason":"cancelled by you"`)
	b.call("POST", backtests+"/"+id+"/cancel", token, "").want(200, `"status":"cancelled"`)
	b.call("DELETE", backtests+"/"+id, token, "").want(204)
	b.call("GET", backtests+"/"+id, token, "").want(404, `"code":"backtest_not_found"`)
	usual := b.call("POST", backtests, token, `{"trading_pair":"XBTMYR","strategy_type":"basic","from":null,"balance":null}`).want(201)
	if usual.text("from") != "2026-01-01T00:00:00Z" || usual.text("to") != "2026-01-31T00:00:00Z" || usual.text("taker_fee") != "0.0025" || usual.text("interval") != "1m" {
		t.Errorf("without a choice it is %s", usual.Body)
	}
	usual.want(201, `"strategy_version":""`, `"further_pairs":[]`)
	b.call("POST", backtests+"/"+usual.text("id")+"/cancel", token, "").want(200)
	// The version of a bot that is pinned to one.
	pinned := b.call("POST", backtests, token, `{"trading_pair":"XBTMYR","strategy_type":"basic","strategy_version":"0.9.0"}`).want(201, `"strategy_version":"0.9.0"`, `"full_look_ahead":false`, `"total":43200`)
	b.call("POST", backtests+"/"+pinned.text("id")+"/cancel", token, "").want(200)
	// A full look for knowledge of the future is as much work again.
	b.call("POST", backtests, token, `{"trading_pair":"XBTMYR","strategy_type":"basic","full_look_ahead":true}`).want(201, `"full_look_ahead":true`, `"total":86400`)
}

// What each pair holds to begin with, its largest position and the fees by traded value
// come in and are shown as they are; what is none of these is named.
func TestBacktestFunds(t *testing.T) { // proves N2, N3
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.upgrade(token)
	b.call("POST", backtests, token, `{"trading_pair":"XBTMYR","strategy_type":"basic","balance":"0","holding":"0.5","fee_tiers":[{"volume":"100000","maker_fee":0,"taker_fee":"0.001"},{"volume":500000.5,"maker_fee":"0","taker_fee":"0"}]}`).want(201,
		`"balance":"0"`, `"holding":"0.5"`, `"fee_tiers":[{"volume":"100000","maker_fee":"0","taker_fee":"0.001"},{"volume":"500000.5","maker_fee":"0","taker_fee":"0"}]`)
	fault := func(body string, want ...string) {
		t.Helper()
		b.call("POST", backtests, token, `{"trading_pair":"XBTMYR","strategy_type":"basic",`+body+`}`).want(422, want...)
	}
	fault(`"holdings":{"ETHMYR":"1.5"},"risk":{"max_positions":{"ETHMYR":2}}`, `"pointer":"/holdings"`, `"pointer":"/risk/max_positions"`, `which is not one of the further pairs`)
	fault(`"holdings":["1"]`, `"pointer":"/holdings"`, "must be an object of decimals by pair")
	fault(`"holdings":{"ETHMYR":"1e9999"}`, `"pointer":"/holdings"`, "must be an object of decimals by pair")
	fault(`"fee_tiers":[{"volume":"2","maker_fee":"0","taker_fee":"0"},{"volume":"1","maker_fee":"1","taker_fee":"0"}]`, `"pointer":"/fee_tiers/1/maker_fee"`, `"pointer":"/fee_tiers/1/volume"`)
}

// A version whose backtests of a tenant hang is refused to that tenant for a while, and
// what waits already says why.
func TestBacktestsThatHangRest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, other := b.register("ada@example.com"), b.register("bo@example.com")
	b.upgrade(token)
	b.upgrade(other)
	const body = `{"trading_pair":"XBTMYR","strategy_type":"basic"}`
	waits := b.call("POST", backtests, token, body).want(201, `"status_reason":""`).text("id")
	for range 2 {
		_, err := b.store.PutHang(t.Context(), b.tenant(token), research.NewHang("basic", "", b.clock.Now(), time.Minute))
		must(t, err)
	}
	b.call("POST", backtests, token, body).want(409, `"code":"strategy_hangs"`, "2 of your backtests of basic hung lately. The next one can be made at ", `"retry_at"`)
	b.call("GET", backtests, token, "").want(200, `"status":"queued","status_reason":"2 of your backtests of basic hung lately. This one waits until `)
	b.call("POST", backtests, other, body).want(201)
	b.clock.Move(5*time.Minute + time.Second)
	b.call("POST", backtests+"/"+waits+"/cancel", token, "").want(200)
	b.call("POST", backtests, token, body).want(201)
}

// Backtests run over the histories that the operator keeps, too, which everybody may
// look at and nobody may change here.
func TestHistories(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	const histories = "/api/v1/histories"
	all := b.call("GET", histories, token, "").want(200, `"source":"market","trading_pair":"XBTMYR"`, `"source":"store","trading_pair":"BTCUSD","base":"BTC","counter":"USD"`,
		`"recorded_interval":"1h"`, `"candles":8736,"missing":24,"holes":1`, `"origin":"store: btcusd.csv"`, `"next_cursor":null`)
	if strings.Contains(all.Body, "longest_holes") {
		t.Errorf("the list names holes: %s", all.Body)
	}
	b.call("GET", histories+"/store/BTCUSD", token, "").want(200, `"longest_holes":[{"from":"2025-07-31T00:00:00Z","to":"2025-08-01T00:00:00Z"}]`)
	b.call("GET", histories+"/store/BTCUSD?recorded_interval=1h", token, "").want(200)
	b.call("GET", histories+"/store/BTCUSD?recorded_interval=1m", token, "").want(404, `"code":"history_not_found"`)
	b.call("GET", histories+"/store/XBTMYR", token, "").want(404, `"code":"history_not_found"`)
	b.call("GET", histories+"/moon/XBTMYR", token, "").want(422)
	b.call("DELETE", histories+"/store/BTCUSD", token, "").want(405)
	b.upgrade(token)
	const body = `{"source":"store","trading_pair":"BTCUSD","recorded_interval":"1h","interval":"4h","strategy_type":"basic","from":"2025-06-01","to":"2025-07-01"}`
	b.call("POST", backtests, token, body).want(201, `"source":"store"`, `"trading_pair":"BTCUSD"`, `"recorded_interval":"1h"`, `"total":720`)
	b.call("POST", backtests, token, strings.Replace(body, `"1h"`, `"7m"`, 1)).want(422, "/recorded_interval")
}

func TestBacktestFaults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.upgrade(token)
	cases := map[string]struct {
		body     string
		status   int
		pointers string
	}{
		"nothing":                  {`{}`, 422, "/trading_pair /strategy_type"},
		"the service":              {`{"name":"x","trading_pair":"NOPE","strategy_type":"basic","taker_fee":"1","slippage":"-0.1","balance":"0","parameters":{"fast":0,"odd":1}}`, 422, "/trading_pair /balance /parameters/fast /parameters/odd /taker_fee /slippage"},
		"the strategy's own rules": {`{"trading_pair":"XBTMYR","strategy_type":"basic","parameters":{"fast":50,"slow":40}}`, 422, "/parameters/fast"},
		"times that are none":      {`{"trading_pair":"XBTMYR","strategy_type":"basic","from":"yesterday","to":5}`, 422, "/from /to"},
		"the year 1":               {`{"trading_pair":"XBTMYR","strategy_type":"basic","from":"0001-01-01T00:00:00Z"}`, 422, "/from"},
		"times and tags":           {`{"trading_pair":"XBTMYR","strategy_type":"nope","from":"2020-01-01","to":"2027-01-01","interval":"7m"}`, 422, "/interval /strategy_type"},
		"further pairs":            {`{"trading_pair":"XBTMYR","further_pairs":["ETHMYR"],"strategy_type":"basic"}`, 422, "/further_pairs"},
		"no further pair":          {`{"trading_pair":"XBTMYR","further_pairs":["NOPE"],"strategy_type":"basic"}`, 422, "/further_pairs/0"},
		"a version that is none":   {`{"trading_pair":"XBTMYR","strategy_type":"basic","strategy_version":"7.0.0"}`, 422, "/strategy_version"},
		"no history":               {`{"trading_pair":"XBTMYR","strategy_type":"basic","from":"2020-01-01","to":"2027-01-01"}`, 422, "/from /to"},
		"too many candles":         {`{"trading_pair":"XBTMYR","strategy_type":"basic","from":"2026-01-02","to":"2026-01-01"}`, 422, "/to"},
		"unknown fields":           {`{"trading_pair":"XBTMYR","strategy_type":"basic","mode":"paper","status":"done"}`, 400, "/mode /status"}, // proves O6
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.with(t)
			r := b.call("POST", backtests, token, c.body).want(c.status)
			got, want := strings.Fields(strings.Join(r.pointers(), " ")), strings.Fields(c.pointers)
			for _, p := range want {
				if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+p+" ") {
					t.Errorf("%s is not named: %s", p, r.Body)
				}
			}
			if len(got) != len(want) {
				t.Errorf("faulty fields = %q, want %q", got, want)
			}
		})
	}
	b.call("GET", backtests, token, "").want(200, `"items":[]`)
}

// proves E6: refusals are the one problem of limits, with a way out.
func TestBacktestPlans(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	const month, long = `{"trading_pair":"XBTMYR","strategy_type":"basic"}`, `{"trading_pair":"XBTMYR","strategy_type":"basic","from":"2024-06-01"}`
	b.call("POST", backtests, token, month).want(403, "problem-limit-exceeded", `"code":"not_in_plan"`, `"upgrade":"basic"`)
	b.upgrade(token)
	b.call("POST", backtests, token, long).want(403, "problem-limit-exceeded", `"feature":"backtest_days"`, `"limit":366`, `"asked":609`, `"upgrade":"premium"`)
	b.call("POST", backtests, token, month).want(201)
	b.call("POST", backtests, token, month).want(403, "problem-limit-exceeded", `"feature":"running_backtests"`, `"limit":1`, `"used":1`, `"upgrade":"premium"`)
	b.call("GET", subscriptions+"/usage", token, "").want(200, `{"feature":"running_backtests","used":1,"limit":1}`)
	b.call("POST", subscriptions+"/upgrade", token, `{"plan_id":3}`).want(200, `"running_backtests":4`, `"backtest_days":3653`)
	b.call("POST", backtests, token, long).want(201)
}

// proves E6: sweeps and walk-forwards are for plans with advanced backtests.
func TestSearchPlans(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.upgrade(token)
	for _, kind := range []string{"sweep", "walkforward"} {
		body := `{"kind":"` + kind + `","search":{"ranges":["fast=5:20:5"]},"trading_pair":"XBTMYR","strategy_type":"basic"}`
		b.call("POST", backtests, token, body).want(403, "problem-limit-exceeded", `"code":"not_in_plan"`, "advanced backtests", `"upgrade":"premium"`)
	}
	b.call("POST", subscriptions+"/upgrade", token, `{"plan_id":3}`).want(200)
	b.call("POST", backtests, token, `{"kind":"sweep","search":{"ranges":["fast=5:20:5"]},"trading_pair":"XBTMYR","strategy_type":"basic"}`).want(201,
		`"kind":"sweep"`, `"ranges":["fast=5:20:5"]`, `"method":"grid"`, `"objective":"sharpe"`, `"total":4`, `"name":"Sweep of basic on XBTMYR"`)
	b.call("POST", backtests, token, `{"kind":"walkforward","search":{"ranges":["fast=5:20:5"]},"trading_pair":"XBTMYR","strategy_type":"basic"}`).want(201,
		`"kind":"walkforward"`, `"in_sample_hours":240`, `"out_of_sample_hours":80`, `"total":24`)
	b.call("POST", backtests, token, `{"kind":"sweep","search":{"ranges":["fast=5:20:5"],"method":"random","trials":3,"seed":18446744073709551615},
		"trading_pair":"XBTMYR","strategy_type":"basic"}`).want(201, `"seed":18446744073709551615`)
	for body, pointers := range map[string]string{
		`{"kind":"sweep","search":{"ranges":["fast=5:20:5"],"seed":-1}}`: "/search/seed",
		`{"kind":"sweep"}`: "/search",
		`{"kind":"sweep","search":{"ranges":[],"method":"magic"}}`:                            "/search/ranges /search/method",
		`{"kind":"sweep","search":{"ranges":["fast=5:x","odd=1"],"max_drawdown":"2"}}`:        "/search/ranges /search/max_drawdown",
		`{"kind":"backtest","search":{"ranges":["fast=5:20:5"]}}`:                             "/search",
		`{"kind":"walkforward","search":{"ranges":["fast=5:20:5"],"in_sample_hours":100000}}`: "/search/in_sample_hours",
	} {
		r := b.call("POST", backtests, token, `{"trading_pair":"XBTMYR","strategy_type":"basic",`+body[1:]).want(422)
		got := " " + strings.Join(r.pointers(), " ") + " "
		for _, p := range strings.Fields(pointers) {
			if !strings.Contains(got, " "+p+" ") {
				t.Errorf("%s does not name %s: %s", body, p, r.Body)
			}
		}
	}
}

// A sweep's result and report are its own, and not those of a backtest.
func TestSweepResult(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.call("POST", subscriptions+"/upgrade", token, `{"plan_id":3}`).want(200)
	id := b.search(token, "sweep")
	b.call("GET", backtests+"/"+id, token, "").want(200, `"status":"done"`, `"done":4`, `"best_parameters":{"fast":`)
	r := b.call("GET", backtests+"/"+id+"/sweep", token, "").want(200, `"deflated_sharpe"`, `"expected_sharpe_by_luck"`, "Bailey and López de Prado")
	if sets, ok := r.get("sets").([]any); !ok || len(sets) != 4 {
		t.Errorf("%d sets", len(sets))
	}
	b.call("GET", backtests+"/"+id+"/report", token, "").want(200, "SWEEP", "Final equity by Fast average")
	for _, other := range []string{"/result", "/walkforward"} {
		b.call("GET", backtests+"/"+id+other, token, "").want(409, `"code":"backtest_kind"`)
	}
}

// search makes a sweep or a walk-forward of a day and returns its id.
func (b *bench) search(token, kind string) string {
	b.t.Helper()
	ctx := b.t.Context()
	id := b.call("POST", backtests, token, `{"kind":"`+kind+`","search":{"ranges":["fast=5:20:5"],"objective":"equity"},"trading_pair":"XBTMYR",
		"strategy_type":"basic","from":"2026-01-29","to":"2026-01-30"}`).want(201).text("id")
	l := b.lease(token, id)
	r, err := b.runs.Begin(ctx, l, 3)
	must(b.t, err)
	series, err := markets(b.t).Series(r.Pair, r.From, r.To)
	must(b.t, err)
	def := strategy.MustDefine(strategy.Info{Name: "basic", Version: "1.0.0", Title: "Cross"}, crossParams{Fast: 10, Slow: 30},
		func(crossParams) strategy.Strategy { return &swing{} })
	space, err := r.Space(def.Schema(), nil)
	must(b.t, err)
	cfg := btest.Config{Market: series.Market, Interval: time.Minute, Balance: 10_000_000_000, Fees: exchange.Fees{Maker: 250_000, Taker: 250_000}}
	task := r.Searching(space)
	task.Runners = []search.Runner{search.NewLocal(def, cfg, series.Packed())}
	var out research.Outcome
	if r.Kind == research.Sweep {
		result, err := search.Run(ctx, task)
		must(b.t, err)
		best, _ := result.Best()
		whole := cfg
		whole.Params = best.Params
		run, err := btest.Run(ctx, def, whole, series.Source(), nil)
		must(b.t, err)
		report, err := backtestreport.NewSearch(backtestreport.SearchInput{
			Best: run, Closes: backtestreport.ClosesOf(series.Candles), Config: cfg, Info: def.Info(), Result: result, Schema: def.Schema(), Source: "the tests",
		})
		must(b.t, err)
		out, err = research.PackSearch(report)
		must(b.t, err)
	} else {
		task.From, task.To = r.From, r.To
		walk, err := search.WalkForward(ctx, search.WalkConfig{InSample: r.Search.InSample, OutOfSample: r.Search.OutOfSample, Search: task})
		must(b.t, err)
		report, err := backtestreport.NewWalk(backtestreport.WalkInput{Candles: series.Packed(), Config: cfg, Info: def.Info(), Source: "the tests", Walk: walk})
		must(b.t, err)
		out, err = research.PackWalk(report)
		must(b.t, err)
	}
	must(b.t, b.runs.Finish(ctx, l, out))
	return id
}

func TestBacktestResult(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.upgrade(token)
	id := b.backtest(token)
	b.finish(token, id)
	done := b.call("GET", backtests+"/"+id, token, "").want(200, `"status":"done"`, `"percent":100`, `"final_equity":"`, `"sharpe":null`)
	result := b.call("GET", backtests+"/"+id+"/result?points=100", token, "").want(200, `"strategy":{"name":"basic"`)
	if ct := result.Header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type = %s", ct)
	}
	equity, ok := result.get("equity").([]any)
	if !ok || len(equity) != 100 {
		t.Fatalf("an equity curve of %d points", len(equity))
	}
	ends := fmt.Sprint(equity[0], equity[99])
	if want := fmt.Sprintf("map[equity:10000 time:2026-01-29T00:00:00Z] map[equity:%s time:2026-01-30T00:00:00Z]", done.text("figures", "final_equity")); ends != want {
		t.Errorf("the curve goes from %s, want %s", ends, want)
	}
	if trades, ok := result.get("trades").([]any); !ok || float64(len(trades)) != done.get("figures", "trades") || len(trades) == 0 {
		t.Errorf("%d trades, the figures say %v", len(trades), done.get("figures", "trades"))
	}
	if all := b.call("GET", backtests+"/"+id+"/result?points=100000", token, "").want(200); len(all.get("equity").([]any)) != 1441 { //nolint:forcetypeassert // checked above
		t.Errorf("the whole curve has %d points", len(all.get("equity").([]any))) //nolint:forcetypeassert // checked above
	}
	b.call("GET", backtests+"/"+id+"/result?points=1", token, "").want(422)
}

// The report is a page under a policy that allows its own style and script and
// nothing else.
func TestBacktestReport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.upgrade(token)
	id := b.backtest(token)
	b.finish(token, id)
	r := b.call("GET", backtests+"/"+id+"/report", token, "").want(200, "<!doctype html>", "the &lt;tests&gt;", "Trades by their return")
	if ct := r.Header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		t.Errorf("Content-Type = %s", ct)
	}
	policy := r.Header.Get("Content-Security-Policy")
	for tag, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
		m := regexp.MustCompile(`(?s)<` + tag + `>(.*?)</` + tag + `>`).FindStringSubmatch(r.Body)
		if m == nil {
			t.Fatalf("there is no %s", tag)
		}
		sum := sha256.Sum256([]byte(m[1]))
		if want := directive + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy %s does not hold %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(r.Body, " style=") || !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("policy = %s", policy)
	}
}

func TestBacktestStream(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.upgrade(token)
	id := b.backtest(token)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, header := b.followPath(ctx, token, backtests+"/"+id+"/stream")
	if ct := header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("Content-Type = %s", ct)
	}
	if e := next(t, events); e.name != "snapshot" || !strings.Contains(e.data, `"status":"queued"`) {
		t.Errorf("first event = %+v", e)
	}
	tenant := b.tenant(token)
	for _, u := range []live.Update{
		{Type: "status", Time: b.clock.Now(), Data: []byte(`{"status":"running"}`)},
		{Type: "progress", Time: b.clock.Now(), Data: []byte(`{"done":720,"percent":50,"total":1440}`)},
	} {
		b.live.publish(tenant, id, u)
		if e := next(t, events); e.name != u.Type || e.data != string(u.Data) {
			t.Errorf("event = %+v, want %s %s", e, u.Type, u.Data)
		}
	}
	b.live.publish(tenant, id, live.Update{Type: "status", Time: b.clock.Now(), Data: []byte(`{"status":"failed","status_reason":"x"}`)})
	if e := next(t, events); e.name != "status" {
		t.Errorf("event = %+v", e)
	}
	wantEnd(t, events, `"code":"over"`)

	b.call("POST", backtests+"/"+id+"/cancel", token, "").want(200)
	over, _ := b.followPath(ctx, token, backtests+"/"+id+"/stream")
	if e := next(t, over); e.name != "snapshot" || !strings.Contains(e.data, `"status":"cancelled"`) {
		t.Errorf("first event = %+v", e)
	}
	wantEnd(t, over, `"code":"over"`)
	if b.call(http.MethodHead, backtests+"/"+id+"/stream", token, "").Status != 200 {
		t.Error("HEAD is not answered")
	}
}
