package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/lunobot/lunobot/strategy/param"
)

// The forms say beforehand that own indicators are not in the plan, at the control that
// takes them, and refuse what was filled in all the same with the way out; nothing is lost
// of it.
func TestFormsSayThatOwnIndicatorsAreNotInThePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, err := param.Of(struct {
		Define string `param:"define" needs:"custom_indicators" label:"Your own indicators" help:"Names for expressions."`
	}{})
	if err != nil {
		t.Fatal(err)
	}
	*w.schema = *own
	w.offer(t, map[string]any{"1.1.0": struct {
		Define string `param:"define" needs:"custom_indicators" label:"Your own indicators"`
	}{}})
	ada := w.member(t, serve(t, w.config()), "ada@example.com")
	ada.upgrade("basic")
	const said, all = `Your Basic plan does not include custom indicators. Premium does. <a href="/subscription">See the plans</a>`, `value="a = close"`
	form := func(test bool, define string) url.Values {
		f := botForm("Night owl")
		if test {
			f = testForm("Night owl")
		}
		for key := range f {
			if len(key) > 2 && key[:2] == "p-" {
				f.Del(key)
			}
		}
		f.Set("p-define", define)
		return f
	}
	for _, path := range []string{"/bots/new", "/backtests/new", "/bots/new/strategy?strategy=basic", "/backtests/new/strategy?strategy=basic", "/strategies/basic"} {
		ada.get(path).want(t, path, http.StatusOK, said)
	}
	ada.post("/bots/new", form(false, "a = close")).want(t, "a bot", http.StatusForbidden, said, all, `role="alert"`)
	ada.post("/backtests/new", form(true, "a = close")).want(t, "a backtest", http.StatusForbidden, said, all, `role="alert"`)
	id := ada.newBotOf(form(false, ""))
	edit := form(false, "a = close")
	edit.Del("pair")
	edit.Set("version", "1")
	ada.get("/bots/"+id+"/edit").want(t, "its form", http.StatusOK, said)
	ada.post("/bots/"+id+"/edit", edit).want(t, "a change", http.StatusForbidden, said, all, `role="alert"`)
	ada.get("/bots/"+id+"/upgrade").want(t, "the form of a version", http.StatusOK, said)
	ada.post("/bots/"+id+"/upgrade", url.Values{"version": {"1.1.0"}, "p-define": {"a = close"}}).want(t, "another version", http.StatusForbidden, said, all, `role="alert"`)

	ada.upgrade("premium")
	for _, path := range []string{"/bots/new", "/backtests/new", "/bots/" + id + "/edit", "/bots/" + id + "/upgrade", "/strategies/basic"} {
		ada.get(path).want(t, path+" of a plan with them", http.StatusOK, "!does not include custom indicators", "Your own indicators")
	}
	ada.post("/bots/"+id+"/edit", edit).want(t, "a change that the plan includes", http.StatusSeeOther)
}
