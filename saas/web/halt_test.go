package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/web/webtest"
)

// proves RK2: the page asks before it stops everything; while the switch is on, every page
// says so, a start is refused with the reason, and it is released from the same page.
func TestHaltPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada, eve := w.member(t, server, "ada@example.com"), w.member(t, server, "eve@example.com")
	id := ada.newBot("Night owl")
	ada.get("/").want(t, "the kill switch in the top bar", http.StatusOK, `<a class="kill" href="/halt"`)
	ada.get("/halt").want(t, "the question", http.StatusOK, "Stop everything?", "None can be started until", `action="/halt"`)
	long := ada.post("/halt", url.Values{"reason": {strings.Repeat("x", 201)}, "flatten": {"true"}})
	long.want(t, "a reason that is too long", http.StatusUnprocessableEntity, "Must be text of at most 200 characters", `value="true" checked`)

	if a := ada.post("/halt", url.Values{"reason": {"<b>mad</b>"}, "flatten": {"true"}}); a.status != http.StatusSeeOther || a.header.Get("Location") != "/halt?notice=halted" {
		t.Fatalf("pulling it: %d to %s", a.status, a.header.Get("Location"))
	}
	for _, path := range []string{"/", "/bots", "/settings", "/bots/" + id, "/nothing"} {
		if body := ada.get(path).body; !strings.Contains(body, `id="halted"`) || !strings.Contains(body, "&lt;b&gt;mad&lt;/b&gt;") {
			t.Errorf("%s does not say that everything is stopped", path)
		}
	}
	ada.get("/halt").want(t, "the switch that is on", http.StatusOK, "On now", "All of your bots", "Positions are closed.", "by ada@example.com", "no later pull closes it",
		"!Stop everything?", "<h1>Kill switch</h1>")
	ada.get("/halt?bot="+id).want(t, "the question about a bot that is stopped", http.StatusOK, "On now", "!and keep it stopped?")
	ada.get("/bots/"+id).want(t, "the bot", http.StatusOK, `class="button large" type="submit" disabled title="The kill switch is on`, `id="barred"`)
	ada.post("/bots/"+id+"/start", nil).want(t, "a start", http.StatusConflict, "Release it first")
	if body := eve.get("/").body; strings.Contains(body, `id="halted"`) {
		t.Error("another tenant sees it")
	}
	on, err := w.halts.On(t.Context())
	if err != nil || len(on) != 1 {
		t.Fatalf("on are %+v, %v", on, err)
	}
	if a := eve.post("/halt/"+on[0].ID+"/release", nil); a.status != http.StatusNotFound {
		t.Errorf("another tenant's release: %d", a.status)
	}
	ada.post("/halt/"+on[0].ID+"/release", nil)
	ada.get("/halt").want(t, "the switch that was on", http.StatusOK, "Before", "All of your bots, positions closed", "Stop everything?")
	if body := ada.get("/").body; strings.Contains(body, `id="halted"`) {
		t.Error("after the release the page says that everything is stopped")
	}
	ada.get("/bots/"+id).want(t, "the bot after the release", http.StatusOK, `class="button primary large" type="submit">`, `!id="barred"`)
	ada.get("/subscription").want(t, "the plans", http.StatusOK, "1 exchange account<", "3 exchange accounts<", "Unlimited exchange accounts<")
	if a := ada.post("/bots/"+id+"/start", nil); a.status != http.StatusSeeOther {
		t.Errorf("a start after the release: %d %s", a.status, a.body)
	}
}

// The page of the installation is its administrators'; every tenant sees that it is on.
func TestPlatformHaltPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada, root := w.member(t, server, "ada@example.com"), w.operator(t, server)
	for _, a := range []answer{ada.get("/admin/halt"), ada.post("/admin/halt", nil)} {
		if a.status != http.StatusNotFound {
			t.Errorf("a tenant's is answered with %d", a.status)
		}
	}
	root.get("/admin/halt").want(t, "the question", http.StatusOK, "Stop all bots of the installation?", "Every tenant reads it.")
	if a := root.post("/admin/halt", url.Values{"reason": {"an attack"}}); a.status != http.StatusSeeOther {
		t.Fatalf("pulling it: %d", a.status)
	}
	ada.get("/halt").want(t, "a switch that is not the tenant's", http.StatusOK, "by its operator", "an attack", "Only the operator can release that.")
	root.get("/").want(t, "an administrator's pages", http.StatusOK, `<a class="button small" href="/admin/halt">Look</a>`)
	on, err := w.halts.On(t.Context())
	if err != nil || len(on) != 1 {
		t.Fatalf("on are %+v, %v", on, err)
	}
	if a := ada.post("/halt/"+on[0].ID+"/release", nil); a.status != http.StatusNotFound {
		t.Errorf("a tenant's release: %d", a.status)
	}
	root.get("/admin/halt").want(t, "the installation's switch that is on", http.StatusOK, "On now", "!Stop all bots of the installation?")
	root.post("/admin/halt/"+on[0].ID+"/release", nil)
	if body := ada.get("/").body; strings.Contains(body, `id="halted"`) {
		t.Error("after the release the page says that everything is stopped")
	}
}

// In the browser: one click from the overview leads to the question, which is answered
// with the keyboard alone.
func TestStopEverythingInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	id := ada.newBot("Night owl")
	ada.post("/bots/"+id+"/start", nil)
	w.observe(t, ada, id, "running", "")
	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Run(chromedp.Navigate(server.URL+"/"), chromedp.Click(chromedp.CSS("#stop-everything")), chromedp.WaitVisible(chromedp.CSS("#pull")),
		chromedp.Focus(chromedp.CSS("#reason")), chromedp.KeyEvent("\r"), chromedp.WaitVisible(chromedp.CSS("#halted")))
	if list, err := w.halts.List(t.Context(), ada.who); err != nil || len(list) != 1 || list[0].Flatten {
		t.Errorf("pulled are %+v, %v", list, err)
	}
	tab.Check()
}
