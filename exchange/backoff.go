package exchange

import "time"

// Backoff says how long to wait before something that failed is tried again.
type Backoff struct {
	// Min is the pause after the first failure; it doubles with each up to Max.
	Min, Max time.Duration
	// Rand returns a number from 0 to below 1.
	Rand func() float64
}

// Next returns the pause before something is opened again that broke after it had
// worked for so long, 0 if it never did, and how many failures in a row that makes.
// What worked for much longer than its pause has not failed; what breaks as soon
// as it is open has, however often it is opened.
func (b Backoff) Next(failures int, worked time.Duration) (pause time.Duration, inARow int) {
	const much = 4
	if pause = b.Pause(failures); worked < much*pause {
		return pause, failures + 1
	}
	return b.Pause(0), 1
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
