package marketdata

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	// secondsBelow divides epoch seconds from milliseconds: it is the year 5138
	// in the one and 1973 in the other. Microseconds begin a thousand times
	// higher, nanoseconds a million times.
	secondsBelow = 100_000_000_000
	// millisBelow is the first number of milliseconds that is refused, also in
	// the year 5138.
	millisBelow = 1000 * secondsBelow
	// timeDigits is how many digits a time may have.
	timeDigits = 19
)

// ParseTime reads an opening time as the rows of a CSV file have it, and returns
// milliseconds since the epoch.
func ParseTime(text string, unit TimeUnit) (int64, error) { return parseTime([]byte(text), unit) }

// parseTime reads an opening time as a number of the unit since the epoch, or in
// RFC 3339 where no unit is named, and returns milliseconds.
func parseTime(text []byte, unit TimeUnit) (int64, error) {
	if len(text) == 0 {
		return 0, errors.New("the time is empty")
	}
	var n uint64
	for _, c := range text {
		if c < '0' || c > '9' || unit == RFC3339 {
			if unit != BySize && unit != RFC3339 {
				return 0, fmt.Errorf("%q is not a whole number of %s since 1970", clip(text), unit)
			}
			return parseDate(text)
		}
		n = n*10 + uint64(c-'0')
	}
	if len(text) > timeDigits {
		return 0, fmt.Errorf("time %s is out of range", clip(text))
	}
	times, per := uint64(1), uint64(1)
	switch {
	case unit == Seconds, unit == BySize && n < secondsBelow:
		times = 1000
	case unit == Milliseconds, unit == BySize && n < millisBelow:
	case unit == Microseconds, unit == BySize && n < 1000*millisBelow:
		per = 1000
	default:
		per = 1_000_000
	}
	switch {
	case n%per != 0:
		return 0, fmt.Errorf("time %s is finer than a millisecond", text)
	case n/per >= millisBelow/times:
		return 0, fmt.Errorf("time %s is out of range: it is after the year 5138", text)
	case n == 0:
		return 0, errors.New("the time must be after the start of 1970")
	}
	return int64(n / per * times), nil
}

func parseDate(text []byte) (int64, error) {
	date := string(clip(text))
	// RFC 3339 lets a space stand for the T.
	if len(date) > 10 && date[10] == ' ' {
		date = date[:10] + "T" + date[11:]
	}
	t, err := time.Parse(time.RFC3339Nano, date)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time: a number since 1970 or RFC 3339 such as 2026-01-31T00:00:00Z is expected", date)
	}
	ms := t.UnixMilli()
	switch {
	case ms <= 0:
		return 0, errors.New("the time must be after the start of 1970")
	case t.Nanosecond()%int(time.Millisecond) != 0:
		return 0, fmt.Errorf("time %s is finer than a millisecond", date)
	}
	return ms, nil
}

// appendTime writes milliseconds so that parseTime reads them back: as a number,
// or as a date where the number would be taken for something else.
func appendTime(dst []byte, ms int64) []byte {
	if ms >= secondsBelow && ms < millisBelow {
		return strconv.AppendInt(dst, ms, 10)
	}
	return time.UnixMilli(ms).UTC().AppendFormat(dst, time.RFC3339Nano)
}
