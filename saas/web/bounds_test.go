package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/strategy/param"
)

// A form that is too large says so, with the status of it.
func TestFormsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	for _, path := range []string{"/look", "/signin", "/bots/new", "/bots/new/check", "/backtests/new"} {
		a := ada.post(path, url.Values{"name": {strings.Repeat("x", 1<<20)}})
		if a.status != http.StatusRequestEntityTooLarge || !strings.Contains(a.body, "A form may have 1 MiB.") {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// The streams of pages and those of the API, of bots and of backtests, share one
// bound, and a place that was left is free again.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config()
	cfg.Streams = live.NewPlaces(2)
	ada := w.member(t, serve(t, cfg), "ada@example.com")
	ada.upgrade("premium")
	streams := []string{"/bots/" + ada.newBot("First") + "/stream", "/backtests/" + ada.newTest(testForm("First")) + "/stream"}
	leave, err := cfg.Streams.Enter(ada.who.TenantID) // one of the API
	if err != nil {
		t.Fatal(err)
	}
	open := func(path string) (status int, retryAfter string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ada.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/event-stream")
		res, err := ada.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode, res.Header.Get("Retry-After")
	}
	if status, _ := open(streams[0]); status != http.StatusOK {
		t.Fatalf("the first stream: %d", status)
	}
	for _, path := range streams {
		if status, after := open(path); status != http.StatusTooManyRequests || after != "5" {
			t.Errorf("one stream too many, %s: %d, try again after %q", path, status, after)
		}
	}
	leave()
	if status, _ := open(streams[1]); status != http.StatusOK {
		t.Errorf("after one was left: %d", status)
	}
}

// What somebody typed is summed up with its thousands apart.
func TestSummaryGroupsThousands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("premium")
	for form, check := range map[string]string{"/bots/new": "/bots/new/check", "/backtests/new": "/backtests/new/check"} {
		for typed, want := range map[string]string{"1250000.5": "1,250,000.5 MYR", "1,250000": "1,250,000 MYR", "much": "much MYR", "1e6": "1e6 MYR"} {
			fields := botForm("First")
			if form == "/backtests/new" {
				fields = testForm("First")
			}
			fields.Set("balance", typed)
			_, summary, _ := strings.Cut(ada.post(check, fields).body, "alance</dt>")
			if summary, _, _ = strings.Cut(summary, "</dd>"); !strings.HasSuffix(summary, ">"+want) {
				t.Errorf("%s: %q is summed up as %q, want %q", form, typed, summary, want)
			}
		}
	}
}

// doubled are parameters of which the bot's bounds do the same.
type doubled struct {
	Stop   float64 `param:"stop" bound:"stop_loss" label:"Stop-loss" unit:"% below entry" validate:"min=0,max=99"`
	Target float64 `param:"target" bound:"take_profit" label:"Take-profit" unit:"% above entry" validate:"min=0,max=1000"`
}

// A form asks for a stop-loss once: a strategy's own, which does the same as the
// bot's, is shown only where it is set.
func TestFormsAskForAStopOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config()
	schema, err := param.Of(doubled{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Strategies = func() []web.Strategy {
		return []web.Strategy{{Name: "basic", Version: "1.0.0", Title: "Doubled", Schema: schema}}
	}
	ada := w.member(t, serve(t, cfg), "ada@example.com")
	ada.upgrade("premium")
	labels := func(page string) int { return strings.Count(page, ">Stop-loss") }
	for _, path := range []string{"/bots/new", "/backtests/new"} {
		// In the form and in the summary.
		if page := ada.get(path).body; labels(page) != 2 || strings.Contains(page, `name="p-stop"`) || !strings.Contains(page, `name="stop_loss"`) {
			t.Errorf("%s asks for a stop-loss %d times", path, labels(page)-1)
		}
		form := url.Values{"name": {"x"}, "pair": {"XBTMYR"}, "strategy": {"basic"}, "balance": {"10000"}, "p-stop": {"2.5"}}
		if page := ada.post(path+"/check", form).body; labels(page) != 2 || !strings.Contains(page, "2.5") {
			t.Errorf("%s hides a stop-loss that is set: %s", path, page)
		}
	}
	if page := ada.get("/strategies/basic").body; !strings.Contains(page, "<code class=\"muted\">stop</code>") {
		t.Error("the strategy's page does not explain the parameter")
	}
}
