package research

import (
	"context"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

const (
	// MaxCandles bounds the candles of one run, those of all pairs that it trades
	// counted, so that a worker's memory and a
	// result stay within bounds: nearly three years of minutes.
	MaxCandles = 1_500_000
	// finest is the length of the candles that orders meet, as those of bots do.
	finest = time.Minute
)

// Detail returns the length of the candles that the orders of a run of so many pairs
// meet: minutes, or what is recorded if that is longer, as long as those are no more
// than MaxCandles, else the run's own.
func Detail(recorded, interval time.Duration, from, to time.Time, pairs int64) time.Duration {
	if least := max(finest, recorded); int64(to.Sub(from)/least)*pairs <= MaxCandles {
		return least
	}
	return interval
}

// Source is where the candles of a run come from.
type Source string

// The sources.
const (
	// FromMarket is the market that bots trade in.
	FromMarket Source = "market"
	// FromStore is the operator's store of candles, which all tenants read.
	FromStore Source = "store"
)

// Sources returns all sources.
func Sources() []Source { return []Source{FromMarket, FromStore} }

// Ref names a history.
type Ref struct {
	// Source defaults to FromMarket.
	Source Source
	// Pair is the market's symbol.
	Pair string
	// Recorded is the length of its candles. Defaults to the shortest that there is.
	Recorded time.Duration
}

// MaxHoles is how many holes of a history are named.
const MaxHoles = 200

// Hole is a time within a history without candles.
type Hole struct {
	// From is when the first missing candle would open, To when the next one opens
	// that is there.
	From, To time.Time
}

// Offer is what there is of a pair.
type Offer struct {
	// Ref names it, complete.
	Ref
	// Market is what was traded.
	Market exchange.Market
	// From is when the first candle opens and To when the last closes.
	From, To time.Time
	// Candles is how many there are, Missing how many are not there between them,
	// in Gaps holes.
	Candles, Missing, Gaps int64
	// Holes are the MaxHoles longest of them, in order.
	Holes []Hole
	// Origin says in words where the candles are from.
	Origin string
}

// Offers tells what history there is.
type Offers interface {
	// Offers lists all histories, the market's first; without their holes.
	Offers(ctx context.Context) ([]Offer, error)
	// Offer returns one history with its holes. One that is not there is NotFound.
	Offer(ctx context.Context, ref Ref) (Offer, error)
}

// Query asks for candles of a market.
type Query struct {
	Ref
	// Interval is the length of each candle.
	Interval time.Duration
	// From is when the first one opens and To when the last one closes.
	From, To time.Time
}

// Data is what a query gave.
type Data struct {
	marketdata.Series
	// Read says what reading the candles did to them.
	Read marketdata.CSVReport
	// Origin says in words where they are from.
	Origin string
	// Notes are warnings in plain words.
	Notes []string
}

// History is where a worker gets its candles from.
type History interface {
	Offers
	// Load returns the closed candles that a query asks for, without a hole between
	// them.
	Load(ctx context.Context, q Query) (Data, error)
	// Trades opens the trades of a market in [from, to); nil if the history has none.
	Trades(ctx context.Context, ref Ref, from, to time.Time) (Tape, error)
}

// Tape delivers trades in blocks, oldest first, and io.EOF after the last. A block is
// valid until the next call. One that is an io.Closer is to be closed.
type Tape interface {
	Next(ctx context.Context) ([]exchange.Trade, error)
}
