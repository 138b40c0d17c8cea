package web_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/web/webtest"
)

// breaks has a bot's largest drawdown be reached, as its worker would write and tell it.
func (b *trader) breaks(t testing.TB) {
	t.Helper()
	at := b.w.market.Now().UTC().Truncate(time.Minute)
	b.number++
	sum := b.summary(b.entry, "waiting")
	sum.Breaker = &journal.Breaker{Kind: "drawdown", Since: at, Reason: "the largest drawdown of 15 % is reached: 8,412.10 MYR of its highest 9,902.00 MYR are left"}
	b.w.journal.commit(journal.Entry{
		TenantID: b.who.TenantID, BotID: b.id, Checkpoint: &journal.Checkpoint{BotID: b.id, Sequence: b.number, MarketTime: at, Summary: sum},
	})
	b.tell("summary", at.UnixMilli(), struct {
		journal.Summary
		Time int64 `json:"time"`
	}{sum, at.UnixMilli()})
}

// A drawdown that is reached shows on the bot's page while one looks, with its reason, and is
// resumed there; the bot is told to close only, and to buy again.
func TestBreakerOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("premium")
	id := ada.newBot("First")
	ada.post("/bots/"+id+"/close-only", url.Values{"on": {"true"}}).want(t, "a bot that does not run", http.StatusConflict, "does not run: start it first")
	ada.post("/bots/"+id+"/start", nil)
	w.observe(t, ada, id, "running", "")
	trader := w.trader(t, ada.who, id, "XBTMYR")
	trader.replay(t, 60)
	now := func() bot.Bot {
		t.Helper()
		b, err := w.bots.Bot(t.Context(), ada.who, id)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}

	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Size(1280, 900)
	tab.Run(chromedp.Navigate(server.URL + "/bots/new"))
	tab.Wait("the form asks for circuit breakers", `document.getElementById("stop_drawdown")?.checkVisibility() && document.getElementById("cool_down").checkVisibility()`)
	tab.Run(chromedp.Navigate(server.URL + "/bots/" + id))
	tab.Wait("nothing holds it back", `document.getElementById("breaker")?.hidden && document.querySelector("#chart").dataset.candles > 0`)
	trader.live = true
	trader.breaks(t)
	tab.Wait("the banner is there", `!document.getElementById("breaker").hidden && document.getElementById("breaker-text").textContent.startsWith("The largest drawdown of 15 % is reached: 8,412.10 MYR")`)
	webtest.Value[bool](tab, `window.before = true`)
	tab.Run(chromedp.Click(chromedp.CSS("#breaker-resume button")))
	tab.Wait("the page is there again, with the banner until a worker has done it", `!window.before && document.readyState === "complete" && !document.getElementById("breaker").hidden`)
	if b := now(); b.Resumes != 1 {
		t.Errorf("it was resumed %d times", b.Resumes)
	}
	ada.post("/bots/"+id+"/close-only", url.Values{"on": {"true"}}).want(t, "close only", http.StatusSeeOther)
	ada.get("/bots/"+id).want(t, "a bot that winds down", http.StatusOK, "Close only: it buys nothing", "Buy again", "until it is resumed.")
	if b := now(); !b.CloseOnly {
		t.Error("it does not wind down")
	}
	tab.Check()
}
