package web_test

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/web/webtest"
)

// signIn gives a tab the session of somebody.
func (b *browser) signIn(tab *webtest.Tab) {
	b.t.Helper()
	at, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(at) {
		tab.Cookie(c.Name, c.Value, b.url)
	}
}

// TestBotPageIsLive opens a bot's page in a real browser, lets the bot trade,
// and watches the page follow without a reload.
func TestBotPageIsLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	id := ada.newBot("Ada's first")
	ada.post("/bots/"+id+"/start", nil)
	w.observe(t, ada, id, "running", "")
	trader := w.trader(t, ada.who, id, "XBTMYR")
	trader.replay(t, 400)

	tab := webtest.Open(t)
	ada.signIn(tab)
	number := func(name string) string { return `Number(document.getElementById("chart").dataset.` + name + `)` }
	tab.Size(1280, 900)
	tab.Run(chromedp.Navigate(server.URL + "/bots/" + id))
	tab.Wait("the candles are there", number("candles")+" > 300")
	tab.Wait("the stored fills are marked", fmt.Sprintf("%s === %d", number("fills"), trader.fills))
	tab.Wait("what the strategy drew before is drawn", number("plots")+" === 2 && "+number("points")+" > 300")

	before := trader.fills
	live, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); trader.run(live) }()
	old := webtest.Value[string](tab, `document.querySelector("#legend .plot-1 span").textContent`)
	tab.Wait("what the strategy draws is drawn", fmt.Sprintf(`document.querySelector("#legend .plot-1 span").textContent !== %q`, old))
	tab.Wait("a new fill is marked", fmt.Sprintf("%s > %d", number("fills"), before))
	tab.Wait("the fill is in the list too", fmt.Sprintf(`document.querySelectorAll("#fills tr[data-key]").length > %d`, min(before, 50)))
	cancel()
	<-done

	// An order far from the price is a line that can be brought into sight.
	trader.tell("order", w.market.Now().UnixMilli(), map[string]any{"client_id": "far", "pair": "XBTMYR", "number": 9999, "side": "sell", "type": "limit", "price": "9000000", "volume": "0.001", "state": "open", "reason": "", "time": w.market.Now().UnixMilli()})
	tab.Wait("the lines can be shown", `!document.getElementById("all-lines").hidden && Number(document.getElementById("chart").dataset.top) < 5e6`)
	tab.Run(chromedp.Click(chromedp.CSS("#all-lines")))
	tab.Wait("the chart reaches to the line", `Number(document.getElementById("chart").dataset.top) >= 9e6 && document.getElementById("all-lines").ariaPressed === "true"`)
	tab.Run(chromedp.Click(chromedp.CSS("#all-lines")))
	tab.Run(chromedp.Click(chromedp.CSS("#tab-fills")), chromedp.WaitVisible(chromedp.CSS("#panel-fills")), chromedp.Click(chromedp.CSS("#fills .goto")))
	tab.Wait("the candle's prices are told", `/^O [0-9,]+ +H [0-9,]+ +L [0-9,]+ +C [0-9,]+$/.test(document.getElementById("reading").textContent)`)
	// The page is where it will be: what still moved would take the next click away.
	if !webtest.Value[bool](tab, `(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.getElementById("chart").getBoundingClientRect())`) {
		t.Error("the chart does not come into sight at once")
	}
	tab.Run(chromedp.Click(chromedp.CSS(`[data-interval="5m"]`)))
	tab.Wait("the chart has other candles", `document.querySelector('[data-interval="5m"]').ariaPressed === "true"`)
	// An order that fills in parts is one arrow.
	fills, arrows := webtest.Value[int](tab, number("fills")), webtest.Value[int](tab, number("arrows"))
	for i := range 3 {
		trader.tell("fill", w.market.Now().UnixMilli(), map[string]any{"sequence": 90_000 + i, "pair": "XBTMYR", "time": w.market.Now().Truncate(time.Minute).Add(time.Hour).UnixMilli(), "side": "sell", "price": "300000", "volume": "0.001", "value": "300", "fee": "0", "profit": "0"})
	}
	tab.Wait("the parts are told by one arrow", fmt.Sprintf("%s === %d && %s === %d", number("fills"), fills+3, number("arrows"), arrows+1))
	tab.Run(chromedp.Click(chromedp.CSS("#tab-decisions")), chromedp.Click(chromedp.CSS("#hide-waits")))
	if !webtest.Value[bool](tab, `document.querySelector('a[href="https://www.tradingview.com/"]').checkVisibility()`) {
		t.Error("the chart library's attribution is not visible")
	}
	tab.Check()
}

// TestLongCandles opens the page of a bot that has begun and decides each hour:
// it says when the hour closes, and counts down to it.
func TestLongCandles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Size(360, 740)
	tab.Run(chromedp.Navigate(server.URL+"/bots/new"), chromedp.Click(chromedp.CSS(`.segments input[value="1h"]`)))
	tab.Wait("the hint follows", `document.getElementById("help-interval").textContent.startsWith("Decides every hour")`)
	tab.Run(chromedp.Click(chromedp.CSS(`.summary button[type="submit"]`)))
	tab.Wait("the bot is made", `document.querySelector("#bot")`)
	id := webtest.Value[string](tab, `document.getElementById("bot").dataset.id`)
	ada.post("/bots/"+id+"/start", nil)
	w.observe(t, ada, id, bot.Running, "")
	at := w.market.Now()
	w.journal.commit(journal.Entry{
		TenantID: ada.who.TenantID, BotID: id, Decisions: []journal.Decision{{BotID: id, Number: 1, Kind: "started", Text: "started", Time: at}},
	})
	live, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	trader := w.trader(t, ada.who, id, "XBTMYR")
	go func() { defer close(done); trader.ticks(live) }()
	tab.Run(chromedp.Navigate(server.URL + "/bots/" + id))
	tab.Wait("the chart has hours", `document.querySelector('.segments [data-interval="1h"]').ariaPressed === "true" && Number(document.getElementById("chart").dataset.candles) > 300`)
	tab.Wait("it counts down", `/^next candle in [0-5][0-9]:[0-5][0-9]$/.test(document.getElementById("next-candle").textContent)`)
	waiting := `/^[Ww]aiting for the hour to close at [0-2][0-9]:00\.$/.test(document.querySelector("SELECTOR").textContent)`
	for _, place := range []string{"#waiting", "#decisions tr .why"} {
		tab.Wait("it says so in "+place, strings.Replace(waiting, "SELECTOR", place, 1))
	}
	first := webtest.Value[string](tab, `document.getElementById("waiting").textContent`)
	tab.Wait("the next hour comes", `document.getElementById("waiting").textContent !== "`+first+`"`)
	tab.Wait("the log has one such row", `[...document.querySelectorAll("#decisions tr[data-key]")].map((r) => r.dataset.key).join() === "now,1"`)
	trader.tell("decision", at.UnixMilli(), map[string]any{"number": 2, "time": at.UnixMilli(), "kind": "none", "text": "no cross"})
	tab.Wait("a decision takes its place", `[...document.querySelectorAll("#decisions tr[data-key]")].map((r) => r.dataset.key).join() === "2,1"`)
	cancel()
	<-done
	tab.Check()
}

// TestFormIsCheckedWhileItIsFilledIn types into the form of a new bot and
// watches the server's answers find their fields.
func TestFormIsCheckedWhileItIsFilledIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Size(360, 740)
	tab.Run(chromedp.Navigate(server.URL + "/bots/new"))
	// Choosing the old text makes the keys replace it.
	key := func(field, text string) {
		webtest.Value[bool](tab, `(document.getElementById("`+field+`").select(), true)`)
		tab.Run(chromedp.SendKeys(chromedp.CSS("#"+field), text))
	}
	key("p-fast", "40")
	tab.Wait("the fault is told", `document.getElementById("fault-p-fast").textContent.includes("Must be below Slow average (30)")`)
	tab.Wait("the field is marked", `document.getElementById("p-fast").ariaInvalid === "true"`)
	tab.Wait("the summary counts it", `document.getElementById("summary").textContent.includes("1 field needs your attention")`)
	key("p-slow", "90")
	tab.Wait("the fault is gone", `document.getElementById("fault-p-fast").textContent === ""`)
	tab.Run(chromedp.Click(chromedp.CSS(`.summary button[type="submit"]`)))
	tab.Wait("the bot is made", `document.querySelector("#bot")`)
	tab.Check()
}

// TestScreenshots opens every page on a dark phone: it fits, is drawn, and the
// browser does not complain. With LUNOBOT_SCREENSHOTS it does so in all looks and
// sizes and writes the pictures to the folder that this names, for people to look
// at; LUNOBOT_SCREENSHOTS_ONLY names some pages, with commas.
func TestScreenshots(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("LUNOBOT_SCREENSHOTS")
	themes, widths := []string{"light.default", "dark.default", "dark.contrast"}, map[int64]int64{360: 740, 768: 1024, 1280: 800, 1920: 1080}
	if folder == "" {
		folder, themes, widths = t.TempDir(), []string{"dark.default"}, map[int64]int64{360: 740}
	}
	w := newWorld(t)
	cfg := w.listening()
	cfg.Machine = w.shownMachine
	server := serve(t, cfg)
	root := w.operator(t, server)
	w.shownCatalog(t)
	w.offerNewer(t)
	empty := w.member(t, server, "empty@example.com")
	guarded := bot.Guard{Failure: "it answered with a number that is none", Anew: true}
	guarded.Reason = guarded.Failure + "; it holds 0.05 XBT, and its stop-loss and take-profit still stand guard, until that is sold or you start or stop the bot"
	halted := w.member(t, server, "halted@example.com")
	barred := halted.newBot("Held back")
	halted.post("/halt", url.Values{"flatten": {"true"}, "reason": {"The market has gone mad, and nobody knows why yet"}})
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("premium")
	first := ada.newBot("Night owl")
	live, cancel := context.WithCancel(t.Context())
	var traders sync.WaitGroup
	defer traders.Wait()
	defer cancel()
	var fell string
	for i, name := range []string{"Ether drifter with quite a long name that somebody typed without any thought", "<b>bold</b> & \"quoted\""} {
		id := ada.newBot(name)
		tr := w.trader(t, ada.who, id, "XBTMYR")
		tr.replay(t, 300+i*200)
		ada.post("/bots/"+id+"/start", nil)
		if i > 0 {
			w.observe(t, ada, id, bot.Running, "")
			continue
		}
		fell = id
		if err := w.bots.Guarded(t.Context(), ada.who.TenantID, id, 1, guarded); err != nil {
			t.Fatal(err)
		}
	}
	ada.newBot("Not begun")
	ada.post("/bots/"+first+"/start", nil)
	w.observe(t, ada, first, "running", "")
	tr := w.trader(t, ada.who, first, "XBTMYR")
	tr.replay(t, 600)
	traders.Go(func() { tr.run(live) })
	stopped := ada.newBot("Resting")
	bea := w.member(t, server, "bea@example.com")
	broken := bea.newBot("Held back")
	bea.post("/bots/"+broken+"/start", nil)
	w.observe(t, bea, broken, "running", "")
	bea.post("/bots/"+broken+"/close-only", url.Values{"on": {"true"}})
	held := w.trader(t, bea.who, broken, "XBTMYR")
	held.replay(t, 200)
	held.breaks(t)
	patient := botForm("Patient one")
	patient.Set("interval", "1h")
	hourly := ada.newBotOf(patient)
	ada.post("/bots/"+hourly+"/start", nil)
	w.observe(t, ada, hourly, "running", "")
	w.journal.commit(journal.Entry{TenantID: ada.who.TenantID, BotID: hourly, Decisions: []journal.Decision{
		{BotID: hourly, Number: 1, Kind: "started", Text: "started basic on XBTMYR 1h with 10000 MYR", Time: w.market.Now().Truncate(time.Minute)},
	}})
	waiting := w.trader(t, ada.who, hourly, "XBTMYR")
	traders.Go(func() { waiting.ticks(live) })

	deaf, ear := w.newListener(ada, "No webhook yet"), w.newListener(ada, "Ear")
	ada.post("/bots/"+ear+"/start", nil)
	w.observe(t, ada, ear, "running", "")
	ada.swap("/bots/"+ear+"/webhook", url.Values{}).want(t, "a webhook", http.StatusOK)
	w.signals(t, ada, ear)

	mix := ada.newBotOf(mixForm("Both at once", "ETHMYR"))
	w.mixed(t, ada, mix, 1, "0.341568")
	w.connect(t, ada, "Luno main", account.Connected, "")
	w.connect(t, ada, "Old key", account.Refused, "the key has the right R_Withdrawals (see withdrawals, which goes with the right to make them), and a key that trades must not be able to move money: make one without it")
	gone := w.connect(t, ada, "Second", account.Checking, "")
	lia := w.member(t, server, "lia@example.com")
	w.reach(t, lia)
	lia.upgrade("premium")
	trading, careful, forgotten := w.tradesLive(t, lia), lia.newBot("Careful"), w.forgotten(t, lia)
	w.replayed(t, lia, trading, replay.Report{
		From: w.now().Add(-6 * time.Hour), To: w.now(), Candles: 360, Acts: 41, Slippage: slipped(w.now().Add(-time.Hour).Truncate(time.Minute)),
		Events: []replay.Event{{Time: w.now().Add(-2 * time.Hour), Kind: replay.Restarted, Text: "Its worker was started again once, and it went on from its checkpoint."}},
	})
	tests := w.shownBacktests(t, ada)

	tab := webtest.Open(t)
	type shot struct {
		name, path string
		who        *browser
		full       bool
	}
	shots := []shot{
		{"signup", "/signup", nil, false}, {"signin", "/signin", nil, false}, {"setup", "/setup/abc", nil, false},
		{"welcome", "/welcome", empty, true}, {"overview-empty", "/", empty, true}, {"bots-empty", "/bots", empty, true},
		{"overview", "/", ada, true}, {"bots", "/bots", ada, true}, {"new", "/bots/new", ada, true},
		{"bot", "/bots/" + first, ada, true}, {"bot-breaker", "/bots/" + broken, bea, true}, {"bot-hourly", "/bots/" + hourly, ada, true}, {"bot-guarded", "/bots/" + fell, ada, true}, {"bot-stopped", "/bots/" + stopped, ada, true}, {"edit", "/bots/" + stopped + "/edit", ada, true},
		{"bot-pairs", "/bots/" + mix, ada, true}, {"bot-pairs-fills", "/bots/" + mix, ada, true}, {"edit-pairs", "/bots/" + mix + "/edit", ada, true},
		{"backtests-free", "/backtests", empty, true}, {"backtests", "/backtests", ada, true}, {"backtest-new", "/backtests/new?bot=" + first, ada, true},
		{"backtest", "/backtests/" + tests.done[0], ada, true}, {"backtest-running", "/backtests/" + tests.running, ada, true},
		{"backtest-queued", "/backtests/" + tests.queued, ada, true}, {"backtest-failed", "/backtests/" + tests.failed, ada, true},
		{"backtest-pairs", "/backtests/" + tests.pairs, ada, true}, {"backtest-pairs-new", "/backtests/new?like=" + tests.pairs + "#parameters", ada, true},
		{"compare", "/backtests/compare?id=" + strings.Join(tests.done, "&id="), ada, true}, {"compare-two", "/backtests/compare?id=" + strings.Join(tests.done[:2], "&id="), ada, true},
		{"sweep", "/backtests/" + tests.sweep, ada, true}, {"sweep-new", "/backtests/new?like=" + tests.sweep + "#step-kind", ada, true},
		{"walk", "/backtests/" + tests.walk, ada, true}, {"backtest-stored", "/backtests/new?pair=store/BTCUSD/1h&interval=1h#step3", ada, true},
		{"bot-live", "/bots/" + trading, lia, true}, {"bot-live-orders", "/bots/" + trading, lia, true}, {"bot-live-replay", "/bots/" + trading, lia, true}, {"live", "/bots/" + careful + "/live?balance=1000", lia, true},
		{"live-refused", "/bots/" + careful + "/live?balance=90000", lia, true}, {"live-paper", "/bots/" + trading + "/paper", lia, true}, {"edit-live", "/bots/" + trading + "/edit", lia, true}, {"write-off", "/bots/" + forgotten + "/write-off", lia, true}, {"write-off-refused", "/bots/" + trading + "/write-off", lia, true},
		{"strategies", "/strategies", ada, true}, {"subscription", "/subscription", ada, true},
		{"change", "/subscription/change?plan=enterprise", ada, true}, {"settings", "/settings", ada, true},
		{"halt", "/halt", ada, true}, {"halt-on", "/halt", halted, true}, {"bot-halted", "/bots/" + barred, halted, true}, {"overview-halted", "/", halted, true}, {"halt-platform", "/admin/halt", root, true}, {"accounts", "/accounts", ada, true}, {"accounts-empty", "/accounts", empty, true}, {"limits", "/accounts/limits", lia, true}, {"overview-limits", "/", lia, true}, {"accounts-new", "/accounts/new", ada, true}, {"accounts-key", "/accounts/" + gone + "/key", ada, true}, {"accounts-remove", "/accounts/" + gone + "/disconnect", ada, true},
		{"upgrade", "/bots/" + stopped + "/upgrade", ada, true}, {"upgrade-running", "/bots/" + first + "/upgrade?version=0.9.0", ada, true},
		{"catalog", catalogPath, root, true}, {"catalog-revoke", catalogPath + "/demo/1.1.0/revoke", root, true}, {"catalog-pinned", catalogPath + "/demo/1.0.0/remove", root, true},
		{"webhook-none", "/bots/" + deaf, ada, true}, {"webhook", "/bots/" + ear, ada, true}, {"webhook-new", "/bots/" + ear, ada, true}, {"webhook-revoke", "/bots/" + ear, ada, true},
	}
	// What is clicked on before the picture, and what that shows.
	clicks := map[string]struct{ on, until string }{
		"bot-pairs-fills": {"#tab-fills", "#panel-fills"},
		"bot-live-orders": {"#tab-orders", "#panel-orders"},
		"bot-live-replay": {"#tab-replay", "#panel-replay"},
		"webhook-new":     {`#webhook form[action$="/rotate"] button`, "#hook-token"},
		"webhook-revoke":  {`[data-open="revoke-dialog"]`, "#revoke-dialog"},
	}
	only := os.Getenv("LUNOBOT_SCREENSHOTS_ONLY")
	for _, theme := range themes {
		for width, height := range widths {
			if theme == "dark.contrast" && width != 1280 || theme == "dark.default" && (width == 768 || width == 1920) {
				continue
			}
			for _, s := range shots {
				if only != "" && !strings.Contains(","+only+",", ","+s.name+",") {
					continue
				}
				tab.ClearCookies()
				tab.Cookie("lunobot_look", theme+".auto", server.URL)
				if s.who != nil {
					s.who.signIn(tab)
				}
				tab.Size(width, height)
				tab.Run(chromedp.Navigate(server.URL + s.path))
				tab.Wait(s.name+" is drawn", `document.readyState === "complete" && [...document.querySelectorAll("#chart")].every((c) => c.dataset.candles > 0)`)
				if s.full {
					tab.Size(width, 1500)
				}
				if strings.HasPrefix(s.name, "webhook") {
					tab.Run(chromedp.Click(chromedp.CSS("#tab-signals")), chromedp.WaitVisible(chromedp.CSS("#webhook")))
					webtest.Value[bool](tab, `(scrollTo(0, document.getElementById("tabs").offsetTop - 80), true)`)
				}
				if c, ok := clicks[s.name]; ok {
					tab.Run(chromedp.Click(chromedp.CSS(c.on)), chromedp.WaitVisible(chromedp.CSS(c.until)))
				}
				if s.name == "bot-live-replay" {
					webtest.Value[bool](tab, `(scrollTo(0, document.getElementById("tabs").offsetTop - 80), true)`)
				}
				tab.Draw()
				picture := tab.Picture(false)
				if of, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil || int64(of.Width) != width {
					t.Errorf("the picture of %s has %d px, not %d: %v", s.name, of.Width, width, err)
				}
				if webtest.Value[bool](tab, `document.documentElement.scrollWidth > innerWidth + 1`) {
					t.Errorf("%s is wider than a window of %d px", s.name, width)
				}
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", s.name, width, theme)), picture, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	tab.Check()
}

// shown are backtests in every state, for pictures.
type shown struct {
	done                    []string
	running, queued, failed string
	sweep, walk, pairs      string
}

func (w *world) shownBacktests(t *testing.T, ada *browser) shown {
	t.Helper()
	var s shown
	several := testForm("Two at once")
	several.Set("strategy", mixer)
	several["also"], several["also_most"], several["also_holding"] = []string{"ETHMYR"}, []string{"2.5"}, []string{"1.25"}
	several["tier_volume"], several["tier_maker"], several["tier_taker"] = []string{"100000"}, []string{"0.1"}, []string{"0.15"}
	s.pairs = ada.newTest(several)
	w.finish(t, ada, s.pairs, 180)
	for i, name := range []string{"Cross, calm", "Cross with quite a long name that somebody typed without any thought, on a phone", "<b>bold</b> & quick"} {
		form := testForm(name)
		form.Set("p-fast", fmt.Sprint(5+i*3))
		form.Set("span", []string{"365", "90", "30"}[i])
		s.done = append(s.done, ada.newTest(form))
		w.finish(t, ada, s.done[i], []int{3001, 700, 90}[i])
	}
	sweep := sweepForm("All that there are")
	for key, value := range map[string]string{"from-fast": "5", "to-fast": "50", "step-fast": "5", "from-slow": "60", "to-slow": "200", "step-slow": "20"} {
		sweep.Set(key, value)
	}
	s.sweep = ada.newTest(sweep)
	w.finishSweep(t, ada, s.sweep)
	walk := sweepForm("Window by window")
	for key, value := range map[string]string{"kind": "walkforward", "span": "90", "inside": "21", "outside": "7", "from-fast": "5", "to-fast": "50", "step-fast": "15", "from-slow": "60, 120"} {
		walk.Set(key, value)
	}
	s.walk = ada.newTest(walk)
	w.finishWalk(t, ada, s.walk)
	s.failed = ada.newTest(testForm("Broken"))
	w.fail(t, ada, s.failed, "The strategy basic failed: its process ended by itself during the run.")
	cancelled := ada.newTest(testForm("Given up"))
	ada.post("/backtests/"+cancelled+"/cancel", nil)
	s.running = ada.newTest(testForm("At work"))
	l, r := w.worker(t, ada, s.running)
	if err := w.research.Progress(t.Context(), l, r.Total*37/100); err != nil {
		t.Fatal(err)
	}
	s.queued = ada.newTest(testForm("In the queue"))
	return s
}
