package exchangetest

import (
	"sync"
	"time"
)

// StillClock is a clock for the benches of venues: it stands still until it is moved.
// It is safe for concurrent use.
type StillClock struct {
	mu  sync.Mutex
	now time.Time
}

// NewStillClock returns a clock that shows a time.
func NewStillClock(at time.Time) *StillClock { return &StillClock{now: at} }

// Now returns what it shows.
func (c *StillClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves it forward.
func (c *StillClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
