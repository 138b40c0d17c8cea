package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
)

// Bots are found by words of their name, strategy, mode and status, page by page; a
// tenant with few of them is not asked.
func TestBotsAreSearched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("enterprise")
	owl := ada.newBot("Night owl & <co>")
	ada.get("/bots").want(t, "one bot", http.StatusOK, "Night owl", "!type=\"search\"")
	for i := range 120 {
		b := bot.Bot{ID: fmt.Sprintf("bot-%03d", i), ConfigID: fmt.Sprintf("bot-%03d", i), TenantID: ada.who.TenantID, Name: fmt.Sprintf("Worker %d", i), Pair: "ETHMYR", Strategy: "basic", Mode: bot.Paper, Status: bot.Stopped, CreatedAt: w.now(), UpdatedAt: w.now()}
		if err := w.store.InsertBot(t.Context(), ada.who.TenantID, bot.Config{ID: b.ID, BotID: b.ID, TenantID: ada.who.TenantID, Name: b.Name, Mode: b.Mode, CreatedAt: w.now(), UpdatedAt: w.now()}, b); err != nil {
			t.Fatal(err)
		}
	}
	find := func(query string) answer { return ada.get("/bots?q=" + url.QueryEscape(query)) }
	ada.get("/bots").want(t, "many bots", http.StatusOK, `type="search"`, `data-refresh="/bots/rows"`)
	find("OWL moving xbt paper").want(t, "words of the name, strategy, pair and mode", http.StatusOK, "Night owl &amp; &lt;co&gt;", "!Worker", `value="OWL moving xbt paper"`, "All bots")
	find("owl eth").want(t, "words that no bot has together", http.StatusOK, "No bot matches", "!Worker", "!Night owl")
	find("running").want(t, "a status that none has", http.StatusOK, "No bot matches")
	ada.post("/bots/"+owl+"/start", nil)
	w.observe(t, ada, owl, bot.Running, "")
	find("running").want(t, "a status", http.StatusOK, "Night owl", "!Worker")

	seen := map[string]bool{}
	next, pages := "/bots/rows?q=worker", 0
	for ; next != ""; pages++ {
		a := ada.get(next)
		rows := strings.Split(a.body, `id="link-`)[1:]
		for _, row := range rows {
			id, _, _ := strings.Cut(row, `"`)
			if seen[id] {
				t.Errorf("%s comes twice", id)
			}
			seen[id] = true
		}
		_, more, ok := strings.Cut(a.body, `hx-get="`)
		if next = ""; ok {
			next, _, _ = strings.Cut(more, `"`)
			next = strings.ReplaceAll(next, "&amp;", "&")
		}
	}
	if len(seen) != 120 || pages != 3 {
		t.Errorf("%d bots on %d pages, want 120 on 3", len(seen), pages)
	}
}
