package journal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// GroupConfig says how a Group works.
type GroupConfig struct {
	// Linger is how long a commit waits for bots that took part in the one before,
	// which are likely to come again at once. Defaults to 300 µs.
	Linger time.Duration
	// Most is how many entries one transaction takes. Defaults to 256.
	Most int
	// Store keeps the journal. Required.
	Store LiveStore
	// Timeout bounds a transaction. Defaults to 10 s.
	Timeout time.Duration
}

func (c GroupConfig) withDefaults() GroupConfig {
	if c.Linger == 0 {
		c.Linger = 300 * time.Microsecond
	}
	if c.Most == 0 {
		c.Most = 256
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	return c
}

// Group commits entries of many bots in common transactions, so that a hundred
// intents cost one wait for the disk. It has no goroutine of its own: of the
// callers that wait, one commits for all. It is safe for concurrent use.
type Group struct {
	cfg GroupConfig

	mu      sync.Mutex
	waiting []*call
	// busy is true while somebody commits.
	busy bool
	// last is how many entries the last transaction had.
	last int
	// arrived is signalled when the waiting are as many as last time.
	arrived chan struct{}
}

// call is one entry that waits to be committed.
type call struct {
	entry LiveEntry
	err   error
	// turn is closed once the entry is written or refused, or when its caller is to
	// commit for all that wait by then.
	turn chan struct{}
	lead bool
}

// NewGroup checks cfg and builds a Group.
func NewGroup(cfg GroupConfig) (*Group, error) {
	if cfg.Store == nil {
		return nil, errors.New("journal: GroupConfig.Store is required")
	}
	return &Group{cfg: cfg.withDefaults(), arrived: make(chan struct{}, 1)}, nil
}

// Commit writes an entry; once it returns nil the entry is on the disk. After an
// error other than a Conflict it may be there or not. It does not end before the
// transaction does, for its caller must know.
func (g *Group) Commit(ctx context.Context, e LiveEntry) error {
	c := &call{entry: e, turn: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	if g.busy {
		if len(g.waiting) >= min(g.last, g.cfg.Most) {
			select {
			case g.arrived <- struct{}{}:
			default:
			}
		}
		g.mu.Unlock()
		<-c.turn
		if !c.lead {
			return c.err
		}
	} else {
		g.busy = true
		g.mu.Unlock()
	}
	g.lead(ctx)
	return c.err
}

// lead commits what waits and hands the lead on.
func (g *Group) lead(ctx context.Context) {
	batch := g.gather()
	g.write(context.WithoutCancel(ctx), batch)
	g.mu.Lock()
	g.last = len(batch)
	if len(g.waiting) == 0 {
		g.busy = false
	} else {
		g.waiting[0].lead = true
		close(g.waiting[0].turn)
	}
	g.mu.Unlock()
	for _, c := range batch {
		if !c.lead { // who was given the lead waits no more
			close(c.turn)
		}
	}
}

// gather takes the entries of the next transaction.
func (g *Group) gather() []*call {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) < min(g.last, g.cfg.Most) {
		select { // a signal of before
		case <-g.arrived:
		default:
		}
		g.mu.Unlock()
		wait := time.NewTimer(g.cfg.Linger)
		select {
		case <-g.arrived:
		case <-wait.C:
		}
		wait.Stop()
		g.mu.Lock()
	}
	n := min(len(g.waiting), g.cfg.Most)
	batch := g.waiting[:n:n]
	g.waiting = slices.Clone(g.waiting[n:])
	return batch
}

// write commits entries. If that fails each is tried alone, so that one bot's
// fault is no other's; not if there was no answer, which would be so again.
func (g *Group) write(ctx context.Context, batch []*call) {
	entries := make([]LiveEntry, len(batch))
	for i, c := range batch {
		entries[i] = c.entry
	}
	bounded, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	refused, err := g.cfg.Store.CommitLive(bounded, entries...)
	if err != nil && len(batch) > 1 && bounded.Err() == nil {
		for i := range batch {
			g.write(ctx, batch[i:i+1])
		}
		return
	}
	for i, c := range batch {
		if c.err = err; err == nil {
			c.err = refused[i]
		}
	}
}
