package marketdata

import (
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// Aggregator folds candles into larger ones that are aligned to the epoch. It
// is for one goroutine.
type Aggregator struct {
	from, to int64
	current  exchange.Candle
	open     bool
	// begun is false before the first candle; partial is the opening time of
	// the first larger candle if its beginning was not seen, else -1.
	begun   bool
	partial int64
}

// NewAggregator returns an aggregator from one interval to a larger one, which
// must be a whole multiple.
func NewAggregator(from, to time.Duration) (*Aggregator, error) {
	if from < time.Millisecond || from%time.Millisecond != 0 || to < from || to%from != 0 {
		return nil, fmt.Errorf("aggregating candles: %s is not a multiple of %s", to, from)
	}
	return &Aggregator{from: from.Milliseconds(), to: to.Milliseconds()}, nil
}

// Add takes the next closed candle and appends to dst the larger candles that
// it completes. The first larger candle is left out if its beginning was not
// seen. A larger candle of which no part was traded is left out, like any hole.
func (a *Aggregator) Add(dst []exchange.Candle, c exchange.Candle) []exchange.Candle {
	bucket := floor(c.Time, a.to)
	if !a.begun {
		a.begun, a.partial = true, -1
		if c.Time != bucket {
			a.partial = bucket
		}
	}
	if a.open && bucket != a.current.Time {
		dst = append(dst, a.current)
		a.open = false
	}
	switch {
	case a.open:
		a.current = exchange.Merge(a.current, c)
	case bucket != a.partial:
		a.current, a.open = c, true
		a.current.Time = bucket
	}
	if a.open && c.Time+a.from >= bucket+a.to {
		dst = append(dst, a.current)
		a.open = false
	}
	return dst
}

// Aggregate returns the series in a larger interval. A larger candle whose
// beginning or end lies outside of the series is left out.
func (s Series) Aggregate(interval time.Duration) (Series, error) {
	a, err := NewAggregator(s.Interval, interval)
	if err != nil {
		return Series{}, err
	}
	out := Series{Market: s.Market, Interval: interval}
	out.Candles = make([]exchange.Candle, 0, len(s.Candles)/int(interval/s.Interval)+1)
	for _, c := range s.Candles {
		out.Candles = a.Add(out.Candles, c)
	}
	return out, nil
}

// floor returns the start of the interval that a time is in; both are in
// milliseconds.
func floor(t, interval int64) int64 {
	start := t - t%interval
	if start > t {
		start -= interval
	}
	return start
}
