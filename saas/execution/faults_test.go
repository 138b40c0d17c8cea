package execution_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/exchangetest"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/saas/journal"
)

// errKilled is what a process that was killed gets for everything: nothing that it
// does has an effect any more.
var errKilled = errors.New("the process was killed")

// errLost is a call without an answer.
var errLost = errors.New("connection reset by peer")

// life is one life of a process. It may end at any of its steps towards the world.
type life struct {
	rng  *rand.Rand
	rate float64 // how likely each step is the last
	dead bool
}

// step reports whether the process is alive, and may end it.
func (l *life) step() bool {
	l.dead = l.dead || l.rng.Float64() < l.rate
	return !l.dead
}

// faulty is a venue and the way to it, with everything that may go wrong. It is
// used by one goroutine.
type faulty struct {
	*paper.Member
	clock *exchangetest.StillClock
	rng   *rand.Rand
	life  *life
	calm  bool // no faults any more
	// late are orders on their way that arrive when nobody waits for them any more.
	late []exchange.OrderRequest
	// seen is when each fill is listed.
	seen   map[int64]time.Time
	faults map[string]int
}

func (f *faulty) fault(name string, rate float64) bool {
	if f.calm || f.rng.Float64() >= rate {
		return false
	}
	f.faults[name]++
	return true
}

// call makes a call during which the process may be killed: before, when nothing
// has happened, or after, when nobody hears of it.
func (f *faulty) call(do func() error) error {
	if !f.life.step() {
		return errKilled
	}
	if f.fault("no answer to a question", 0.02) {
		return errLost
	}
	err := do()
	if !f.life.step() {
		return errKilled
	}
	return err
}

func (f *faulty) Place(ctx context.Context, r exchange.OrderRequest) (exchange.Order, error) {
	if !f.life.step() {
		return exchange.Order{}, errKilled
	}
	switch {
	case f.fault("reset before", 0.05):
		return exchange.Order{}, errLost
	case f.fault("too many requests", 0.03):
		return exchange.Order{}, &exchange.Error{Code: exchange.CodeTooManyRequests, HTTPStatus: 429}
	case f.fault("hang, then accept", 0.1):
		f.late = append(f.late, r)
		return exchange.Order{}, context.DeadlineExceeded
	}
	o, err := f.Member.Place(ctx, r)
	if !f.life.step() {
		return exchange.Order{}, errKilled
	}
	switch {
	case f.fault("accept, then hang", 0.1):
		return exchange.Order{}, context.DeadlineExceeded
	case f.fault("accept, bad gateway", 0.05):
		return exchange.Order{}, &exchange.Error{HTTPStatus: 502}
	case err == nil && f.fault("only the id", 0.5):
		return exchange.Order{ID: o.ID}, nil
	}
	return o, err
}

func (f *faulty) Cancel(ctx context.Context, pair, id string) error {
	return f.call(func() error {
		if f.fault("cancel lost", 0.1) {
			return errLost
		}
		err := f.Member.Cancel(ctx, pair, id)
		if f.fault("cancel without an answer", 0.1) {
			return errLost
		}
		return err
	})
}

func (f *faulty) Order(ctx context.Context, pair, clientID string) (o exchange.Order, err error) {
	err = f.call(func() error { o, err = f.Member.Order(ctx, pair, clientID); return err })
	return o, err
}

func (f *faulty) OrderByID(ctx context.Context, pair, id string) (o exchange.Order, err error) {
	err = f.call(func() error { o, err = f.Member.OrderByID(ctx, pair, id); return err })
	return o, err
}

func (f *faulty) OpenOrders(ctx context.Context, pair string) (list []exchange.Order, err error) {
	err = f.call(func() error { list, err = f.Member.OpenOrders(ctx, pair); return err })
	return list, err
}

func (f *faulty) Balances(ctx context.Context) (list []exchange.Balance, err error) {
	err = f.call(func() error { list, err = f.Member.Balances(ctx); return err })
	return list, err
}

// Fills lists fills late, each after a time of its own, and then out of order and
// twice.
func (f *faulty) Fills(ctx context.Context, pair string, after int64, limit int) (list []exchange.Fill, err error) {
	err = f.call(func() error { list, err = f.Member.Fills(ctx, pair, after, limit); return err })
	list = slices.DeleteFunc(list, func(x exchange.Fill) bool {
		at, ok := f.seen[x.Sequence]
		if !ok {
			at = time.UnixMilli(x.Time)
			if f.fault("late fill", 0.4) {
				at = at.Add(time.Duration(f.rng.IntN(10_000)) * time.Millisecond)
			}
			f.seen[x.Sequence] = at
		}
		return !f.calm && at.After(f.clock.Now())
	})
	if len(list) > 0 && f.fault("duplicate fill", 0.3) {
		list = append(list, list[f.rng.IntN(len(list))])
	}
	if len(list) > 1 && f.fault("reordered fills", 0.3) {
		f.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return list, err
}

// arrive lets orders that were under way arrive: the venue judges by its clock
// whether they are too late.
func (f *faulty) arrive(ctx context.Context) {
	for _, r := range f.late {
		_, _ = f.Member.Place(ctx, r) // nobody waits for the answer
	}
	f.late = nil
}

// mortal writes the journal for a process that may be killed before or after.
func mortal(l *life, commit func(context.Context, journal.LiveEntry) error) func(context.Context, journal.LiveEntry) error {
	return func(ctx context.Context, e journal.LiveEntry) error {
		if !l.step() {
			return errKilled
		}
		err := commit(ctx, e)
		if !l.step() {
			return errKilled
		}
		return err
	}
}

// hasty breaks the rule that the intent comes first: it says that an intent is
// written and writes it with what follows.
func hasty(commit func(context.Context, journal.LiveEntry) error) func(context.Context, journal.LiveEntry) error {
	var held []journal.LiveEntry
	return func(ctx context.Context, e journal.LiveEntry) error {
		if len(e.Orders) == 1 && e.Orders[0].State == journal.Submitted {
			held = append(held, e)
			return nil
		}
		for _, h := range held {
			if err := commit(ctx, h); err != nil {
				return err
			}
		}
		held = nil
		return commit(ctx, e)
	}
}
