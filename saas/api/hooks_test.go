package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/hook"
)

// ring posts a message to a webhook.
func (b *bench) ring(path, body string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.api.Handler().ServeHTTP(w, r)
	return w
}

// proves K2, W1, O4: from the making of a webhook to its end.
func TestWebhook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	_, id := b.create(token)
	one := bots + "/" + id + "/webhook"
	b.call("GET", one, token, "").want(404, `"code":"webhook_not_found"`)
	made := b.call("POST", one, token, "").want(201, "lunobot_hook_", "whsec_", `"expires_at":null`)
	b.call("POST", one, token, "").want(409, `"code":"webhook_exists"`)
	seen := b.call("GET", one, token, "").want(200)
	if strings.Contains(seen.Body, "lunobot_hook_") || strings.Contains(seen.Body, "whsec_") || seen.text("path") != made.text("path") {
		t.Errorf("it shows %s", seen.Body)
	}
	path, secret := made.text("path"), made.text("token")
	want := func(w *httptest.ResponseRecorder, status int, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if w.Code != status || !strings.Contains(w.Body.String(), part) {
				t.Errorf("%d %s, want %d and %q", w.Code, w.Body, status, part)
			}
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("the error is a %s", w.Header().Get("Content-Type"))
		}
	}
	message := `{"action":"buy","id":"7","token":"` + secret + `"}`
	want(b.ring(path, message), 409, `"code":"bot_stopped"`)
	b.call("POST", bots+"/"+id+"/start", token, "").want(200)
	first := b.ring(path, message, "Content-Type", "text/plain; charset=utf-8")
	want(first, 202, `{"id":"7","received_at":"`)
	if again := b.ring(path, message, "Content-Type", "application/json"); again.Code != 202 || again.Body.String() != first.Body.String() {
		t.Errorf("the same again gets %d %s", again.Code, again.Body)
	}
	want(b.ring(path, strings.Replace(message, "buy", "sell", 1)), 409, `"code":"signal_id_used"`)
	bearer := []string{"Authorization", "Bearer " + secret}
	want(b.ring(path, `{"action":"sell"}`, append(bearer, "Webhook-Id", "8")...), 202, `"id":"8"`)
	want(b.ring(path, `{"action":"sell"}`, bearer...), 400, `"code":"signal_id_missing"`)
	want(b.ring(path, `{"action":"sell","id":"9"}`), 401, `"code":"webhook_unauthenticated"`)
	want(b.ring(path, `{"action":"sell","id":"9"}`, "Authorization", "Bearer "+secret[:len(secret)-1]), 401, `"code":"webhook_unauthenticated"`)
	want(b.ring(path, `{"id":"9"}`, "Authorization", "Bearer "+token), 401, `"code":"webhook_unauthenticated"`)
	want(b.ring(path, `a=b`, append(bearer, "Content-Type", "application/x-www-form-urlencoded")...), 415, "application/json or text/plain")
	want(b.ring(path, strings.Repeat("x", hook.MaxBody+2), bearer...), 413, "8192 bytes")
	want(b.ring(path+"x", message), 404, `"code":"webhook_not_found"`)
	want(b.ring(path+"?a=b", message), 400, "unknown_parameter")

	list := b.call("GET", bots+"/"+id+"/signals", token, "").want(200, `"status":"waiting"`, `"id":"8"`)
	if strings.Contains(list.Body, "lunobot_hook_") || strings.Index(list.Body, `"id":"8"`) > strings.Index(list.Body, `"id":"7"`) {
		t.Errorf("the signals are %s", list.Body)
	}
	b.call("GET", bots+"/"+id+"/signals?limit=1", token, "").want(200, `"next_cursor":"`)
	turned := b.call("POST", one+"/rotate?overlap_hours=0", token, "").want(200, "lunobot_hook_")
	want(b.ring(path, message), 401, `"code":"webhook_unauthenticated"`)
	b.call("POST", one+"/rotate?overlap_hours=169", token, "").want(422)
	want(b.ring(path, `{}`, "Authorization", "Bearer "+turned.text("token"), "Webhook-Id", "10"), 202, `"id":"10"`)
	b.call("DELETE", one, token, "").want(204)
	want(b.ring(path, `{}`, "Authorization", "Bearer "+turned.text("token"), "Webhook-Id", "11"), 404, `"code":"webhook_not_found"`)
	b.call("DELETE", one, token, "").want(404)
	if strings.Contains(b.log.String(), "lunobot_hook_") || strings.Contains(b.log.String(), "whsec_") {
		t.Error("the log shows a secret")
	}
}
