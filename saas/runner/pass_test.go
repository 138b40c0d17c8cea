package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/runner"
)

// poor is a worker's plugins that lack a version of the world's.
type poor struct {
	*world
	mu sync.Mutex
	// lack is what its shelf says, and hidden what shows only at a start.
	lack, hidden *catalog.UnusableError
}

func (p *poor) set(lack, hidden *catalog.UnusableError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lack, p.hidden = lack, hidden
}

// Usable implements runner.Plugins.
func (p *poor) Usable(ref catalog.Ref) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lack != nil && p.lack.Ref == ref {
		return p.lack
	}
	return p.world.Usable(ref)
}

// Process implements runner.Plugins.
func (p *poor) Process(ctx context.Context, ref catalog.Ref, key string) (runner.Process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hidden != nil && p.hidden.Ref == ref {
		return nil, p.hidden
	}
	return p.world.Process(ctx, ref, key)
}

func lacking(why catalog.Why) *catalog.UnusableError {
	return &catalog.UnusableError{Ref: catalog.Ref{Name: "counting", Version: "2.0.0"}, Why: why}
}

// has is who has the lease on a bot; the world is locked.
func (w *world) has(id string) string {
	r := lease.Resource{Kind: lease.Bots, TenantID: tenant, ID: id}
	if w.leases[r].ExpiresAt.IsZero() {
		return ""
	}
	return w.holders[r]
}

// proves PL5, T5: a worker that loses a version's file gives its bots back, and one
// that has it takes them and goes on where they were; the first one keeps its other
// bots and does not ask for those again and again.
func TestWorkerWithoutTheFileGivesItsBotsBack(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(p *poor, broken *atomic.Bool){
		"gone":    func(p *poor, _ *atomic.Bool) { p.set(lacking(catalog.FileMissing), nil) },
		"changed": func(p *poor, _ *atomic.Bool) { p.set(lacking(catalog.FileChanged), nil) },
		"changed, seen at a start only": func(p *poor, broken *atomic.Bool) {
			p.set(nil, lacking(catalog.FileChanged))
			broken.Store(true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var broken atomic.Bool // ends the process once
			served := newProcessOf(t, definitionOf("2.0.0", 1))
			served.after = func(context.Context) error {
				if broken.CompareAndSwap(true, false) {
					return errors.New("it ended")
				}
				return nil
			}
			w.versions = map[string]*process{"2.0.0": served}
			w.add("lost", `{"who":"lost"}`)
			w.add("kept", `{"who":"kept"}`)
			w.pin("lost", "2.0.0")
			first := &poor{world: w}
			a := w.startAs("first", first)
			w.await("candles", func() bool { return w.point("lost").Engine.Sequence > 5 && w.point("kept").Engine.Sequence > 5 })
			spoil(first, &broken)
			w.await("the pause", func() bool { return slices.Contains(w.statuses["lost"], bot.Paused) })
			b := w.startAs("second", w)
			w.await("the other worker to take it", func() bool { return w.has("lost") == "second" })
			at := w.look("lost").Engine.Sequence
			w.await("both to go on", func() bool {
				return w.point("lost").Engine.Sequence > at+60 && w.point("kept").Engine.Sequence > at+60 && w.has("lost") == "second"
			})
			w.mu.Lock()
			kept := slices.Clone(w.takers["kept"]) // before the first worker gives it back
			w.mu.Unlock()
			a.Stop()
			b.Stop()
			whole(t, "lost", w.look("lost"))
			if got := w.reasons["lost"][slices.Index(w.statuses["lost"], bot.Paused)]; !strings.Contains(got, "waits for one that can run it") {
				t.Errorf("the reason is %q", got)
			}
			if last := w.statuses["lost"][len(w.statuses["lost"])-1]; last != bot.Running || slices.Contains(w.statuses["lost"], bot.Failed) {
				t.Errorf("it was %v", w.statuses["lost"])
			}
			if n := len(w.takers["lost"]); n > 6 {
				t.Errorf("its lease changed hands %d times: %v", n, w.takers["lost"])
			}
			if want := []string{"first"}; !slices.Equal(kept, want) {
				t.Errorf("the other bot's lease was taken by %v", kept)
			}
		})
	}
}

// proves PL5: a bot whose file no worker has is told so, by a worker that looks at
// it seldom and ever more seldom; it can be stopped all the same, and goes on at
// once when the file is there again.
func TestBotWhoseFileNobodyHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var passed atomic.Int64 // on the clock of the back-offs
	w.pauses = func() time.Time { return time.Unix(0, passed.Load()) }
	for _, id := range []string{"a", "b"} {
		w.add(id, `{"who":"`+id+`"}`)
		w.pin(id, "2.0.0")
	}
	only := &poor{world: w}
	only.set(lacking(catalog.FileMissing), nil)
	r := w.startAs("only", only)
	takes := func(want int) {
		t.Helper()
		w.mu.Lock()
		reads := w.reads
		w.mu.Unlock()
		w.polls("the worker to look again", func() bool { return w.reads > reads+5 && len(w.takers["a"]) >= want })
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := len(w.takers["a"]); n != want || w.has("a") != "" {
			t.Errorf("after %s its lease was taken %d times, want %d; %q has it", time.Duration(passed.Load()), n, want, w.has("a"))
		}
	}
	takes(0)
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{2 * time.Second, 1}, {3 * time.Second, 1}, {time.Second, 2}, {7 * time.Second, 2}, {time.Second, 3}} {
		passed.Add(int64(step.after))
		takes(step.want)
	}
	w.change(func() { w.bots[1].Bot.Desired = false })
	w.await("the stop", func() bool { return slices.Contains(w.statuses["b"], bot.Stopped) })
	w.await("what it says", func() bool {
		return w.statuses["a"][0] == bot.Paused && strings.Contains(w.reasons["a"][0], "counting 2.0.0 cannot be used: its file is gone on a worker that looked at the bot")
	})
	only.set(nil, nil)
	w.await("the bot to run", func() bool { return w.point("a").Engine.Sequence > 5 })
	r.Stop()
	whole(t, "a", w.look("a"))
}

// polls is await for what the worker's looking changes.
func (w *world) polls(what string, ok func() bool) {
	w.t.Helper()
	for late := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		done := ok()
		w.mu.Unlock()
		switch {
		case done:
			return
		case time.Now().After(late):
			w.t.Fatalf("waited too long for %s; statuses %v", what, w.statuses)
		}
	}
}
