package runner_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/strategy/engine"
)

// state is what the tenant was told last of a bot; the world is locked.
func (w *world) state(id string) (bot.Status, string) {
	if n := len(w.statuses[id]); n > 0 {
		return w.statuses[id][n-1], w.reasons[id][n-1]
	}
	return "", ""
}

// awaitState waits until the tenant was told last that a bot is in a state, for a reason.
func (w *world) awaitState(id string, want bot.Status, reason string) {
	w.t.Helper()
	w.await(string(want), func() bool {
		status, why := w.state(id)
		return status == want && strings.Contains(why, reason)
	})
}

// linesOf counts the lines of a bot's log of a kind that say something.
func (w *world) linesOf(id, kind, text string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.lines[id] {
		if d.Kind == kind && strings.Contains(d.Text, text) {
			n++
		}
	}
	return n
}

// proves M2, M3: a further pair that is silent and whose history does not answer degrades
// the bot: its tenant is told, it buys nothing there, and goes on in its own pair; when the
// candles come, all is well again, and what it saw comes to the same.
func TestASilentFurtherPair(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	shut := w.silence(demo.ETHMYR)
	w.grace = 200 * time.Millisecond
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	r := w.begin()
	w.run("a", 3, 10)
	shut.Store(true)
	w.run("a", 11, 10+engine.StaleCandles-1)
	if status, why := w.lockedState("a"); status != bot.Running {
		t.Errorf("too early it is %s: %s", status, why)
	}
	w.run("a", 10+engine.StaleCandles, 30)
	w.awaitState("a", bot.Degraded, "no candle of ETHMYR has come since 00:10 UTC on 1 Jan 2026, and none can be read: the bot buys nothing there")
	orders, _ := w.done()
	bought := map[string]int{}
	for _, o := range orders {
		if o.CreatedAt.After(midnight().Add((10+engine.StaleCandles)*time.Minute)) && o.Side == "buy" && o.State != "denied" {
			bought[o.Pair]++
		}
	}
	if bought[demo.ETHMYR] > 0 || bought[demo.XBTMYR] < 3 {
		t.Errorf("while the pair was silent, it ordered buys %v", bought)
	}
	if n := w.linesOf("a", "denied", "no candle of ETHMYR has come since 00:10"); n < 3 {
		t.Errorf("its log says %d times why it buys nothing", n)
	}
	shut.Store(false)
	w.run("a", 31, 50)
	w.awaitState("a", bot.Running, "watching XBTMYR, ETHMYR")
	r.Stop()
	w.toldAll("a", 45)
	w.identical("a", false)
}

// proves M2: a further pair that is silent because nothing is traded there, as the history
// says, degrades nobody; its candles are flat.
func TestAQuietFurtherPair(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	shut := w.withhold(demo.ETHMYR)
	w.grace = time.Millisecond
	w.edits = func(pair string, list []exchange.Candle) ([]exchange.Candle, error) {
		if pair == demo.ETHMYR && shut.Load() {
			return before(list, 10), nil
		}
		return list, nil
	}
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	r := w.begin()
	w.run("a", 3, 10)
	shut.Store(true)
	w.run("a", 11, 30)
	r.Stop()
	if slices.Contains(w.statuses["a"], bot.Degraded) {
		t.Errorf("a quiet pair degrades the bot: %q", w.reasons["a"])
	}
	told := w.told("a").Company
	last := told[len(told)-1]
	if minuteOf(last) < 25 || last != exchange.Flat(last.Time, told[len(told)-2].Close) {
		t.Errorf("the newest candle that it was told is %+v of minute %d", last, minuteOf(last))
	}
}

// lockedState is state for somebody who has not locked the world.
func (w *world) lockedState(id string) (bot.Status, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state(id)
}

// proves M2: a bot whose own pair is silent is degraded once the history does not answer
// either, and tells its tenant; as soon as that answers, the candles are the history's, so
// that protective exits act, though the stream tells nothing yet; and a market that the
// history says is quiet degrades nobody.
func TestASilentMarket(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	shut := w.withhold(demo.XBTMYR)
	w.grace, w.stale = 10*time.Millisecond, 60*time.Millisecond
	var away, empty atomic.Bool
	var asked atomic.Int64
	w.edits = func(pair string, list []exchange.Candle) ([]exchange.Candle, error) {
		switch {
		case pair != demo.XBTMYR:
		case away.Load():
			return nil, errors.New("the history is away")
		case empty.Load():
			asked.Add(1)
			return nil, nil
		}
		return list, nil
	}
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	r := w.begin()
	w.run("a", 3, 10)
	away.Store(true)
	shut.Store(true)
	w.set(14)
	w.awaitState("a", bot.Degraded, "no candle of XBTMYR has come since 00:10 UTC on 1 Jan 2026, and none can be read")
	exits := w.linesOf("a", "exit", "")
	away.Store(false)
	w.awaitState("a", bot.Running, "watching")
	for minute := int64(15); minute < 60 && w.linesOf("a", "exit", "") == exits; minute++ {
		w.run("a", minute, minute)
	}
	if w.linesOf("a", "exit", "") == exits {
		t.Error("no protective exit acted on the prices of the history")
	}
	told := len(w.statuses["a"])
	empty.Store(true)
	w.set(70)
	w.polls("the history to be asked", func() bool { return asked.Load() > 3 })
	r.Stop()
	if slices.Contains(w.statuses["a"][told:], bot.Degraded) {
		t.Errorf("a quiet market degrades the bot: %q", w.reasons["a"][told:])
	}
}
