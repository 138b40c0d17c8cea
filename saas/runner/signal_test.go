package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/strategy"
)

// listener keeps what it hears, and does what it is told.
type listener struct {
	Told    *atomic.Int64 `json:"-"`
	Signals map[string]int
}

func (l *listener) OnSignal(b *strategy.Bot, s strategy.Signal) {
	l.Told.Add(1)
	l.Signals[s.ID]++
	switch s.Text {
	case "buy":
		b.Buy(2_000).Because("signal %s said so", s.ID)
	case "exits":
		b.SetExits(strategy.Exits{Stop: 1})
	case "sell":
		b.Sell(1 << 40)
	case "explain":
		b.Note("signal %s is not for me", s.ID)
	}
}

// listening runs the listener in the world's process, and counts what it is told.
func listening(t *testing.T, w *world) *atomic.Int64 {
	t.Helper()
	told := &atomic.Int64{}
	w.process = newProcessOf(t, strategy.MustDefine(strategy.Info{Name: "listener", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy {
		return &listener{Told: told, Signals: map[string]int{}}
	}))
	return told
}

// WaitingSignals implements runner.Signals.
func (w *world) WaitingSignals(_ context.Context, by time.Time, of ...hook.Listener) (list []hook.Signal, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.letters {
		if len(w.heard[s.Key]) == 0 && !s.MarketTime.After(by) && slices.Contains(of, hook.Listener{TenantID: s.TenantID, BotID: s.BotID, Run: s.Run}) {
			list = append(list, s)
		}
	}
	return list, nil
}

// write leaves a signal for a bot's run; the world is locked.
func (w *world) write(id, key, text string, run int64, in time.Duration) {
	w.letters = append(w.letters, hook.Signal{TenantID: tenant, BotID: id, Key: key, Text: text, Run: run, MarketTime: w.market.Now().Add(in)})
}

// memory is what a listener remembers in the newest checkpoint.
func (w *world) memory(id string) map[string]int {
	w.t.Helper()
	var p struct {
		Strategy struct{ Data listener } `json:"strategy"`
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := json.Unmarshal(w.latest[id].Checkpoint.State, &p); err != nil {
		w.t.Error(err)
	}
	return p.Strategy.Data.Signals
}

// proves T3: a worker that has told a bot a signal and dies before it can store
// what came of it leaves the signal waiting; the next one tells it again, to a bot
// that has not heard it, and the order is placed once.
func TestSignalsAreHeardOnceWhenAWorkerDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told := listening(t, w)
	w.add("a", `{}`)
	r := w.start()
	w.await("the first commit", func() bool { return w.point("a").Engine.Sequence > 0 })
	w.change(func() {
		w.outage = errors.New("the database is away")
		w.write("a", "one", "buy", 1, 0)
	})
	w.await("the strategy to hear it", func() bool { return told.Load() == 1 })
	seen := w.market.Now()
	w.await("some candles more", func() bool { return w.seen["a"].After(seen.Add(5 * time.Minute)) })
	if told.Load() != 1 {
		t.Errorf("before it was stored it was told %d times", told.Load())
	}
	r.Stop() // and nothing of it can be stored, as if the worker had been killed
	w.change(func() {
		if len(w.orders) != 0 || len(w.heard) != 0 {
			t.Errorf("stored are %v and %v", w.orders, w.heard)
		}
		w.outage = nil
	})
	r = w.start()
	w.await("the signal's end", func() bool { return len(w.heard["one"]) > 0 })
	seen = w.market.Now()
	w.await("some candles more", func() bool { return w.seen["a"].After(seen.Add(20 * time.Minute)) })
	r.Stop()
	if got := w.memory("a"); got["one"] != 1 || told.Load() != 2 {
		t.Errorf("the bot remembers %v and was told %d times, want once by each worker", got, told.Load())
	}
	if h := w.heard["one"]; len(h) != 1 || !h[0].Followed || !strings.Contains(h[0].Answer, "signal one said so") {
		t.Errorf("what became of it is %+v", h)
	}
	if len(w.orders) != 1 || w.orders[1].Number != 1 {
		t.Errorf("the orders are %v, want one", w.orders)
	}
}

// Each signal's end is kept, and the bot's log has the answer, whatever it is.
func TestAnswersToSignals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told := listening(t, w)
	w.add("a", `{}`)
	r := w.start()
	w.await("the first commit", func() bool { return w.point("a").Engine.Sequence > 0 })
	w.change(func() {
		w.write("a", "buy", "buy", 1, 0)
		w.write("a", "exits", "exits", 1, 0)
		w.write("a", "sell", "sell", 1, 0)
		w.write("a", "explain", "explain", 1, 0)
		w.write("a", "silent", "?", 1, 0)
		w.write("a", "long", strings.Repeat("x", strategy.MaxSignal+1), 1, 0)
		w.write("a", "before", "buy", 0, 0)
		w.write("a", "never", "buy", 1, 1000*time.Hour)
		w.write("b", "other", "buy", 1, 0)
	})
	w.await("all to be heard", func() bool { return len(w.heard) == 6 })
	r.Stop()
	if told.Load() != 5 {
		t.Errorf("it was told %d signals, want 5", told.Load())
	}
	for key, want := range map[string]struct {
		followed bool
		answer   string
	}{
		"buy": {true, "signal buy said so"}, "exits": {true, `signal "exits" was followed`}, "sell": {false, "denied sell"},
		"explain": {false, "signal explain is not for me"}, "silent": {false, `signal "silent": the strategy did nothing`},
		"long": {false, `signal "long" was not taken: it has 4097 bytes`},
	} {
		h := w.heard[key]
		if len(h) != 1 || h[0].Followed != want.followed || !strings.Contains(h[0].Answer, want.answer) {
			t.Errorf("%s: %+v, want %+v", key, h, want)
			continue
		}
		logged := false
		for _, d := range w.lines["a"] {
			logged = logged || strings.Contains(d.Text, want.answer)
		}
		if !logged {
			t.Errorf("the log does not tell of %s", key)
		}
	}
}
