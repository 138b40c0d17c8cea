package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/report"
)

// The figures of a bot's performance are the report's, with what they mean, and
// say what is missing where they cannot be told; nothing is written as NaN.
func TestPerformance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	id := ada.newBot("First")
	path := "/bots/" + id + "/performance"
	part := func() string {
		t.Helper()
		a := ada.get(path)
		if a.status != http.StatusOK || strings.Contains(a.body, "NaN") || strings.Contains(a.body, "Inf") {
			t.Fatalf("%d: %s", a.status, a.body)
		}
		return a.body
	}
	for _, want := range []string{
		"needs two whole days, from midnight to midnight UTC; there is none", "no round trip is closed yet", "the bot has seen nothing yet",
		"Sharpe ratio", "Win rate", "Profit factor", "Exposure", "times the root of 365",
	} {
		if body := part(); !strings.Contains(body, want) {
			t.Errorf("before the start it lacks %q: %s", want, body)
		}
	}
	trader := w.trader(t, ada.who, id, "XBTMYR")
	trader.replay(t, 600)
	m, err := worldMarkets{w.market}.Market("XBTMYR")
	if err != nil {
		t.Fatal(err)
	}
	p, err := report.Measure(t.Context(), w.journal, bot.Bot{ID: id, TenantID: ada.who.TenantID}, m)
	if err != nil || p.Trips < 3 || !p.WinRate.Defined() || !p.Exposure.Defined() {
		t.Fatalf("%+v, %v", p, err)
	}
	if body := part(); !strings.Contains(body, "round trips") || !strings.Contains(body, "Of this account, ") {
		t.Errorf("after %d round trips: %s", p.Trips, body)
	}
	if a := w.member(t, server, "eve@example.com").get(path); a.status != http.StatusNotFound {
		t.Errorf("another tenant gets %d", a.status)
	}
}
