package exchange

import "time"

// Backoff says how long to wait before something that failed is tried again.
type Backoff struct {
	// Min is the pause after the first failure; it doubles with each up to Max.
	Min, Max time.Duration
	// Rand returns a number from 0 to below 1.
	Rand func() float64
}

// Pause returns the pause after so many failures in a row before the present one:
// half of it is sure, the other half random, so that many do not come back at
// once.
func (b Backoff) Pause(failures int) time.Duration {
	d := b.Max
	if failures < 32 {
		d = min(d, b.Min<<failures)
	}
	if d <= 0 {
		d = b.Max
	}
	return d/2 + time.Duration(b.Rand()*float64(d/2))
}
