package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/web/webtest"
)

// pinned makes a bot of version 0.9.0 with a parameter.
func (b *browser) pinned(w *world) string {
	b.t.Helper()
	_, made, err := w.bots.Create(b.t.Context(), b.who, bot.CreateInput{
		Name: "Old hand", Pair: "XBTMYR", Strategy: "basic", StrategyVersion: "0.9.0", Mode: bot.Paper, Parameters: []byte(`{"fast":7}`),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return made.ID
}

// version is that which a run was made with.
func (w *world) version(b *browser, id string) string {
	b.t.Helper()
	r, err := w.research.Run(b.t.Context(), b.who, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return r.StrategyVersion
}

// What a bot of an older version runs with is tested in that version, whatever is the
// newest; another one can be chosen, and what ran says with which.
func TestBacktestInTheVersionOfTheBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.offerNewer(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("premium")
	id := ada.pinned(w)
	const chosen, fast = `<option value="0.9.0" selected>0.9.0</option>`, `name="p-fast" type="text" inputmode="numeric" class="figure" value="7"`
	ada.get("/backtests/new?bot="+id).want(t, "the form", http.StatusOK, chosen, `<option value="1.1.0">`, fast, "!p-slow", "!p-patience")

	form := url.Values{"name": {"Of a bot"}, "pair": {"XBTMYR"}, "strategy": {"basic"}, "pin": {"0.9.0"}, "interval": {"1h"}, "span": {"7"}, "balance": {"10000"}, "p-fast": {"7"}}
	run := ada.newTest(form)
	if got := w.version(ada, run); got != "0.9.0" {
		t.Errorf("it is run with %q", got)
	}
	ada.get("/backtests/"+run).want(t, "the run", http.StatusOK, "Moving-average cross 0.9.0")
	ada.get("/backtests/new?like="+run).want(t, "once more", http.StatusOK, chosen, fast, "!p-slow")
	w.finish(t, ada, run, 3)
	ada.get("/backtests/"+run).want(t, "done", http.StatusOK, "Moving-average cross 1.0.0") // what the test's worker ran
	ada.get("/bots/new?backtest="+run).want(t, "a bot of it", http.StatusOK, chosen, fast, "!p-slow")

	// Another version: what it has too is taken along.
	ada.get("/backtests/new/strategy?strategy=basic&pair=XBTMYR&pin=1.1.0&p-fast=12").want(t, "another version", http.StatusOK,
		`<option value="1.1.0" selected>`, `value="12"`, `value="50"`, "p-patience", "!<html")
	ada.get("/bots/new/strategy?strategy=basic&pin=1.1.0&p-fast=12").want(t, "another version for a bot", http.StatusOK,
		`<option value="1.1.0" selected>`, `value="12"`, "p-patience")
	ada.get("/backtests/new/strategy?strategy=basic&pin=7.0.0").want(t, "one that is not there", http.StatusNotFound)
	form.Set("pin", "1.1.0")
	form.Set("p-slow", "60")
	form.Set("p-kind", "ema")
	form.Set("p-patience", "2")
	if got := w.version(ada, ada.newTest(form)); got != "1.1.0" {
		t.Errorf("it is run with %q", got)
	}
	form.Set("pin", "1.0.0") // which the program contains
	form.Set("p-trail", "true")
	if got := w.version(ada, ada.newTest(form)); got != "" {
		t.Errorf("it is run with %q", got)
	}
	bot := botForm("Pinned by hand")
	bot.Set("pin", "0.9.0")
	if c := w.configOf(t, ada, ada.newBotOf(bot)); c.StrategyVersion != "0.9.0" {
		t.Errorf("a new bot has %q", c.StrategyVersion)
	}

	// The version is revoked.
	w.offer(t, nil)
	ada.get("/backtests/new?bot="+id).want(t, "without its version", http.StatusOK,
		"The bot has a version 0.9.0 of the strategy that cannot be used any more. This is filled in for version 1.0.0", `<input type="hidden" name="pin" value="1.0.0">`, fast, "p-slow")
	form.Set("pin", "0.9.0")
	ada.post("/backtests/new", form).want(t, "a version that is gone", http.StatusUnprocessableEntity, "s not one that can be used: basic 0.9.0 cannot be used", `value="basic" checked`)
	ada.do(http.MethodPost, "/backtests/new/check", form, map[string]string{"HX-Request": "true"}).want(t, "the check", http.StatusOK, `id="fault-strategy_version"`, "basic 0.9.0 cannot be used")
}

// inForms does something in each form in which a strategy and its version are chosen.
func inForms(t *testing.T, then func(tab *webtest.Tab)) {
	t.Helper()
	w := newWorld(t)
	w.offerNewer(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("premium")
	id := ada.pinned(w)
	tab := webtest.Open(t)
	ada.signIn(tab)
	for _, path := range []string{"/backtests/new?bot=" + id, "/bots/new"} {
		tab.Run(chromedp.Navigate(server.URL + path))
		tab.Wait("the form", `document.querySelector("#pin") !== null && typeof htmx !== "undefined"`)
		then(tab)
	}
	tab.Check()
}

// The choice of a version changes the parameters in place and keeps what was typed.
func TestVersionIsChosenInTheForm(t *testing.T) {
	t.Parallel()
	inForms(t, func(tab *webtest.Tab) {
		webtest.Value[bool](tab, `(() => {
			document.querySelector("#p-fast").value = "12";
			const choice = document.querySelector("#pin");
			choice.value = "1.1.0";
			return choice.dispatchEvent(new Event("change", { bubbles: true }));
		})()`)
		tab.Wait("the other parameters", `document.querySelector("#p-patience") !== null && document.querySelector("#pin").value === "1.1.0" && document.querySelector("#p-fast").value === "12"`)
		tab.Wait("the summary", `[...document.querySelectorAll("#summary dd")].some((d) => d.textContent.includes("1.1.0")) && document.querySelector("#summary").textContent.includes("Patience")`)
	})
}

// Another strategy is offered in its own newest version with its own defaults, whatever
// stood in the form of the one before.
func TestStrategyIsChosenInTheForm(t *testing.T) {
	t.Parallel()
	inForms(t, func(tab *webtest.Tab) {
		webtest.Value[bool](tab, `(() => {
			document.querySelector("#pin").value = "0.9.0";
			document.querySelector("#p-fast").value = "77";
			document.querySelector('[name="strategy"][value="`+mixer+`"]').click();
			return true;
		})()`)
		tab.Wait("its parameters", `document.querySelector('[name="also"]') !== null && document.querySelector('[name="pin"]').value === "1.0.0" && document.querySelector("#p-fast").value === "10"`)
		tab.Wait("the summary", `[...document.querySelectorAll("#summary dd")].some((d) => d.textContent.startsWith("Mix"))`)
	})
}
