package api_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
)

//nolint:gochecknoglobals // a flag of the test binary
var update = flag.Bool("update", false, "write the golden files anew")

type object = map[string]any

func document(t *testing.T, b *bench) object {
	t.Helper()
	r := b.call("GET", "/openapi.json", "", "").want(200)
	if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/vnd.oai.openapi+json") {
		t.Errorf("Content-Type = %s", ct)
	}
	return r.get().(object)
}

// operations lists what the document holds, as "METHOD path".
func operations(doc object) map[string]object {
	ops := map[string]object{}
	for path, item := range doc["paths"].(object) {
		for method, op := range item.(object) {
			ops[strings.ToUpper(method)+" "+path] = op.(object)
		}
	}
	return ops
}

// proves that the routes and the document are the same.
func TestRoutesAndDocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ops := operations(document(t, b))
	var served []string
	must(t, chi.Walk(b.api.Handler().(chi.Routes), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if path != "/openapi.json" && path != "/docs" {
			served = append(served, method+" "+path)
		}
		return nil
	}))
	slices.Sort(served)
	for _, route := range served {
		if ops[route] == nil {
			t.Errorf("%s is served and not in the document", route)
		}
	}
	for route := range ops {
		if !slices.Contains(served, route) {
			t.Errorf("%s is in the document and not served", route)
		}
	}
	if len(b.api.Routes()) != len(ops) {
		t.Errorf("Routes lists %d, the document %d", len(b.api.Routes()), len(ops))
	}
	golden(t, "testdata/routes.golden", strings.Join(served, "\n")+"\n")
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if got != string(want) {
		t.Errorf("%s differs (run with -update if it is meant):\n%s", file, got)
	}
}

func TestDocumentIsComplete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc := document(t, b)
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi = %v", doc["openapi"])
	}
	ids := map[any]string{}
	for route, op := range operations(doc) {
		for _, member := range []string{"summary", "description", "operationId", "tags", "responses"} {
			if op[member] == nil || op[member] == "" {
				t.Errorf("%s has no %s", route, member)
			}
		}
		if other, twice := ids[op["operationId"]]; twice {
			t.Errorf("%s and %s have one operationId", route, other)
		}
		ids[op["operationId"]] = route
		responses := op["responses"].(object)
		need := []string{"500"}
		if op["security"] != nil {
			need = append(need, "401", "403")
		}
		if strings.Contains(route, "{") {
			need = append(need, "404")
		}
		if op["requestBody"] != nil {
			need = append(need, "400", "413", "415", "422")
		}
		for _, status := range need {
			if responses[status] == nil {
				t.Errorf("%s does not document %s", route, status)
			}
		}
		params := fmt.Sprint(op["parameters"])
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(route, -1) {
			if !strings.Contains(params, "name:"+m[1]) {
				t.Errorf("%s does not document %s", route, m[1])
			}
		}
		for _, p := range asList(op["parameters"]) {
			if p.(object)["description"] == nil {
				t.Errorf("%s: parameter %v has no description", route, p.(object)["name"])
			}
		}
	}
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

// proves that the schemas are well-formed, that every reference leads
// somewhere, and that every schema is used.
func TestSchemas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc := document(t, b)
	schemas := doc["components"].(object)["schemas"].(object)
	used := map[string]bool{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case object:
			if ref, ok := v["$ref"].(string); ok {
				name := strings.TrimPrefix(ref, "#/components/schemas/")
				used[name] = true
				if schemas[name] == nil {
					t.Errorf("%s refers to %s, which is not there", at, ref)
				}
			}
			for name, inner := range v {
				walk(at+"/"+name, inner)
			}
		case []any:
			for i, inner := range v {
				walk(fmt.Sprintf("%s/%d", at, i), inner)
			}
		}
	}
	walk("", doc)
	for name, s := range schemas {
		if !used[name] {
			t.Errorf("nothing uses the schema %s", name)
		}
		properties, _ := s.(object)["properties"].(object)
		for property, p := range properties {
			if m := p.(object); m["description"] == nil && m["$ref"] == nil {
				t.Errorf("%s.%s has no description", name, property)
			}
		}
		for _, required := range asList(s.(object)["required"]) {
			if properties[required.(string)] == nil {
				t.Errorf("%s requires %v, which it does not have", name, required)
			}
		}
	}
}

// proves that the document says of a body what the validate tags check.
func TestRulesOfBodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	schemas := document(t, b)["components"].(object)["schemas"].(object)
	config := schemas["NewConfig"].(object)
	if got := fmt.Sprint(config["required"]); got != "[name trading_pair strategy_type]" {
		t.Errorf("a configuration requires %s", got)
	}
	if name := config["properties"].(object)["name"].(object); name["maxLength"] != 80.0 || name["minLength"] != 1.0 {
		t.Errorf("name = %v", name)
	}
	if config["additionalProperties"] != false {
		t.Error("a configuration takes unknown fields")
	}
	if r := schemas["ConfigChange"].(object)["required"]; r != nil {
		t.Errorf("a change requires %v", r)
	}
	if r := fmt.Sprint(schemas["Upgrade"].(object)["required"]); r != "[plan_id]" {
		t.Errorf("an upgrade requires %v", r)
	}
	out := fmt.Sprint(schemas["Bot"].(object)["required"])
	if !strings.Contains(out, "status_reason") || strings.Contains(out, "summary") {
		t.Errorf("a bot always has %s", out)
	}
	for route, op := range operations(document(t, b)) {
		for _, p := range asList(op["parameters"]) {
			if m := p.(object); m["name"] == "limit" && m["schema"].(object)["maximum"] == nil {
				t.Errorf("%s does not bound limit", route)
			}
		}
	}
}

// proves that what is answered has the fields that the document promises.
func TestAnswersMatchTheDocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doc := document(t, b)
	schemas := doc["components"].(object)["schemas"].(object)
	token := b.register("ada@example.com")
	configID, botID := b.create(token)
	b.upgrade(token)
	b.call("POST", bots+"/"+botID+"/webhook", token, "").want(201)
	accountID := b.connect(token)
	b.trade(token, botID, func(e *journal.LiveEntry) {
		now := b.clock.Now()
		e.Orders = []journal.LiveOrder{{Order: journal.Order{ClientID: "o", Number: 1, Side: "buy", Type: "market", State: journal.Open, CreatedAt: now, UpdatedAt: now}, CancelAsked: now}}
		e.Transitions = []journal.Transition{{Order: 1, Event: 1, To: journal.Open, At: now}}
		e.Fills = []journal.LiveFill{{Order: 1, Event: 2, Fill: journal.Fill{Sequence: 1, Side: "buy", Time: now}}}
		e.Foreign = []journal.ForeignOrder{{Pair: "XBTMYR", VenueID: "BX1", Side: "buy", FoundAt: now}}
		e.Check = &journal.Check{At: now, Trades: []journal.ForeignTrade{{Side: "sell", At: now}}, Differences: []journal.Difference{{Kind: journal.BalanceShort, Since: now}}}
	})
	runID := b.backtest(token)
	b.finish(token, runID)
	b.call("POST", subscriptions+"/upgrade", token, `{"plan_id":3}`).want(200)
	sweepID, walkID := b.search(token, "sweep"), b.search(token, "walkforward")
	b.parity(token, botID, replay.Report{
		Events: []replay.Event{{Kind: replay.Late, Text: "late"}}, Difference: &parity.Difference{Cause: parity.Data, Detail: "why"},
	})
	b.call("PUT", "/api/v1/trading/ceilings/MYR", token, `{"max_exposure":"1"}`).want(200)
	admin := b.operator(token)
	b.putIn("demo", "1.0.0")
	b.call("POST", "/api/v1/admin/strategies/demo/1.0.0/revoke", admin, `{}`).want(200)
	checked := 0
	for route, op := range operations(doc) {
		method, path, _ := strings.Cut(route, " ")
		success, _ := op["responses"].(object)["200"].(object)
		media, _ := success["content"].(object)
		content, _ := media["application/json"].(object)
		if method != "GET" || content == nil {
			continue
		}
		run := runID
		switch {
		case strings.HasSuffix(path, "/sweep"):
			run = sweepID
		case strings.HasSuffix(path, "/walkforward"):
			run = walkID
		}
		path = strings.NewReplacer("{config_id}", configID, "{bot_id}", botID, "{source}", "market", "{pair}", "XBTMYR", "{strategy}", "basic", "{backtest_id}", run, "{account_id}", accountID, "{number}", "1", "{currency}", "MYR").Replace(path)
		as := token
		if strings.Contains(path, "/admin/") {
			as = admin
		}
		r := b.call(method, path, as, "").want(200)
		conform(t, route, schemas, content["schema"].(object), r.get())
		checked++
	}
	if checked < 24 {
		t.Errorf("only %d answers were checked", checked)
	}
}

// conform compares a value with a schema: types, required and known fields.
func conform(t *testing.T, at string, schemas, s object, v any) {
	t.Helper()
	if ref, ok := s["$ref"].(string); ok {
		s = schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(object)
	}
	types := fmt.Sprint(s["type"])
	kind := map[bool]string{true: "null"}[v == nil]
	switch v := v.(type) {
	case object:
		kind = "object"
		properties, _ := s["properties"].(object)
		for name, inner := range v {
			if p, ok := properties[name].(object); ok {
				conform(t, at+"."+name, schemas, p, inner)
			} else if s["type"] != nil && s["additionalProperties"] != true { // without a type anything goes
				t.Errorf("%s.%s is not in the document", at, name)
			}
		}
		for _, name := range asList(s["required"]) {
			if _, ok := v[name.(string)]; !ok {
				t.Errorf("%s.%s is missing", at, name)
			}
		}
	case []any:
		kind = "array"
		for _, inner := range v {
			conform(t, at+"[]", schemas, s["items"].(object), inner)
		}
	case string:
		kind = "string"
		if options := asList(s["enum"]); options != nil && !slices.Contains(options, any(v)) {
			t.Errorf("%s is %q, not one of %v", at, v, options)
		}
	case float64:
		kind = "integer"
		if strings.Contains(types, "number") {
			kind = "number"
		}
	case bool:
		kind = "boolean"
	}
	if s["type"] != nil && !strings.Contains(types, kind) {
		t.Errorf("%s is a %s, the document says %s", at, kind, types)
	}
}

func TestDocsPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.call("GET", "/docs", "", "").want(200, "<!doctype html>", "POST", "/api/v1/trading/bots/{bot_id}/start", `id="problem-limit-exceeded"`, "curl -X POST")
	if strings.Contains(r.Body, "<script") || regexp.MustCompile(`(src|href)="(https?:)?//`).MatchString(r.Body) {
		t.Error("the page loads something from elsewhere")
	}
	for _, route := range b.api.Routes() {
		if !strings.Contains(r.Body, "<code>"+route.Path+"</code>") {
			t.Errorf("the page does not show %s", route.Path)
		}
	}
	if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "style-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy = %s", policy)
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(r.Body, -1) {
		if ids[m[1]] {
			t.Errorf("the id %s is there twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(r.Body, -1) {
		if !ids[m[1]] {
			t.Errorf("a link leads to #%s, which is not there", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`"type":\s*"/docs#([^"]+)"`).FindAllStringSubmatch(r.Body, -1) {
		if !ids[m[1]] {
			t.Errorf("no explanation of %s", m[1])
		}
	}
}
