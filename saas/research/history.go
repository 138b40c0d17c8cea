package research

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata"
)

const (
	// MaxCandles bounds the candles of one run, so that a worker's memory and a
	// result stay within bounds: nearly three years of minutes.
	MaxCandles = 1_500_000
	// finest is the length of the candles that orders meet, as those of bots do.
	finest = time.Minute
)

// Detail returns the length of the candles that a run's orders meet: a minute,
// as for a bot, unless that makes too many; then the candles that the strategy
// decides on.
func Detail(interval time.Duration, from, to time.Time) time.Duration {
	if to.Sub(from)/finest <= MaxCandles {
		return finest
	}
	return interval
}

// Spans says from when to when there is history.
type Spans interface {
	// Span returns the time of which there are closed candles of a pair, on whole
	// minutes. An unknown pair is an error.
	Span(ctx context.Context, pair string) (from, to time.Time, err error)
}

// Query asks for candles.
type Query struct {
	Pair string
	// Interval is the length of each candle.
	Interval time.Duration
	// From is when the first one opens and To when the last one closes.
	From, To time.Time
}

// Data is the candles of a run, with what a reader of its report has to know of
// them.
type Data struct {
	marketdata.Series
	// Read says what reading the candles did to them.
	Read marketdata.CSVReport
	// Origin says in words where they are from.
	Origin string
	// Notes are warnings in plain words.
	Notes []string
}

// History is where the candles of runs come from.
type History interface {
	Spans
	// Load returns all closed candles that a query asks for, without a hole
	// between them.
	Load(ctx context.Context, q Query) (Data, error)
}
