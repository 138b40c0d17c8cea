package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// slotKey names a process that is shared: the strategy and the caller's key.
type slotKey struct{ name, key string }

// slot is the place of a shared process.
type slot struct {
	process *Process
	// starting is closed when a start that is under way is over.
	starting chan struct{}
	// failures counts deaths and failed starts in a row, of which cause is the newest;
	// before notBefore nothing is started.
	failures  int
	cause     error
	notBefore time.Time
}

// Process returns the process of a strategy for a key, and starts it if there
// is none. Those who ask with one key share it; "shared", a tenant's id or a
// bot's are the usual keys. After a death it waits out the back-off, as long as
// ctx lasts; after too many in a row it does not wait, and the error is of kind Broken
// until the process is tried again. The caller opens its bots anew in a process that it has not seen
// before.
func (h *Host) Process(ctx context.Context, name, key string) (*Process, error) {
	k := slotKey{name, key}
	for {
		h.mu.Lock()
		s := h.slots[k]
		if s == nil {
			s = &slot{}
			h.slots[k] = s
		}
		if s.process != nil && s.process.Err() == nil {
			defer h.mu.Unlock()
			return s.process, nil
		}
		wait, mine := s.starting, false
		pause := s.notBefore.Sub(h.cfg.Now())
		if pause > 0 && s.process == nil && s.starting == nil && s.failures >= h.cfg.BreakAfter {
			defer h.mu.Unlock()
			return nil, fault(name, Broken, "it failed %d times in a row and is not started before %s; at last: %w",
				s.failures, s.notBefore.UTC().Add(time.Second-1).Format("15:04:05 UTC"), s.cause)
		}
		if wait == nil && s.process == nil && pause <= 0 {
			s.starting, mine = make(chan struct{}), true
		} else if s.process != nil {
			wait, pause = s.process.gone, 0
		}
		h.mu.Unlock()
		if mine {
			return h.fill(ctx, k, s)
		}
		if err := h.pause(ctx, name, wait, pause); err != nil {
			return nil, err
		}
	}
}

// pause waits for the channel, or for the time if there is none.
func (h *Host) pause(ctx context.Context, name string, wait <-chan struct{}, d time.Duration) error {
	var late <-chan time.Time
	if wait == nil {
		timer := time.NewTimer(d)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-wait:
	case <-late:
	case <-h.ctx.Done():
		return fault(name, Stopped, "the host has stopped")
	case <-ctx.Done():
		return fmt.Errorf("plugin %s: waiting to start it: %w", name, context.Cause(ctx))
	}
	return nil
}

// fill starts the slot's process.
func (h *Host) fill(ctx context.Context, k slotKey, s *slot) (*Process, error) {
	p, err := h.start(ctx, k.name, func(p *Process) { h.vacate(k, s, p) })
	h.mu.Lock()
	defer h.mu.Unlock()
	close(s.starting)
	s.starting = nil
	switch {
	case err == nil:
		if p.Err() == nil { // else vacate has been here, or will be
			s.process = p
		}
	case ctx.Err() == nil && !errors.Is(err, &Error{Kind: NotFound}) && !errors.Is(err, &Error{Kind: Stopped}):
		h.backOff(s, err)
	}
	return p, err
}

// vacate is called when the slot's process is gone.
func (h *Host) vacate(k slotKey, s *slot, p *Process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.process = nil
	if errors.Is(p.Err(), &Error{Kind: Stopped}) {
		if s.starting == nil {
			delete(h.slots, k)
		}
		return
	}
	if h.cfg.Now().Sub(p.started) > 2*h.cfg.BackoffMax {
		s.failures = 0
	}
	h.backOff(s, p.Err())
}

// backOff puts the next start off, for long after too many failures in a row.
func (h *Host) backOff(s *slot, cause error) {
	pause := min(h.cfg.BackoffMax, h.cfg.BackoffMin<<min(s.failures, 20))
	if s.failures++; s.failures >= h.cfg.BreakAfter {
		pause = h.cfg.BreakFor
	}
	s.cause = cause
	s.notBefore = h.cfg.Now().Add(pause)
}
