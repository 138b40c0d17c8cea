package lunosim

import "sync"

// callers counts the calls of the last minute by who made them.
type callers struct {
	limit int

	mu    sync.Mutex
	calls map[string]*window
}

// window is a ring of the times of the last calls that were let through.
type window struct {
	times []int64
	next  int
}

// allow reports whether one more call is within the limit at a time. A call that
// is refused does not count.
func (c *callers) allow(who string, now int64) bool {
	if c.limit == 0 {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil || len(c.calls) > maxCallers {
		c.calls = map[string]*window{}
	}
	w := c.calls[who]
	if w == nil {
		w = &window{times: make([]int64, c.limit)}
		c.calls[who] = w
	}
	if oldest := w.times[w.next]; oldest != 0 && now-oldest < minute {
		return false
	}
	w.times[w.next] = now
	w.next = (w.next + 1) % len(w.times)
	return true
}

// maxCallers bounds the memory for callers without a key.
const maxCallers = 10_000
