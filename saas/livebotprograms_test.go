package saas_test

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/saasdb"
	"github.com/lunobot/lunobot/saas/saastest"
	"github.com/lunobot/lunobot/saas/web/webtest"
	"github.com/lunobot/lunobot/tenancy"
)

// apiLiveOrder is a live order as the API tells of it.
type apiLiveOrder struct {
	Order struct {
		Number int64
		State  journal.OrderState
		Filled decimal.Decimal
	}
	VenueID string `json:"venue_id"`
	Settled bool
}

// apiLiveFill is a fill as the API tells of it.
type apiLiveFill struct {
	Side                 string
	Price, Volume, Value decimal.Decimal
	Maker                bool
}

// livePrograms are the programs of README.md, and the live bot of a tenant there.
type livePrograms struct {
	*saastest.Client
	t   *testing.T
	run liveRun
	// stranger trades beside the simulator's traders.
	stranger *luno.Client
	// path is the bot's in the API.
	path string
}

// liveProgramsEmail is who signs up there.
const liveProgramsEmail = "live@example.com"

// newLivePrograms starts `lunobot sim` and a server at its prices, and takes a bot live
// there whose ladder is around the price, all as its tenant does.
func newLivePrograms(t *testing.T, url string) *livePrograms {
	t.Helper()
	sim := simOf(t, "--addr", "127.0.0.1:0", "--accounts", "2")
	reads := sim.Keys[slices.IndexFunc(sim.Keys, func(k lunosim.Key) bool { return k.Permissions == lunosim.ReadOnly })]
	p := &livePrograms{t: t, Client: saastest.New(t, saastest.Config{Binary: buildServer(t), Args: []string{"--data-dir", t.TempDir()}, Env: []string{
		"DATABASE_URL=" + url, "LUNOBOT_MARKET=luno", "LUNOBOT_LUNO_ADDRESS=" + sim.Rest, "LUNOBOT_LUNO_KEY_ID=" + reads.ID, "LUNOBOT_LUNO_KEY_SECRET=" + reads.Secret,
	}}).Client()}
	key := sim.key(1)
	client, err := traderTask{Rest: sim.Rest, KeyID: key.ID, Secret: key.Secret}.client()
	if err != nil {
		t.Fatal(err)
	}
	if p.stranger, err = (traderTask{Rest: sim.Rest, KeyID: sim.key(2).ID, Secret: sim.key(2).Secret}).client(); err != nil {
		t.Fatal(err)
	}
	before, err := holdings(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	p.Start()
	p.Token = p.Register(liveProgramsEmail).Token
	var account struct{ ID, State, Reason string }
	p.Call(http.MethodPost, "/api/v1/accounts", map[string]string{"name": "Mine", "venue": "luno", "key_id": key.ID, "secret": key.Secret}, &account, http.StatusCreated)
	waitFor(t, "the key to be checked", func() bool {
		p.Call(http.MethodGet, "/api/v1/accounts/"+account.ID, nil, &account, http.StatusOK)
		return account.State != "checking"
	})
	var made struct {
		BotID string `json:"bot_id"`
	}
	p.Call(http.MethodPost, "/api/v1/trading/configs", map[string]any{
		"name": "Ladder", "trading_pair": livePair, "strategy_type": "grid", "parameters": map[string]any{"reach": "0.4", "lines": 17},
	}, &made, http.StatusCreated)
	p.path = "/api/v1/trading/bots/" + made.BotID
	var me struct {
		TenantID string `json:"tenant_id"`
	}
	p.Call(http.MethodGet, "/api/v1/auth/me", nil, &me, http.StatusOK)
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	store := saasdb.New(d)
	p.run = liveRun{t: t, store: store, who: tenancy.Principal{TenantID: me.TenantID}, bot: bot.Bot{ID: made.BotID}, books: liveBooks{
		account: account.ID, before: before, bots: []string{made.BotID}, client: client, market: liveMarket(), store: store, tenant: me.TenantID,
	}}
	p.goLive(account.ID)
	return p
}

// goLive takes the bot live: without its name, and without the waiver, it stays on paper.
func (p *livePrograms) goLive(account string) {
	p.t.Helper()
	var preview struct {
		NeedsWaiver bool `json:"needs_waiver"`
		Obstacles   []any
		Free        decimal.Decimal
	}
	terms := map[string]any{"account_id": account, "balance": "5000"}
	p.Call(http.MethodPost, p.path+"/live/preview", terms, &preview, http.StatusOK)
	if !preview.NeedsWaiver || len(preview.Obstacles) > 0 || !preview.Free.Equal(p.run.books.before[p.run.books.market.Counter]) {
		p.t.Errorf("going live would mean %+v", preview)
	}
	terms["confirm"] = "Ladders"
	p.Call(http.MethodPost, p.path+"/live", terms, nil, http.StatusUnprocessableEntity)
	terms["confirm"] = "Ladder"
	p.Call(http.MethodPost, p.path+"/live", terms, nil, http.StatusConflict)
	terms["waive"] = true
	p.Call(http.MethodPost, p.path+"/live", terms, nil, http.StatusOK)
	p.Call(http.MethodPost, p.path+"/start", nil, nil, http.StatusOK)
}

// traded returns what the exchange says that the account has traded.
func (p *livePrograms) traded() []exchange.Fill {
	p.t.Helper()
	list, err := p.run.books.client.Fills(p.t.Context(), livePair, 0, 1000)
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

// disturb sells into the highest resting order of the bot.
func (p *livePrograms) disturb() {
	p.t.Helper()
	open, err := p.run.books.client.OpenOrders(p.t.Context(), livePair)
	if err != nil || len(open) == 0 {
		p.t.Fatalf("at the exchange %+v are open, %v", open, err)
	}
	sellInto(p.t, p.stranger, p.run.books.client, slices.MaxFunc(open, func(a, b exchange.Order) int { return cmp.Compare(a.Request.Price, b.Request.Price) }))
}

// agrees compares what the API tells of orders and trades with what the exchange does.
func (p *livePrograms) agrees() {
	p.t.Helper()
	ctx, c, m := p.t.Context(), p.run.books.client, p.run.books.market
	var want, got []string
	for _, f := range p.traded() {
		want = append(want, fmt.Sprintln(f.Side, m.Price(f.Price), m.Volume(f.Volume), m.Amount(f.Value), f.Maker))
	}
	for _, f := range all[apiLiveFill](p.Client, p.path+"/fills") {
		got = append(got, fmt.Sprintln(f.Side, f.Price, f.Volume, f.Value, f.Maker))
	}
	if !slices.Equal(got, want) {
		p.t.Errorf("the API tells of the fills\n%s\nand the exchange of\n%s", got, want)
	}
	open, err := c.OpenOrders(ctx, livePair)
	if err != nil || len(open) > 0 {
		p.t.Errorf("at the exchange %+v are open, %v", open, err)
	}
	closed, err := c.ClosedOrders(ctx, livePair, time.Time{})
	if err != nil {
		p.t.Fatal(err)
	}
	there := map[string]decimal.Decimal{}
	for _, o := range closed {
		there[o.ID] = m.Volume(o.Filled)
	}
	states := map[journal.OrderState]int{}
	for _, o := range all[apiLiveOrder](p.Client, p.path+"/live/orders") {
		states[o.Order.State]++
		filled, known := there[o.VenueID]
		if delete(there, o.VenueID); !o.Settled || !o.Order.State.Final() || known != (o.VenueID != "") || !filled.Equal(o.Order.Filled) {
			p.t.Errorf("the API tells of %+v, and the exchange, which knows of it: %t, that %s are filled", o, known, filled)
		}
	}
	if p.t.Log(states); len(there) > 0 || states[journal.Filled] == 0 || states[journal.Cancelled] == 0 {
		p.t.Errorf("orders %v are only at the exchange; the others are %v", there, states)
	}
}

// holds is what the bot's page says that it holds, as the book has it.
func (p *livePrograms) holds() string {
	p.t.Helper()
	books, err := p.run.store.AccountBooks(p.t.Context(), p.run.who.TenantID, p.run.books.account)
	if err != nil || len(books) != 1 {
		p.t.Fatal(books, err)
	}
	held := exchange.Grouped(books[0].Counter.StringFixed(2)) + " MYR"
	if books[0].Base.IsPositive() {
		held = books[0].Base.String() + " XBT and " + held
	}
	return "On the account the bot has " + held
}

// signIn opens a tab in which the tenant is signed in.
func (p *livePrograms) signIn() *webtest.Tab {
	p.t.Helper()
	tab := webtest.Open(p.t)
	tab.Run(chromedp.Navigate(p.Base()+"/signin"), chromedp.WaitVisible(chromedp.CSS(`[name="email"]`)),
		chromedp.SetValue(chromedp.CSS(`[name="email"]`), liveProgramsEmail), chromedp.SetValue(chromedp.CSS(`[name="password"]`), "a long enough phrase"),
		chromedp.Click(chromedp.CSS(`form[action="/signin"] button[type="submit"]`)))
	tab.Wait("somebody is signed in", `location.pathname === "/"`)
	return tab
}

// What issue readers are shown, and proves T1, T3, T6, T7 for the programs as they are run:
// at the simulator's own market, moved by random traders, a tenant signs up at the server,
// connects the key that only trades, takes a bot live and lets it trade; the server is
// killed with kill -9 while its orders rest, and one of them trades meanwhile. The page shows the
// states of orders and how old the reconciliation is. In the end the exchange's orders and
// trades, the API, the page, the journal and the bot's account are the same to the last digit.
func TestLiveBotOfPrograms(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		p := newLivePrograms(t, url)
		fills := func() int { return len(all[apiLiveFill](p.Client, p.path+"/fills")) }
		waitFor(t, "the bot to trade, and to have orders that rest", func() bool {
			return fills() > 0 && slices.ContainsFunc(all[apiLiveOrder](p.Client, p.path+"/live/orders"), func(o apiLiveOrder) bool { return o.Order.State == journal.Open })
		})
		p.Kill()
		before := len(p.traded())
		p.disturb()
		p.Start()
		waitFor(t, "the bot to go on", func() bool {
			var b struct{ Status bot.Status }
			p.Call(http.MethodGet, p.path, nil, &b, http.StatusOK)
			return b.Status == bot.Running && fills() > before
		})
		var tab *webtest.Tab
		page := "/bots/" + p.run.bot.ID
		if strings.HasPrefix(url, "sqlite:") { // pages have no part in which database it is
			tab = p.signIn()
			tab.Run(chromedp.Navigate(p.Base() + page))
			tab.Wait("the states of orders", `["open", "filled"].every((s) => document.querySelector('[data-f="state"].o-' + s))`)
			tab.Wait("the age of the reconciliation", `/ago|now/.test(document.querySelector("#reconciliation .age time").innerText) && document.querySelector("#reconciliation .agreement").innerText.includes("They agree.")`)
			if folder := os.Getenv("LUNOBOT_SCREENSHOTS"); folder != "" {
				shoot(t, tab, strings.TrimSuffix(folder, "/"), p.Base(), map[string]string{"live-programs": page})
			}
		}
		stopBot(t, p.Client, p.path)
		p.agrees()
		if tab != nil {
			tab.Run(chromedp.Navigate(p.Base() + page))
			tab.Wait("what the bot holds", fmt.Sprintf("document.querySelector('#reconciliation .agreement').innerText.includes(%q)", p.holds()))
			tab.Check()
		}
		p.Stop()
		tally := &liveTally{kills: 1}
		p.run.books.compare(t, tally)
		p.run.same()
		if t.Log(tally); !tally.whole() {
			t.Errorf("%s %q", tally, tally.wrong)
		}
	})
}
