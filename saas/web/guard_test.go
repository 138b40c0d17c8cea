package web_test

import (
	"net/http"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
)

// The page of a bot that has failed and is still looked after says so, and offers to stop that
// before it is changed.
func TestGuardedBotOnItsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	id := ada.newBot("Fallen")
	ada.post("/bots/"+id+"/start", nil)
	g := bot.Guard{Failure: "a bad answer", Reason: "a bad answer; it holds 0.05 XBT, and its stop-loss still stands guard", Anew: true}
	if err := w.bots.Guarded(t.Context(), ada.who.TenantID, id, 1, g); err != nil {
		t.Fatal(err)
	}
	ada.get("/bots/"+id).want(t, "the page", http.StatusOK, `data-status="error"`, `data-active="false"`, `data-guarded="true"`, g.Reason, "Stop leaves it to you")
	ada.get("/bots/"+id+"/edit").want(t, "the form", http.StatusConflict, "has failed, and what it left is looked after")
	ada.post("/bots/"+id+"/stop", nil)
	ada.get("/bots/"+id).want(t, "the page", http.StatusOK, `data-status="stopping"`, `data-guarded="false"`)
}
