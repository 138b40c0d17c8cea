package marketdata

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	// secondsBelow divides epoch seconds from milliseconds: it is the year 5138
	// in the one and 1973 in the other.
	secondsBelow = 100_000_000_000
	// millisBelow is the first number of milliseconds that is refused, also in
	// the year 5138.
	millisBelow = 1000 * secondsBelow
)

// parseTime reads an opening time in seconds or milliseconds since the epoch or
// in RFC 3339, and returns milliseconds.
func parseTime(text []byte) (int64, error) {
	if len(text) == 0 {
		return 0, errors.New("the time is empty")
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return parseDate(text)
		}
		n = min(n*10+int64(c-'0'), millisBelow)
	}
	switch {
	case n < secondsBelow:
		n *= 1000
	case n >= millisBelow:
		return 0, fmt.Errorf("time %s is out of range: seconds or milliseconds are expected", clip(text))
	}
	if n == 0 {
		return 0, errors.New("the time must be after the start of 1970")
	}
	return n, nil
}

func parseDate(text []byte) (int64, error) {
	date := string(clip(text))
	// RFC 3339 lets a space stand for the T.
	if len(date) > 10 && date[10] == ' ' {
		date = date[:10] + "T" + date[11:]
	}
	t, err := time.Parse(time.RFC3339Nano, date)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time: seconds, milliseconds or RFC 3339 such as 2026-01-31T00:00:00Z are expected", date)
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
