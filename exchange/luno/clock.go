package luno

import (
	"net/http"
	"sync"
	"time"
)

const (
	// resolution is that of the Date header.
	resolution = time.Second
	// wander is how fast two clocks may part: a part in 10,000.
	wander = 10_000
)

// Drift is how far Luno's clock is ahead of this machine's.
type Drift struct {
	// Least and Most bound it.
	Least, Most time.Duration
	// Known is false before the first answer that had a time in it.
	Known bool
}

// clock estimates the drift. Each answer's Date header bounds it to a second and
// the time that the call took; the bounds of many calls together are closer.
type clock struct {
	mu    sync.Mutex
	drift Drift
	at    time.Time
}

// observe takes the header of an answer to a request of sent that came at
// received. It returns the answer's time; zero if there is none.
func (c *clock) observe(h http.Header, sent, received time.Time) time.Time {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	if age := h.Get("Age"); age != "" && age != "0" {
		return date // the answer comes from a cache
	}
	// The answer was made at the second date or within it, between sent and
	// received.
	fresh := Drift{Least: date.Sub(received), Most: date.Add(resolution).Sub(sent), Known: true}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.aged(received)
	c.drift, c.at = fresh, received
	if least, most := max(old.Least, fresh.Least), min(old.Most, fresh.Most); old.Known && least <= most {
		c.drift.Least, c.drift.Most = least, most
	}
	return date
}

// read returns the drift as it is known at now.
func (c *clock) read(now time.Time) Drift {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.aged(now)
}

// aged widens the bounds by what the clocks may have parted since. The caller
// holds the lock.
func (c *clock) aged(now time.Time) Drift {
	d := c.drift
	if d.Known {
		parted := max(0, now.Sub(c.at)) / wander
		d.Least, d.Most = d.Least-parted, d.Most+parted
	}
	return d
}
