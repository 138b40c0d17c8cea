package runner_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
)

// newer is why version 1.1.0, which bots are upgraded to, cannot be used here.
func newer(why catalog.Why) *catalog.UnusableError {
	return &catalog.UnusableError{Ref: catalog.Ref{Name: "counting", Version: "1.1.0"}, Why: why}
}

// proves PL5, PL7: a bot that is to be upgraded to a version whose file its worker lacks
// is left to one that has it, which makes the upgrade with the bot's state; the others
// stay where they are.
func TestUpgradeGoesToAWorkerThatHasTheFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ lack, hidden *catalog.UnusableError }{
		"gone":                          {newer(catalog.FileMissing), nil},
		"changed, seen at a start only": {nil, newer(catalog.FileChanged)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := upgradeWorld(t)
			first := &poor{world: w}
			first.set(c.lack, c.hidden)
			a := w.startAs("first", first)
			w.beyond("candles", 5, "a", "b")
			b := w.startAs("second", w)
			w.upgrade("a", "1.1.0", `{"who":"a"}`)
			w.await("the upgrade", func() bool {
				if fault := w.config("a").Upgrade.Fault; fault != "" {
					w.t.Errorf("it was refused: %s", fault)
					return true
				}
				return w.config("a").StrategyVersion == "1.1.0"
			})
			w.beyond("candles afterwards", 20, "a", "b")
			w.mu.Lock()
			takers, other := slices.Clone(w.takers["a"]), slices.Clone(w.takers["b"])
			w.mu.Unlock()
			a.Stop()
			b.Stop()
			whole(t, "a", w.look("a"))
			whole(t, "b", w.look("b"))
			if !slices.Equal(takers, []string{"first", "second"}) || !slices.Equal(other, []string{"first"}) {
				t.Errorf("the lease on the bot was taken by %v, that on the other by %v", takers, other)
			}
			if slices.Contains(w.statuses["a"], bot.Failed) {
				t.Errorf("it was %v", w.statuses["a"])
			}
		})
	}
}

// proves PL7: an upgrade to a version that no worker can run is refused once the bot
// has been left to others for a while, and the bot goes on with the version before.
func TestUpgradeThatNobodyCanMakeIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ lack, hidden *catalog.UnusableError }{
		"gone":                          {newer(catalog.FileMissing), nil},
		"changed, seen at a start only": {nil, newer(catalog.FileChanged)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := upgradeWorld(t)
			var passed atomic.Int64 // on the clock of the back-offs
			w.pauses = func() time.Time { return time.Unix(0, passed.Load()) }
			only := &poor{world: w}
			only.set(c.lack, c.hidden)
			r := w.startAs("only", only)
			w.beyond("candles", 5, "a", "b")
			w.upgrade("a", "1.1.0", `{"who":"a"}`)
			w.await("the pause", func() bool { return slices.Contains(w.statuses["a"], bot.Paused) })
			w.mu.Lock()
			reads := w.reads
			w.mu.Unlock()
			w.polls("the worker to look again", func() bool { return w.reads > reads+5 })
			w.mu.Lock()
			if c := w.config("a"); !c.Upgrade.Pending() || w.has("a") != "" {
				t.Errorf("while others may take it, the upgrade is %+v and %q has the bot", c.Upgrade, w.has("a"))
			}
			w.mu.Unlock()
			passed.Add(int64(2 * time.Second))
			w.await("the refusal", func() bool { return w.config("a").Upgrade.Fault != "" })
			w.beyond("candles afterwards", 20, "a", "b")
			r.Stop()
			whole(t, "a", w.look("a"))
			whole(t, "b", w.look("b"))
			got := w.config("a")
			if got.StrategyVersion != "1.0.0" || got.Upgrade.Pending() || !strings.Contains(got.Upgrade.Fault, "no worker took the bot that can use it") {
				t.Errorf("it is pinned to %s, and the upgrade %+v", got.StrategyVersion, got.Upgrade)
			}
			if last := w.statuses["a"][len(w.statuses["a"])-1]; last != bot.Running {
				t.Errorf("it was %v", w.statuses["a"])
			}
		})
	}
}
