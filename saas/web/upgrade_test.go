package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/saas/web/webtest"
	"github.com/lunobot/lunobot/strategy/param"
)

// offers are versions of the world's strategy that were put in.
type offers struct {
	mu   sync.Mutex
	list []web.Strategy
}

// schema is that of a version; nil if it is not offered.
func (o *offers) schema(version string) *param.Schema {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.list {
		if s.Version == version {
			return s.Schema
		}
	}
	return nil
}

// offer makes versions be offered beside the one that the server contains, and no
// other.
func (w *world) offer(t testing.TB, versions map[string]any) {
	t.Helper()
	var list []web.Strategy
	for version, params := range versions {
		schema, err := param.Of(params)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, web.Strategy{Name: "basic", Version: version, Pin: version, Title: "Moving-average cross", Schema: schema})
	}
	w.offers.mu.Lock()
	defer w.offers.mu.Unlock()
	w.offers.list = list
}

// versions is what a page is told of the versions of a strategy.
func (w *world) versions(name string) []web.Strategy {
	if name == listener {
		return []web.Strategy{{Name: name, Version: "1.0.0", Title: "Listener", Schema: w.schema}}
	}
	if name == mixer {
		return []web.Strategy{{Name: name, Version: "1.0.0", Title: "Mix", Schema: w.schema, TradesPairs: true}}
	}
	if name != "basic" {
		return nil
	}
	w.offers.mu.Lock()
	defer w.offers.mu.Unlock()
	return append([]web.Strategy{{Name: "basic", Version: "1.0.0", Title: "Moving-average cross", Schema: w.schema}}, w.offers.list...)
}

// newer are the parameters of a version 1.1.0: Fast has other bounds, Trail is gone,
// Slow has another default and Patience is new.
type newer struct {
	Fast     int    `param:"fast" label:"Fast average" unit:"candles" validate:"min=1,max=40"`
	Slow     int    `param:"slow" label:"Slow average" unit:"candles" validate:"min=2,max=1000"`
	Kind     string `param:"kind" label:"Kind of average" validate:"oneof=sma ema" options:"sma=Simple,ema=Exponential"`
	Patience int    `param:"patience" label:"Patience" unit:"candles" validate:"min=0,max=9"`
}

func (w *world) offerNewer(t testing.TB) {
	t.Helper()
	w.offer(t, map[string]any{
		"1.1.0": newer{Fast: 10, Slow: 50, Kind: "sma", Patience: 3}, "0.9.0": struct {
			Fast int `param:"fast" label:"Fast average" validate:"min=1"`
		}{5},
	})
}

// configOf is a bot's configuration.
func (w *world) configOf(t testing.TB, b *browser, id string) bot.Config {
	t.Helper()
	one, err := w.bots.Bot(t.Context(), b.who, id)
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.bots.Config(t.Context(), b.who, one.ConfigID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// upgradeFields is the form that goes to 1.1.0.
func upgradeFields() url.Values {
	return url.Values{"version": {"1.1.0"}, "p-fast": {"12"}, "p-slow": {"30"}, "p-kind": {"ema"}, "p-patience": {"4"}}
}

// A stopped bot is told of the newer version and of what is different in it, and has
// it at once.
func TestStoppedBotChangesItsVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	id := ada.newBot("First")
	ada.get("/bots/"+id).want(t, "without another version", http.StatusOK, "!is offered", "!Other versions")
	ada.get("/bots/"+id+"/upgrade").want(t, "without another version", http.StatusOK, "There is no other version", "The bot has the only one that is offered.")
	w.offerNewer(t)
	ada.get("/bots/"+id).want(t, "the offer", http.StatusOK, "Version 1.1.0 of the strategy is offered. This bot has 1.0.0.", `href="/bots/`+id+`/upgrade"`, "2 offered")
	ada.get("/bots/"+id+"/upgrade").want(t, "the form", http.StatusOK,
		`<option value="1.1.0" selected>1.1.0</option>`, `<option value="0.9.0">0.9.0 (older)</option>`,
		"<strong>Fast average</strong> takes other values: 1 to 40, before 1 to 500.", "<strong>Slow average</strong> is 50 for new bots, before 30.",
		"<strong>Patience</strong> is new; 3 unless you say otherwise.", "<strong>Trail the stop</strong> is gone.",
		`name="p-slow" type="text" inputmode="numeric" class="figure" value="30"`, `name="p-patience"`, `!name="p-trail"`, "The bot is stopped: it has the new version at once.")
	ada.do(http.MethodGet, "/bots/"+id+"/upgrade?version=0.9.0", nil, map[string]string{"HX-Request": "true"}).want(t, "another choice", http.StatusOK, "Parameters for 0.9.0", "!<html", "!p-slow")

	bad := upgradeFields()
	bad.Set("p-fast", "41")
	ada.post("/bots/"+id+"/upgrade", bad).want(t, "a parameter out of range", http.StatusUnprocessableEntity, `value="41"`, "Must be at most 40.", `value="4"`)
	bad.Set("version", "7.0.0")
	ada.post("/bots/"+id+"/upgrade", bad).want(t, "a version that is not offered", http.StatusConflict, "That version is not offered any more.")
	if c := w.configOf(t, ada, id); c.StrategyVersion != "" || c.Version != 1 {
		t.Errorf("refusals changed it: %+v", c)
	}
	if a := ada.post("/bots/"+id+"/upgrade", upgradeFields()); a.status != http.StatusSeeOther || a.header.Get("Location") != "/bots/"+id+"?notice=pinned" {
		t.Fatalf("%d to %s: %s", a.status, a.header.Get("Location"), a.body)
	}
	if c := w.configOf(t, ada, id); c.StrategyVersion != "1.1.0" || string(c.Parameters) != `{"fast":12,"slow":30,"kind":"ema","patience":4}` {
		t.Errorf("it has %s with %s", c.StrategyVersion, c.Parameters)
	}
	ada.get("/bots/"+id+"?notice=pinned").want(t, "afterwards", http.StatusOK, "The bot has the other version.", "<dt>Version</dt><dd>1.1.0</dd>", "Patience", "!is offered. This bot")
	ada.get("/bots/"+id+"/edit").want(t, "the form of that version", http.StatusOK, `name="p-patience"`, `!name="p-trail"`)

	// The version is revoked: the bot needs another one before anything else.
	w.offer(t, nil)
	ada.get("/bots/"+id).want(t, "without its version", http.StatusOK, "The bot's version 1.1.0 cannot be used at present. Version 1.0.0 is offered.")
	if a := ada.get("/bots/" + id + "/edit"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/bots/"+id+"/upgrade" {
		t.Errorf("its form: %d to %s", a.status, a.header.Get("Location"))
	}
	ada.get("/bots/"+id+"/upgrade").want(t, "the way back", http.StatusOK, `<option value="1.0.0" selected>`, "which cannot be used at present", "<strong>patience</strong> is gone.")
}

// proves PL7: a running bot's page says what an upgrade does, waits for it, and tells
// what came of it, the refusal with its reason.
func TestRunningBotIsUpgraded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.offerNewer(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	id := ada.newBot("First")
	ada.post("/bots/"+id+"/start", nil)
	w.observe(t, ada, id, bot.Running, "")
	part := func() answer {
		return ada.do(http.MethodGet, "/bots/"+id+"/version", nil, map[string]string{"HX-Request": "true"})
	}
	ask := func() {
		t.Helper()
		if a := ada.post("/bots/"+id+"/upgrade", upgradeFields()); a.status != http.StatusSeeOther || a.header.Get("Location") != "/bots/"+id {
			t.Fatalf("%d to %s: %s", a.status, a.header.Get("Location"), a.body)
		}
		waits := []string{"Changing to version 1.1.0.", "the bot stays with 1.0.0 and this page says why", `hx-get="/bots/` + id + `/version"`}
		ada.get("/bots/"+id).want(t, "while it is under way", http.StatusOK, waits...)
		part().want(t, "the part", http.StatusOK, append(waits, "!<html")...)
	}
	ada.get("/bots/"+id+"/upgrade").want(t, "what happens", http.StatusOK, "The bot goes on: position, orders and account stay as they are.", "the bot stays with 1.0.0, and its page says why")
	ask()
	if _, err := w.bots.UpgradeRefused(t.Context(), ada.who.TenantID, id, "1.1.0", "the upgrade to basic@1.1.0 was refused: it reads no <state> of version 1"); err != nil {
		t.Fatal(err)
	}
	if a := part(); a.header.Get("HX-Redirect") != "/bots/"+id {
		t.Errorf("after the refusal: %d to %q", a.status, a.header.Get("HX-Redirect"))
	}
	ada.get("/bots/"+id).want(t, "the refusal", http.StatusOK, "The upgrade to basic@1.1.0 was refused: it reads no &lt;state&gt; of version 1.", "Try a version…", "!hx-get=\"/bots/"+id+"/version\"")
	ask()
	if _, err := w.bots.Upgraded(t.Context(), ada.who.TenantID, id, "1.1.0"); err != nil {
		t.Fatal(err)
	}
	if a := part(); a.header.Get("HX-Redirect") != "/bots/"+id+"?notice=upgraded" {
		t.Errorf("after the upgrade: %d to %q", a.status, a.header.Get("HX-Redirect"))
	}
	ada.get("/bots/"+id+"?notice=upgraded").want(t, "the upgrade", http.StatusOK, "goes on with its state", "<dt>Version</dt><dd>1.1.0</dd>", "!was refused")
}

// Another tenant's bot and one that may only be looked at change no version.
func TestWhoMayChangeAVersion(t *testing.T) { // proves P12
	t.Parallel()
	w := newWorld(t)
	w.offerNewer(t)
	server := serve(t, w.config())
	id := w.member(t, server, "ada@example.com").newBot("First")
	eve, stranger := w.member(t, server, "eve@example.com"), visit(t, server)
	for _, path := range []string{"/upgrade", "/version"} {
		if a := eve.get("/bots/" + id + path); a.status != http.StatusNotFound {
			t.Errorf("GET %s of another tenant: %d", path, a.status)
		}
		if a := stranger.get("/bots/" + id + path); !strings.HasPrefix(a.header.Get("Location"), "/signin") {
			t.Errorf("GET %s of a visitor: %d", path, a.status)
		}
	}
	if a := eve.post("/bots/"+id+"/upgrade", upgradeFields()); a.status != http.StatusNotFound {
		t.Errorf("POST of another tenant: %d", a.status)
	}
}

// A bot's page says which version it is pinned to, and that an upgrade is under way.
func TestBotPageTellsOfUpgrades(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.offerNewer(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	id := ada.newBot("First")
	show := func(change func(c *bot.Config), wants ...string) {
		t.Helper()
		c := w.configOf(t, ada, id)
		change(&c)
		if _, err := w.store.UpdateConfig(t.Context(), ada.who.TenantID, c); err != nil {
			t.Fatal(err)
		}
		ada.get("/bots/"+id).want(t, "the page", http.StatusOK, wants...)
	}
	show(func(c *bot.Config) { c.StrategyVersion = "1.1.0" }, "<dt>Version</dt><dd>1.1.0</dd>")
	show(func(c *bot.Config) { c.Upgrade = bot.Upgrade{Version: "0.9.0", Parameters: c.Parameters} }, "<dd>to 0.9.0, under way</dd>", "The change to version 0.9.0 is made when the bot is started.")
	show(func(c *bot.Config) { c.Upgrade = bot.Upgrade{Parameters: c.Parameters} }, "<dd>to the version of this server, under way</dd>", "The change to version 1.0.0 is made")
	show(func(c *bot.Config) { c.Upgrade = bot.Upgrade{Fault: "it reads no such state"} }, "It reads no such state.")
}

// The form follows the choice of a version, and the page waits for what comes of it.
func TestUpgradeInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.offerNewer(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	id := ada.newBot("First")
	ada.post("/bots/"+id+"/start", nil)
	w.observe(t, ada, id, bot.Running, "")
	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Size(360, 740)
	tab.Run(chromedp.Navigate(server.URL+"/bots/"+id), chromedp.Click(chromedp.CSS("#version a")))
	tab.Wait("the form is there", `document.querySelector("#p-patience")`)
	webtest.Value[bool](tab, `(() => { const v = document.getElementById("version"); v.value = "0.9.0"; return v.dispatchEvent(new Event("change", { bubbles: true })); })()`)
	tab.Wait("it follows the choice", `!document.querySelector("#p-patience") && document.getElementById("params-head").textContent.endsWith("0.9.0")`)
	webtest.Value[bool](tab, `(() => { const v = document.getElementById("version"); v.value = "1.1.0"; return v.dispatchEvent(new Event("change", { bubbles: true })); })()`)
	tab.Wait("and back", `document.querySelector("#p-patience")`)
	if webtest.Value[bool](tab, `document.documentElement.scrollWidth > innerWidth + 1`) {
		t.Error("the form is wider than the window")
	}
	tab.Run(chromedp.Click(chromedp.CSS(`.summary button[type="submit"]`)))
	tab.Wait("the page waits", `document.querySelector("#version .banner.info")?.textContent.includes("Changing to version 1.1.0.")`)
	if _, err := w.bots.Upgraded(t.Context(), ada.who.TenantID, id, "1.1.0"); err != nil {
		t.Fatal(err)
	}
	tab.Wait("the outcome is told", `document.querySelector(".banner.ok")?.textContent.includes("goes on with its state")`)
	tab.Check()
}
