package runner_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
)

// pin pins a bot to a version.
func (w *world) pin(id, version string) {
	w.t.Helper()
	if _, err := w.reconfigure(id, func(c *bot.Config) { c.StrategyVersion = version }); err != nil {
		w.t.Fatal(err)
	}
}

// proves PL5: a version that must not run any more pauses its bots with the
// reason and no other's; once it may run again, they go on from where they were.
func TestVersionThatMustNotRunPausesItsBots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("good", `{"who":"good"}`)
	w.add("bad", `{"who":"bad"}`)
	w.pin("bad", "2.0.0")
	r := w.start()
	w.await("candles", func() bool { return w.point("bad").Engine.Sequence > 5 && w.point("good").Engine.Sequence > 5 })
	w.change(func() {
		w.unusable = map[string]*catalog.UnusableError{
			"2.0.0": {Ref: catalog.Ref{Name: "counting", Version: "2.0.0"}, Why: catalog.WasRevoked, Note: "it loses"},
		}
	})
	w.await("the pause", func() bool { return slices.Contains(w.statuses["bad"], bot.Paused) })
	at, other := w.look("bad").Engine.Sequence, w.look("good").Engine.Sequence
	w.await("the other bot to go on", func() bool { return w.point("good").Engine.Sequence > other+20 })
	if now := w.look("bad").Engine.Sequence; now != at {
		t.Errorf("the paused bot went on from candle %d to %d", at, now)
	}
	w.change(func() { w.unusable = nil })
	w.await("the bot to go on", func() bool { return w.point("bad").Engine.Sequence > at+20 })
	r.Stop()
	whole(t, "bad", w.look("bad"))
	whole(t, "good", w.look("good"))
	if got := w.statuses["bad"]; !slices.Equal(got, []bot.Status{bot.Running, bot.Paused, bot.Running}) {
		t.Errorf("the bot was %v", got)
	}
	if got := w.reasons["bad"][1]; !strings.Contains(got, "counting 2.0.0 cannot be used: its approval was revoked (it loses)") {
		t.Errorf("the reason is %q", got)
	}
	if got := w.statuses["good"]; !slices.Equal(got, []bot.Status{bot.Running}) {
		t.Errorf("the other bot was %v", got)
	}
}

// A bot that is paused from the start can be stopped.
func TestPausedBotStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.unusable = map[string]*catalog.UnusableError{"": {Ref: catalog.Ref{Name: "counting"}, Why: catalog.Unknown}}
	w.add("a", `{"who":"a"}`)
	r := w.start()
	w.await("the pause", func() bool { return slices.Contains(w.statuses["a"], bot.Paused) })
	w.change(func() { w.bots[0].Bot.Desired = false })
	w.await("the stop", func() bool { return slices.Contains(w.statuses["a"], bot.Stopped) })
	r.Stop()
	if got := w.statuses["a"]; !slices.Equal(got, []bot.Status{bot.Paused, bot.Stopped}) {
		t.Errorf("the bot was %v", got)
	}
}
