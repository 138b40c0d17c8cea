package bot

import (
	"slices"
	"time"
)

// DefaultInterval is the length of the candles that a bot decides on if nobody
// chose another.
const DefaultInterval = time.Minute

// interval is a length of candles with the name that traders know it by.
type interval struct {
	name   string
	length time.Duration
}

// intervals are the lengths that a bot may decide on, shortest first: those that
// Luno has candles of, as far as traders use them.
func intervals() []interval {
	return []interval{
		{"1m", time.Minute}, {"5m", 5 * time.Minute}, {"15m", 15 * time.Minute}, {"30m", 30 * time.Minute},
		{"1h", time.Hour}, {"4h", 4 * time.Hour}, {"1d", 24 * time.Hour},
	}
}

// Intervals lists the names of the lengths of candles that a bot may decide on,
// shortest first.
func Intervals() []string {
	var names []string
	for _, i := range intervals() {
		names = append(names, i.name)
	}
	return names
}

// IntervalName returns the name of a length, such as "4h"; "" of one that no bot
// may decide on.
func IntervalName(d time.Duration) string {
	if i := slices.IndexFunc(intervals(), func(x interval) bool { return x.length == d }); i >= 0 {
		return intervals()[i].name
	}
	return ""
}

// ParseInterval returns the length of a name, which an empty one leaves at the
// default. One that is not known is a length that Check refuses.
func ParseInterval(name string) time.Duration {
	if name == "" {
		return DefaultInterval
	}
	if i := slices.IndexFunc(intervals(), func(x interval) bool { return x.name == name }); i >= 0 {
		return intervals()[i].length
	}
	return -1
}
