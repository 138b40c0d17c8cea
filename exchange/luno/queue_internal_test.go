package luno

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

func budget(t *testing.T, cfg BudgetConfig) *Budget {
	t.Helper()
	b, err := NewBudget(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// In no minute are there more calls than the limit, however they come, and in the
// long run there are nearly as many. // proves T10
func TestBudgetMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget(t, BudgetConfig{})
		start := time.Now()
		var at []time.Duration
		for time.Since(start) < 10*time.Minute {
			if len(at)%700 == 699 {
				time.Sleep(time.Minute) // a rest fills the burst
			}
			wait, err := b.Take(t.Context(), exchange.Turn{Urgent: len(at)%3 == 0})
			if err != nil {
				t.Fatal(err)
			}
			if wait > 0 {
				time.Sleep(wait)
				continue
			}
			at = append(at, time.Since(start))
		}
		from, most := 0, 0
		for i := range at {
			for at[i]-at[from] >= time.Minute {
				from++
			}
			most = max(most, i-from+1)
		}
		if most > 300 || most < 280 {
			t.Errorf("there are %d calls in a minute", most)
		}
	})
}

// Spare calls leave half of what is beside the reserve to the others, and wait behind
// them. // proves T10
func TestSpareCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(budget(t, BudgetConfig{Burst: 8, Reserve: 4}))
		spare, normal := exchange.Turn{Bot: "pages", Spare: true}, exchange.Turn{Bot: "bot"}
		start := time.Now()
		pass := func(turn exchange.Turn, calls int, at time.Duration) {
			t.Helper()
			for range calls {
				if err := q.wait(t.Context(), turn, time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			if passed := time.Since(start); passed.Round(time.Millisecond) != at {
				t.Errorf("after %s, want %s", passed, at)
			}
		}
		pass(spare, 2, 0)
		pass(normal, 2, 0)
		var order []string
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, turn := range []exchange.Turn{spare, spare, normal, normal, {Urgent: true}} {
			all.Go(func() {
				if q.wait(t.Context(), turn, time.Hour) == nil {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, turn.Bot)
				}
			})
			synctest.Wait() // each waits before the next one comes
		}
		all.Wait()
		if want := []string{"", "bot", "bot", "pages", "pages"}; !slices.Equal(order, want) {
			t.Errorf("they passed as %q, want %q", order, want)
		}
		other := budget(t, BudgetConfig{Burst: 2})
		q.share(other)
		pass(normal, 1, time.Since(start).Round(time.Millisecond)) // of a budget of which nothing is used
	})
}

// Urgent calls find a reserve after everybody else has used up the rest; a pause
// holds them back as well. // proves T10
func TestBudgetReserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget(t, BudgetConfig{PerMinute: 70, Burst: 10, Reserve: 4}) // 1 a second
		take := func(urgent bool) (n int, wait time.Duration) {
			for {
				if wait, _ = b.Take(t.Context(), exchange.Turn{Urgent: urgent}); wait > 0 {
					return n, wait
				}
				n++
			}
		}
		if n, wait := take(false); n != 6 || wait != time.Second {
			t.Errorf("%d calls, then %s", n, wait)
		}
		if n, wait := take(true); n != 4 || wait != time.Second {
			t.Errorf("%d urgent calls, then %s", n, wait)
		}
		if err := b.Pause(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := b.Pause(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if n, wait := take(true); n != 0 || wait != 30*time.Second {
			t.Errorf("%d calls in a pause, then %s", n, wait)
		}
		time.Sleep(30 * time.Second)
		if n, _ := take(true); n != 10 {
			t.Errorf("%d calls after a pause", n)
		}
	})
}

func TestBudgetConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []BudgetConfig{{PerMinute: -1}, {PerMinute: 1}, {Burst: 300}, {Burst: -1}, {Reserve: 20}, {Reserve: -1}} {
		if _, err := NewBudget(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
	for _, cfg := range []BudgetConfig{{}, {PerMinute: 2}, {PerMinute: 100_000}, {Burst: 1}} {
		if _, err := NewBudget(cfg); err != nil {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// line lets callers wait in a queue and notes in which order they get through.
type line struct {
	*queue
	wg sync.WaitGroup

	mu    sync.Mutex
	order []string
}

// call puts a call into the queue and returns when it waits there or got through.
func (l *line) call(ctx context.Context, bot string, urgent bool) {
	l.wg.Go(func() {
		err := l.wait(ctx, exchange.Turn{Bot: bot, Urgent: urgent}, time.Hour)
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case err != nil:
			bot += "!"
		case urgent:
			bot += "^"
		}
		l.order = append(l.order, bot)
	})
	synctest.Wait()
}

// A bot with many calls delays another one by one call at most, and urgent calls
// pass them all. // proves T10
func TestQueueFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &line{queue: newQueue(budget(t, BudgetConfig{PerMinute: 62, Burst: 2, Reserve: 1}))} // 1 a second
		for range 6 {
			l.call(t.Context(), "a", false)
		}
		l.call(t.Context(), "b", false)
		l.call(t.Context(), "b", false)
		l.call(t.Context(), "c", false)
		l.call(t.Context(), "c", true) // the reserve has one
		l.call(t.Context(), "a", true)
		l.call(t.Context(), "b", true)
		start := time.Now()
		l.wg.Wait()
		want := "[a c^ a^ b^ a b c a b a a a]"
		if got := fmt.Sprint(l.order); got != want {
			t.Errorf("order %s, want %s", got, want)
		}
		// Two urgent ones and eight others wait for a second each, and the first of
		// the others until the reserve is there again.
		if took := time.Since(start); took < 10*time.Second || took > 12*time.Second {
			t.Errorf("it took %s", took)
		}
		synctest.Wait()
		l.queue.mu.Lock()
		defer l.queue.mu.Unlock()
		if l.served != nil || len(l.normal.bots)+len(l.urgent.bots)+len(l.normal.calls)+len(l.urgent.calls) != 0 {
			t.Errorf("the queue is not empty: %+v", l.queue)
		}
	})
}

// An urgent call does not wait for as long as one before it that may not use the
// reserve. // proves T10
func TestQueueUrgent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &line{queue: newQueue(budget(t, BudgetConfig{PerMinute: 62, Burst: 2, Reserve: 1}))} // 1 a second
		l.call(t.Context(), "a", true)
		l.call(t.Context(), "a", true)
		l.call(t.Context(), "b", false) // waits for two seconds
		start := time.Now()
		if err := l.wait(t.Context(), exchange.Turn{Bot: "c", Urgent: true}, time.Hour); err != nil || time.Since(start) != time.Second {
			t.Errorf("it waits for %s, %v", time.Since(start), err)
		}
		l.wg.Wait()
		if got := fmt.Sprint(l.order); got != "[a^ a^ b]" {
			t.Errorf("order %s", got)
		}
	})
}

// Nobody starves: with more demand than budget for long, all bots get the same.
// proves T10
func TestQueueNobodyStarves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(budget(t, BudgetConfig{}))
		ctx, cancel := context.WithCancel(t.Context())
		counts := make([]int, 10)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for bot := range counts {
			for range 1 + 5*bot { // the last one asks 46 times as eagerly as the first
				wg.Go(func() {
					for q.wait(ctx, exchange.Turn{Bot: fmt.Sprint(bot)}, time.Hour) == nil {
						mu.Lock()
						counts[bot]++
						mu.Unlock()
					}
				})
			}
		}
		time.Sleep(10 * time.Minute)
		cancel()
		wg.Wait()
		if least, most := slices.Min(counts), slices.Max(counts); least < 250 || most-least > 30 {
			t.Errorf("calls by bot: %v", counts)
		}
	})
}

// Who goes away leaves no hole and takes nothing; who has no time left is not let
// through.
func TestQueueCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &line{queue: newQueue(budget(t, BudgetConfig{PerMinute: 62, Burst: 2, Reserve: 1}))}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		l.call(gone, "late", false)
		l.call(t.Context(), "a", false) // the burst
		going, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		for _, bot := range []string{"b", "c", "d"} {
			l.call(going, bot, false)
		}
		l.call(t.Context(), "e", false)
		l.call(t.Context(), "e", false)
		start := time.Now()
		if err := l.wait(t.Context(), exchange.Turn{Bot: "short"}, 100*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		l.wg.Wait()
		if got := fmt.Sprint(l.order[:3], len(l.order), l.order[5:]); got != "[late! a b] 7 [e e]" {
			t.Errorf("order %v", l.order)
		}
	})
}

// brokenBudget is a budget that fails.
type brokenBudget struct{ err error }

func (b brokenBudget) Take(context.Context, exchange.Turn) (time.Duration, error) { return 0, b.err }
func (b brokenBudget) Pause(context.Context, time.Duration) error                 { return b.err }

// Where the budget is out of reach nothing may be called.
func TestQueueBrokenBudget(t *testing.T) {
	t.Parallel()
	broken := errors.New("the store is down")
	if err := newQueue(brokenBudget{broken}).wait(t.Context(), exchange.Turn{}, time.Hour); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// A budget is asked for each call, by whoever: two queues share it as two processes
// would. // proves T10
func TestQueuesShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget(t, BudgetConfig{})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		counts := make([]int, 4)
		var wg sync.WaitGroup
		for i := range counts {
			q := newQueue(b)
			for range 3 {
				wg.Go(func() {
					for q.wait(ctx, exchange.Turn{Bot: fmt.Sprint(i)}, time.Hour) == nil {
						b.mu.Lock()
						counts[i]++
						b.mu.Unlock()
					}
				})
			}
		}
		wg.Wait()
		total := 0
		for _, n := range counts {
			total += n
		}
		if total > 5*280+20 || total < 5*270 || slices.Min(counts) < 200 {
			t.Errorf("calls by process: %v", counts)
		}
	})
}

// closed is a budget that lets nothing pass for a second, and then everything; it
// notes how many bots it was told that wait.
type closed struct {
	opens time.Time
	bots  []int
	asked atomic.Int64
}

func (b *closed) Take(_ context.Context, t exchange.Turn) (time.Duration, error) {
	b.asked.Add(1)
	if wait := time.Until(b.opens); wait > 0 {
		return wait, nil
	}
	b.bots = append(b.bots, t.Bots)
	return 0, nil
}

func (*closed) Pause(context.Context, time.Duration) error { return nil }

// A budget that several processes share is told how many bots wait in this one.
// proves T10
func TestQueueCountsBots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &closed{opens: time.Now().Add(time.Second)}
		q := newQueue(b)
		var waiting sync.WaitGroup
		for i := range 6 { // of three bots, two of each
			waiting.Go(func() {
				if err := q.wait(t.Context(), exchange.Turn{Bot: fmt.Sprint(i % 3)}, time.Hour); err != nil {
					t.Error(err)
				}
			})
		}
		waiting.Wait()
		if !slices.Equal(b.bots, []int{3, 3, 3, 3, 2, 1}) {
			t.Errorf("waiting were told %v", b.bots)
		}
	})
}

// A budget that is shared through a store is asked as often as there is something new to
// ask: not for each call that comes to wait behind others, nor for each that gives up
// there. // proves T10
func TestQueueAsksSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &closed{opens: time.Now().Add(time.Hour)}
		q := newQueue(b)
		var all sync.WaitGroup
		expect := func(what string, turn exchange.Turn, calls, asked int64) (leave func()) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			b.asked.Store(0)
			for i := range calls {
				turn.Bot = fmt.Sprint(i % 7)
				all.Go(func() { _ = q.wait(ctx, turn, 2*time.Hour) })
				synctest.Wait()
			}
			if n := b.asked.Load(); n != asked {
				t.Errorf("%s: the budget was asked %d times, want %d", what, n, asked)
			}
			return cancel
		}
		leave := expect("pages", exchange.Turn{Spare: true}, 100, 2)
		expect("bots, which come before them", exchange.Turn{}, 500, 2)
		expect("pages behind bots", exchange.Turn{Spare: true}, 100, 0)
		expect("an exit", exchange.Turn{Urgent: true}, 1, 2)
		b.asked.Store(0)
		leave()
		synctest.Wait()
		if n := b.asked.Load(); n != 0 {
			t.Errorf("when pages left behind others, the budget was asked %d times", n)
		}
		start := time.Now()
		all.Wait()
		if took := time.Since(start); took != time.Hour {
			t.Errorf("they waited for %s", took)
		}
	})
}
