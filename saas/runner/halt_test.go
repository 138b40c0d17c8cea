package runner_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/runner"
)

// On implements runner.Halts.
func (w *world) On(context.Context) (halt.Halts, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.switches), nil
}

// Enforce implements runner.Halts.
func (w *world) Enforce(_ context.Context, list halt.Halts) error {
	w.change(func() {
		w.enforced++
		for i := range w.bots {
			b := &w.bots[i].Bot
			if h, on := list.Cover(b.TenantID, b.ID); on && b.Desired {
				b.Desired, b.Status, b.Ending = false, bot.Stopping, bot.Halted
				if h.Flatten {
					b.Ending = bot.Flattened
				}
			}
		}
	})
	return nil
}

// pull pulls a kill switch.
func (w *world) pull(r *runner.Runner, h halt.Halt) {
	w.change(func() { w.switches = append(w.switches, h) })
	r.WakeHalts()
}

// ended returns the newest reason of a bot that has stopped.
func (w *world) ended(id string) string {
	w.t.Helper()
	w.await(id+"'s end", func() bool { return slices.Contains(w.statuses[id], bot.Stopped) })
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reasons[id][len(w.reasons[id])-1]
}

// proves RK2: what a strategy asks for once the kill switch is on is not done, even if it
// was in the midst of its answer; the orders of its bot are taken back, and other bots
// are not disturbed.
func TestHaltedBotsGiveNoOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	rounds := 0
	w.process.after = func(context.Context) error {
		if rounds++; rounds == 20 {
			asked <- struct{}{}
			<-answer
		}
		return nil
	}
	w.add("a", `{"who":"a"}`)
	w.add("b", `{"who":"b"}`)
	r := w.start()
	<-asked
	given := w.look("a")
	w.pull(r, halt.Halt{ID: "1", TenantID: tenant, BotID: "a"})
	w.await("the switch to be effective", func() bool { return w.enforced > 0 })
	close(answer)
	if got := w.ended("a"); got != "stopped by the kill switch" {
		t.Errorf("it was %s", got)
	}
	w.mu.Lock()
	end := w.latest["a"].Checkpoint
	point, bot := w.point("a"), w.latest["b"].BotID
	w.mu.Unlock()
	if end.Summary.OpenOrders != 0 || point.Engine.NextRef-1 >= uint64(point.Engine.Sequence) || point.Engine.NextRef < given.Engine.NextRef {
		t.Errorf("it ended with %d open orders; the next was %d before, and is %d after %d candles",
			end.Summary.OpenOrders, given.Engine.NextRef, point.Engine.NextRef, point.Engine.Sequence)
	}
	at := w.look(bot).Engine.Sequence
	w.await("the other bot to go on", func() bool { return w.point(bot).Engine.Sequence > at+10 })
	r.Stop()
	whole(t, "b", w.look("b"))
}

// proves RK2: a bot that is started right after a switch was released runs, although its
// worker last read the switches before.
func TestReleasedBotsRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.switches = halt.Halts{{ID: "1", TenantID: tenant}}
	r := w.start()
	w.change(func() { w.switches = nil })
	w.add("a", `{"who":"a"}`)
	r.Wake()
	w.await("it to run", func() bool { return w.point("a").Engine.Sequence > 3 })
	r.Stop()
	if w.enforced > 0 || slices.Contains(w.statuses["a"], bot.Stopped) {
		t.Errorf("it was asked to stop %d times: %v", w.enforced, w.statuses["a"])
	}
}

// positions are what a bot held last, by pair.
func (w *world) positions(id string) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.latest[id].Checkpoint.Summary
	out := map[string]string{demo.XBTMYR: s.Position.String()}
	for _, p := range s.Positions {
		out[p.Pair] = p.Position.String()
	}
	return out
}

// proves RK2: a kill switch that flattens sells what bots hold, by market orders at the
// next price, also when its worker stops meanwhile.
func TestFlatten(t *testing.T) {
	t.Parallel()
	for name, add := range map[string]func(w *world){
		"one pair": func(w *world) { w.add("a", `{"trade":true}`) },
		"two":      func(w *world) { w.addDuo(time.Minute, "a", `{}`) },
	} {
		for _, restart := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorldOf(t, demo.Config{Speed: 600})
				add(w)
				r := w.start()
				w.await("a position", func() bool {
					e, ok := w.latest["a"]
					return ok && e.Checkpoint.Summary.Position.IsPositive()
				})
				w.pull(r, halt.Halt{ID: "1", Flatten: true})
				if restart {
					w.await("the end to begin", func() bool { return w.enforced > 0 })
					r.Stop()
					w.start()
				}
				reason := w.ended("a")
				for pair, held := range w.positions("a") {
					if held != "0" {
						t.Errorf("of %s it holds %s; it was %s", pair, held, reason)
					}
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				lines := w.lines["a"]
				if last := lines[len(lines)-1]; last.Kind != "stopped" || last.Text != "stopped" {
					t.Errorf("its log ends with %q", last.Text)
				}
				// A strategy that sells by itself in that moment leaves nothing to be closed.
				sold := slices.ContainsFunc(lines, func(d journal.Decision) bool { return strings.Contains(d.Text, "the kill switch closes the position") })
				want := "stopped by the kill switch"
				if sold {
					want += ", and its position was closed"
				}
				if reason != want {
					t.Errorf("it was %s, want %s", reason, want)
				}
				for _, o := range w.orders {
					if o.State == "open" {
						t.Errorf("order %d is open", o.Number)
					}
				}
			})
		}
	}
}

// A switch that was on before the worker came is on from the first moment, and nothing
// starts under it.
func TestHaltedBeforeTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.switches = halt.Halts{{ID: "1"}}
	w.add("a", `{"who":"a"}`)
	w.start()
	w.ended("a")
	if slices.Contains(w.statuses["a"], bot.Running) || len(w.orders) > 0 {
		t.Errorf("it was %v and gave %d orders", w.statuses["a"], len(w.orders))
	}
}
