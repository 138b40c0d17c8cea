package api_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
)

const bots = "/api/v1/trading/bots"

func quote(t testing.TB, s string) string {
	t.Helper()
	raw, err := json.Marshal(s)
	must(t, err)
	return string(raw)
}

// tenant returns the tenant of a token.
func (b *bench) tenant(token string) string {
	b.t.Helper()
	return b.call("GET", "/api/v1/auth/me", token, "").want(200).text("tenant_id")
}

func TestBotLife(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	configID, id := b.create(token)
	fresh := b.call("GET", bots+"/"+id, token, "").want(200)
	if fresh.text("status") != "stopped" || fresh.get("started_at") != nil || fresh.text("config_id") != configID || fresh.text("mode") != "paper" ||
		fresh.text("trading_pair") != "XBTMYR" || fresh.text("strategy_type") != "basic" || fresh.text("created_at") != "2026-01-31T09:00:00Z" {
		t.Errorf("fresh bot = %s", fresh.Body)
	}
	b.call("PATCH", bots+"/"+id, token, `{"name":"Renamed"}`).want(200, `"name":"Renamed"`)
	started := b.call("POST", bots+"/"+id+"/start", token, "").want(200, `"status":"starting"`)
	if started.text("started_at") != "2026-01-31T09:00:00Z" {
		t.Errorf("started_at = %v", started.get("started_at"))
	}
	b.call("POST", bots+"/"+id+"/start", token, "").want(200, `"status":"starting"`)
	b.call("PATCH", configs+"/"+configID, token, `{"name":"Late"}`).want(409, `"code":"bot_running"`)
	b.call("PUT", bots+"/"+id, token, `{"name":"Late"}`).want(409, `"code":"bot_running"`)
	b.call("DELETE", bots+"/"+id, token, "").want(409)
	b.call("DELETE", configs+"/"+configID, token, "").want(409)
	b.call("POST", bots+"/"+id+"/stop", token, "").want(200, `"status":"stopping"`)
	b.call("POST", bots+"/"+id+"/start", token, "").want(409, `"code":"bot_stopping"`)
	must(t, b.bots.Observe(t.Context(), b.tenant(token), id, 1, bot.Stopped, "asked to stop"))
	b.call("GET", bots, token, "").want(200, `"status":"stopped"`, `"status_reason":"asked to stop"`, `"next_cursor":null`)
	b.call("DELETE", bots+"/"+id, token, "").want(204)
	b.call("GET", configs+"/"+configID, token, "").want(404)
	b.create(token) // its place in the plan is free again
}

// work writes into a bot's journal as a worker would.
func (b *bench) work(token, botID string, fill func(e *journal.Entry)) {
	b.t.Helper()
	e := journal.Entry{TenantID: b.tenant(token), BotID: botID}
	e.Epoch = b.hold(e.TenantID, botID)
	fill(&e)
	must(b.t, b.store.Commit(b.t.Context(), e))
}

// hold takes the lease on a bot as a worker would, and returns its epoch.
func (b *bench) hold(tenantID, botID string) int64 {
	b.t.Helper()
	return b.take("worker", lease.Resource{Kind: lease.Bots, TenantID: tenantID, ID: botID}).Epoch
}

func d(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func TestHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	_, id := b.create(token)
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.FixedZone("MYT", 8*3600))
	b.work(token, id, func(e *journal.Entry) {
		e.Orders = []journal.Order{{ClientID: "o-1", Pair: "ETHMYR", Run: 1, Number: 1, Side: "buy", Type: "market", Value: d("1000"), State: journal.Filled, Reason: "cross", CreatedAt: at, UpdatedAt: at}}
		e.Fills = []journal.Fill{{Sequence: 7, Pair: "ETHMYR", ClientID: "o-1", Side: "buy", Price: d("250000"), Volume: d("0.004"), Value: d("1000"), FeeCounter: d("1"), Time: at}}
		e.Decisions = []journal.Decision{{Number: 3, Kind: "buy", Text: "Buy: crossed above", Time: at}}
		e.Equity = []journal.EquityPoint{{Time: at, Equity: d("9999"), Position: d("0.004"), Price: d("250000")}, {Time: at.Add(time.Hour), Equity: d("10001")}}
		e.Checkpoint = &journal.Checkpoint{Run: 1, Sequence: 1, MarketTime: at, State: []byte(`{}`), Summary: journal.Summary{
			Equity: d("9999.10"), Fills: 1, Positions: []journal.Position{{Pair: "ETHMYR", Position: d("0.004"), Worth: d("1000"), Stop: d("240000")}},
		}}
	})
	b.call("GET", bots+"/"+id+"/orders", token, "").want(200, `"id":"o-1"`, `"pair":"ETHMYR"`, `"price":null`, `"value":"1000"`, `"state":"filled"`, `"created_at":"2026-01-05T00:00:00Z"`)
	b.call("GET", bots+"/"+id+"/fills", token, "").want(200, `"sequence":7`, `"pair":"ETHMYR"`, `"order_id":"o-1"`, `"price":"250000"`, `"fee_counter":"1"`)
	b.call("GET", bots+"/"+id+"/decisions", token, "").want(200, `"text":"Buy: crossed above"`)
	b.call("GET", bots+"/"+id+"/equity", token, "").want(200, `"equity":"9999"`, `"equity":"10001"`, `"next_cursor":null`)
	if items, ok := b.call("GET", bots+"/"+id+"/equity?from=2026-01-05T00:30:00Z", token, "").want(200).get("items").([]any); !ok || len(items) != 1 {
		t.Errorf("equity from the second point on: %v", items)
	}
	b.call("GET", bots+"/"+id+"/performance", token, "").want(200, `"sharpe":null`, `"days":0`, `"trades":`, `"profit_factor":`, `"exposure":`)
	b.call("GET", bots+"/"+id, token, "").want(200, `"summary":{"equity":"9999.1"`, `"positions":[{"pair":"ETHMYR","position":"0.004","worth":"1000"`, `"stop":"240000"`)
	b.call("GET", bots, token, "").want(200, `"summary":{"equity":"9999.1"`)
}

// proves O3: parts of a list are whole, and a cursor is of one list.
func TestCursors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, other := b.register("ada@example.com"), b.register("bob@example.com")
	_, id := b.create(token)
	_, othersID := b.create(other)
	b.work(token, id, func(e *journal.Entry) {
		for n := range int64(25) {
			e.Decisions = append(e.Decisions, journal.Decision{Number: n + 1, Kind: "none", Text: "no cross", Time: b.clock.Now()})
		}
	})
	path, cursor, seen := bots+"/"+id+"/decisions", "", []any{}
	for {
		r := b.call("GET", path+"?limit=10&cursor="+cursor, token, "").want(200)
		for _, item := range r.get("items").([]any) {
			seen = append(seen, item.(map[string]any)["number"])
		}
		if r.get("next_cursor") == nil {
			break
		}
		cursor = r.text("next_cursor")
	}
	if len(seen) != 25 || seen[0] != 25.0 || seen[24] != 1.0 {
		t.Fatalf("decisions = %v", seen)
	}
	for what, c := range map[string]struct{ path, token string }{
		"another kind of list": {bots + "/" + id + "/orders", token}, "another bot": {bots + "/" + othersID + "/decisions", other}, "bots": {bots, token},
	} {
		if r := b.call("GET", c.path+"?cursor="+cursor, c.token, ""); r.Status != 400 {
			t.Errorf("a cursor of decisions on %s: %d", what, r.Status)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		raw := []byte(cursor)
		i := rapid.IntRange(0, len(raw)-1).Draw(rt, "at")
		raw[i] = rapid.SampledFrom([]byte("ABCDEFxyz0189-_")).Filter(func(c byte) bool { return c != raw[i] }).Draw(rt, "byte")
		if r := b.call("GET", path+"?cursor="+string(raw), token, ""); r.Status != 400 {
			rt.Fatalf("a changed cursor was taken: %d %s", r.Status, raw)
		}
	})
	for _, junk := range []string{"x", "====", "%00", fmt.Sprintf("%0500d", 1)} {
		b.call("GET", path+"?cursor="+junk, token, "").want(400, `"code":"cursor_invalid"`, "malformed")
	}
}
