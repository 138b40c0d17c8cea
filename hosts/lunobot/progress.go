package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	// progressAfter is how long a run may take before a bar appears, and
	// progressEvery how often it moves.
	progressAfter = time.Second
	progressEvery = 100 * time.Millisecond
	barWidth      = 30
)

// progress draws a bar on a terminal. Its methods may be called from several
// goroutines.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	total int64
	start time.Time
	drawn time.Time
}

// newProgress returns a bar of the total; it is silent where nobody watches.
func newProgress(w io.Writer, total int64) *progress {
	if !terminal(w) {
		w = nil
	}
	return &progress{w: w, total: max(1, total), start: time.Now()}
}

// set moves the bar to what is done.
func (p *progress) set(done int64) { p.setOf(done, 0) }

// setOf moves the bar to what is done of another total; 0 is that of before.
func (p *progress) setOf(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = cmp.Or(total, p.total)
	now := time.Now()
	if p.w == nil || now.Sub(p.start) < progressAfter || now.Sub(p.drawn) < progressEvery {
		return
	}
	p.drawn = now
	share := min(1, float64(done)/float64(p.total))
	full := int(share * barWidth)
	left := "…"
	if share > 0 {
		elapsed := now.Sub(p.start)
		left = time.Duration(float64(elapsed) * (1 - share) / share).Round(time.Second).String()
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s%s %3.0f %%  %s left", strings.Repeat("█", full), strings.Repeat("░", barWidth-full), 100*share, left)
}

// of moves the bar to what is done of a total that was not known before.
func (p *progress) of(done, total int64) {
	p.mu.Lock()
	p.total = max(1, total)
	p.mu.Unlock()
	p.set(done)
}

// clear takes the bar away.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil && !p.drawn.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
