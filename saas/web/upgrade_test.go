package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
)

// A bot's page says which version it is pinned to, that an upgrade is under way,
// and why one was refused.
func TestBotPageTellsOfUpgrades(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	id := ada.newBot("First")
	b, err := w.bots.Bot(t.Context(), ada.who, id)
	if err != nil {
		t.Fatal(err)
	}
	show := func(change func(c *bot.Config), wants ...string) {
		t.Helper()
		c, err := w.store.Config(t.Context(), ada.who.TenantID, b.ConfigID)
		if err != nil {
			t.Fatal(err)
		}
		change(&c)
		if _, err := w.store.UpdateConfig(t.Context(), ada.who.TenantID, c); err != nil {
			t.Fatal(err)
		}
		a := ada.get("/bots/" + id)
		for _, want := range wants {
			if a.status != http.StatusOK || !strings.Contains(a.body, want) {
				t.Errorf("%d, no %q", a.status, want)
			}
		}
	}
	show(func(c *bot.Config) { c.StrategyVersion = "1.0.0" }, "<dt>Version</dt><dd>1.0.0</dd>")
	show(func(c *bot.Config) { c.Upgrade = bot.Upgrade{Version: "1.1.0", Parameters: c.Parameters} }, "<dd>to 1.1.0, under way</dd>")
	show(func(c *bot.Config) { c.Upgrade = bot.Upgrade{Parameters: c.Parameters} }, "<dd>to the version of this server, under way</dd>")
	show(func(c *bot.Config) { c.Upgrade = bot.Upgrade{Fault: "it reads no such state"} }, "it reads no such state")
}
