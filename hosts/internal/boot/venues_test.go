package boot_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/hosts/internal/boot"
	"github.com/lunobot/lunobot/saas"
)

// tenant talks to a server's API.
type tenant struct {
	t     *testing.T
	at    http.Handler
	token string
}

func (c *tenant) call(method, path string, body any, status int) map[string]any {
	c.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(c.t.Context(), method, path, strings.NewReader(string(raw)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.token)
	w := httptest.NewRecorder()
	c.at.ServeHTTP(w, r)
	if w.Code != status {
		c.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	var got map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			c.t.Fatal(err)
		}
	}
	return got
}

// A server beside a simulated Luno: of its three keys, the one that trades is
// connected, the one that reads is told what it lacks, and the one that could move
// money is refused. proves X4: no answer shows a key.
func TestAccountsAtASimulatedLuno(t *testing.T) {
	t.Parallel()
	sim, exchange := simulatedLuno(t)
	cfg, err := boot.Options{
		Backtests: "1", DataDir: t.TempDir(), DemoSeed: "1", DemoSpeed: "60", Env: "development", Lease: "10s", LunoAddress: exchange.URL, NATSReplicas: "1", PluginCPU: "0.25", Sandbox: "off",
	}.Config(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	app, err := saas.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Stop)
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := &tenant{t: t, at: app.Handler()}
	c.token, _ = c.call("POST", "/api/v1/auth/register", map[string]string{"email": "ada@example.com", "password": "correct horse battery"}, 201)["access_token"].(string)
	want := map[lunosim.Permission][2]string{
		lunosim.TradeOnly: {"connected", ""}, lunosim.ReadOnly: {"refused", "lacks the right W_Orders"}, lunosim.Dangerous: {"refused", "must not be able to move money"},
	}
	if len(sim.Keys()) != len(want) {
		t.Fatalf("the simulated Luno has %d keys", len(sim.Keys()))
	}
	for _, k := range sim.Keys() {
		made := c.call("POST", "/api/v1/accounts", map[string]string{"name": "Mine", "venue": "luno", "key_id": k.ID, "secret": k.Secret}, 201)
		path := "/api/v1/accounts/" + made["id"].(string)
		var got map[string]any
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if got = c.call("GET", path, nil, 200); got["state"] != "checking" || time.Now().After(deadline) {
				break
			}
		}
		if w := want[k.Permissions]; got["state"] != w[0] || !strings.Contains(got["reason"].(string), w[1]) || len(got["rights"].([]any)) == 0 {
			t.Errorf("the key with %d is %v", k.Permissions, got)
		}
		raw, err := json.Marshal(got)
		if err != nil || strings.Contains(string(raw), k.Secret) || strings.Contains(string(raw), k.ID) {
			t.Errorf("%s shows the key, %v", raw, err)
		}
		c.call("DELETE", path, nil, 204)
		c.call("GET", path, nil, 404)
	}
}
