package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/runner"
)

// shares returns how many of the bots each worker has; the world is locked.
func (w *world) shares(bots int) map[string]int {
	n := map[string]int{}
	for i := range bots {
		n[w.has(fmt.Sprint("bot-", i))]++
	}
	return n
}

// equipped is a worker's plugins, with a process of its own.
type equipped struct {
	*world
	process runner.Process
}

// Process implements runner.Plugins.
func (e equipped) Process(context.Context, catalog.Ref, string) (runner.Process, error) {
	return e.process, nil
}

// join starts a worker of a name and with processes of its own.
func (w *world) join(name string) *runner.Runner {
	w.t.Helper()
	return w.startAs(name, equipped{w, newProcess(w.t)})
}

// counted waits until so many workers are counted.
func (w *world) counted(workers int64) {
	w.t.Helper()
	w.await("workers to be counted", func() (ok bool) {
		n := int64(0)
		for r, l := range w.leases {
			if r.Kind == lease.Workers && !l.ExpiresAt.IsZero() {
				n++
			}
		}
		return n == workers
	})
}

// proves T5 and RK3 for workers that come and go: they have equal shares of the bots,
// which go on from where they were: one that joins is given some, one that stops leaves
// its to the others, and no bot hears a candle twice or misses one.
func TestWorkersShareTheBots(t *testing.T) {
	t.Parallel()
	const bots = 6
	w := newWorldOf(t, demo.Config{Speed: 600})
	w.peers = w
	for i := range bots {
		w.add(fmt.Sprint("bot-", i), `{}`)
	}
	await := func(a, b int) {
		t.Helper()
		w.await(fmt.Sprintf("shares of %d and %d", a, b), func() bool { n := w.shares(bots); return n["a"] == a && n["b"] == b })
		var before [bots]int64
		for i := range bots {
			before[i] = w.look(fmt.Sprint("bot-", i)).Engine.Sequence
		}
		w.await("all to go on", func() bool {
			for i := range bots {
				if w.point(fmt.Sprint("bot-", i)).Engine.Sequence <= before[i] {
					return false
				}
			}
			return true
		})
	}
	a := w.join("a")
	await(bots, 0)
	b := w.join("b")
	await(bots/2, bots/2)
	a.Stop()
	await(0, bots)
	w.join("a")
	await(bots/2, bots/2)
	b.Stop()
	await(bots, 0)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range bots {
		id := fmt.Sprint("bot-", i)
		p := w.point(id)
		heard := p.Strategy.Data.Heard
		for k := range heard {
			if k > 0 && heard[k].Time != heard[k-1].Time+time.Minute.Milliseconds() {
				t.Fatalf("%s has heard of %d after %d", id, heard[k].Time, heard[k-1].Time)
			}
		}
		for _, s := range w.statuses[id] {
			if s == bot.Failed || s == bot.Paused || s == bot.Degraded {
				t.Errorf("%s was %s", id, s)
			}
		}
	}
}

// proves RK2: a stop that is asked for while the workers cannot be counted is not lost.
func TestStopWhileWorkersCannotBeCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.peers = uncounted{w}
	w.add("a", `{}`)
	w.start()
	w.await("it to run", func() bool { return w.latest["a"].Checkpoint != nil })
	w.want("a", func(b *bot.Bot) { b.Desired = false })
	w.ended("a")
}

// uncounted are workers that cannot be counted while a bot is to stop.
type uncounted struct{ *world }

// CountLeases implements runner.Peers.
func (u uncounted) CountLeases(ctx context.Context, kind lease.Kind, now time.Time) (int64, error) {
	u.mu.Lock()
	stops := slices.ContainsFunc(u.bots, func(a bot.Runnable) bool { return !a.Bot.Desired })
	u.mu.Unlock()
	if stops {
		return 0, errors.New("the database is away")
	}
	return u.world.CountLeases(ctx, kind, now)
}

// A bot that one worker alone can run stays with it, although that is more than its
// share, and does not go to and fro.
func TestBotsThatOneWorkerCanRunStay(t *testing.T) {
	t.Parallel()
	const bots = 4
	w := newWorld(t)
	w.peers = w
	without := &poor{world: w}
	without.set(&catalog.UnusableError{Ref: catalog.Ref{Name: "counting"}, Why: catalog.FileMissing}, nil)
	w.startAs("without", without)
	w.join("with")
	w.counted(2)
	for i := range bots {
		w.add(fmt.Sprint("bot-", i), `{}`)
	}
	w.await("all to be with the worker that can run them", func() bool { return w.shares(bots)["with"] == bots })
	taken := func() (n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i := range bots {
			n += len(w.takers[fmt.Sprint("bot-", i)])
		}
		return n
	}
	looks := func(more int) {
		w.mu.Lock()
		until := w.reads + more
		w.mu.Unlock()
		w.await("both to look again and again", func() bool { return w.reads > until })
	}
	looks(100) // what was taken while there were fewer may go once
	before := taken()
	if looks(200); taken() != before {
		t.Errorf("bots were taken %d times more", taken()-before)
	}
}
