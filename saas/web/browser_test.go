package web_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db/dbtest"
)

// complaints are what a browser has to say against a page.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

func (c *complaints) check(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(c.list, "\n"))
	}
	c.list = nil
}

// tab is a page in a real browser.
type tab struct {
	t   testing.TB
	ctx context.Context
	complaints
}

// chromium opens a browser; every error on the console, violation of the
// content security policy and uncaught exception is a complaint.
func chromium(t testing.TB) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		dbtest.Missing(t, "chromium", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	b := &tab{t: t}
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(b.hear))
	t.Cleanup(cancel)
	b.ctx = ctx
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	return b
}

// hear notes what the browser complains of.
func (b *tab) hear(e any) {
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		b.add("exception: %+v", e.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, a := range e.Args {
				b.add("console: %s %s", a.Value, a.Description)
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.add("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	}
}

func call[P, R any](b *tab, c cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, c, params) }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// says evaluates a condition.
func (b *tab) says(condition string) bool {
	b.t.Helper()
	yes, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](condition))
	if err != nil {
		b.t.Fatal(err)
	}
	return yes
}

// wait returns once a condition holds.
func (b *tab) wait(what, condition string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](condition, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(30*time.Second)))
	if err != nil {
		b.t.Fatalf("waiting until %s: %v", what, err)
	}
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 700})
}

func (b *tab) cookie(name, value, url string) {
	b.t.Helper()
	call(b, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: url})
}

// signIn gives the tab the session of somebody.
func (b *tab) signIn(who *browser) {
	b.t.Helper()
	at, err := url.Parse(who.url)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range who.client.Jar.Cookies(at) {
		b.cookie(c.Name, c.Value, who.url)
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

	tab := chromium(t)
	tab.signIn(ada)
	number := func(name string) string { return `Number(document.getElementById("chart").dataset.` + name + `)` }
	tab.size(1280, 900)
	tab.run(chromedp.Navigate(server.URL + "/bots/" + id))
	tab.wait("the candles are there", number("candles")+" > 300")
	tab.wait("the stored fills are marked", fmt.Sprintf("%s === %d", number("fills"), trader.fills))

	before := trader.fills
	live, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); trader.run(live) }()
	tab.wait("what the strategy draws is drawn", number("plots")+" === 2")
	tab.wait("a new fill is marked", fmt.Sprintf("%s > %d", number("fills"), before))
	tab.wait("the fill is in the list too", fmt.Sprintf(`document.querySelectorAll("#fills tr[data-key]").length > %d`, min(before, 50)))
	cancel()
	<-done

	tab.run(chromedp.Click(chromedp.CSS("#tab-fills")), chromedp.WaitVisible(chromedp.CSS("#panel-fills")), chromedp.Click(chromedp.CSS("#fills .goto")))
	tab.run(chromedp.Click(chromedp.CSS(`[data-interval="5m"]`)))
	tab.wait("the chart has other candles", `document.querySelector('[data-interval="5m"]').ariaPressed === "true"`)
	tab.run(chromedp.Click(chromedp.CSS("#tab-decisions")), chromedp.Click(chromedp.CSS("#hide-waits")))
	if !tab.says(`document.querySelector('a[href="https://www.tradingview.com/"]').checkVisibility()`) {
		t.Error("the chart library's attribution is not visible")
	}
	tab.check(t)
}

// TestScreenshots writes pictures of every page to the folder that
// LUNOBOT_SCREENSHOTS names, for people to look at.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("LUNOBOT_SCREENSHOTS")
	if folder == "" {
		t.Skip("skipped: LUNOBOT_SCREENSHOTS names no folder")
	}
	w := newWorld(t)
	server := serve(t, w.config())
	empty := w.member(t, server, "empty@example.com")
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("premium")
	first := ada.newBot("Night owl")
	var traders []*trader
	for i, name := range []string{"Ether drifter with quite a long name that somebody typed in one go without thinking of phones", "<b>bold</b> & \"quoted\""} {
		id := ada.newBot(name)
		tr := w.trader(t, ada.who, id, "XBTMYR")
		tr.replay(t, 300+i*200)
		ada.post("/bots/"+id+"/start", nil)
		w.observe(t, ada, id, []bot.Status{bot.Failed, bot.Running}[i], []string{"the strategy's process ended three times in a minute; start it again once the plugin is mended", ""}[i])
	}
	ada.newBot("Not begun")
	ada.post("/bots/"+first+"/start", nil)
	w.observe(t, ada, first, "running", "")
	tr := w.trader(t, ada.who, first, "XBTMYR")
	tr.replay(t, 600)
	traders = append(traders, tr)
	live, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, tr := range traders {
		go tr.run(live)
	}
	stopped := ada.newBot("Resting")

	tab := chromium(t)
	type shot struct {
		name, path string
		who        *browser
		full       bool
	}
	shots := []shot{
		{"signup", "/signup", nil, false}, {"signin", "/signin", nil, false}, {"setup", "/setup/abc", nil, false},
		{"welcome", "/welcome", empty, true}, {"overview-empty", "/", empty, true}, {"bots-empty", "/bots", empty, true},
		{"overview", "/", ada, true}, {"bots", "/bots", ada, true}, {"new", "/bots/new", ada, true},
		{"bot", "/bots/" + first, ada, true}, {"bot-stopped", "/bots/" + stopped, ada, true}, {"edit", "/bots/" + stopped + "/edit", ada, true},
		{"strategies", "/strategies", ada, true}, {"subscription", "/subscription", ada, true},
		{"change", "/subscription/change?plan=enterprise", ada, true}, {"settings", "/settings", ada, true}, {"404", "/nowhere", ada, true},
	}
	only := os.Getenv("LUNOBOT_SCREENSHOTS_ONLY")
	widths := map[int64]int64{360: 740, 768: 1024, 1280: 800, 1920: 1080}
	for _, theme := range []string{"light.default", "dark.default", "dark.contrast"} {
		for width, height := range widths {
			if theme == "dark.contrast" && width != 1280 || theme == "dark.default" && (width == 768 || width == 1920) {
				continue
			}
			for _, s := range shots {
				if only != "" && !strings.Contains(","+only+",", ","+s.name+",") {
					continue
				}
				call(tab, network.ClearBrowserCookies, cdp.Empty{})
				tab.cookie("lunobot_look", theme+".auto", server.URL)
				if s.who != nil {
					tab.signIn(s.who)
				}
				tab.size(width, height)
				tab.run(chromedp.Navigate(server.URL+s.path), chromedp.Sleep(900*time.Millisecond))
				take := chromedp.CaptureScreenshot()
				if s.full {
					take = chromedp.FullScreenshot(100)
				}
				picture, err := chromedp.Run(tab.ctx, take)
				if err != nil {
					t.Fatal(err)
				}
				if tab.says(`document.documentElement.scrollWidth > innerWidth + 1`) {
					t.Errorf("%s is wider than a window of %d px", s.name, width)
				}
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", s.name, width, theme)), picture, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	tab.check(t)
}
