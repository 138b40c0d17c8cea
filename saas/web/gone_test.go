package web_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/lunobot/lunobot/saas/web"
)

// TestStrategyThatWent: the report of a run outlives its strategy, and who wants to run it
// again is told that the form is another one's.
func TestStrategyThatWent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config()
	list, versions := cfg.Strategies(), cfg.Versions
	var gone, renamed atomic.Bool
	newer := list[0]
	newer.Version = "9.9.9"
	cfg.Strategies = func() []web.Strategy {
		if gone.Load() {
			return list[1:]
		}
		if renamed.Load() {
			return append([]web.Strategy{newer}, list[1:]...)
		}
		return list
	}
	cfg.Versions = func(name string) []web.Strategy {
		if gone.Load() && name == "basic" {
			return nil
		}
		if renamed.Load() && name == "basic" {
			return []web.Strategy{newer}
		}
		return versions(name)
	}
	ada := w.member(t, serve(t, cfg), "ada@example.com")
	ada.upgrade("premium")
	run := ada.newTest(testForm("Old"))
	w.finish(t, ada, run, 3)
	const said = "used the strategy basic, which is not offered here any more"
	version := list[0].Version
	ada.get("/backtests/new?like="+run).want(t, "once more", http.StatusOK, "!"+said)
	ada.get("/backtests/"+run).want(t, "its report", http.StatusOK, `href="/strategies/basic?version=`+version+`"`)
	renamed.Store(true)
	ada.get("/backtests/"+run).want(t, "its report, with another version in its place", http.StatusOK, `!href="/strategies/basic`)
	gone.Store(true)
	ada.get("/backtests/"+run).want(t, "its report", http.StatusOK, "Equity in MYR", `!href="/strategies/basic`)
	ada.get("/backtests/new?like="+run).want(t, "once more, without it", http.StatusOK, `<div class="banner limit" role="status">`, "That run "+said)
	ada.get("/bots/new?backtest="+run).want(t, "a bot of it", http.StatusOK, `<div class="banner limit" role="status">`, "The backtest "+said)
}
