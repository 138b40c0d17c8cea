package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/web/webtest"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// trade writes into a bot's journal of live orders as a worker would.
func (w *world) trade(t testing.TB, b *browser, id string, e journal.LiveEntry) {
	t.Helper()
	e.TenantID, e.BotID, e.Epoch = b.who.TenantID, id, w.epoch(t, b, id)
	refused, err := w.runs.CommitLive(t.Context(), e)
	if err := errors.Join(append(refused, err)...); err != nil {
		t.Fatal(err)
	}
}

// goLive takes a new bot live on an account.
func (w *world) goLive(t testing.TB, b *browser, name, accountID string) string {
	t.Helper()
	id := b.newBot(name)
	a := b.post("/bots/"+id+"/live", url.Values{"account": {accountID}, "balance": {"1,000"}, "confirm": {name}, "waive": {"yes"}})
	if a.status != http.StatusSeeOther {
		t.Fatalf("going live: %d %s", a.status, a.body)
	}
	return id
}

// liveOrder is an order of a bot at the exchange.
func (w *world) liveOrder(number int64, state journal.OrderState, reason string) journal.LiveOrder {
	at := w.now().Add(time.Duration(number) * time.Minute)
	return journal.LiveOrder{
		Order: journal.Order{
			ClientID: fmt.Sprintf("lb.here.bot.1.%d", number), Number: number, Side: "buy", Type: "limit", Price: dec("250000"), Volume: dec("0.01"), State: state, Reason: reason,
			CreatedAt: at, UpdatedAt: at,
		},
		Account: "acc", Pair: "XBTMYR", VenueID: "BXMC2CJ7HNB88U4",
	}
}

// tradesLive makes a live bot of which everything can be seen.
func (w *world) tradesLive(t testing.TB, b *browser) string {
	t.Helper()
	id := w.goLive(t, b, "Real money", w.connect(t, b, "Luno with MYR", account.Connected, ""))
	now := w.now()
	e := journal.LiveEntry{
		Books: []journal.Book{{BotID: id, Account: "acc", Pair: "XBTMYR", BaseCurrency: "XBT", CounterCurrency: "MYR", Base: dec("0.00000012"), Counter: dec("998.20")}},
		Foreign: []journal.ForeignOrder{
			{Pair: "XBTMYR", VenueID: "BX9AAAAAAA", Side: "sell", Price: dec("260000"), Volume: dec("0.5"), FoundAt: now},
			{Pair: "XBTMYR", VenueID: "BX9BBBBBBB", ClientID: "lb.here.bot.1.9", Side: "buy", Price: dec("240000"), Volume: dec("0.1"), FoundAt: now, Ours: true},
		},
		Check: &journal.Check{
			At: now.Add(-12 * time.Second), Open: 1, Doubtful: 1, Unsettled: 1, Foreign: 2, Paused: "the account holds 900 MYR, and its bots should have 998.2 together",
			Trades: []journal.ForeignTrade{{Pair: "XBTMYR", Sequence: 71, Side: "sell", Price: dec("251000"), Volume: dec("0.02"), At: now}},
			Differences: []journal.Difference{
				{Kind: journal.BalanceShort, Subject: "MYR", Text: "the account holds 900 MYR, and its bots should have 998.2 together", Since: now, Confirmed: true},
				{Kind: journal.FillsMissing, Subject: "lb.here.bot.1.4", Text: "of order number 4 the venue says that 0.004 is filled, and lists fills of 0", Since: now},
			},
		},
	}
	for i, s := range []journal.OrderState{
		journal.Denied, journal.Rejected, journal.Submitted, journal.Unknown, journal.Open, journal.PartiallyFilled, journal.Filled, journal.Cancelled, journal.Expired,
	} {
		n := int64(i + 1)
		o := w.liveOrder(n, s, map[journal.OrderState]string{journal.Denied: "0.00001 XBT is below the least order of 0.0001", journal.Rejected: "not enough money"}[s])
		e.Orders = append(e.Orders, o)
		e.Transitions = append(e.Transitions, journal.Transition{Order: n, Event: 10 * n, To: journal.Submitted, Cause: "the strategy wants it", At: o.CreatedAt},
			journal.Transition{Order: n, Event: 10*n + 1, From: journal.Submitted, To: s, Cause: "that is what became of it", At: o.CreatedAt})
	}
	e.Fills = []journal.LiveFill{{Order: 8, Event: 401, Pair: "XBTMYR", Fill: journal.Fill{
		BotID: id, Sequence: journal.FromTotals, Side: "buy", Price: dec("249000"), Volume: dec("0.01"), Value: dec("2490"), FeeCounter: dec("2.49"), Time: now,
	}}, {Order: 7, Event: 400, Pair: "XBTMYR", Fill: journal.Fill{
		BotID: id, Sequence: 70, Side: "buy", Price: dec("249000"), Volume: dec("0.01"), Value: dec("2490"), FeeCounter: dec("2.49"), Time: now,
	}}}
	w.trade(t, b, id, e)
	return id
}

// Going live shows what can be lost, names what stands against it, and asks for the
// name and for a paper run or a waiver.
func TestGoLivePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada, eve := w.member(t, server, "ada@example.com"), w.member(t, server, "eve@example.com")
	ada.upgrade("premium")
	id := ada.newBot("Careful")
	path := "/bots/" + id + "/live"
	ada.get("/bots/new").want(t, "the form of a new bot", http.StatusOK, "Every bot begins on paper", "with an account at Luno")
	ada.get("/bots/"+id).want(t, "the bot on paper", http.StatusOK, "PAPER", `href="`+path+`"`)
	ada.get(path).want(t, "without an account", http.StatusOK, "Connect an account first", "/accounts/new")
	accountID := w.connect(t, ada, "Luno main", account.Connected, "")
	ada.get(path).want(t, "the form", http.StatusOK, `checked`, "Luno main", "At worst", "10,000.00 MYR", "12,402.11 of 12,402.11 MYR", "nothing but the strategy ends a loss", "Do without", "none")
	refused := w.connect(t, ada, "Old key", account.Refused, "the key may withdraw")
	ada.get(path).want(t, "the form with a refused account", http.StatusOK, `value="`+accountID+`" checked`, `value="`+refused+`" disabled`)
	ada.get(path+"?balance=much").want(t, "no amount", http.StatusOK, "Must be a plain number")
	ada.get(path+"?balance=-5").want(t, "less than nothing", http.StatusOK, "What the bot may use: Must be above 0", "12,402.11 of 12,402.11 MYR", "!At worst")
	ada.get(path+"?balance=20000").want(t, "more than there is", http.StatusOK, "held 12,402.11 MYR when it was last looked at, and 12,402.11 of that is free")
	form := func(confirm, waive string) url.Values {
		return url.Values{"account": {accountID}, "balance": {"1,000.50"}, "confirm": {confirm}, "waive": {waive}}
	}
	ada.post(path, form("careful", "yes")).want(t, "another name", http.StatusUnprocessableEntity, "Must be the bot&#39;s name, Careful", "1,000.50 MYR", `name="waive" value="yes" checked`)
	ada.post(path, form("Careful", "")).want(t, "no paper run", http.StatusConflict, "Careful has run on paper for 0 of 60 minutes", "Do without")
	ada.post("/bots/"+id+"/start", nil)
	ada.post("/bots/"+id+"/stop", nil)
	w.observe(t, ada, id, bot.Stopped, "stopped by you")
	w.store.paper = bot.PaperRun{Lasted: 3 * time.Hour, MaxDrawdown: dec("0.04"), Profit: dec("-12.5"), Fees: dec("3"), Trades: 14}
	ada.get(path+"?balance=1000").want(t, "after a paper run", http.StatusOK, "14 round trips", "−12.50 MYR", "4.00 %, which would be 40.00 MYR", "3.00 MYR so far")
	if a := ada.get(path); strings.Contains(a.body, "Do without") {
		t.Error("a waiver is asked for after a paper run")
	}
	for _, p := range []string{"/live", "/paper", "/foreign", "/resume"} {
		if a := eve.post("/bots/"+id+p, url.Values{"account": {accountID}, "balance": {"1"}, "confirm": {"Careful"}, "decision": {"claim"}}); a.status != http.StatusNotFound {
			t.Errorf("POST %s of another tenant's bot: %d", p, a.status)
		}
	}
	for _, p := range []string{"/live", "/paper", "/orders/1", "/reconciliation"} {
		eve.get("/bots/"+id+p).want(t, p+" of another tenant's bot", http.StatusNotFound)
	}
	if a := ada.post(path, form("Careful", "")); a.status != http.StatusSeeOther {
		t.Fatalf("going live: %d %s", a.status, a.body)
	}
	ada.get("/bots/"+id+"?notice=live").want(t, "the live bot", http.StatusOK, "LIVE", "on Luno main", `<body data-mode="live"`, "Not compared yet", "Press Start", "No order has been placed at the exchange yet", "Back to paper")
	ada.post(path, form("Careful", "")).want(t, "once more", http.StatusConflict, "trades live already")
	w.trade(t, ada, id, journal.LiveEntry{Check: &journal.Check{At: w.now()}})
	ada.get("/bots/"+id+"/reconciliation").want(t, "books that agree", http.StatusOK, "They agree", "stack calm")
	ada.get("/bots/"+id+"/edit").want(t, "the form of the live bot", http.StatusOK, "Real money of its exchange account", "The bot may use", "!Simulated", "!with a fresh balance", "It is live", "Do without a run on paper")
	other := botForm("Careful")
	other.Set("balance", "1000.50")
	other.Set("version", "2")
	other.Set("interval", "1h")
	ada.post("/bots/"+id+"/edit", other).want(t, "another interval", http.StatusConflict, "has not run on paper like that")
	other.Set("waive", "yes")
	other.Set("confirm", "careful")
	ada.post("/bots/"+id+"/edit", other).want(t, "another interval, unconfirmed", http.StatusUnprocessableEntity, "Must be the bot&#39;s name, Careful", `value="yes" checked`, `value="careful"`)
	other.Set("confirm", "Careful")
	if a := ada.post("/bots/"+id+"/edit", other); a.status != http.StatusSeeOther {
		t.Errorf("another interval, confirmed: %d %s", a.status, a.body)
	}
	ada.get("/bots/"+id+"/paper").want(t, "the way back", http.StatusOK, "back to paper?", "It has nothing on the account")
	if a := ada.post("/bots/"+id+"/paper", nil); a.status != http.StatusSeeOther {
		t.Errorf("going back: %d %s", a.status, a.body)
	}
	ada.post("/bots/"+id+"/paper", nil).want(t, "back once more", http.StatusConflict, "trades on paper already")
}

// proves T6, T11: a live bot's page shows orders in every state, denied and rejected
// ones apart, and what differs, in words; foreign orders wait for a decision.
func TestLiveBotPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("premium")
	id := w.tradesLive(t, ada)
	shown := ada.get("/bots/" + id)
	shown.want(t, "the page", http.StatusOK, "LIVE", "on Luno with MYR", `badge o-denied" data-f="state">denied here`, `badge o-rejected" data-f="state">rejected by the exchange`, "partially filled", "unknown",
		"Paused: it places no new orders", "There is less on the account than its bots should have", "It may pass by itself", "Trades by hand", "0.00000012 XBT of that is dust", "bears this bot",
		"Resume", `value="claim"`, `value="ignore"`, `value="cancel"`, "They do not agree", "!stack calm", `title="lb.here.bot.1.4">Of order number 4 the venue`)
	if strings.Contains(shown.body, "which is long ago") {
		t.Error("a reconciliation of 12 s ago is called old")
	}
	swap := func(path string, form url.Values) answer {
		return ada.do(http.MethodPost, "/bots/"+id+path, form, map[string]string{"HX-Request": "true"})
	}
	of := func(decision string) url.Values {
		return url.Values{"pair": {"XBTMYR"}, "venue_id": {"BX9AAAAAAA"}, "decision": {decision}}
	}
	swap("/foreign", of("cancel")).want(t, "cancelling", http.StatusOK, "It will be cancelled with the next look")
	swap("/foreign", of("claim")).want(t, "claiming", http.StatusOK, "It will become the bot")
	gone := of("claim")
	gone.Set("venue_id", "BX0")
	swap("/foreign", gone).want(t, "one that is gone", http.StatusOK, `role="alert"`)
	swap("/resume", nil).want(t, "resuming", http.StatusOK, "It will go on with the next look at the exchange")
	ada.do(http.MethodGet, "/bots/"+id+"/orders/7", nil, map[string]string{"HX-Request": "true"}).want(t, "the history of an order", http.StatusOK,
		"that is what became of it", "filled 0.01", "249,000", "fee 2.49", "BXMC2CJ7HNB88U4", `title="lb.here.bot.1.7">number 7<`, "!>lb.here", "!the order's totals")
	// One that filled in many parts does not say so once for each.
	parts := w.liveOrder(12, journal.Filled, "")
	e := journal.LiveEntry{Orders: []journal.LiveOrder{parts}, Transitions: []journal.Transition{{Order: 12, Event: 500, To: journal.PartiallyFilled, Cause: "part 0", At: parts.CreatedAt}}}
	for i := range 5 {
		e.Transitions = append(e.Transitions, journal.Transition{Order: 12, Event: int64(501 + i), From: journal.PartiallyFilled, To: journal.PartiallyFilled, Cause: fmt.Sprintf("part %d", i+1), At: parts.CreatedAt})
	}
	e.Transitions = append(e.Transitions, journal.Transition{Order: 12, Event: 510, From: journal.PartiallyFilled, To: journal.Filled, Cause: "part 6", At: parts.CreatedAt})
	bought := w.liveOrder(13, journal.Filled, "")
	bought.Type, bought.Price, bought.Volume, bought.Filled, bought.FilledValue = "market", dec("0"), dec("0"), dec("0.003"), dec("735.36")
	e.Orders = append(e.Orders, bought)
	w.trade(t, ada, id, e)
	ada.get("/bots/"+id+"/orders").want(t, "a market order with what it was filled at on average", http.StatusOK, "avg 245,120<", "0.003000<")
	ada.do(http.MethodGet, "/bots/"+id+"/orders/12", nil, map[string]string{"HX-Request": "true"}).want(t, "an order of many parts", http.StatusOK, "part 0", "part 1", "part 2", "and 3 more of this kind", "part 6", "!part 3", "!part 5")
	ada.do(http.MethodGet, "/bots/"+id+"/orders/8", nil, map[string]string{"HX-Request": "true"}).want(t, "a fill that was never listed", http.StatusOK, "from the order's totals")
	ada.get("/bots/"+id+"/orders/77").want(t, "no order", http.StatusNotFound)
	if a := ada.post("/bots/"+id+"/resume", nil); a.status != http.StatusSeeOther {
		t.Errorf("resuming without scripts: %d", a.status)
	}
	ada.post("/bots/"+id+"/start", nil)
	w.pass(3 * time.Minute)
	ada.get("/bots/"+id+"/reconciliation").want(t, "later", http.StatusOK, "which is long ago", "reconciliation old")
	w.trade(t, ada, id, journal.LiveEntry{Check: &journal.Check{At: w.now()}})
	later := ada.get("/bots/" + id + "/reconciliation")
	later.want(t, "once all is well", http.StatusOK, "They agree")
	if strings.Contains(later.body, "Paused") {
		t.Error("it is paused still")
	}
}

// TestLiveBotInTheBrowser looks at the history of an order, decides about a foreign
// one and resumes, without leaving the page, while things go on at the exchange.
func TestLiveBotInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("premium")
	id := w.tradesLive(t, ada)
	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Size(360, 740)
	tab.Run(chromedp.Navigate(server.URL+"/bots/"+id), chromedp.Click(chromedp.CSS("#tab-orders")), chromedp.WaitVisible(chromedp.CSS("#panel-orders")))
	webtest.Value[bool](tab, `(globalThis.stays = true)`)
	tab.Run(chromedp.Click(chromedp.CSS(`[data-history="7"]`)))
	tab.Wait("the history is shown", `document.querySelector("tr.history")?.textContent.includes("that is what became of it")`)
	tab.Wait("its button says so", `document.querySelector('[data-history="7"]').getAttribute("aria-expanded") === "true"`)
	o := w.liveOrder(7, journal.Filled, "")
	o.UpdatedAt = o.UpdatedAt.Add(time.Second)
	w.trade(t, ada, id, journal.LiveEntry{
		Orders:      []journal.LiveOrder{o, w.liveOrder(10, journal.Open, "a new one")},
		Transitions: []journal.Transition{{Order: 7, Event: 500, From: journal.Filled, To: journal.Filled, Cause: "one more thing", At: w.now()}},
	})
	w.live.publish(ada.who.TenantID, id, live.Update{Type: "order", Data: []byte(`{"client_id":"lb.here.bot.1.10","number":10,"side":"buy","type":"limit","price":"250000","volume":"0.01","state":"open","reason":"","time":1}`)})
	tab.Wait("a new order appears", `document.querySelector('#orders [data-history="10"]') !== null`)
	tab.Wait("an open history is read anew", `document.querySelector("tr.history")?.textContent.includes("one more thing")`)
	tab.Run(chromedp.Click(chromedp.CSS(`[data-history="7"]`)))
	tab.Wait("the history is gone", `document.querySelector("tr.history") === null`)
	tab.Run(chromedp.Click(chromedp.CSS(`.foreign button[value="ignore"]`)))
	tab.Wait("the decision is shown", `document.getElementById("reconciliation").textContent.includes("It is left alone")`)
	tab.Run(chromedp.Click(chromedp.CSS(`#reconciliation form[action$="/resume"] button`)))
	tab.Wait("the wish is shown", `document.getElementById("reconciliation").textContent.includes("It will go on with the next look")`)
	if !webtest.Value[bool](tab, `globalThis.stays === true`) {
		t.Error("the page was left")
	}
	tab.Check()
}

// Real money is never added to simulated, and a live bot shows nothing of the account
// that it had on paper.
func TestRealMoneyIsSummedUpApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("premium")
	paper := ada.newBot("On paper")
	risky := w.goLive(t, ada, "Real money", w.connect(t, ada, "Main", account.Connected, ""))
	sum := func(id, equity string, ledger int64) {
		w.journal.commit(journal.Entry{TenantID: ada.who.TenantID, BotID: id, Checkpoint: &journal.Checkpoint{Summary: journal.Summary{Equity: dec(equity), Ledger: ledger}}})
	}
	sum(paper, "7000", 0)
	sum(risky, "5000", 0)
	totals := func(a answer) string {
		text, _, _ := strings.Cut(a.body, `id="use"`)
		return text
	}
	first := ada.get("/overview")
	first.want(t, "before the live bot has begun", http.StatusOK, "7,000.00", "mode-paper")
	if text := totals(first); strings.Contains(text, "5,000.00") || strings.Contains(text, "mode-live") {
		t.Errorf("what a live bot had on paper is summed up: %s", text)
	}
	sum(risky, "900", 1)
	both := ada.get("/overview")
	both.want(t, "once it has", http.StatusOK, "7,000.00", "900.00")
	if text := totals(both); strings.Contains(text, "7,900.00") || strings.Index(text, "mode-live") > strings.Index(text, "mode-paper") {
		t.Errorf("real money is added, or comes last: %s", text)
	}
}

// A page that a refused form answers with is at an address of its own and follows its bot
// all the same.
func TestRefusedPageIsLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	id := ada.newBot("Night owl")
	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Run(chromedp.Navigate(server.URL + "/bots/" + id))
	ada.post("/halt", nil) // after the page was made, whose button would not start it
	tab.Run(chromedp.Click(chromedp.CSS(`form[action$="/start"] button`)))
	tab.Wait("the start is refused", `location.pathname.endsWith("/start") && document.querySelector('.banner.bad[role="alert"]') !== null`)
	tab.Wait("the candles are there", `Number(document.getElementById("chart").dataset.candles) > 300`)
	told := live.Update{Type: "status", Time: w.market.Now(), Data: []byte(`{"status":"degraded","reason":"the market tells nothing"}`)}
	for deadline := time.Now().Add(time.Minute); w.live.publish(ada.who.TenantID, id, told) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the page does not follow its bot")
		}
	}
	tab.Check("409 (Conflict)")
}
