package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lunobot/lunobot/saas/web/webtest"
)

// In the form, a row of a further pair stands there before one is chosen, and asks what
// is held of it and for its bound once it is.
func TestFurtherPairsAppearAsTheyAreChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := serve(t, w.config())
	ada := w.member(t, server, "ada@example.com")
	ada.upgrade("premium")
	tab := webtest.Open(t)
	ada.signIn(tab)
	tab.Size(1280, 900)
	tab.Run(chromedp.Navigate(server.URL + "/backtests/new?strategy=" + mixer))
	seen := func(selector string) string { return `document.querySelector('` + selector + `').checkVisibility()` }
	tab.Wait("the pair is asked for, and nothing of it", seen("#also-0")+" && !"+seen("#also-0-most")+" && !"+seen("#also-0-holding"))
	webtest.Value[bool](tab, `(document.getElementById("also-0").value = "ETHMYR", document.getElementById("also-0").dispatchEvent(new Event("change", {bubbles: true})))`)
	tab.Wait("once it is chosen", seen("#also-0-most")+" && "+seen("#also-0-holding"))
	tab.Wait("the summary says what it costs", `document.getElementById("summary").textContent.includes("days of data, in 2 pairs")`)
	tab.Check()
}

// The form of a backtest asks for further pairs where the strategy trades several,
// names what is wrong at its select, and the report shows each pair.
func TestFurtherPairsOfABacktest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("premium")
	const also, ether = `name="also"`, `value="ETHMYR"`
	ada.get("/backtests/new/strategy?strategy=basic&pair=XBTMYR").want(t, "a strategy of one pair", http.StatusOK, "!"+also)
	ada.get("/backtests/new/strategy?strategy="+mixer+"&pair=XBTMYR").want(t, "one of several", http.StatusOK, also, ether, "the same history")
	form := testForm("Both")
	form.Set("strategy", mixer)
	for pair, want := range map[string]string{"NOPE": "Is not a pair that is traded here: XBTMYR, ETHMYR.", "XBTMYR": "Is the bot&#39;s own pair"} {
		form["also"] = []string{pair}
		ada.post("/backtests/new", form).want(t, pair, http.StatusUnprocessableEntity, want)
		ada.post("/backtests/new/check", form).want(t, "checking "+pair, http.StatusOK, want)
	}
	form["also"], form["also_most"], form["also_holding"] = []string{"ETHMYR"}, []string{"lots"}, []string{"-1"}
	ada.post("/backtests/new/check", form).want(t, "amounts that are none", http.StatusOK, `id="fault-also-0-most" hx-swap-oob="true">Must be a plain number`, `id="fault-also-0-holding" hx-swap-oob="true">Must be from 0 to 1,000,000,000.`)
	form["also_most"], form["also_holding"] = []string{"2.5"}, []string{"1.25"}
	ada.post("/backtests/new/check", form).want(t, "what is checked", http.StatusOK, "XBTMYR, ETHMYR", "!attention", "Holding in ETHMYR</dt><dd>1.25", "Largest in ETHMYR</dt><dd>2.5", "days of data, in 2 pairs")
	id := ada.newTest(form)
	if r, err := w.research.Run(t.Context(), ada.who, id); err != nil || len(r.Further) != 1 || r.Further[0].Pair != "ETHMYR" || r.Terms.Holdings["ETHMYR"].String() != "1.25" || r.Risk.MaxPositions["ETHMYR"].String() != "2.5" {
		t.Fatalf("it trades %+v too, with %+v and %+v, %v", r.Further, r.Terms, r.Risk, err)
	}
	ada.get("/backtests/"+id).want(t, "its page", http.StatusOK, "XBTMYR, ETHMYR")
	w.finish(t, ada, id, 180)
	page := ada.get("/backtests/" + id)
	page.want(t, "its report", http.StatusOK, "By asset", `data-chart="price-1"`, "ETHMYR and the trades", "Of the account")
	if n := strings.Count(page.body, `<td class="r-left">ETHMYR</td>`); n < 10 {
		t.Errorf("%d rows name the further pair", n)
	}
	ada.get("/backtests/new?like="+id).want(t, "once more", http.StatusOK, `<option value="ETHMYR" selected>`, `name="also_most" type="text" value="2.5"`, `name="also_holding" type="text" value="1.25"`)
	ada.get("/backtests").want(t, "the list", http.StatusOK, "XBTMYR, ETHMYR")
}
