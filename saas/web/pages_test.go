package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
)

// pagesOf lists the pages of a member with one bot.
func pagesOf(id string) []string {
	return []string{
		"/", "/overview", "/overview/equity", "/welcome", "/bots", "/bots/rows", "/bots/new", "/bots/new/strategy?strategy=basic",
		"/bots/" + id, "/bots/" + id + "/edit", "/bots/" + id + "/chart?interval=5m", "/bots/" + id + "/equity",
		"/bots/" + id + "/decisions", "/bots/" + id + "/orders", "/bots/" + id + "/fills", "/bots/" + id + "/signals",
		"/backtests", "/backtests/rows", "/backtests/new", "/backtests/new?bot=" + id, "/backtests/new/strategy?strategy=basic",
		"/strategies", "/subscription", "/subscription/change?plan=basic", "/subscription/change?plan=free", "/settings",
	}
}

func TestEveryPageRenders(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{0, 1, 1000} {
		t.Run(fmt.Sprintf("%d rows", rows), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			server := serve(t, w.config())
			ada := w.member(t, server, "ada@example.com")
			ada.upgrade("enterprise")
			id := ada.newBot("First")
			if rows > 0 {
				w.trader(t, ada.who, id, "XBTMYR").replay(t, rows)
			}
			for i := range rows - 1 {
				b := bot.Bot{ID: fmt.Sprintf("bot-%d", i), ConfigID: fmt.Sprintf("bot-%d", i), TenantID: ada.who.TenantID, Name: fmt.Sprintf("Bot %d", i), Pair: "XBTMYR", Strategy: "gone", Mode: bot.Paper, Status: bot.Stopped, CreatedAt: w.now(), UpdatedAt: w.now()}
				if err := w.store.InsertBot(t.Context(), ada.who.TenantID, bot.Config{ID: b.ID, BotID: b.ID, TenantID: ada.who.TenantID, Name: b.Name, Mode: b.Mode, CreatedAt: w.now(), UpdatedAt: w.now()}, b); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range pagesOf(id) {
				want := http.StatusOK
				if a := ada.get(path); a.status != want {
					t.Errorf("GET %s: %d, want %d: %.300s", path, a.status, want, a.body)
				}
			}
		})
	}
}

func TestPagesWithoutBots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	for path, want := range map[string]string{"/": "No bots yet", "/bots": "No bots yet", "/subscription": "No invoices yet", "/overview": "Overview"} {
		if a := ada.get(path); a.status != http.StatusOK || !strings.Contains(a.body, want) {
			t.Errorf("GET %s: %d without %q", path, a.status, want)
		}
	}
}

// Whoever is not signed in sees nothing but the pages for visitors.
func TestMembersOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	id := w.member(t, server, "ada@example.com").newBot("First")
	stranger := visit(t, server)
	for _, path := range pagesOf(id) {
		a := stranger.get(path)
		if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/signin") {
			t.Errorf("GET %s: %d to %q, want the sign-in page", path, a.status, a.header.Get("Location"))
		}
	}
	for _, path := range []string{"/bots/new", "/bots/" + id + "/start", "/bots/" + id + "/stop", "/bots/" + id + "/delete", "/bots/" + id + "/webhook", "/bots/" + id + "/webhook/rotate", "/bots/" + id + "/webhook/revoke", "/settings/profile", "/subscription/change", "/backtests/new", "/backtests/x/cancel", "/backtests/x/delete"} {
		if a := stranger.post(path, url.Values{"name": {"First"}}); a.status != http.StatusSeeOther || a.header.Get("Location") != "/signin" {
			t.Errorf("POST %s: %d to %q, want the sign-in page", path, a.status, a.header.Get("Location"))
		}
	}
}

// Another tenant's bot is not there, whatever is asked of it.
func TestOtherTenantsBot(t *testing.T) { // proves P12
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	id := w.member(t, server, "ada@example.com").newBot("First")
	eve := w.member(t, server, "eve@example.com")
	for _, path := range []string{"", "/edit", "/chart?interval=1m", "/equity", "/stream", "/decisions", "/orders", "/fills", "/signals", "/replay"} {
		if a := eve.get("/bots/" + id + path); a.status != http.StatusNotFound {
			t.Errorf("GET %s of another tenant: %d", path, a.status)
		}
	}
	for _, path := range []string{"/start", "/stop", "/delete", "/edit", "/edit/check", "/replay", "/webhook", "/webhook/rotate", "/webhook/revoke"} {
		if a := eve.post("/bots/"+id+path, url.Values{"name": {"First"}, "version": {"1"}, "overlap_hours": {"0"}}); a.status != http.StatusNotFound {
			t.Errorf("POST %s of another tenant: %d", path, a.status)
		}
	}
	if a := eve.get("/bots/no-such-bot"); a.status != http.StatusNotFound {
		t.Errorf("a bot that never was: %d", a.status)
	}
}

func TestSubscriptionWithoutLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.get("/subscription").want(t, "the free plan", http.StatusOK, "100 API calls an hour.")
	ada.upgrade("enterprise")
	ada.get("/subscription").want(t, "the plan without limits", http.StatusOK, ">Unlimited API calls an hour.")
}
