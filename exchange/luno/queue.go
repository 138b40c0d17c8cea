package luno

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// queue is where the calls of an account wait for its budget: urgent ones first, spare
// ones last, and of equal ones each bot's in turn, however many another bot has waiting
// (rule T10).
type queue struct {
	mu     sync.Mutex
	budget exchange.Budget
	urgent lane
	normal lane
	spare  lane
	// served is the call that is served; nil if none waits, and then nobody serves.
	served *waiter
	// kick wakes who serves, where it waits for the budget with a call that came after a
	// better one or has gone away. Each time the budget is asked anew, which costs.
	kick chan struct{}
}

func newQueue(b exchange.Budget) *queue {
	return &queue{budget: b, kick: make(chan struct{}, 1)}
}

// share counts calls against another budget from now on.
func (q *queue) share(b exchange.Budget) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.budget = b
}

// shared returns the budget.
func (q *queue) shared() exchange.Budget {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.budget
}

// waiter is a call that waits.
type waiter struct {
	ctx  context.Context // the call's, and it ends with it
	turn exchange.Turn
	done chan error
}

// lane holds the calls of one urgency.
type lane struct {
	// bots are those with calls that wait, the next one first.
	bots  []string
	calls map[string][]*waiter
}

func (l *lane) push(w *waiter) {
	if l.calls == nil {
		l.calls = make(map[string][]*waiter)
	}
	if len(l.calls[w.turn.Bot]) == 0 {
		l.bots = append(l.bots, w.turn.Bot)
	}
	l.calls[w.turn.Bot] = append(l.calls[w.turn.Bot], w)
}

// head returns the call that is next; nil if none waits.
func (l *lane) head() *waiter {
	if len(l.bots) == 0 {
		return nil
	}
	return l.calls[l.bots[0]][0]
}

// remove takes a call out; its bot, if it has more of them, goes to the end. It
// reports whether the call was there.
func (l *lane) remove(w *waiter) bool {
	bot := w.turn.Bot
	i := slices.Index(l.calls[bot], w)
	if i < 0 {
		return false
	}
	first := i == 0 && l.bots[0] == bot
	rest := slices.Delete(l.calls[bot], i, i+1)
	l.calls[bot] = rest
	switch at := slices.Index(l.bots, bot); {
	case len(rest) == 0:
		delete(l.calls, bot)
		l.bots = slices.Delete(l.bots, at, at+1)
	case first:
		l.bots = append(slices.Delete(l.bots, 0, 1), bot)
	}
	return true
}

func (q *queue) lane(t exchange.Turn) *lane {
	switch {
	case t.Urgent:
		return &q.urgent
	case t.Spare:
		return &q.spare
	}
	return &q.normal
}

// free reports whether nobody waits that a call would have to wait for.
func (q *queue) free(t exchange.Turn) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.urgent.head() == nil && (t.Urgent || q.normal.head() == nil && (!t.Spare || q.spare.head() == nil))
}

// wait returns nil when the call may be made, no later than after so long. An
// error is ctx's or the budget's, and the call must not be made.
func (q *queue) wait(ctx context.Context, t exchange.Turn, most time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if most <= 0 {
		return context.DeadlineExceeded
	}
	if q.free(t) {
		if wait, err := q.shared().Take(ctx, t); err != nil || wait <= 0 {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	w := &waiter{ctx: ctx, turn: t, done: make(chan error, 1)}
	q.mu.Lock()
	q.lane(t).push(w)
	switch {
	case q.served == nil:
		q.served = w
		go q.serve()
	case rank(t) > rank(q.served.turn):
		q.wake()
	}
	q.mu.Unlock()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lane(t).remove(w) // if it was let through at the same moment, it counts as made
	if q.served == w {
		q.wake()
	}
	return ctx.Err()
}

// rank is the higher, the sooner a call is served.
func rank(t exchange.Turn) int {
	switch {
	case t.Urgent:
		return 2
	case t.Spare:
		return 0
	}
	return 1
}

// wake is called with mu held.
func (q *queue) wake() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// next returns the call to serve, which says how many bots wait; nil, and the end of serving, if none waits.
func (q *queue) next() *waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.kick: // it was for what is seen now
	default:
	}
	from := &q.urgent
	if from.head() == nil {
		from = &q.normal
	}
	if from.head() == nil {
		from = &q.spare
	}
	if q.served = from.head(); q.served != nil && !q.served.turn.Urgent {
		q.served.turn.Bots = len(from.bots)
	}
	return q.served
}

// serve lets calls through until none waits.
func (q *queue) serve() {
	for w := q.next(); w != nil; w = q.next() {
		wait, err := q.shared().Take(w.ctx, w.turn)
		if err == nil && wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-q.kick:
			}
			timer.Stop()
			continue
		}
		q.mu.Lock()
		if q.lane(w.turn).remove(w) {
			w.done <- err
		} else if head := q.lane(w.turn).head(); head != nil && err == nil {
			// It went away while it was served: another takes its place.
			q.lane(w.turn).remove(head)
			head.done <- nil
		}
		q.mu.Unlock()
	}
}
