package lunosim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/exchangetest"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

func newClock() *exchangetest.StillClock {
	return exchangetest.NewStillClock(time.UnixMilli(1_800_000_000_123))
}

// bench is a simulator behind HTTP with two accounts: ann and bob.
type bench struct {
	*lunosim.Sim
	clock    *exchangetest.StillClock
	url      string
	ann, bob caller
}

// caller makes calls under one key.
type caller struct {
	base string
	key  lunosim.Key
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   string
}

func setup(t *testing.T, change func(*lunosim.Config)) *bench {
	t.Helper()
	b := &bench{clock: newClock()}
	cfg := lunosim.Config{Markets: lunosim.Markets(), Now: b.clock.Now, Accounts: lunosim.DefaultAccounts(7, 2), Seed: 7}
	if change != nil {
		change(&cfg)
	}
	var err error
	if b.Sim, err = lunosim.New(cfg); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(b.Sim)
	t.Cleanup(server.Close)
	t.Cleanup(b.Close)
	b.url = server.URL
	keys := b.Keys()
	b.ann, b.bob = caller{server.URL, keys[0]}, caller{server.URL, keys[3]}
	return b
}

// send makes a call; parameters are name=value and go where Luno wants them.
func (c caller) send(t testing.TB, method, path string, params ...string) reply {
	t.Helper()
	r, err := c.try(t.Context(), method, path, params...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c caller) try(ctx context.Context, method, path string, params ...string) (reply, error) {
	form := url.Values{}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		form.Add(name, value)
	}
	target, body := c.base+path, ""
	if method == http.MethodGet {
		target += "?" + form.Encode()
	} else {
		body = form.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if method != http.MethodGet {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.key.ID != "" {
		r.SetBasicAuth(c.key.ID, c.key.Secret)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	all, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(all)}, err
}

// get makes a GET that must succeed and returns its JSON.
func (c caller) get(t testing.TB, path string, params ...string) map[string]any {
	t.Helper()
	return c.send(t, http.MethodGet, path, params...).json(t)
}

// limit places a limit order and returns its id.
func (c caller) limit(t testing.TB, side, price, volume string, more ...string) string {
	t.Helper()
	params := append([]string{"pair=XBTMYR", "type=" + side, "price=" + price, "volume=" + volume}, more...)
	id, _ := c.send(t, http.MethodPost, "/api/1/postorder", params...).json(t)["order_id"].(string)
	return id
}

// order looks an order up.
func (c caller) order(t testing.TB, id string) map[string]any {
	t.Helper()
	return c.get(t, "/api/exchange/3/order", "id="+id, "client_order_id=")
}

func (r reply) json(t testing.TB) map[string]any {
	t.Helper()
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	return decode(t, r.body)
}

// failer is what tests and property tests have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func decode(t failer, body string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	out := map[string]any{}
	if err := decoder.Decode(&out); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return out
}

// refused checks a refusal.
func (r reply) refused(t testing.TB, status int, code string) {
	t.Helper()
	if r.status != status || decode(t, r.body)["error_code"] != code || decode(t, r.body)["error"] == "" {
		t.Errorf("%d %s, want %d %s", r.status, r.body, status, code)
	}
}

// balances returns "total/reserved" by currency.
func (c caller) balances(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, b := range items(c.get(t, "/api/1/balance"), "balance") {
		out[b["asset"].(string)] = number(t, b["balance"]).String() + "/" + number(t, b["reserved"]).String()
	}
	return out
}

// items returns the objects of a list.
func items(from map[string]any, name string) []map[string]any {
	list, _ := from[name].([]any)
	out := make([]map[string]any, len(list))
	for i := range list {
		out[i], _ = list[i].(map[string]any)
	}
	return out
}

// number reads a number that is written as a plain text.
func number(t failer, v any) decimal.Decimal {
	t.Helper()
	text, ok := v.(string)
	if !ok || text == "" || strings.ContainsAny(text, "eE") {
		t.Fatalf("%v (%T) is no plain decimal text", v, v)
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
