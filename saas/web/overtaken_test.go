package web_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/web/webtest"
)

// TestFormThatIsChangedWhileItIsChecked: the check of what was typed before is cut off for
// that of what is typed now, and any for the form itself; nobody is told of an error.
func TestFormThatIsChangedWhileItIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inner := serve(t, w.config()).Config.Handler
	came := make(chan struct{}, 8)
	var checks atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/check") {
			body, err := io.ReadAll(r.Body) // or nobody would notice that it is cut off
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			came <- struct{}{}
			if checks.Add(1) != 2 {
				<-r.Context().Done()
				return
			}
		}
		inner.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	ada := w.member(t, server, "ada@example.com")
	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Run(chromedp.Navigate(server.URL + "/bots/new"))
	set := func(name, text string) {
		tab.Run(chromedp.SetValue(chromedp.CSS(`[name="`+name+`"]`), text))
		<-came
	}
	set("name", "Quick cross")
	set("p-fast", "3")
	tab.Wait("what was typed last is summed up", `document.querySelector("#summary").innerText.includes("Quick cross")`)
	tab.Check()
	set("name", "Quicker cross")
	tab.Leave(func() { tab.Run(chromedp.Click(chromedp.CSS(`form[action="/bots/new"] button[type="submit"]`))) })
	tab.Wait("the bot is there", `document.querySelector("h1").innerText === "Quicker cross"`)
	tab.Check()
}
