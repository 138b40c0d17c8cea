package exchange

import (
	"context"
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

// TradeHistory is a MarketData that remembers the trades of the public tape.
type TradeHistory interface {
	// TradesBetween returns a pair's trades at from or later and before to, oldest
	// first.
	TradesBetween(ctx context.Context, pair string, from, to time.Time) ([]Trade, error)
}

// Trader is the private side of a venue: one account.
type Trader interface {
	// Place sends an order. An *Error tells what is known of its outcome.
	Place(ctx context.Context, r OrderRequest) (Order, error)
	// Cancel asks for an order to be taken back; whether it was filled before
	// is read from Order afterwards (rule T4).
	Cancel(ctx context.Context, pair, orderID string) error
	// Order looks an order up by our client id.
	Order(ctx context.Context, pair, clientID string) (Order, error)
	// OpenOrders lists the account's resting orders in a market.
	OpenOrders(ctx context.Context, pair string) ([]Order, error)
	// Fills lists the account's fills in a market with a sequence above after,
	// oldest first, at most limit.
	Fills(ctx context.Context, pair string, after int64, limit int) ([]Fill, error)
	// Balances lists what the account holds.
	Balances(ctx context.Context) ([]Balance, error)
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
