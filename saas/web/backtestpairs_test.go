package web_test

import (
	"net/http"
	"strings"
	"testing"
)

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
	form["also"] = []string{"ETHMYR"}
	ada.post("/backtests/new/check", form).want(t, "what is checked", http.StatusOK, "XBTMYR, ETHMYR", "!attention")
	id := ada.newTest(form)
	if r, err := w.research.Run(t.Context(), ada.who, id); err != nil || len(r.Further) != 1 || r.Further[0].Pair != "ETHMYR" {
		t.Fatalf("it trades %+v too, %v", r.Further, err)
	}
	ada.get("/backtests/"+id).want(t, "its page", http.StatusOK, "XBTMYR, ETHMYR")
	w.finish(t, ada, id, 180)
	page := ada.get("/backtests/" + id)
	page.want(t, "its report", http.StatusOK, "By asset", `data-chart="price-1"`, "ETHMYR and the trades", "Of the account")
	if n := strings.Count(page.body, `<td class="r-left">ETHMYR</td>`); n < 10 {
		t.Errorf("%d rows name the further pair", n)
	}
	ada.get("/backtests/new?like="+id).want(t, "once more", http.StatusOK, `<option value="ETHMYR" selected>`)
	ada.get("/backtests").want(t, "the list", http.StatusOK, "XBTMYR, ETHMYR")
}
