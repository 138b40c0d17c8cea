package live

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

// mailbox holds what a watcher has not taken yet: at most so many updates, the
// newest ones.
type mailbox struct {
	mu      sync.Mutex
	ring    []Update
	first   int
	count   int
	dropped int
	lastDue time.Time // the time of the newest dropped update
	ready   chan struct{}
}

func newMailbox(size int) *mailbox {
	return &mailbox{ring: make([]Update, size), ready: make(chan struct{}, 1)}
}

// put adds an update, in place of the oldest if there is no room. It never
// waits.
func (b *mailbox) put(u Update) {
	b.mu.Lock()
	if b.count == len(b.ring) {
		b.dropped++
		b.lastDue = b.ring[b.first].Time
		b.first = (b.first + 1) % len(b.ring)
		b.count--
	}
	b.ring[(b.first+b.count)%len(b.ring)] = u
	b.count++
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take returns the next update: first the word that some are missing, because
// these were older.
func (b *mailbox) take() (Update, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dropped > 0 {
		u := Update{Type: Dropped, Time: b.lastDue, Data: json.RawMessage(`{"count":` + strconv.Itoa(b.dropped) + `}`)}
		b.dropped = 0
		return u, true
	}
	if b.count == 0 {
		return Update{}, false
	}
	u := b.ring[b.first]
	b.ring[b.first] = Update{}
	b.first = (b.first + 1) % len(b.ring)
	b.count--
	return u, true
}

// deliver hands updates over until ctx ends.
func (b *mailbox) deliver(ctx context.Context, out chan<- Update) {
	for {
		u, ok := b.take()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-b.ready:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case out <- u:
		}
	}
}
