package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/web"
)

// Every faulty field of the form is named where it stands, and nothing is made.
func TestNewBotNamesFaults(t *testing.T) { //nolint:tparallel // that nothing was made is checked after all of them
	t.Parallel()
	cases := map[string]struct {
		field, value, id, want string
	}{
		"name":        {"name", " ", "fault-name", "Is required."},
		"balance":     {"balance", "much", "fault-balance", "Must be a plain number"},
		"below zero":  {"balance", "-5", "fault-balance", "Must be above 0."},
		"stop-loss":   {"stop_loss", "150", "fault-stop_loss", "Must be between 0 and 99."},
		"parameter":   {"p-fast", "many", "fault-p-fast", "whole number"},
		"two of them": {"p-fast", "40", "fault-p-fast", "Must be below Slow average (30)."},
		"choice":      {"p-kind", "hull", "fault-p-kind", "Must be one of sma, ema."},
		"interval":    {"interval", "7m", "fault-interval", "Must be one of 1m, 5m, 15m, 30m, 1h, 4h, 1d."},
		"huge":        {"balance", "1e999999999", "fault-balance", "Must be a plain number"},
	}
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			form := botForm("First")
			form.Set(c.field, c.value)
			for path, status := range map[string]int{"/bots/new": http.StatusUnprocessableEntity, "/bots/new/check": http.StatusOK} {
				a := ada.post(path, form)
				_, rest, found := strings.Cut(a.body, `id="`+c.id+`"`)
				text, _, _ := strings.Cut(rest, "</p>")
				if a.status != status || !found || !strings.Contains(text, c.want) {
					t.Errorf("POST %s: %d, the fault is %q, want %q", path, a.status, text, c.want)
				}
			}
		})
	}
	if a := ada.get("/bots"); !strings.Contains(a.body, "No bots yet") {
		t.Error("a faulty form made a bot")
	}
}

// The plan's limit is a page with a way out, not an error.
func TestPlanLimit(t *testing.T) { // proves E6
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.newBot("First")
	for name, a := range map[string]answer{"the form": ada.get("/bots/new"), "sending it": ada.post("/bots/new", botForm("Second"))} {
		if a.status != http.StatusForbidden || !strings.Contains(a.body, "Your Free plan allows 1 bot") || !strings.Contains(a.body, "See the plans") {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	ada.upgrade("basic")
	ada.newBot("Second")
	if a := ada.get("/subscription"); !strings.Contains(a.body, "INV-000001") || !strings.Contains(a.body, "29.99 USD") {
		t.Error("the invoice is not listed")
	}
}

func TestBotsLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	id := ada.newBot("First")
	step := func(what string, a answer, status int, wants ...string) {
		t.Helper()
		if a.status != status {
			t.Errorf("%s: %d, want %d", what, a.status, status)
		}
		for _, want := range wants {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s: no %q", what, want)
			}
		}
	}
	step("created", ada.get("/bots/"+id+"?notice=created"), http.StatusOK, "PAPER", "Press Start", "Replay of real candles", `data-active="false"`)
	step("starting", ada.post("/bots/"+id+"/start", nil), http.StatusSeeOther)
	step("started", ada.get("/bots/"+id), http.StatusOK, `data-status="starting"`, `data-active="true"`)
	step("editing it now", ada.get("/bots/"+id+"/edit"), http.StatusConflict, "Stop it before you change it", `href="/bots/`+id+`"`, "Back to the bot")
	step("deleting it now", ada.post("/bots/"+id+"/delete", url.Values{"name": {"First"}}), http.StatusConflict, "stop it before you delete it")
	step("stopping", ada.post("/bots/"+id+"/stop", nil), http.StatusSeeOther)
	step("starting too soon", ada.post("/bots/"+id+"/start", nil), http.StatusConflict, "still stopping")
	w.observe(t, ada, id, bot.Stopped, "as asked")

	form := botForm("Renamed")
	form.Set("version", "1")
	form.Set("p-fast", "12")
	step("changing", ada.post("/bots/"+id+"/edit", form), http.StatusSeeOther)
	step("changed", ada.get("/bots/"+id), http.StatusOK, "Renamed", "<dd>12 ")
	step("changing what was changed meanwhile", ada.post("/bots/"+id+"/edit", form), http.StatusPreconditionFailed, "Somebody has changed this bot")
	form.Set("p-slow", "x")
	step("changing wrongly", ada.post("/bots/"+id+"/edit", form), http.StatusUnprocessableEntity, "whole number")

	step("deleting without its name", ada.post("/bots/"+id+"/delete", url.Values{"name": {"First"}}), http.StatusUnprocessableEntity, "data-open-now", "This is not the bot&#39;s name.")
	step("deleting", ada.post("/bots/"+id+"/delete", url.Values{"name": {"Renamed"}}), http.StatusSeeOther)
	step("deleted", ada.get("/bots/"+id), http.StatusNotFound, "Not found")
}

// The length of the candles is chosen in the form, shown on the bot's page, and
// is what its chart begins with.
func TestIntervals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	if a := ada.get("/bots/new"); !strings.Contains(a.body, `value="1m" checked`) || !strings.Contains(a.body, "Decides every minute, when a candle closes.") {
		t.Error("the form of a new bot does not begin with a minute")
	}
	form := botForm("First")
	form.Set("interval", "1h")
	if a := ada.post("/bots/new/check", form); !strings.Contains(a.body, `id="help-interval" hx-swap-oob="true">Decides every hour`) || !strings.Contains(a.body, "<dd>1h</dd>") {
		t.Errorf("the form that is being filled in: %s", a.body)
	}
	a := ada.post("/bots/new", form)
	path, _, _ := strings.Cut(a.header.Get("Location"), "?")
	ada.post(path+"/start", nil)
	close := w.market.Now().Truncate(time.Hour).Add(time.Hour).Format("15:04")
	a = ada.get(path)
	for _, want := range []string{`data-candle="1h" data-seconds="3600" data-noun="hour"`, `data-interval="1h" aria-pressed="true"`, `data-interval="1m" aria-pressed="false"`, "Waiting for the hour to close at " + close + "."} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the bot's page has no %q", want)
		}
	}
	if a := ada.get("/bots"); !strings.Contains(a.body, "XBTMYR 1h ·") {
		t.Error("the list does not say what the bot decides on")
	}
	ada.post(path+"/stop", nil)
	w.observe(t, ada, strings.TrimPrefix(path, "/bots/"), bot.Stopped, "as asked")
	if a := ada.get(path + "/edit"); !strings.Contains(a.body, `value="1h" checked`) {
		t.Error("the form of the bot does not begin with its own length")
	}
	form.Del("interval")
	for i, want := range []string{"1h", "1d"} { // a form without it leaves it
		form.Set("version", strconv.Itoa(i+1))
		if a := ada.post(path+"/edit", form); a.status != http.StatusSeeOther {
			t.Errorf("changing it to %s: %d", want, a.status)
		}
		if a := ada.get(path); !strings.Contains(a.body, `data-candle="`+want+`" data-seconds`) {
			t.Errorf("it does not decide on %s", want)
		}
		form.Set("interval", "1d")
	}
	for _, name := range bot.Intervals() {
		var chart struct {
			Interval int64       `json:"interval"`
			Candles  [][]float64 `json:"candles"`
		}
		a := ada.get(path + "/chart?interval=" + name)
		if err := json.Unmarshal([]byte(a.body), &chart); err != nil || chart.Interval != int64(bot.ParseInterval(name)/time.Second) || len(chart.Candles) < 500 {
			t.Errorf("the chart of %s: %d candles of %d s, %v", name, len(chart.Candles), chart.Interval, err)
		}
	}
	if a := ada.get(path + "/chart?interval=7m"); a.status != http.StatusBadRequest {
		t.Errorf("a chart of 7m: %d", a.status)
	}
}

// What a tenant has typed, and what a strategy says, is text and nothing else.
func TestHostileText(t *testing.T) {
	t.Parallel()
	const hostile = `"><img src=x onerror=alert(1)>'</script>`
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	id := ada.newBot(hostile)
	ada.post("/bots/"+id+"/start", nil)
	w.observe(t, ada, id, bot.Degraded, hostile)
	ada.post("/settings/profile", url.Values{"first_name": {hostile}, "last_name": {hostile}})
	for _, path := range pagesOf(id) {
		if a := ada.get(path); strings.Contains(a.body, "<img src=x") || strings.Contains(a.body, `'</script>`) {
			t.Errorf("GET %s holds markup that somebody typed", path)
		}
	}
	if a := ada.get("/bots/" + id); !strings.Contains(a.body, "&lt;img src=x onerror=alert(1)&gt;") {
		t.Error("the name is not shown as it was typed")
	}
}

// Bytes that are no text are refused before a database sees them.
func TestNoText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	id := ada.newBot("First")
	for _, name := range []string{"%00", "%ff", "a%00b"} {
		if a := ada.get("/bots/" + name); a.status != http.StatusNotFound {
			t.Errorf("GET /bots/%s: %d", name, a.status)
		}
		if a := ada.post("/bots/"+name+"/start", nil); a.status != http.StatusNotFound {
			t.Errorf("POST /bots/%s/start: %d", name, a.status)
		}
		if a := ada.get("/bots/" + id + "/fills?cursor=" + name); a.status != http.StatusBadRequest {
			t.Errorf("GET with cursor %s: %d", name, a.status)
		}
	}
	for path, form := range map[string]url.Values{
		"/settings/profile": {"first_name": {"\xff"}},
		"/signin":           {"email": {"ada\x00@example.com"}, "password": {"correct horse battery"}},
		"/bots/new/check":   {"param.\x00": {"1"}},
	} {
		if a := ada.post(path, form); a.status != http.StatusBadRequest {
			t.Errorf("POST %s: %d", path, a.status)
		}
	}
}

// The stream begins with how things stand, carries updates under their types,
// and ends when the session does.
func TestStream(t *testing.T) { // proves S6
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	id := ada.newBot("First")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/bots/"+id+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := ada.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	until := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", want, lines.Err())
	}
	until("event: hello")
	until(`data: {"market_time":`)
	w.live.publish(ada.who.TenantID, id, live.Update{Type: "fill", Data: json.RawMessage("{\"text\":\n1}")})
	until("event: fill")
	until(`data: {"text": 1}`)
	other := visit(t, server)
	other.post("/signin", url.Values{"email": {"ada@example.com"}, "password": {"correct horse battery"}})
	other.post("/settings/sessions/revoke", nil)
	for lines.Scan() {
		// Whatever is still under way.
	}
	if ctx.Err() != nil {
		t.Error("the stream outlives its session")
	}
}

func TestConfigNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := web.New(web.Config{BaseURL: "bots.example.com"})
	for _, want := range []string{"Billing", "Bots", "Gate", "Journal", "Live", "Markets", "Strategies", "Tenancy", "BaseURL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
