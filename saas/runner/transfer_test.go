package runner_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/journal"
)

// upgrade asks for a bot to be upgraded.
func (w *world) upgrade(id, version, params string) {
	w.t.Helper()
	_, err := w.reconfigure(id, func(c *bot.Config) { c.Upgrade = bot.Upgrade{Version: version, Parameters: json.RawMessage(params)} })
	if err != nil {
		w.t.Fatal(err)
	}
}

// upgradeWorld has bots a and b of version 1.0.0, and versions 1.1.0 that reads
// their states and 2.0.0 that does not.
func upgradeWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.versions = map[string]*process{"1.1.0": newProcessOf(t, definitionOf("1.1.0", 1)), "2.0.0": newProcessOf(t, definitionOf("2.0.0", 2))}
	for _, id := range []string{"a", "b"} {
		w.add(id, `{"who":"`+id+`"}`)
		w.pin(id, "1.0.0")
	}
	return w
}

func (w *world) beyond(what string, candles int64, ids ...string) {
	w.t.Helper()
	at := map[string]int64{}
	for _, id := range ids {
		at[id] = w.look(id).Engine.Sequence
	}
	w.await(what, func() bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return w.point(id).Engine.Sequence <= at[id]+candles })
	})
}

// proves PL7: a bot that is upgraded goes on in the other version with its state,
// loses no candle and disturbs no other bot.
func TestUpgradeGoesOnWithTheState(t *testing.T) {
	t.Parallel()
	w := upgradeWorld(t)
	r := w.start()
	w.beyond("candles", 5, "a", "b")
	w.upgrade("a", "1.1.0", `{"who":"a"}`)
	w.await("the upgrade", func() bool { return w.config("a").StrategyVersion == "1.1.0" })
	w.beyond("candles afterwards", 20, "a", "b")
	r.Stop()
	whole(t, "a", w.look("a"))
	whole(t, "b", w.look("b"))
	if got := w.config("a"); got.Upgrade.Pending() || got.Upgrade.Fault != "" {
		t.Errorf("the upgrade is %+v", got.Upgrade)
	}
	for id, want := range map[string][]bot.Status{"a": {bot.Running, bot.Running}, "b": {bot.Running}} {
		if got := w.statuses[id]; !slices.Equal(got, want) {
			t.Errorf("bot %s was %v, want %v", id, got, want)
		}
	}
	if want := []string{"1.0.0 shared", "1.1.0 shared"}; !slices.Equal(w.asked, want) {
		t.Errorf("the processes were %q, want %q", w.asked, want)
	}
	if !slices.ContainsFunc(w.lines["a"], func(d journal.Decision) bool { return d.Text == "upgraded to counting@1.1.0 with its state" }) {
		t.Errorf("its log says %+v", w.lines["a"])
	}
}

// proves PL7: a version that refuses the state, or must not run, leaves the bot
// with the version that it has, which goes on from where it was and says why.
func TestRefusedUpgradeRollsBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version, want string
		spoil         func(w *world)
	}{
		"the state":  {"2.0.0", "the state has version 1 and counting 2.0.0 reads version 2", func(*world) {}},
		"parameters": {"1.1.0", "odd", func(*world) {}},
		"revoked": {"1.1.0", "its approval was revoked", func(w *world) {
			w.unusable = map[string]*catalog.UnusableError{"1.1.0": {Ref: catalog.Ref{Name: "counting", Version: "1.1.0"}, Why: catalog.WasRevoked}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := upgradeWorld(t)
			r := w.start()
			w.beyond("candles", 5, "a", "b")
			w.change(func() { c.spoil(w) })
			params := `{"who":"a"}`
			if name == "parameters" {
				params = `{"odd":1}`
			}
			w.upgrade("a", c.version, params)
			w.await("the refusal", func() bool { return w.config("a").Upgrade.Fault != "" })
			w.beyond("candles afterwards", 20, "a", "b")
			r.Stop()
			whole(t, "a", w.look("a"))
			whole(t, "b", w.look("b"))
			got := w.config("a")
			if got.StrategyVersion != "1.0.0" || got.Upgrade.Pending() || !strings.Contains(got.Upgrade.Fault, c.want) {
				t.Errorf("it is pinned to %s, and the upgrade %+v", got.StrategyVersion, got.Upgrade)
			}
			if last := w.statuses["a"][len(w.statuses["a"])-1]; last != bot.Running || slices.Contains(w.statuses["a"], bot.Failed) {
				t.Errorf("it was %v", w.statuses["a"])
			}
			if !slices.ContainsFunc(w.lines["a"], func(d journal.Decision) bool { return d.Kind == "upgrade" && strings.Contains(d.Text, c.want) }) {
				t.Errorf("its log says %+v", w.lines["a"])
			}
		})
	}
}

// proves PL7: bots of a program that is replaced by an older one, which cannot read their
// state, end with the way on; nothing begins anew by itself.
func TestOlderProgramDoesNotGoOnWithANewerState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.versions = map[string]*process{"2.0.0": newProcessOf(t, definitionOf("2.0.0", 2))}
	w.add("a", `{"who":"a"}`)
	w.pin("a", "2.0.0")
	r := w.start()
	w.beyond("candles", 5, "a")
	r.Stop()
	before := w.look("a")
	w.versions["2.0.0"] = newProcessOf(t, definitionOf("2.0.0", 1))
	r = w.start()
	defer r.Stop()
	w.awaitState("a", bot.Failed, "the state has version 2 and counting 2.0.0 reads none above 1: a newer version of the strategy has written it. "+
		"Bring that one back, or start the bot again: the strategy begins anew, with the account and the position as they are")
	if after := w.look("a"); after.Strategy.Data.Orders != before.Strategy.Data.Orders { // its exits may have been watched since
		t.Errorf("its checkpoint was %+v and is %+v", before, after)
	}
}

// proves PL5: a process that is slow to let go of a bot that moves holds up no bot
// of another.
func TestMoveHoldsUpNoOtherBot(t *testing.T) {
	t.Parallel()
	w := upgradeWorld(t)
	reached, released := make(chan struct{}), make(chan struct{})
	var slow atomic.Bool
	w.process.closing = func() {
		if slow.CompareAndSwap(false, true) {
			close(reached)
			<-released
		}
	}
	r := w.start()
	release := sync.OnceFunc(func() { close(released) })
	t.Cleanup(release) // or a worker that is held up would not stop
	w.beyond("candles", 5, "a", "b")
	w.upgrade("a", "1.1.0", `{"who":"a"}`)
	<-reached
	w.add("c", `{"who":"c"}`)
	w.await("another bot to begin", func() bool { return w.point("c").Engine.Sequence > 5 })
	release()
	w.await("the upgrade", func() bool { return w.config("a").StrategyVersion == "1.1.0" })
	w.beyond("candles afterwards", 5, "a", "b", "c")
	r.Stop()
	for _, id := range []string{"a", "b", "c"} {
		whole(t, id, w.look(id))
	}
}

// Bots have processes of their own as their isolation says, and move when it
// changes.
func TestIsolationGivesProcesses(t *testing.T) {
	t.Parallel()
	w := upgradeWorld(t)
	r := w.start()
	w.beyond("candles", 5, "a", "b")
	if _, err := w.reconfigure("b", func(c *bot.Config) { c.Isolation = catalog.PerBot }); err != nil {
		t.Fatal(err)
	}
	w.await("its own process", func() bool { return slices.Contains(w.asked, "1.0.0 bot:b") })
	w.beyond("candles afterwards", 20, "a", "b")
	r.Stop()
	whole(t, "a", w.look("a"))
	whole(t, "b", w.look("b"))
	if want := []string{"1.0.0 shared", "1.0.0 bot:b"}; !slices.Equal(w.asked, want) {
		t.Errorf("the processes were %q, want %q", w.asked, want)
	}
}
