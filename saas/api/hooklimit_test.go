package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/api"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/ratelimit"
)

// knock posts to a webhook from an address.
func (b *bench) knock(method, path, from string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader("x"))
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	b.api.Handler().ServeHTTP(w, r)
	return w
}

// proves R1, R3, R4, R6, O4: who sends too much is told when to come again, and
// nobody else is.
func TestSendersAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *api.Config) {
		c.HookRate, c.SenderRate = ratelimit.Rate{Burst: 3, PerMinute: 6}, ratelimit.Rate{Burst: 5, PerMinute: 60}
	})
	const one, another = hook.Prefix + "aaaa", hook.Prefix + "bbbb"
	want := func(what string, w *httptest.ResponseRecorder, status int, limit string) {
		t.Helper()
		if w.Code != status || w.Header().Get("RateLimit") != limit || w.Header().Get("RateLimit-Policy") != `"webhook";q=3;w=30, "sender";q=5;w=5` {
			t.Errorf("%s: %d with %v, want %d and %s", what, w.Code, w.Header(), status, limit)
		}
	}
	want("the first", b.knock("POST", one, "203.0.113.7:1"), 404, `"webhook";r=2;t=10, "sender";r=4;t=1`)
	want("another port", b.knock("POST", one, "203.0.113.7:2"), 404, `"webhook";r=1;t=20, "sender";r=3;t=2`)
	want("another method", b.knock("GET", one, "203.0.113.7:1"), 405, `"webhook";r=0;t=30, "sender";r=2;t=3`)
	over := b.knock("POST", one, "203.0.113.7:1")
	want("too many for one webhook", over, 429, `"webhook";r=0;t=30, "sender";r=2;t=3`)
	for _, part := range []string{`"code":"too_many_messages"`, `"status":429`, `"retry_after":10`, `"instance":"urn:uuid:`} {
		if !strings.Contains(over.Body.String(), part) {
			t.Errorf("%s lacks %s", over.Body, part)
		}
	}
	if over.Header().Get("Retry-After") != "10" || over.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("it is told %v", over.Header())
	}
	want("another webhook", b.knock("POST", another, "203.0.113.7:1"), 404, `"webhook";r=2;t=10, "sender";r=1;t=4`)
	want("no webhook at all", b.knock("POST", hook.Prefix+strings.Repeat("x", 500), "203.0.113.7:1"), 404, `"webhook";r=2;t=10, "sender";r=0;t=5`)
	want("too many for the sender", b.knock("POST", hook.Prefix+"cccc", "203.0.113.7:1"), 429, `"webhook";r=3;t=0, "sender";r=0;t=5`)
	want("another sender", b.knock("POST", one, "203.0.113.8:1"), 404, `"webhook";r=2;t=10, "sender";r=4;t=1`)
	want("by IPv6", b.knock("POST", one, "[2001:db8::1]:1"), 404, `"webhook";r=2;t=10, "sender";r=4;t=1`)
	want("its neighbour", b.knock("POST", one, "[2001:db8::2]:1"), 404, `"webhook";r=1;t=20, "sender";r=3;t=2`)

	b.clock.Move(9*time.Second + 999*time.Millisecond)
	if w := b.knock("POST", one, "203.0.113.7:1"); w.Code != 429 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("before the time: %d, %v", w.Code, w.Header())
	}
	b.clock.Move(time.Second)
	if w := b.knock("POST", one, "203.0.113.7:1"); w.Code != 404 {
		t.Errorf("when the time has come: %d", w.Code)
	}
	if w := b.knock("GET", "/health", "203.0.113.7:1"); w.Code != http.StatusOK || w.Header().Get("RateLimit") != "" {
		t.Errorf("elsewhere: %d, %v", w.Code, w.Header())
	}
}

// proves R3, R4: a webhook that has taken enough says when it takes more; the
// members of the problem are seconds, like the header.
func TestAWebhookTakesSoMany(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.register("ada@example.com")
	_, id := b.create(token)
	made := b.call("POST", bots+"/"+id+"/webhook", token, "").want(201)
	b.call("POST", bots+"/"+id+"/start", token, "").want(200)
	send := func(i int) *httptest.ResponseRecorder {
		return b.ring(made.text("path"), "x", "Authorization", "Bearer "+made.text("token"), "Webhook-Id", fmt.Sprint(i))
	}
	for i := range 20 {
		if w := send(i); w.Code != 202 {
			t.Fatalf("message %d: %d %s", i, w.Code, w.Body)
		}
	}
	over := send(20)
	after, err := strconv.Atoi(over.Header().Get("Retry-After"))
	if over.Code != 429 || err != nil || !strings.Contains(over.Body.String(), fmt.Sprintf(`"retry_after":%d`, after)) || !strings.Contains(over.Body.String(), `"code":"webhook_rate"`) {
		t.Fatalf("too many: %d %v %s", over.Code, over.Header(), over.Body)
	}
	if w := send(0); w.Code != 202 {
		t.Errorf("a repeat: %d %s", w.Code, w.Body)
	}
	b.clock.Move(time.Duration(after) * time.Second)
	if w := send(20); w.Code != 202 {
		t.Errorf("after the wait: %d %s", w.Code, w.Body)
	}
}
