package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/api"
	"github.com/lunobot/lunobot/saas/errs"
)

// proves O4: whatever goes wrong, the answer is a problem.
func TestRequestsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	cases := map[string]struct {
		method, path, body string
		headers            []string
		status             int
		kind               string
		texts              []string
	}{
		"unknown path":          {"GET", "/api/v1/nothing", "", nil, 404, "not-found", []string{"route_not_found"}},
		"root":                  {"GET", "/", "", nil, 404, "not-found", nil},
		"other version":         {"GET", "/api/v2/trading/bots", "", nil, 404, "not-found", nil},
		"wrong method":          {"DELETE", configs, "", nil, 405, "method-not-allowed", nil},
		"strange method":        {"BREW", configs, "", nil, 405, "method-not-allowed", []string{"BREW"}},
		"cut JSON":              {"POST", configs, `{"name":`, nil, 400, "malformed", []string{"ends too early"}},
		"not JSON":              {"POST", configs, `name=a&b=c`, nil, 400, "malformed", []string{"at byte"}},
		"two values":            {"POST", configs, `{} {}`, nil, 400, "malformed", []string{"follows"}},
		"a list":                {"POST", configs, `[]`, nil, 422, "invalid", []string{"must be an object"}},
		"null":                  {"POST", configs, `null`, nil, 422, "invalid", nil},
		"name given twice":      {"POST", configs, `{"name":"a","name":"b"}`, nil, 400, "malformed", []string{"given twice"}},
		"nested too deep":       {"POST", configs, `{"parameters":` + deep + `}`, nil, 400, "malformed", []string{"nested deeper"}},
		"not UTF-8":             {"POST", configs, "{\"name\":\"\xff\xfe\"}", nil, 400, "malformed", []string{"UTF-8"}},
		"no body":               {"POST", configs, "", nil, 400, "malformed", []string{"body_missing"}},
		"form":                  {"POST", configs, `name=a`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported-media-type", nil}, // proves C2
		"plain text":            {"POST", configs, `{}`, []string{"Content-Type", "text/plain"}, 415, "unsupported-media-type", nil},
		"bad media type":        {"POST", configs, `{}`, []string{"Content-Type", ";;"}, 415, "unsupported-media-type", nil},
		"charset":               {"POST", configs, `{}`, []string{"Content-Type", "application/json; charset=utf-8"}, 422, "invalid", nil},
		"too large":             {"POST", configs, `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, "too-large", nil},
		"unknown parameter":     {"GET", configs + "?limit=5&ofset=3", "", nil, 400, "malformed", []string{"ofset"}},
		"parameter twice":       {"GET", configs + "?limit=5&limit=6", "", nil, 400, "malformed", []string{"more than once"}},
		"parameter not integer": {"GET", configs + "?limit=many", "", nil, 422, "invalid", []string{`"parameter":"limit"`}},
		"parameter too large":   {"GET", configs + "?limit=501", "", nil, 422, "invalid", []string{"at most 500"}},
		"parameter zero":        {"GET", configs + "?limit=0", "", nil, 422, "invalid", []string{`"parameter":"limit"`, "at least 1"}},
		"candles without one":   {"GET", "/api/v1/markets/XBTMYR/candles?limit=0", "", nil, 422, "invalid", []string{`"parameter":"limit"`, "at least 1"}},
		"parameter negative":    {"GET", configs + "?limit=-1", "", nil, 422, "invalid", []string{"at least 1"}},
		"refresh token unknown": {"POST", "/api/v1/auth/refresh", `{"refresh_token":"lrt_x"}`, nil, 401, "unauthenticated", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.with(t).call(c.method, c.path, token, c.body, c.headers...).want(c.status, append(c.texts, `"type":"/docs#problem-`+c.kind+`"`)...)
			id := r.text("request_id")
			if r.Header.Get("Content-Type") != "application/problem+json" || r.get("status") != float64(c.status) || r.text("title") == "" || r.text("detail") == "" ||
				r.text("instance") != "urn:uuid:"+id || r.Header.Get("X-Request-ID") != id {
				t.Errorf("problem = %s, headers %v", r.Body, r.Header)
			}
		})
	}
}

func TestAllowAndExactSize(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	if allow := strings.Join(b.call("DELETE", configs, token, "").Header.Values("Allow"), ", "); allow != "GET, POST, HEAD" {
		t.Errorf("Allow = %q", allow)
	}
	b.call("POST", configs, token, `{"name":"`+strings.Repeat("x", 1<<20-11)+`"}`).want(422) // exactly 1 MiB is taken
}

// broken is a venue that does not answer.
type broken struct{ *demo.Replay }

func (broken) Markets(context.Context) ([]exchange.Market, error) {
	return nil, errors.New("dial tcp 10.0.0.7")
}

// failing fails in a way that nobody foresaw.
type failing struct{ how func() error }

func (f failing) Manifests(context.Context) ([]api.Manifest, error) { return nil, f.how() }

func TestInternalErrorsAreLoggedAndNotShown(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]func() error{
		"error": func() error { return errors.New("SELECT secret FROM vault") },
		"panic": func() error { panic("SELECT secret FROM vault") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *api.Config) { c.Strategies = failing{how} })
			token := b.register("ada@example.com")
			r := b.call("GET", "/api/v1/strategies", token, "").want(500, `"type":"/docs#problem-internal"`)
			if strings.Contains(r.Body, "SELECT") || strings.Contains(r.Body, "goroutine") {
				t.Errorf("shown: %s", r.Body)
			}
			if log := b.log.String(); !strings.Contains(log, "SELECT secret") || !strings.Contains(log, r.text("request_id")) {
				t.Errorf("log = %s", log)
			}
		})
	}
	t.Run("a venue that is down", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *api.Config) { c.Markets = broken{markets(t)} })
		token := b.register("ada@example.com")
		if r := b.call("GET", "/api/v1/markets", token, "").want(503, `"code":"market_unavailable"`); strings.Contains(r.Body, "10.0.0.7") {
			t.Errorf("shown: %s", r.Body)
		}
	})
}

func TestHealth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call("GET", "/health", "", "").want(200, `"status":"ok"`)
	b.call("HEAD", "/health", "", "").want(200)
	b.call("GET", "/ready", "", "").want(200, `"status":"ready"`)
	b.ready = errors.New("database is locked at /var/lib")
	b.call("GET", "/health", "", "").want(200)
	if r := b.call("GET", "/ready", "", "").want(503, "unavailable"); strings.Contains(r.Body, "/var/lib") {
		t.Errorf("shown: %s", r.Body)
	}
	b.ready = errs.New(errs.Unavailable, "worker_replaced", "its worker was replaced").Wrap(errors.New("holder server:7"))
	if r := b.call("GET", "/ready", "", "").want(503, "not_ready", "the server is not ready to work: its worker was replaced"); strings.Contains(r.Body, "server:7") {
		t.Errorf("shown: %s", r.Body)
	}
}

// proves C5: origins are matched exactly, and there are none by default.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	closed := setup(t)
	if r := closed.call("GET", "/health", "", "", "Origin", "https://app.example.com"); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("an origin is allowed by default")
	}
	b := setup(t, func(c *api.Config) { c.Origins = []string{"https://app.example.com"} })
	pre := b.call("OPTIONS", configs, "", "", "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST").want(204)
	if pre.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || pre.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight = %v", pre.Header)
	}
	for _, origin := range []string{"https://app.example.com.evil.com", "http://app.example.com", "https://APP.example.com", "null", "*", ""} {
		if r := b.call("GET", "/health", "", "", "Origin", origin); r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("the origin %q is allowed", origin)
		}
	}
	if _, err := api.New(api.Config{Origins: []string{"*", "https://a.com/"}}); err == nil || !strings.Contains(err.Error(), `"*"`) || !strings.Contains(err.Error(), "Tenancy") {
		t.Errorf("error = %v", err)
	}
}

func TestHeadersAndLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	tenant := b.tenant(token)
	r := b.call("GET", bots, token, "").want(200)
	for name, value := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "Content-Type": "application/json",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := r.Header.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	lines := strings.Split(strings.TrimSpace(b.log.String()), "\n")
	var last map[string]any
	must(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	if last["method"] != "GET" || last["route"] != bots || last["status"] != 200.0 || last["tenant_id"] != tenant ||
		last["request_id"] != r.Header.Get("X-Request-ID") {
		t.Errorf("log line = %v", last)
	}
	if strings.Contains(b.log.String(), token) {
		t.Error("the log holds a token")
	}
}

// FuzzBody proves that no body makes the server fail.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"name":"a","trading_pair":"XBTMYR","strategy_type":"basic"}`, `{"balance":1e9}`, `[{"a":[[]]}]`, `"\ud800"`, `{"risk":{"max_position":"-0.0"}}`} {
		f.Add([]byte(seed))
	}
	b := setup(f)
	token := b.register("ada@example.com")
	f.Fuzz(func(t *testing.T, body []byte) {
		b := b.with(t)
		for _, path := range []string{configs, subscriptions + "/upgrade", "/api/v1/auth/login"} {
			r := b.call("POST", path, token, string(bytes.TrimSpace(body)))
			if r.Status >= 500 {
				t.Errorf("%s answers %d %s to %q", path, r.Status, r.Body, body)
			}
		}
	})
}
