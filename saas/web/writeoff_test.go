package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/journal"
)

// forgotten makes a live bot whose exchange does not know its orders any more.
func (w *world) forgotten(t testing.TB, b *browser) string {
	t.Helper()
	accountID := w.connect(t, b, "Luno emptied", account.Connected, "")
	id := w.goLive(t, b, "Forgotten", accountID)
	one, two := w.liveOrder(1, journal.Open, ""), w.liveOrder(2, journal.Cancelled, "")
	one.Account, two.Account, two.VenueID, two.Told = accountID, accountID, "", dec("0.004")
	var lost []journal.Difference
	for _, o := range []journal.LiveOrder{one, two} {
		lost = append(lost, journal.Difference{Kind: journal.OrderMissing, Subject: o.ClientID, Text: "it is not there", Since: w.now(), Confirmed: true})
	}
	w.trade(t, b, id, journal.LiveEntry{
		Orders: []journal.LiveOrder{one, two},
		Books:  []journal.Book{{BotID: id, Account: accountID, Pair: "XBTMYR", BaseCurrency: "XBT", CounterCurrency: "MYR", Base: dec("0.25"), Counter: dec("10")}},
		Check:  &journal.Check{Account: accountID, At: w.now(), Differences: lost, Paused: "it is not there"},
	})
	return id
}

// The way to write off is found from the bot and from the way back to paper, shows what is
// given up and why, and asks for the bot's name.
func TestWriteOffPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada, eve := w.member(t, server, "ada@example.com"), w.member(t, server, "eve@example.com")
	ada.upgrade("premium")
	id := w.forgotten(t, ada)
	path := "/bots/" + id + "/write-off"
	ada.get("/bots/"+id).want(t, "the bot", http.StatusOK, `href="`+path+`"`)
	ada.get("/bots/"+id+"/paper").want(t, "the way back", http.StatusOK, "what became of 2 orders", `href="`+path+`"`)
	ada.post("/bots/"+id+"/paper", nil).want(t, "going back", http.StatusConflict, "write off those that the exchange does not know")
	ada.get(path).want(t, "the question", http.StatusOK, "BXMC2CJ7HNB88U4", "order 2", `title="lb.here.bot.1.2"`, "0.010000 XBT at 250,000", "0.25 XBT", "Of 0.004000 XBT more", "The exchange does not know it", "Write off and go to paper")
	eve.get(path).want(t, "another tenant's", http.StatusNotFound)
	eve.post(path, url.Values{"confirm": {"Forgotten"}}).want(t, "writing off another tenant's", http.StatusNotFound)
	ada.post(path, url.Values{"confirm": {"forgotten"}}).want(t, "another name", http.StatusUnprocessableEntity, "Must be the bot&#39;s name, Forgotten", `value="forgotten"`)
	held := ada.post(path, url.Values{"confirm": {"Forgotten"}})
	held.want(t, "while a worker has it", http.StatusConflict, "A worker still looks after the bot")
	w.pass(61 * time.Minute)
	if a := ada.post(path, url.Values{"confirm": {"Forgotten"}}); a.status != http.StatusSeeOther || a.header.Get("Location") != "/bots/"+id+"?notice=written-off" {
		t.Fatalf("writing off: %d %s", a.status, a.body)
	}
	ada.get("/bots/"+id+"?notice=written-off").want(t, "afterwards", http.StatusOK, "PAPER", "written off")
	if a := ada.get(path); a.status != http.StatusOK || !strings.Contains(a.body, "trades on paper") || strings.Contains(a.body, "Type <strong") {
		t.Errorf("once more: %d %s", a.status, a.body)
	}
}
