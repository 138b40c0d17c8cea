package saas_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/web/webtest"
)

// TestJourney goes the way of a new tenant through the real pages of a real
// server: sign-up, plan, bot, a fill on the chart, stop. It leaves screenshots
// of every page in a temporary folder that it prints.
func TestJourney(t *testing.T) {
	t.Parallel()
	tab := webtest.Open(t)
	s := &server{t: t, binary: buildServer(t), env: []string{"LUNOBOT_DATA_DIR=" + t.TempDir(), "LUNOBOT_DEMO_SPEED=600"}}
	s.start()
	css := func(selector string) chromedp.CSS { return chromedp.CSS(selector) }
	fill := func(name, text string) chromedp.Action[chromedp.Void] {
		return chromedp.Steps(chromedp.WaitVisible(css(`[name="`+name+`"]`)), chromedp.SetValue(css(`[name="`+name+`"]`), text))
	}
	submit := func(form string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(css(form + ` button[type="submit"]`))
	}
	began := time.Now()

	tab.Run(chromedp.Navigate(s.base+"/"), chromedp.WaitVisible(css(`a[href="/signup"]`)), chromedp.Click(css(`a[href="/signup"]`)),
		fill("first_name", "Aisyah"), fill("last_name", "Rahman"), fill("email", "aisyah@example.com"), fill("password", "a long enough phrase"),
		submit(`form[action="/signup"]`), chromedp.WaitVisible(css(`form[action="/welcome"]`)))
	tab.Run(submit(`form[action="/welcome"]`), chromedp.WaitVisible(css(`main a[href="/bots/new"]`)), chromedp.Click(css(`main a[href="/bots/new"]`)))
	tab.Run(fill("name", "Quick cross"), fill("p-fast", "3"), fill("p-slow", "8"), submit(`form[action="/bots/new"]`),
		chromedp.WaitVisible(css(`form[action$="/start"] button`)), chromedp.Click(css(`form[action$="/start"] button`)))
	tab.Wait("the bot runs", `document.querySelector("#bot")?.dataset.status === "running"`)
	t.Logf("from the front page to a running bot: %s", time.Since(began).Round(time.Millisecond))
	tab.Wait("two fills are on the chart", `Number(document.querySelector("#chart").dataset.fills) >= 2`)
	tab.Wait("and in the table", `document.querySelectorAll("#fills tr").length >= 2`)
	bot := webtest.Value[string](tab, `location.pathname`)
	tab.Check()

	folder := shoot(t, tab, s.base, map[string]string{
		"overview": "/", "bots": "/bots", "bot": bot, "bot-new": "/bots/new", "strategies": "/strategies",
		"subscription": "/subscription", "settings": "/settings", "api-docs": "/docs", "not-found": "/nowhere",
	})
	t.Log("screenshots are in", folder)
	tab.Check("404")

	tab.Run(chromedp.Navigate(s.base+bot), chromedp.WaitVisible(css(`#stop`)), chromedp.Click(css(`#stop`)))
	tab.Wait("the page asks or the bot stops", `document.querySelector("#stop-dialog[open]") || document.querySelector("#bot").dataset.active !== "true"`)
	webtest.Value[bool](tab, `!document.querySelector("#stop-dialog[open] #stop-anyway")?.click()`)
	tab.Wait("the bot has stopped", `document.querySelector("#bot")?.dataset.status === "stopped"`)
	tab.Check()
}

// shoot takes a picture of each page on a desktop and a phone, light and dark,
// and fails if a page is wider than its window.
func shoot(t *testing.T, tab *webtest.Tab, base string, pages map[string]string) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "lunobot-screens-") //nolint:usetesting // it stays for people to look at
	if err != nil {
		t.Fatal(err)
	}
	for device, size := range map[string][2]int64{"desktop": {1280, 800}, "phone": {390, 844}} {
		tab.Size(size[0], size[1])
		for _, theme := range []string{"light", "dark"} {
			tab.Theme(theme)
			for name, page := range pages {
				tab.Run(chromedp.Navigate(base+page), chromedp.Sleep(400*time.Millisecond)) // charts draw after the load
				if over := webtest.Value[int](tab, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
					t.Errorf("%s is %d px wider than the window of a %s", page, over, device)
				}
				file := filepath.Join(folder, strings.Join([]string{name, device, theme}, "-")+".png")
				if err := os.WriteFile(file, tab.Picture(true), 0o600); err != nil {
					t.Fatal(fmt.Errorf("keeping the picture of %s: %w", page, err))
				}
			}
		}
	}
	tab.Size(1280, 800)
	return folder
}
