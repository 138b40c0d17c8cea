package runner_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// proves RK3: a bot that fails while it holds something is watched, without a call of its
// strategy, also by the next worker after its own has ended; its exit sells, and then it is let
// go. Another bot of the same process goes on.
func TestFailedBotIsWatchedByTheNextWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("a", `{"trade":true}`)
	w.add("b", `{"who":"b"}`)
	w.change(func() { w.bots[0].Config.Risk = bot.Risk{MaxHoldSeconds: 3_600} })
	held := map[uint64]bool{}
	w.process.spoil = func(r *plugin.Round) {
		n := 0
		for _, d := range r.Deliveries {
			for _, to := range d.Bots {
				if !held[to.Bot] && to.View.Base > 0 {
					held[to.Bot] = true
				} else if held[to.Bot] && to.View.Base == 0 { // it has sold, which is not committed yet
					r.Reactions[n].Commands, r.Reactions[n].Err = nil, errors.New("a bad answer")
				}
				n++
			}
		}
	}
	r := w.start()
	guarded := func() bool { return len(w.bots) > 0 && w.bots[0].Bot.ID == "a" && w.bots[0].Bot.Guarded() }
	w.await("a's failure", guarded)
	r.Stop()
	w.mu.Lock()
	first, at := w.bots[0].Bot, w.latest["a"].Checkpoint.MarketTime
	w.mu.Unlock()
	if !strings.HasPrefix(first.Reason, "a bad answer; it holds 0.00") || !strings.Contains(first.Reason, " XBT, and its time exit still stands guard") {
		t.Errorf("its tenant is told %q", first.Reason)
	}
	r = w.start()
	w.await("a's end", func() bool { return slices.Contains(w.statuses["a"], bot.Failed) })
	w.await("b's candles", func() bool { return w.latest["b"].Checkpoint.MarketTime.After(at.Add(time.Hour)) })
	r.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	end := w.latest["a"].Checkpoint
	if reasons := w.reasons["a"]; reasons[len(reasons)-1] != "a bad answer" || !end.Summary.Position.Equal(decimal.Zero) {
		t.Errorf("it holds %s; told %q", end.Summary.Position, reasons)
	}
	lines := w.lines["a"]
	if !slices.ContainsFunc(lines, func(d journal.Decision) bool {
		return strings.Contains(d.Text, "time exit") && d.Time.Sub(at) < 2*time.Hour
	}) {
		t.Errorf("it failed at %s, and its log says %+v", at, lines[max(0, len(lines)-5):])
	}
}
