package saas_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/saastest"
	"github.com/lunobot/lunobot/saas/web/webtest"
)

// TestJourney goes the way of a new tenant through the real pages of a real
// server: sign-up, plan, bot, a fill on the chart, stop. With LUNOBOT_SCREENSHOTS it
// leaves pictures of every page in that folder.
func TestJourney(t *testing.T) {
	t.Parallel()
	tab := webtest.Open(t)
	s := saastest.New(t, saastest.Config{Binary: buildServer(t), Env: []string{"LUNOBOT_DATA_DIR=" + t.TempDir(), "LUNOBOT_DEMO_SPEED=600"}}).Client()
	s.Start()
	css := func(selector string) chromedp.CSS { return chromedp.CSS(selector) }
	fill := func(name, text string) chromedp.Action[chromedp.Void] {
		return chromedp.Steps(chromedp.WaitVisible(css(`[name="`+name+`"]`)), chromedp.SetValue(css(`[name="`+name+`"]`), text))
	}
	submit := func(form string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(css(form + ` button[type="submit"]`))
	}
	folder := os.Getenv("LUNOBOT_SCREENSHOTS")
	shoot(t, tab, folder, s.Base(), map[string]string{"signup": "/signup", "signin": "/signin"})
	began := time.Now()

	tab.Run(chromedp.Navigate(s.Base()+"/"), chromedp.WaitVisible(css(`a[href="/signup"]`)), chromedp.Click(css(`a[href="/signup"]`)))
	tab.Wait("the form of an account is there", `document.querySelector('form[action="/signup"]')`)
	tab.Run(fill("first_name", "Aisyah"), fill("last_name", "Rahman"), fill("email", "aisyah@example.com"), fill("password", "a long enough phrase"),
		submit(`form[action="/signup"]`))
	tab.Wait("the plans are there", `document.querySelector('form[action="/welcome"]')`)
	tab.Run(submit(`form[action="/welcome"]`))
	tab.Wait("the overview asks for a first bot", `document.querySelector('main a[href="/bots/new"]')`)
	tab.Run(chromedp.Click(css(`main a[href="/bots/new"]`)))
	tab.Wait("the form of a new bot is there", `document.querySelector('form[action="/bots/new"]')`)
	tab.Run(fill("name", "Quick cross"), fill("p-fast", "3"), fill("p-slow", "8"), submit(`form[action="/bots/new"]`))
	tab.Wait("the bot's page is there", `document.querySelector('form[action$="/start"] button')`)
	tab.Leave(func() { tab.Run(chromedp.Click(css(`form[action$="/start"] button`))) })
	tab.Wait("the bot runs", `document.querySelector("#bot")?.dataset.status === "running"`)
	t.Logf("from the front page to a running bot: %s", time.Since(began).Round(time.Millisecond))
	tab.Wait("two fills are on the chart", `Number(document.querySelector("#chart").dataset.fills) >= 2`)
	tab.Wait("and in the table", `document.querySelectorAll("#fills tr").length >= 2`)
	tab.Wait("what it waits for stands on top of the log", `document.querySelector("#decisions tr")?.dataset.key === "now"`)
	bot := webtest.Value[string](tab, `location.pathname`)
	tab.Check()

	shoot(t, tab, folder, s.Base(), map[string]string{
		"overview": "/", "bots": "/bots", "bot": bot, "strategies": "/strategies", "subscription": "/subscription", "settings": "/settings", "api-docs": "/docs",
	})
	tab.Check()
	shoot(t, tab, folder, s.Base(), map[string]string{"bot-limit": "/bots/new", "not-found": "/nowhere"})
	tab.Check("403", "404") // what these two pages are

	tab.Run(chromedp.Navigate(s.Base()+bot), chromedp.WaitVisible(css(`#stop`)))
	tab.Leave(func() {
		tab.Run(chromedp.Click(css(`#stop`)))
		tab.Wait("the page asks, or the next one is there", `document.querySelector("#stop-dialog[open]") || `+webtest.Elsewhere)
		webtest.Value[bool](tab, `!document.querySelector("#stop-dialog[open] #stop-anyway")?.click()`)
	})
	tab.Wait("the bot has stopped", `document.querySelector("#bot").dataset.status === "stopped"`)
	tab.Leave(func() {
		tab.Run(chromedp.Click(css(`button[data-open="delete-dialog"]`)), fill("name", "Quick cross"), submit(`form[action$="/delete"]`))
	})
	tab.Wait("the bot is gone", `location.pathname === "/bots"`)
	shoot(t, tab, folder, s.Base(), map[string]string{"bot-new": "/bots/new", "bots-empty": "/bots", "overview-empty": "/"})
	tab.Check()
}

// shoot looks at each page on a desktop and a phone, fails if it is wider than its window,
// and takes a picture of it in light and dark if there is a folder.
func shoot(t *testing.T, tab *webtest.Tab, folder, base string, pages map[string]string) {
	t.Helper()
	for device, size := range map[string][2]int64{"desktop": {1280, 800}, "phone": {390, 844}} {
		tab.Size(size[0], size[1])
		for name, page := range pages {
			tab.Run(chromedp.Navigate(base+page), chromedp.Sleep(400*time.Millisecond)) // charts draw after the load
			if over := webtest.Value[int](tab, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
				t.Errorf("%s is %d px wider than the window of a %s", page, over, device)
			}
			if folder == "" {
				continue
			}
			for _, theme := range []string{"light", "dark"} {
				tab.Theme(theme)
				file := filepath.Join(folder, strings.Join([]string{name, device, theme}, "-")+".png")
				if err := os.WriteFile(file, tab.Picture(true), 0o600); err != nil {
					t.Fatal(fmt.Errorf("keeping the picture of %s: %w", page, err))
				}
			}
		}
	}
	tab.Size(1280, 800)
}
