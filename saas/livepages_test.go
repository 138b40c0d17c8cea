package saas_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/web/webtest"
)

// The pages of an installation at a live market say what its prices are, and show a bot
// at them; with LUNOBOT_SCREENSHOTS they are pictured into that folder.
func TestLiveMarketPages(t *testing.T) {
	t.Parallel()
	v := newLiveVenue(t, 9, nil)
	l := liveAt(t, v, dbtest.SQLiteURL(t))
	if _, err := l.app.Billing().ChangePlan(t.Context(), l.who.TenantID, billing.ChangePlanInput{Plan: "premium", Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	l.start()
	server := httptest.NewServer(l.app.Handler())
	t.Cleanup(server.Close)
	tab := webtest.Open(t)
	tab.Run(chromedp.Navigate(server.URL+"/signin"), chromedp.WaitVisible(chromedp.CSS(`[name="email"]`)),
		chromedp.SetValue(chromedp.CSS(`[name="email"]`), "live@example.com"), chromedp.SetValue(chromedp.CSS(`[name="password"]`), "a long enough phrase"),
		chromedp.Click(chromedp.CSS(`form[action="/signin"] button[type="submit"]`)))
	tab.Wait("somebody is signed in", `location.pathname === "/"`)
	page := "/bots/" + l.bot.ID
	for path, says := range map[string]string{
		page:             "Times are UTC.",
		"/bots/new":      "an order fills at the open of the next minute",
		"/backtests/new": "There is history from",
	} {
		tab.Run(chromedp.Navigate(server.URL + path))
		tab.Wait("the page says where its prices are from", `document.querySelector('.market-notice[data-kind="simulated"]')?.innerText.includes("Simulated Luno")`)
		tab.Wait("it says "+says, `document.body.innerText.includes("`+says+`")`)
	}
	tab.Run(chromedp.Navigate(server.URL + page))
	tab.Wait("a price comes by the stream", `document.querySelector("#bot")?.dataset.status === "running" && document.querySelector("#chart canvas")`)
	tab.Wait("the bot's fills are on the chart", `Number(document.querySelector("#chart").dataset.fills) >= 1`)
	// A look at it later shows the minutes between, too (rule M1).
	l.minutes(3)
	var chart struct{ Candles [][6]float64 }
	webtest.Value[bool](tab, `fetch("/bots/`+l.bot.ID+`/chart?interval=1m").then((r) => r.text()).then((text) => { window.told = text }) && true`)
	tab.Wait("the chart's candles are there", `window.told`)
	raw := webtest.Value[string](tab, `window.told`)
	if err := json.Unmarshal([]byte(raw), &chart); err != nil {
		t.Fatalf("%v: %.200s", err, raw)
	}
	for i := 1; i < len(chart.Candles); i++ {
		if gap := chart.Candles[i][0] - chart.Candles[i-1][0]; gap != 60 {
			t.Errorf("%v s lie between two candles of the chart", gap)
		}
	}
	if n := len(chart.Candles); n < 100 || time.Unix(int64(chart.Candles[n-1][0]), 0).Before(v.now().Add(-10*time.Minute)) {
		t.Errorf("%d candles, and at %s", n, v.now())
	}
	tab.Check()
	if folder := os.Getenv("LUNOBOT_SCREENSHOTS"); folder != "" {
		shoot(t, tab, strings.TrimSuffix(folder, "/"), server.URL, map[string]string{"live-bot": page, "live-new": "/bots/new", "live-backtest": "/backtests/new", "live-bots": "/bots"})
	}
	l.stop()
}
