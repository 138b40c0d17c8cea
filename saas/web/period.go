package web

import (
	"time"

	"github.com/lunobot/lunobot/saas/bot"
)

// period is a length of candles as pages speak of it.
type period struct {
	// Name is what traders call it, such as "1h".
	Name   string
	Length time.Duration
	// Every is how often a candle of it closes, and Noun what closes.
	Every, Noun string
}

// periods lists the lengths that a bot may decide on, shortest first.
func periods() []period {
	var list []period
	for _, name := range bot.Intervals() {
		list = append(list, periodOf(bot.ParseInterval(name)))
	}
	return list
}

// periodOf returns a length; one that no bot may decide on has no name.
func periodOf(length time.Duration) period {
	p := period{Name: bot.IntervalName(length), Length: length}
	switch length {
	case time.Minute:
		p.Every, p.Noun = "every minute", "minute"
	case 5 * time.Minute:
		p.Every, p.Noun = "every five minutes", "five minutes"
	case 15 * time.Minute:
		p.Every, p.Noun = "every quarter of an hour", "quarter of an hour"
	case 30 * time.Minute:
		p.Every, p.Noun = "every half hour", "half hour"
	case time.Hour:
		p.Every, p.Noun = "every hour", "hour"
	case 4 * time.Hour:
		p.Every, p.Noun = "every four hours", "four hours"
	case 24 * time.Hour:
		p.Every, p.Noun = "once a day, at midnight UTC", "day"
	default:
	}
	return p
}

// Seconds is the length for scripts.
func (p period) Seconds() int64 { return int64(p.Length / time.Second) }

// Waiting says what somebody waits for at a time who decides when the next
// candle closes.
func (p period) Waiting(now time.Time) string {
	return "Waiting for the " + p.Noun + " to close at " + now.Truncate(p.Length).Add(p.Length).UTC().Format("15:04") + "."
}
