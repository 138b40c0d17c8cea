package exchange

import (
	"context"
	"errors"
	"time"
)

// MarketData is the public side of a venue.
type MarketData interface {
	// Markets lists the markets that the venue trades.
	Markets(ctx context.Context) ([]Market, error)
	// Candles returns up to limit closed candles of a pair that open at or
	// after since, oldest first. Holes are not filled.
	Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) ([]Candle, error)
}

// ErrTradesNotKept means that nobody knows the trades of a time any more.
var ErrTradesNotKept = errors.New("the trades of this time are not kept")

// TradeHistory is a MarketData that remembers the trades of the public tape.
type TradeHistory interface {
	// TradesBetween returns a pair's trades at from or later and before to, oldest
	// first. The error is ErrTradesNotKept if the venue does not tell them.
	TradesBetween(ctx context.Context, pair string, from, to time.Time) ([]Trade, error)
}

// Quotes is the present state of a venue's markets, asked for when a stream
// tells nothing: a quiet market is confirmed by it, and protective exits go on
// from it (rule M2).
type Quotes interface {
	// Ticker returns a market's top of book and last price.
	Ticker(ctx context.Context, pair string) (Ticker, error)
	// OrderBook returns up to depth levels of each side, best first; a depth of
	// 0 is all that the venue gives.
	OrderBook(ctx context.Context, pair string, depth int) (OrderBook, error)
	// Trades lists trades of the public tape with a sequence above after, oldest
	// first, at most limit. A venue gives only so many of the newest: a first
	// sequence above after+1 is a gap, not an error.
	Trades(ctx context.Context, pair string, after int64, limit int) ([]Trade, error)
}

// Streamer delivers a market's live events.
type Streamer interface {
	// Stream calls sink for each event, in order, until ctx ends or the stream
	// breaks. It calls from one goroutine; a slow sink delays the stream.
	Stream(ctx context.Context, pair string, sink func(StreamEvent)) error
}

// StreamEvent is one live event of a market; exactly one field is set.
type StreamEvent struct {
	// Tick is a change of the last price.
	Tick *Tick
	// Candle is a candle that has just closed.
	Candle *Candle
	// Status is a change of the market's state.
	Status MarketStatus
	// Top is a change of the best bid or ask.
	Top *Top
}
