package archive

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// maxPair bounds the length of a pair's symbol, which names a folder.
const maxPair = 32

// Key names a series.
type Key struct {
	// Pair is the market's symbol: capital letters and digits.
	Pair string
	// Interval is the length of each candle: whole seconds.
	Interval time.Duration
}

// String returns the pair and the interval, such as "XBTMYR 1m".
func (k Key) String() string { return k.Pair + " " + IntervalName(k.Interval) }

// validate reports what is wrong with the key.
func (k Key) validate() error {
	var problems []error
	if len(k.Pair) < 2 || len(k.Pair) > maxPair || strings.Trim(k.Pair, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		problems = append(problems, fmt.Errorf("archive: the pair %q must be 2 to %d capital letters and digits", k.Pair, maxPair))
	}
	if k.Interval < time.Second || k.Interval%time.Second != 0 {
		problems = append(problems, fmt.Errorf("archive: the interval %s must be whole seconds", k.Interval))
	}
	return errors.Join(problems...)
}

// folder is where the series lies inside the archive.
func (k Key) folder() string { return filepath.Join(k.Pair, IntervalName(k.Interval)) }

// IntervalName writes an interval of whole seconds with one unit, such as "1m",
// "4h" or "90s".
func IntervalName(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= unit.length && d%unit.length == 0 {
			return strconv.FormatInt(int64(d/unit.length), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

// parseName reads what IntervalName writes.
func parseName(name string) (time.Duration, bool) {
	if name == "" {
		return 0, false
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[name[len(name)-1]]
	n, err := strconv.ParseInt(name[:len(name)-1], 10, 32)
	d := time.Duration(n) * unit
	return d, err == nil && d > 0 && IntervalName(d) == name
}
