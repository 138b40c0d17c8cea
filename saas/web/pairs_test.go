package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/web/webtest"
)

// mixForm is the form of a bot that trades XBTMYR and further pairs.
func mixForm(name string, also ...string) url.Values {
	f := botForm(name)
	f.Set("strategy", mixer)
	f["also"] = also
	return f
}

// The form of a strategy that trades several pairs asks which; what cannot be traded
// is named at its select, and what the plan does not allow is refused.
func TestFurtherPairsInTheForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	if a := ada.get("/bots/new/strategy?strategy=basic"); strings.Contains(a.body, `name="also"`) {
		t.Error("a strategy of one pair asks for further ones")
	}
	if a := ada.get("/bots/new/strategy?strategy=" + mixer); strings.Count(a.body, `name="also"`) != 1 || !strings.Contains(a.body, `value="ETHMYR"`) {
		t.Errorf("the form of several pairs is %s", a.body)
	}
	for want, form := range map[string]url.Values{
		"Is the bot&#39;s own pair: choose another beside it.": mixForm("a", "XBTMYR"),
		"Is not a pair that is traded here: XBTMYR, ETHMYR.":   mixForm("a", "", "NOPE"),
		"Is there twice.": mixForm("a", "ETHMYR", "ETHMYR"),
	} {
		if a := ada.post("/bots/new", form); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, want) {
			t.Errorf("%v: %d, want %q", form["also"], a.status, want)
		}
		if a := ada.post("/bots/new/check", form); !strings.Contains(a.body, want) {
			t.Errorf("checking %v does not say %q: %s", form["also"], want, a.body)
		}
	}
	if a := ada.post("/bots/new", mixForm("a", "ETHMYR")); a.status != http.StatusForbidden || !strings.Contains(a.body, "Your Free plan allows 1 trading pair") {
		t.Errorf("two pairs on the free plan: %d", a.status)
	}
	ada.upgrade("basic")
	id := ada.newBotOf(mixForm("Both", "ETHMYR"))
	also := func() []string {
		b, err := w.bots.Bot(t.Context(), ada.who, id)
		if err != nil {
			t.Fatal(err)
		}
		return b.Also
	}
	if got := also(); !slices.Equal(got, []string{"ETHMYR"}) {
		t.Fatalf("the bot trades %v too", got)
	}
	a := ada.get("/bots/" + id)
	for _, want := range []string{"XBTMYR, ETHMYR", `data-pair="ETHMYR"`, "<th>Pair</th>"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if a := ada.get("/bots/" + id + "/edit"); !strings.Contains(a.body, `<option value="ETHMYR" selected>`) || !strings.Contains(a.body, "begins a new account") {
		t.Error("the form does not show the pairs that the bot has")
	}
	form := mixForm("Both", "")
	form.Set("version", "1")
	if a := ada.post("/bots/"+id+"/edit", form); a.status != http.StatusSeeOther || len(also()) != 0 {
		t.Errorf("taking the pair away: %d, it trades %v too", a.status, also())
	}
	if a := ada.get("/bots/" + id + "/chart?pair=ETHMYR"); a.status != http.StatusBadRequest {
		t.Errorf("the chart of a pair that the bot does not trade: %d", a.status)
	}
}

// mixed writes what a bot of two pairs has done in a candle, and tells who watches.
func (w *world) mixed(t *testing.T, ada *browser, id string, n int64, held string) {
	t.Helper()
	at := w.market.Now().Truncate(time.Minute).Add(time.Duration(n) * time.Millisecond)
	dec := decimal.RequireFromString
	e := journal.Entry{TenantID: ada.who.TenantID, BotID: id}
	for i, pair := range []string{"XBTMYR", "ETHMYR"} {
		number := 2*n + int64(i)
		price, volume := dec("412300"), dec("0.0021")
		if i == 1 {
			price, volume = dec("11862.99"), dec("0.125")
		}
		o := journal.Order{ClientID: fmt.Sprint("o-", number), BotID: id, Pair: pair, Number: number, Side: "buy", Type: "limit", Price: price, Volume: volume, State: journal.Open, Reason: "below its share", CreatedAt: at, UpdatedAt: at}
		f := journal.Fill{BotID: id, Pair: pair, ClientID: o.ClientID, Sequence: number, Side: "buy", Price: price, Volume: volume, Value: price.Mul(volume), FeeCounter: dec("1.25"), Time: at}
		e.Orders, e.Fills = append(e.Orders, o), append(e.Fills, f)
		w.say(t, ada, id, "order", map[string]any{"client_id": o.ClientID, "pair": pair, "number": number, "side": "buy", "type": "limit", "price": price, "volume": volume, "state": "open", "reason": o.Reason, "time": at.UnixMilli()})
		w.say(t, ada, id, "fill", map[string]any{"sequence": number, "pair": pair, "time": at.UnixMilli(), "side": "buy", "price": price, "volume": volume, "value": f.Value, "fee": f.FeeCounter, "profit": "0"})
	}
	sum := journal.Summary{
		Equity: dec("10042.50"), Cash: dec("5120.75"), FreeCash: dec("4900"), Profit: dec("42.50"), Unrealised: dec("42.50"), Fees: dec("2.50"), Position: dec("0.0021"),
		Entry: dec("412300"), Stop: dec("400000"), Price: dec("413000"), Fills: 2 * n, OpenOrders: 2, LastDecision: "waiting", Positions: []journal.Position{
			{Pair: "XBTMYR", Position: dec("0.0021"), Worth: dec("867.30"), Entry: dec("412300"), Stop: dec("400000"), Price: dec("413000"), Unrealised: dec("1.47")},
			{Pair: "ETHMYR", Position: dec(held), Worth: dec("4054.45"), Entry: dec("11862.99"), Target: dec("12900"), Price: dec("11870"), Unrealised: dec("41.03")},
		},
	}
	e.Checkpoint = &journal.Checkpoint{BotID: id, Sequence: n, MarketTime: at, Summary: sum}
	e.Equity = []journal.EquityPoint{{BotID: id, Time: at, Equity: sum.Equity, Position: sum.Position, Price: sum.Price}}
	e.Plots = []journal.Plot{{Line: "share", Time: at.Truncate(time.Minute), Value: 412_000}, {Pair: "ETHMYR", Line: "average", Time: at.Truncate(time.Minute), Value: 11_800}}
	w.journal.commit(e)
	w.say(t, ada, id, "summary", sum)
}

// say tells who watches a bot.
func (w *world) say(t *testing.T, ada *browser, id, kind string, data any) {
	t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	w.live.publish(ada.who.TenantID, id, live.Update{Type: kind, Time: w.market.Now(), Data: raw})
}

// The page of a bot that trades two pairs shows what it holds in each, tells the pair
// of each order and fill, charts the pair that is chosen, and follows all of it.
func TestPageOfTwoPairs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("basic")
	id := ada.newBotOf(mixForm("Both", "ETHMYR"))
	ada.post("/bots/"+id+"/start", nil)
	w.observe(t, ada, id, bot.Running, "")
	w.mixed(t, ada, id, 1, "0.125")

	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Size(1280, 900)
	tab.Run(chromedp.Navigate(server.URL + "/bots/" + id))
	chart := func(name string) string { return `Number(document.getElementById("chart").dataset.` + name + `)` }
	text := func(selector string) string {
		return `(document.querySelector('` + selector + `')?.textContent ?? "").trim()`
	}
	tab.Wait("the candles are there", chart("candles")+" > 300 && "+chart("fills")+" === 1")
	tab.Wait("what is held is shown", text(`[data-v="held-ETHMYR"]`)+` === "0.125000" && `+text(`[data-v="cash"]`)+` === "5,120.75" && `+text(`[data-v="levels-ETHMYR"]`)+` === ", entry 11,862.99, target 12,900.00"`)
	tab.Wait("rows tell their pair", text(`#fills tr[data-key="3"] [data-f="pair"]`)+` === "ETHMYR" && `+text(`#orders tr[data-key="o-3"] [data-f="volume"]`)+` === "0.125000 ETH" && `+
		text(`#orders tr[data-key="o-2"] [data-f="volume"]`)+` === "0.002100 XBT"`)

	tab.Wait("it listens", `document.getElementById("stale").hidden`)
	w.mixed(t, ada, id, 2, "0.25")
	tab.Wait("the page follows in both pairs", text(`[data-v="held-ETHMYR"]`)+` === "0.250000" && `+text(`#fills tr[data-key="5"] [data-f="pair"]`)+` === "ETHMYR" && `+
		text(`#fills tr[data-key="5"] [data-f="price"]`)+` === "11,862.99" && `+text(`#fills tr[data-key="4"] [data-f="price"]`)+` === "412,300"`)
	tab.Wait("only its own fills are on the chart", chart("fills")+" === 2")
	line := func(name string) string {
		return `[...document.querySelectorAll("#legend > span")].filter((s) => !s.hidden && s.offsetParent).map((s) => s.textContent).join() === "` + name + `"`
	}
	tab.Wait("only its own line is on the chart", chart("plots")+" === 1 && "+line("share 412,000"))
	w.say(t, ada, id, "plot", map[string]any{"pair": "ETHMYR", "time": w.market.Now().UnixMilli(), "values": map[string]string{"average": "11812.5000", "band": "11700.2500"}})
	w.say(t, ada, id, "plot", map[string]any{"time": w.market.Now().UnixMilli(), "values": map[string]string{"share": "412500.00"}})
	tab.Wait("its line goes on", line("share 412,500"))
	w.say(t, ada, id, "tick", map[string]any{"pair": "ETHMYR", "time": w.market.Now().UnixMilli(), "price": "11999.99"})
	tab.Wait("a price finds its pair", text(`[data-v="price-ETHMYR"]`)+` === "11,999.99"`)

	tab.Run(chromedp.Click(chromedp.CSS(`[data-pair="ETHMYR"]`)))
	tab.Wait("the other pair is charted", `document.querySelector('[data-pair="ETHMYR"]').ariaPressed === "true" && `+chart("candles")+" > 300 && "+chart("fills")+" === 2")
	tab.Wait("the lines of the other pair are drawn", chart("plots")+" === 2 && "+line("average 11,812.50,band 11,700.25"))
	w.mixed(t, ada, id, 3, "0.375")
	tab.Wait("its fills are marked", chart("fills")+" === 3")
	tab.Run(chromedp.Click(chromedp.CSS(`#stop`)), chromedp.WaitVisible(chromedp.CSS("#stop-dialog")))
	tab.Wait("what stays is named", text(`[data-v="holdings"]`)+` === "0.002100 XBT and 0.375000 ETH"`)
	tab.Check()
}
