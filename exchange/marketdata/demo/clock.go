package demo

import (
	"context"
	"math"
	"time"
)

const (
	// minute is the length of a candle in milliseconds.
	minute = 60_000
	// startMillis is 2026-01-01T00:00:00Z, which is also the start of a day and
	// so of every larger interval.
	startMillis = 1_767_225_600_000
	// maxIndex bounds market time to some 190,000 years, within which no
	// arithmetic on indices overflows.
	maxIndex = 100_000_000_000
)

// Time returns when the candle of an index opens, in market time.
func (r *Replay) Time(index int64) time.Time {
	return time.UnixMilli(startMillis + index*minute).UTC()
}

// Index returns the index of the candle that is open at a market time.
func (r *Replay) Index(t time.Time) int64 { return indexOf(t.UnixMilli()) }

// Now returns the present market time in UTC. It never goes back, even if the
// wall clock is set back.
func (r *Replay) Now() time.Time { return time.UnixMilli(r.now()).UTC() }

// now returns the present market time in milliseconds.
func (r *Replay) now() int64 {
	elapsed := float64(r.cfg.Now().Sub(r.cfg.Anchor.Wall)) / float64(time.Millisecond) * r.cfg.Speed
	now := startMillis + r.cfg.Anchor.Index*minute + int64(math.Floor(elapsed))
	for {
		newest := r.newest.Load()
		if now <= newest {
			return newest
		}
		if r.newest.CompareAndSwap(newest, now) {
			return now
		}
	}
}

// wait returns when market time has reached t, in milliseconds, or with the
// context's error.
func (r *Replay) wait(ctx context.Context, t int64) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		left := t - r.now()
		if left <= 0 {
			return nil
		}
		// A millisecond more than computed costs less than a second round.
		wall := time.Duration(float64(left)/r.cfg.Speed*float64(time.Millisecond)) + time.Millisecond
		timer := time.NewTimer(wall)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// indexOf returns the index of the candle that is open at t milliseconds.
func indexOf(t int64) int64 { return floorDiv(t-startMillis, minute) }

// floorDiv divides and rounds down; d must be above 0.
func floorDiv(n, d int64) int64 {
	q := n / d
	if n%d < 0 {
		q--
	}
	return q
}
