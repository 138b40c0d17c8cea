package marketdata

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
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

// TimeParser reads the opening times of a file.
type TimeParser struct {
	unit TimeUnit
	zone *time.Location
	// form is Go's layout of the times; "" is RFC 3339 and numbers.
	form string
}

// NewTimeParser returns what reads times as the layout says. A time format that is
// none, or without a zone or beside a unit, is an error.
func NewTimeParser(l Layout) (TimeParser, error) {
	p := TimeParser{unit: l.Unit, zone: l.Zone}
	switch {
	case l.TimeFormat == "":
		return p, nil
	case l.Unit != BySize:
		return p, fmt.Errorf("times are either numbers of %s or written as %q", l.Unit, l.TimeFormat)
	case l.Zone == nil:
		return p, fmt.Errorf("times that are written as %q need a time zone", l.TimeFormat)
	}
	var err error
	p.form, err = dateForm(l.TimeFormat)
	return p, err
}

// Parse returns a time in milliseconds since the epoch.
func (p TimeParser) Parse(text []byte) (int64, error) {
	if len(text) == 0 {
		return 0, errors.New("the time is empty")
	}
	if p.form != "" {
		return p.parseForm(string(clip(text)))
	}
	var n uint64
	for _, c := range text {
		if c < '0' || c > '9' || p.unit == RFC3339 {
			if p.unit != BySize && p.unit != RFC3339 {
				return 0, fmt.Errorf("%q is not a whole number of %s since 1970", clip(text), p.unit)
			}
			return p.parseDate(string(clip(text)))
		}
		n = n*10 + uint64(c-'0')
	}
	return p.count(text, n)
}

// count reads a number.
func (p TimeParser) count(text []byte, n uint64) (int64, error) {
	if len(text) > timeDigits {
		return 0, fmt.Errorf("time %s is out of range", clip(text))
	}
	unit := p.unit
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

// parseDate reads RFC 3339 and, where a zone is named, such times without one.
func (p TimeParser) parseDate(text string) (int64, error) {
	date := text
	// RFC 3339 lets a space stand for the T.
	if len(date) > 10 && date[10] == ' ' {
		date = date[:10] + "T" + date[11:]
	}
	t, err := time.Parse(time.RFC3339Nano, date)
	for _, form := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateOnly} {
		if err == nil {
			break
		}
		if t, err = time.ParseInLocation(form, date, cmp.Or(p.zone, time.UTC)); err == nil && p.zone == nil {
			return 0, fmt.Errorf("%q does not tell its time zone: name the one that the file is written in", text)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not a time: a whole number since 1970, RFC 3339 such as 2026-01-31T00:00:00Z, or a format that is named is expected", text)
	}
	return milliseconds(text, t)
}

// parseForm reads a time in the form that was named.
func (p TimeParser) parseForm(text string) (int64, error) {
	value := text
	if strings.Contains(p.form, "PM") { // Go reads no other case
		value = strings.NewReplacer("a", "A", "p", "P", "m", "M").Replace(value)
	}
	t, err := time.ParseInLocation(p.form, value, p.zone)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time of the format that was named", text)
	}
	return milliseconds(text, t)
}

func milliseconds(text string, t time.Time) (int64, error) {
	ms := t.UnixMilli()
	switch {
	case ms <= 0:
		return 0, errors.New("the time must be after the start of 1970")
	case t.Nanosecond()%int(time.Millisecond) != 0:
		return 0, fmt.Errorf("time %s is finer than a millisecond", text)
	}
	return ms, nil
}

// dateForm makes Go's layout of a format in the letters of Unicode's date patterns:
// yyyy or yy, MM or MMM, dd, HH or hh with a, mm, ss and, after a point or a comma, SSS.
func dateForm(format string) (string, error) {
	tokens := []string{"yyyy", "2006", "yy", "06", "MMM", "Jan", "MM", "01", "dd", "02", "HH", "15", "hh", "03", "mm", "04", "ss", "05", "SSS", "000", "a", "PM"}
	var rest []string // the same, with nothing in the place of each
	for i, t := range tokens {
		if i%2 == 1 {
			t = ""
		}
		rest = append(rest, t)
	}
	between := strings.NewReplacer(rest...).Replace(format)
	odd := strings.ContainsFunc(between, func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' && r != 'T'
	})
	if odd || !strings.Contains(format, "yy") || !strings.Contains(format, "MM") || !strings.Contains(format, "dd") {
		return "", fmt.Errorf("the time format %q is none: it is made of yyyy, MM, dd, HH, mm, ss and SSS, such as dd.MM.yyyy HH:mm:ss; MMM is Jan, hh with a is 12 PM", format)
	}
	form := strings.NewReplacer(tokens...).Replace(format)
	// Elsewhere Go takes the three digits for text, and would refuse each time but 000.
	if start := time.UnixMilli(0).UTC(); strings.Contains(format, "SSS") && start.Format(form) == start.Add(time.Millisecond).Format(form) {
		return "", fmt.Errorf("the time format %q has SSS where it cannot be read: it stands after a point or a comma and before no other digits, such as HH:mm:ss.SSS", format)
	}
	return form, nil
}

// appendTime writes milliseconds so that a TimeParser reads them back: as a number,
// or as a date where the number would be taken for something else.
func appendTime(dst []byte, ms int64) []byte {
	if ms >= secondsBelow && ms < millisBelow {
		return strconv.AppendInt(dst, ms, 10)
	}
	return time.UnixMilli(ms).UTC().AppendFormat(dst, time.RFC3339Nano)
}
