package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/saas/web/webtest"
)

// worldHooks keeps webhooks in the database, and asks the memory for bots.
type worldHooks struct {
	*saasdb.Store
	bots *memoryBots
}

func (s worldHooks) Bot(ctx context.Context, tenantID, id string) (bot.Bot, error) {
	return s.bots.Bot(ctx, tenantID, id)
}

func (s worldHooks) LockBot(ctx context.Context, tenantID, id string) (bot.Bot, error) {
	return s.bots.LockBot(ctx, tenantID, id)
}

// listening is the configuration with a strategy that takes signals.
func (w *world) listening() web.Config {
	cfg := w.config()
	strategies := cfg.Strategies
	cfg.Strategies = func() []web.Strategy {
		return append(strategies(), web.Strategy{Name: listener, Version: "1.0.0", Title: "Signals", Summary: "Does what messages from outside say.", Schema: w.schema})
	}
	return cfg
}

// newListener makes a bot that takes signals.
func (w *world) newListener(b *browser, name string) string {
	b.t.Helper()
	form := botForm(name)
	form.Set("strategy", listener)
	return b.newBotOf(form)
}

// swap posts a form as htmx does.
func (b *browser) swap(path string, form url.Values) answer {
	return b.do(http.MethodPost, path, form, map[string]string{"Origin": b.url, "Sec-Fetch-Site": "same-origin", "HX-Request": "true"})
}

// secretIn finds a new secret on a page.
func secretIn(body string) string {
	return regexp.MustCompile(`lunobot_hook_[0-9a-f]{16}_[a-z2-7]{52}[0-9a-f]{8}`).FindString(body)
}

// proves K2, K7, O2: a bot's webhook from its making to its end, on the bot's page.
func TestWebhookOnABotsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.listening())
	ada := w.member(t, server, "ada@example.com")
	if body := ada.get("/bots/" + ada.newBot("Deaf")).body; strings.Contains(body, "tab-signals") {
		t.Error("a bot that takes no signals offers a webhook")
	}
	ada.upgrade("premium")
	id := w.newListener(ada, "Ear")
	page := "/bots/" + id
	ada.get(page).want(t, "without a webhook", http.StatusOK, `id="tab-signals"`, "No webhook yet", "Make a webhook")

	made := ada.swap(page+"/webhook", url.Values{})
	first := secretIn(made.body)
	made.want(t, "a new webhook", http.StatusOK, "Copy the secret now", "whsec_", server.URL+"/hooks/v1/", "-H &#39;Authorization: Bearer "+first+"&#39;", "&#34;id&#34;: &#34;buy {{ticker}} {{timenow}}&#34;")
	if first == "" || made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the secret is %q, kept by %q", first, made.header.Get("Cache-Control"))
	}
	later := ada.get(page)
	later.want(t, "later", http.StatusOK, "YOUR-SECRET", "Valid secrets")
	again := ada.swap(page+"/webhook", url.Values{})
	again.want(t, "a second one", http.StatusOK, "Ear has a webhook", server.URL+"/hooks/v1/")
	if secretIn(later.body+again.body) != "" || strings.Contains(later.body+again.body, "whsec_") {
		t.Error("a secret is shown again")
	}
	_, rest, _ := strings.Cut(made.body, server.URL+hook.Prefix)
	address := regexp.MustCompile(`^[a-z2-7]+`).FindString(rest)
	ring := func(secret, key, text string) error {
		_, err := w.hooks.Receive(t.Context(), address, hook.Delivery{ID: key, Body: []byte(text), Bearer: secret})
		return err
	}
	if err := ring(first, "1", "<b>buy</b>"); err == nil {
		t.Error("a stopped bot took a message")
	}
	ada.post(page+"/start", nil)
	if err := ring(first, "k<1>", "<b>buy</b>"); err != nil {
		t.Fatal(err)
	}
	ada.get(page+"/signals").want(t, "the signals", http.StatusOK, "&lt;b&gt;buy&lt;/b&gt;", "k&lt;1&gt;", "Accepted", "Heard with the next candle")

	for _, form := range []url.Values{{}, {"overlap_hours": {"soon"}}} {
		ada.swap(page+"/webhook/rotate", form).want(t, "an overlap that is none", http.StatusBadRequest)
	}
	for _, hours := range []string{"-1", "169"} {
		ada.swap(page+"/webhook/rotate", url.Values{"overlap_hours": {hours}}).want(t, "an overlap out of bounds", http.StatusUnprocessableEntity)
	}
	turned := ada.post(page+"/webhook/rotate", url.Values{"overlap_hours": {"1"}})
	second := secretIn(turned.body)
	turned.want(t, "rotated without scripts", http.StatusOK, "Copy the secret now", "ends <time", "<h1>Ear</h1>")
	if second == "" || second == first {
		t.Errorf("the new secret is %q", second)
	}
	if err := ring(first, "2", "x"); err != nil {
		t.Errorf("within the overlap: %v", err)
	}
	w.pass(time.Hour)
	if err := ring(first, "3", "x"); err == nil {
		t.Error("the overlap does not end")
	}
	if body := ada.get(page).body; strings.Contains(body, "ends <time") {
		t.Error("a secret that has ended is shown as valid")
	}
	if a := ada.post(page+"/webhook/revoke", nil); a.status != http.StatusSeeOther || a.header.Get("Location") != page {
		t.Errorf("revoking leads to %d %q", a.status, a.header.Get("Location"))
	}
	if err := ring(second, "4", "x"); err == nil {
		t.Error("a revoked webhook took a message")
	}
	ada.swap(page+"/webhook/rotate", url.Values{"overlap_hours": {"0"}}).want(t, "one that is gone", http.StatusOK, "There is no such webhook", "No webhook yet")
	ada.get(page+"/signals").want(t, "after all", http.StatusOK, "k&lt;1&gt;")
}

// proves C2: a form of another site makes, turns and revokes nothing.
func TestWebhookFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.listening())
	ada := w.member(t, server, "ada@example.com")
	page := "/bots/" + w.newListener(ada, "Ear")
	ada.swap(page+"/webhook", url.Values{}).want(t, "a new webhook", http.StatusOK, "lunobot_hook_")
	before := ada.get(page).body
	for _, path := range []string{"/webhook", "/webhook/rotate", "/webhook/revoke"} {
		a := ada.do(http.MethodPost, page+path, url.Values{"overlap_hours": {"0"}}, map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
		if a.status != http.StatusForbidden || secretIn(a.body) != "" {
			t.Errorf("%s from another site: %d", path, a.status)
		}
	}
	keys := regexp.MustCompile(`lunobot_hook_[0-9a-f]{16}|/hooks/v1/[a-z2-7]+`)
	if got, want := keys.FindAllString(ada.get(page).body, -1), keys.FindAllString(before, -1); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the webhook is %v, and was %v", got, want)
	}
}

// proves P12: who has another tenant's ids sees none of its webhook and signals,
// and changes nothing.
func TestOtherTenantsWebhook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.listening())
	ada, eve := w.member(t, server, "ada@example.com"), w.member(t, server, "eve@example.com")
	id := w.newListener(ada, "Ear")
	w.newListener(eve, "Own")
	made := ada.swap("/bots/"+id+"/webhook", url.Values{})
	for path, form := range map[string]url.Values{"/webhook": {}, "/webhook/rotate": {"overlap_hours": {"0"}}, "/webhook/revoke": {}} {
		for _, a := range []answer{eve.swap("/bots/"+id+path, form), eve.post("/bots/"+id+path, form)} {
			if a.status != http.StatusNotFound || strings.Contains(a.body, "lunobot_hook_") || strings.Contains(a.body, hook.Prefix) {
				t.Errorf("POST %s of another tenant: %d %.200s", path, a.status, a.body)
			}
		}
	}
	ada.get("/bots/"+id).want(t, "the webhook", http.StatusOK, secretIn(made.body)[:29])
	if h, err := w.hooks.Hook(t.Context(), ada.who, id); err != nil || len(h.Keys) != 1 {
		t.Errorf("the webhook is %+v, %v", h, err)
	}
}

// What became of each signal stands in the list, and what came late is marked.
func TestOutcomesOfSignals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.listening()), "ada@example.com")
	id := w.newListener(ada, "Ear")
	ada.post("/bots/"+id+"/start", nil)
	w.signals(t, ada, id)
	body := ada.get("/bots/" + id + "/signals").body
	row := func(key string) string {
		t.Helper()
		before, _, found := strings.Cut(body, `<p class="muted small break">`+key+`</p>`)
		if !found {
			t.Fatalf("%s is not in the list:\n%s", key, body)
		}
		start := strings.LastIndex(before, "<tr")
		text, _, _ := strings.Cut(body[start:], "</tr>")
		return text
	}
	for key, want := range map[string][]string{
		"waiting": {"Accepted", "Heard with the next candle."},
		"acted":   {">Acted<", "buy 1 XBT", "data-goto="},
		"refused": {">Refused<", "there is nothing to sell with"},
		"old":     {">Refused<", ">Late<", `title="6 min of market time"`, "it came 6m0s ago"},
		"missed":  {">Missed<", "The bot stopped before it heard this."},
		"held up": {">Accepted<", ">Late<", "Heard as soon as the bot has caught up"},
	} {
		for _, text := range want {
			if !strings.Contains(row(key), text) {
				t.Errorf("%s: %q is not in %s", key, text, row(key))
			}
		}
	}
	for _, key := range []string{"waiting", "acted", "refused", "missed"} {
		if strings.Contains(row(key), ">Late<") {
			t.Errorf("%s is late: %s", key, row(key))
		}
	}
}

// signals stores one signal of each outcome, as a worker leaves them.
func (w *world) signals(t testing.TB, b *browser, id string) {
	t.Helper()
	one, err := w.store.Bot(t.Context(), b.who.TenantID, id)
	if err != nil {
		t.Fatal(err)
	}
	at := w.market.Now().Truncate(time.Minute)
	for i, s := range []hook.Signal{
		{Key: "missed", Status: hook.Waiting, Run: -1, Text: `{"action":"close"}`, MarketTime: at.Add(-time.Hour)},
		{Key: "old", Status: hook.Refused, Text: `{"action":"buy"}`, MarketTime: at.Add(-50 * time.Minute), HeardAt: at.Add(-44 * time.Minute), Answer: `signal "old" is refused: it came 6m0s ago, and at most 5 minutes are allowed`},
		{Key: "refused", Status: hook.Refused, Text: `{"action":"sell"}`, MarketTime: at.Add(-20*time.Minute - 5*time.Second), HeardAt: at.Add(-20 * time.Minute), Answer: `signal "refused" is refused: there is nothing to sell with`},
		{Key: "acted", Status: hook.Followed, Text: `{"action":"buy","amount":1000}`, MarketTime: at.Add(-10*time.Minute - 5*time.Second), HeardAt: at.Add(-10 * time.Minute), Answer: `buy 1 XBT at market: signal "acted" asks to buy`},
		{Key: "held up", Status: hook.Waiting, Text: `{"action":"buy"}`, MarketTime: at.Add(-8 * time.Minute)},
		{Key: "waiting", Status: hook.Waiting, Text: `{"action":"buy","note":"` + strings.Repeat("a long one ", 20) + `"}`, MarketTime: at.Add(time.Hour)},
	} {
		s.ID, s.TenantID, s.BotID, s.ReceivedAt, s.Sum = uuid.Must(uuid.NewV7()).String(), b.who.TenantID, id, w.now().Add(time.Duration(i-60)*time.Second), []byte("sum")
		if s.Run == 0 {
			s.Run = one.Run
		}
		if err := w.runs.InsertSignal(t.Context(), b.who.TenantID, s); err != nil {
			t.Fatal(err)
		}
	}
}

// epoch takes a bot's lease in the database.
func (w *world) epoch(t testing.TB, b *browser, id string) int64 {
	t.Helper()
	h, err := w.runs.StartHolder(t.Context(), "worker")
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.runs.TakeLeases(t.Context(), lease.Take{
		Holder: h, Resources: []lease.Resource{{Kind: lease.Bots, TenantID: b.who.TenantID, ID: id}}, Limit: 1, Now: w.now(), Until: w.now().Add(time.Hour),
	})
	if err != nil || len(got) != 1 {
		t.Fatalf("taking the lease of bot %s: %v, %v", id, got, err)
	}
	return got[0].Epoch
}

// TestWebhookIsMadeInTheBrowser makes, copies, turns and revokes a webhook in a
// real browser; the page is never left, and what comes in appears by itself.
func TestWebhookIsMadeInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.listening())
	ada := w.member(t, server, "ada@example.com")
	id := w.newListener(ada, "Ear")
	ada.post("/bots/"+id+"/start", nil)
	w.observe(t, ada, id, bot.Running, "")
	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Size(360, 740)
	tab.Run(chromedp.Navigate(server.URL+"/bots/"+id), chromedp.Click(chromedp.CSS("#tab-signals")), chromedp.WaitVisible(chromedp.CSS("#panel-signals")))
	webtest.Value[bool](tab, `(globalThis.stays = true)`)
	tab.Run(chromedp.Click(chromedp.CSS(`#webhook button[type="submit"]`)))
	tab.Wait("the secret is shown", `/^lunobot_hook_/.test(document.getElementById("hook-token")?.textContent)`)
	tab.Wait("its button has the focus", `document.activeElement.dataset.copy === "hook-token"`)
	webtest.Value[bool](tab, `(Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => { globalThis.copied = text; } } }), true)`)
	tab.Run(chromedp.Click(chromedp.CSS(`[data-copy="hook-token"]`)))
	tab.Wait("it is copied", `copied === document.getElementById("hook-token").textContent && document.getElementById("toasts").textContent === "Copied."`)
	webtest.Value[bool](tab, `(navigator.clipboard.writeText = async () => { throw new Error("no"); }, true)`)
	tab.Run(chromedp.Click(chromedp.CSS(`[data-copy="hook-address"]`)))
	tab.Wait("it is marked where it cannot be copied", `getSelection().toString().startsWith(location.origin + "/hooks/v1/")`)
	secret, address := webtest.Value[string](tab, `copied`), webtest.Value[string](tab, `document.getElementById("hook-address").textContent`)
	if strings.Contains(webtest.Value[string](tab, `document.documentElement.outerHTML`), "YOUR-SECRET") {
		t.Error("the examples lack the new secret")
	}
	ring := func(key string) {
		t.Helper()
		d := hook.Delivery{ID: key, Body: []byte(`{"action":"buy"}`), Bearer: secret}
		if _, err := w.hooks.Receive(t.Context(), strings.TrimPrefix(address, server.URL+hook.Prefix), d); err != nil {
			t.Fatal(err)
		}
	}
	ring("by itself")
	tab.Wait("a message appears", `document.querySelector("#signals tr[data-key]")?.textContent.includes("by itself")`)
	err := w.runs.Commit(t.Context(), journal.Entry{TenantID: ada.who.TenantID, BotID: id, Epoch: w.epoch(t, ada, id), Heard: []journal.Heard{
		{Key: "by itself", Followed: true, Answer: "bought a little", Time: w.market.Now()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(map[string]any{"number": 9, "time": w.market.Now().UnixMilli(), "kind": "buy", "text": "bought a little"})
	w.live.publish(ada.who.TenantID, id, live.Update{Type: "decision", Time: w.market.Now(), Data: raw})
	tab.Wait("so does what became of it", `document.querySelector("#signals tr[data-key]").textContent.includes("bought a little")`)

	tab.Run(chromedp.Click(chromedp.CSS(`#webhook form[action$="/rotate"] button`)))
	tab.Wait("there is another secret", `document.getElementById("hook-token").textContent !== copied && document.querySelectorAll("#webhook ul.plain li").length === 2`)
	tab.Run(chromedp.Click(chromedp.CSS(`[data-open="revoke-dialog"]`)), chromedp.WaitVisible(chromedp.CSS("#revoke-dialog")), chromedp.Click(chromedp.CSS(`#revoke-dialog button[type="submit"]`)))
	tab.Wait("it is gone", `document.getElementById("webhook").textContent.includes("No webhook yet")`)
	if !webtest.Value[bool](tab, `stays`) {
		t.Error("the page was left")
	}
	tab.Check()
}
