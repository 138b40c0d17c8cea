package strategy

import "time"

// Timer is a time that a strategy waits for. It is kept as an exported field of
// the strategy's state, so that it survives a restart, and is asked at each
// candle; it is as fine as these are, in a backtest as in a live bot. The zero
// value is not set.
//
//	if s.Next.Due(b) {
//		s.Next.After(b, 24*time.Hour)
//		b.BuyWith(s.Params.Amount)
//	}
type Timer struct {
	// At is the time in epoch milliseconds UTC; 0 if the timer is not set.
	At int64 `json:"at"`
}

// Set sets the timer to a time, which may be past: it is due at once then.
func (t *Timer) Set(at time.Time) { t.At = max(1, at.UnixMilli()) }

// After sets the timer to a time from the bot's present one.
func (t *Timer) After(b *Bot, d time.Duration) { t.Set(b.Now().Add(d)) }

// Stop makes the timer one that is not set.
func (t *Timer) Stop() { t.At = 0 }

// Pending reports whether the timer is set.
func (t *Timer) Pending() bool { return t.At != 0 }

// Due reports, once, that the timer's time has come.
func (t *Timer) Due(b *Bot) bool {
	if t.At == 0 || b.now < t.At {
		return false
	}
	t.At = 0
	return true
}
