package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/page"
)

// botForm is a form of a new bot that is right.
func botForm(name string) url.Values {
	return url.Values{
		"name": {name}, "pair": {"XBTMYR"}, "strategy": {"basic"}, "balance": {"10,000"}, "stop_loss": {""}, "take_profit": {""}, "max_position": {""},
		"p-fast": {"10"}, "p-slow": {"30"}, "p-kind": {"sma"}, "p-trail": {"false"},
	}
}

// newBot makes a bot through the pages and returns its id.
func (b *browser) newBot(name string) string {
	b.t.Helper()
	return b.newBotOf(botForm(name))
}

// newBotOf is newBot with a form of one's own.
func (b *browser) newBotOf(form url.Values) string {
	b.t.Helper()
	a := b.post("/bots/new", form)
	id, ok := strings.CutPrefix(a.header.Get("Location"), "/bots/")
	if a.status != http.StatusSeeOther || !ok {
		b.t.Fatalf("creating a bot: %d %s", a.status, a.body)
	}
	id, _, _ = strings.Cut(id, "?")
	return id
}

// upgrade changes the plan through the pages.
func (b *browser) upgrade(plan string) {
	b.t.Helper()
	if a := b.post("/subscription/change", url.Values{"plan": {plan}}); a.status != http.StatusSeeOther {
		b.t.Fatalf("changing the plan: %d %s", a.status, a.body)
	}
}

// observe is what a worker would write of a bot.
func (w *world) observe(t testing.TB, b *browser, id string, status bot.Status, reason string) {
	t.Helper()
	list, err := w.bots.Bots(t.Context(), b.who, page.Page{Limit: page.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list.Items {
		if one.ID == id {
			if err := w.bots.Observe(t.Context(), b.who.TenantID, id, one.Run, status, reason); err != nil {
				t.Fatal(err)
			}
		}
	}
}
