package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/strategy/backtest"
)

// intervalFlag says on which candles a strategy decides.
type intervalFlag struct {
	Interval string `placeholder:"LENGTH" help:"Length of the candles that the strategy decides on, such as 15m, 1h or 1d: a whole number of the data's, which orders meet. Default: the data's."`
}

// into sets the length of a run's candles and returns what is wrong with it.
func (f intervalFlag) into(cfg *backtest.Config) (problems []string) {
	if f.Interval == "" {
		return nil
	}
	length, err := parseLength(f.Interval)
	switch {
	case err != nil:
		return []string{"--interval " + f.Interval + " must be a length above 0, such as 15m, 1h or 1d"}
	case length%cfg.Interval != 0:
		return []string{fmt.Sprintf("--interval %s must be a whole number of the data's candles, which are of %s", f.Interval, lengthText(cfg.Interval))}
	}
	cfg.Decide = length
	return nil
}

// parseLength reads a length of time above 0, in days too.
func parseLength(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	if count, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(count, 10, 16)
		if n == 0 {
			err = errors.Join(err, strconv.ErrRange)
		}
		return time.Duration(n) * day, err
	}
	length, err := time.ParseDuration(text)
	if length <= 0 {
		err = errors.Join(err, strconv.ErrRange)
	}
	return length, err
}

// lengthText writes a length of candles as it is given.
func lengthText(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
