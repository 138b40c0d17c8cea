package runner

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
)

// urgency says what a group is interrupted for while it waits for market data: that may
// hang, and a bot that is to stop must not wait for it (rule RK2).
type urgency uint8

const (
	notUrgent urgency = iota
	stopUrgent
	killUrgent
)

// rank is the urgency of a message, as the runner sends it.
func (c *control) rank() urgency {
	switch {
	case len(c.sell) > 0 || slices.ContainsFunc(c.stop, func(m *member) bool { return m.told != bot.Asked }):
		return killUrgent
	case len(c.stop) > 0:
		return stopUrgent
	}
	return notUrgent
}

// mailbox holds messages until the group takes them.
type mailbox struct {
	ring chan struct{} // tells that there is something
	mu   sync.Mutex
	list []control
	// waiting are what the group waits for, the newest last.
	waiting []wait
}

// wait is something that a group waits for, unless a message is urgent enough.
type wait struct {
	least urgency
	end   context.CancelFunc
}

func (b *mailbox) put(c control) {
	c.urgency = c.rank()
	b.mu.Lock()
	b.list = append(b.list, c)
	for _, w := range b.waiting {
		if c.urgency >= w.least {
			w.end()
		}
	}
	b.mu.Unlock()
	select {
	case b.ring <- struct{}{}:
	default:
	}
}

// waits reports whether there is a message.
func (b *mailbox) waits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.list) > 0
}

func (b *mailbox) take() []control {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = nil
	return list
}

// asking returns the context of a question to the history, which is given up after a while
// and when a bot is to stop.
func (g *group) asking(ctx context.Context) (context.Context, context.CancelFunc) {
	return g.mail.interrupted(ctx, callTimeout, stopUrgent)
}

// interrupted returns a context that ends after a time, and when a message is there that is
// urgent enough. It ends with the function, in the order opposite to that of the calls.
func (b *mailbox) interrupted(ctx context.Context, most time.Duration, least urgency) (context.Context, context.CancelFunc) {
	ctx, end := context.WithTimeout(ctx, most)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, wait{least, end})
	if slices.ContainsFunc(b.list, func(c control) bool { return c.urgency >= least }) {
		end()
	}
	return ctx, func() {
		end()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.waiting = b.waiting[:len(b.waiting)-1]
	}
}
