package runner_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
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
	defer w.mu.Unlock()
	since := slices.IndexFunc(w.lines["a"], func(d journal.Decision) bool { return strings.HasPrefix(d.Text, "winding down") })
	if since < 0 || slices.ContainsFunc(w.lines["a"][since:], func(d journal.Decision) bool { return d.Kind == "buy" }) {
		t.Errorf("its log is %+v", w.lines["a"])
	}
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
