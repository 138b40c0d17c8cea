package api_test

import (
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/journal"
)

// proves P12: every route answers for another tenant's id as for one that never
// was, and changes nothing.
func TestOtherTenantsIDs(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, sets(), func(t *testing.T, d *db.DB) {
		b := setupOn(t, d)
		victim, thief := b.register("ada@example.com"), b.register("eve@example.com")
		configID, botID := b.create(victim)
		b.create(thief)
		b.work(victim, botID, func(e *journal.Entry) {
			e.Orders = []journal.Order{{ClientID: "secret-order", Number: 1, Side: "buy", Type: "market", State: journal.Open, CreatedAt: b.clock.Now(), UpdatedAt: b.clock.Now()}}
		})
		b.trade(victim, botID, func(e *journal.LiveEntry) {
			e.Orders = []journal.LiveOrder{{Order: journal.Order{ClientID: "secret-live", Number: 1, State: journal.Open, CreatedAt: b.clock.Now(), UpdatedAt: b.clock.Now()}}}
			e.Foreign = []journal.ForeignOrder{{Pair: "XBTMYR", VenueID: "BX1", FoundAt: b.clock.Now()}}
			e.Check = &journal.Check{At: b.clock.Now(), Paused: "a secret mismatch"}
		})
		b.upgrade(victim)
		b.upgrade(thief)
		hooked := b.call("POST", bots+"/"+botID+"/webhook", victim, "").want(201)
		accountID := b.connect(victim)
		runID := b.backtest(victim)
		b.finish(victim, runID)
		state := func() string {
			return b.call("GET", bots+"/"+botID+"/live/reconciliation", victim, "").want(200, "secret mismatch", `"decision":""`, `"resume_asked_at":null`).Body +
				b.call("GET", bots+"/"+botID+"/live/orders/1", victim, "").want(200, "secret-live").Body + b.call("GET", accounts+"/"+accountID, victim, "").want(200, "checking").Body + b.call("GET", backtests+"/"+runID, victim, "").want(200, "done").Body + b.call("GET", backtests+"/"+runID+"/result", victim, "").want(200).Body +
				b.call("GET", configs+"/"+configID, victim, "").want(200).Body + b.call("GET", bots+"/"+botID, victim, "").want(200).Body + b.call("GET", bots+"/"+botID+"/webhook", victim, "").want(200, hooked.text("id")).Body +
				b.call("GET", bots+"/"+botID+"/orders", victim, "").want(200, "secret-order").Body
		}
		before, tried := state(), 0
		for _, r := range b.api.Routes() {
			if !strings.Contains(r.Path, "{config_id}") && !strings.Contains(r.Path, "{bot_id}") && !strings.Contains(r.Path, "{backtest_id}") && !strings.Contains(r.Path, "{account_id}") {
				continue
			}
			body := ""
			if r.Method == "PUT" || r.Method == "PATCH" {
				body = `{"name":"Stolen"}`
			}
			for suffix, with := range map[string]string{
				"/upgrade": `{"strategy_version":"1.0.0"}`, "/key": `{"key_id":"k","secret":"s"}`, "/live/preview": `{}`, "/live": `{"account_id":"x","confirm":"Cross","waive":true}`, "/write-off": `{"confirm":"Cross"}`, "/{venue_id}": `{"decision":"claim"}`,
			} {
				if strings.HasSuffix(r.Path, suffix) {
					body = with
				}
			}
			fill := func(config, bot, run, account string) string {
				return strings.NewReplacer("{config_id}", config, "{bot_id}", bot, "{backtest_id}", run, "{account_id}", account,
					"{number}", "1", "{pair}", "XBTMYR", "{venue_id}", "BX1").Replace(r.Path)
			}
			foreign := b.call(r.Method, fill(configID, botID, runID, accountID), thief, body)
			const never = "0197e1a2-6f00-7a00-8000-000000000000"
			missing := b.call(r.Method, fill(never, never, never, never), thief, body)
			if foreign.Status != 404 || missing.Status != 404 || foreign.text("code") != missing.text("code") {
				t.Errorf("%s %s: %d %s, and %d %s for an id that never was", r.Method, r.Path, foreign.Status, foreign.Body, missing.Status, missing.Body)
			}
			if strings.Contains(foreign.Body, "secret") || strings.Contains(foreign.Body, "Cross") {
				t.Errorf("%s %s shows the victim's: %s", r.Method, r.Path, foreign.Body)
			}
			// Nor does an id of the wrong kind.
			b.call(r.Method, fill(botID, configID, botID, botID), victim, body).want(404)
			tried++
		}
		if tried < 32 {
			t.Errorf("only %d routes were tried", tried)
		}
		if after := state(); after != before {
			t.Errorf("something changed:\n%s\n%s", before, after)
		}
		for _, list := range []string{accounts, configs, bots, backtests, "/api/v1/subscriptions/invoices"} {
			if r := b.call("GET", list, thief, "").want(200); strings.Contains(r.Body, configID) || strings.Contains(r.Body, botID) || strings.Contains(r.Body, runID) || strings.Contains(r.Body, accountID) {
				t.Errorf("%s lists the victim's: %s", list, r.Body)
			}
		}
	})
}

// proves that every route but the public ones asks for a token.
func TestEveryRouteAsksForAToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	public := map[string]bool{
		"POST /api/v1/auth/register": true, "POST /api/v1/auth/login": true, "POST /api/v1/auth/refresh": true,
		"GET /api/v1/subscriptions/plans": true, "GET /health": true, "GET /ready": true, "POST /hooks/v1/{hook_id}": true,
	}
	for _, r := range b.api.Routes() {
		path := strings.NewReplacer("{", "", "}", "").Replace(r.Path)
		got := b.call(r.Method, path, "", "")
		if public[r.Method+" "+r.Path] {
			if got.Status == 401 {
				t.Errorf("%s %s is not public", r.Method, r.Path)
			}
			continue
		}
		got.want(401, "unauthenticated")
		if ct := got.Header.Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s %s answers %s", r.Method, r.Path, ct)
		}
	}
}
