package api_test

import (
	"strings"
	"testing"
)

func TestMarkets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.call("GET", "/api/v1/markets", token, "").want(200, `"pair":"XBTMYR"`, `"base":"XBT"`, `"counter":"MYR"`, `"label":"Demo market"`)
	path := "/api/v1/markets/XBTMYR/candles"
	newest := b.call("GET", path+"?limit=5", token, "").want(200)
	if items := newest.get("items").([]any); len(items) != 5 {
		t.Fatalf("there are %d candles", len(items))
	}
	part := b.call("GET", path+"?interval=1h&since=2025-06-01T00:00:00Z&limit=2", token, "").want(200, `"time":"2025-06-01T00:00:00Z"`, `"time":"2025-06-01T01:00:00Z"`)
	b.call("GET", path+"?interval=1h&limit=1&cursor="+part.text("next_cursor"), token, "").want(200, `"time":"2025-06-01T02:00:00Z"`)
	b.call("GET", path+"?interval=5m&limit=1&cursor="+part.text("next_cursor"), token, "").want(400, `"code":"cursor_invalid"`)
	b.call("GET", path+"?interval=7m", token, "").want(422, `"parameter":"interval"`, "1m, 5m, 15m")
	b.call("GET", path+"?since=yesterday", token, "").want(422, `"parameter":"since"`)
	b.call("GET", path+"?limit=100000", token, "").want(422, `"parameter":"limit"`)
	b.call("GET", "/api/v1/markets/DOGE/candles", token, "").want(404, `"code":"market_not_found"`)
}

func TestStrategies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	b.call("GET", "/api/v1/strategies", token, "").want(200, `"name":"basic"`, `"$schema":"https://json-schema.org/draft/2020-12/schema"`)
	if r := b.call("GET", "/api/v1/strategies", token, "").want(200); strings.Contains(r.Body, "When it loses") {
		t.Error("the list brings all documentation")
	}
	b.call("GET", "/api/v1/strategies/basic", token, "").want(200, `"guide":"## When it loses"`)
	if r := b.call("GET", "/api/v1/strategies/basic", token, "").want(200); !strings.Contains(r.Body, `"fast":{`) {
		t.Errorf("strategy = %s", r.Body)
	}
	b.call("GET", "/api/v1/strategies/magic", token, "").want(404, `"code":"strategy_not_found"`)
}
