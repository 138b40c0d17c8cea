package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// want changes what is wanted of a bot while it runs.
func (w *world) want(id string, do func(b *bot.Bot)) {
	w.change(func() {
		i := slices.IndexFunc(w.bots, func(a bot.Runnable) bool { return a.Bot.ID == id })
		do(&w.bots[i].Bot)
	})
}

// proves RK1: a bot that winds down buys nothing any more, goes on with it after a restart of
// its worker, and stops by itself once it holds nothing and has no order.
func TestCloseOnly(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, demo.Config{Speed: 600})
	w.add("a", `{"trade":true}`)
	r := w.start()
	w.await("a position", func() bool {
		e, ok := w.latest["a"]
		return ok && e.Checkpoint.Summary.Position.IsPositive()
	})
	w.want("a", func(b *bot.Bot) { b.CloseOnly = true })
	w.await("it to wind down", func() bool { return w.latest["a"].Checkpoint.Summary.CloseOnly })
	r.Stop()
	w.start()
	if reason := w.ended("a"); !strings.HasPrefix(reason, "stopped by itself") {
		t.Errorf("it was %s", reason)
	}
	if held := w.positions("a")[demo.XBTMYR]; held != "0" {
		t.Errorf("it holds %s", held)
	}
	w.mu.Lock()
	lines := slices.Clone(w.lines["a"])
	w.mu.Unlock()
	since := slices.IndexFunc(lines, func(d journal.Decision) bool { return strings.HasPrefix(d.Text, "winding down") })
	if since < 0 || slices.ContainsFunc(lines[since:], func(d journal.Decision) bool { return d.Kind == "buy" }) {
		t.Errorf("its log is %+v", lines)
	}
	w.addRun(2, time.Minute, "a", `{"trade":true}`)
	w.await("it to buy once it is started again", func() bool {
		s := w.latest["a"].Checkpoint.Summary
		return s.Position.IsPositive() && !s.CloseOnly
	})
}

// A process that dies while bots follow what their tenants want, or are opened anew, takes no
// worker with it: the bots follow once it is there again.
func TestProcessDiesOfAWish(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, demo.Config{Speed: 600})
	dying := &dying{process: w.process}
	w.add("a", `{"trade":true}`)
	w.add("b", `{"trade":true}`)
	w.startAs("worker", equipped{w, dying})
	for _, id := range []string{"a", "b"} {
		w.await(id+" to run", func() bool { return w.latest[id].Checkpoint != nil })
	}
	dying.times.Store(2)
	w.change(func() {
		for i := range w.bots {
			w.bots[i].Bot.CloseOnly = true
		}
	})
	for _, id := range []string{"a", "b"} {
		if reason := w.ended(id); !strings.HasPrefix(reason, "stopped by itself") {
			t.Errorf("%s was %s", id, reason)
		}
	}
	if n := dying.times.Load(); n > 0 {
		t.Errorf("it was to die %d times more", n)
	}
}

// dying is a process that dies as often as it is to when it is asked for states.
type dying struct {
	*process
	times atomic.Int64
}

func (d *dying) Snapshot(ctx context.Context, bots []uint64) ([]plugin.State, error) {
	if d.times.Add(-1) >= 0 {
		return nil, errors.New("it has died")
	}
	return d.process.Snapshot(ctx, bots)
}

// proves RK1: a drawdown that is reached is told once and holds the bot back until somebody
// lets it go on.
func TestBreakerIsToldAndResumed(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, demo.Config{Speed: 600})
	w.add("a", `{"trade":true}`)
	w.bots[0].Config.Risk.MaxDrawdownPercent = decimal.New(1, -4)
	r := w.start()
	w.await("the drawdown", func() bool { return len(w.tripped) > 0 })
	w.await("it to be known", func() bool { return w.latest["a"].Checkpoint.Summary.Breaker != nil })
	r.Stop()
	w.mu.Lock()
	told, b := slices.Clone(w.tripped), *w.latest["a"].Checkpoint.Summary.Breaker
	w.mu.Unlock()
	if len(told) != 1 || !strings.HasPrefix(told[0], "a drawdown: the largest drawdown") || b.Kind != "drawdown" || !b.Until.IsZero() || b.Since.IsZero() {
		t.Errorf("told was %q, and in force is %+v", told, b)
	}
	w.want("a", func(b *bot.Bot) { b.Resumes++ })
	w.start()
	w.await("it to go on", func() bool {
		return slices.ContainsFunc(w.lines["a"], func(d journal.Decision) bool { return strings.HasPrefix(d.Text, "resumed: the drawdown") })
	})
	w.await("the next drawdown", func() bool { return len(w.tripped) > 1 })
}
