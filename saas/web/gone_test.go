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
	var gone atomic.Bool
	cfg.Strategies = func() []web.Strategy {
		if gone.Load() {
			return list[1:]
		}
		return list
	}
	cfg.Versions = func(name string) []web.Strategy {
		if gone.Load() && name == "basic" {
			return nil
		}
		return versions(name)
	}
	ada := w.member(t, serve(t, cfg), "ada@example.com")
	ada.upgrade("premium")
	run := ada.newTest(testForm("Old"))
	w.finish(t, ada, run, 3)
	const said = "used the strategy basic, which is not offered here any more"
	ada.get("/backtests/new?like="+run).want(t, "once more", http.StatusOK, "!"+said)
	gone.Store(true)
	ada.get("/backtests/"+run).want(t, "its report", http.StatusOK, "Equity in MYR", `!href="/strategies/basic"`)
	ada.get("/backtests/new?like="+run).want(t, "once more, without it", http.StatusOK, "That run "+said)
	ada.get("/bots/new?backtest="+run).want(t, "a bot of it", http.StatusOK, "The backtest "+said)
}
