package paper

import (
	"context"
	"math"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// day is the span of a ticker's volume in milliseconds.
const day = 24 * 60 * 60 * 1000

// Markets lists the exchange's markets with their present status, in the order
// of its configuration.
func (e *Exchange) Markets(ctx context.Context) ([]exchange.Market, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	markets := make([]exchange.Market, len(e.pairs))
	for i, pair := range e.pairs {
		markets[i] = e.books[pair].market
	}
	return markets, nil
}

// OrderBook returns up to depth levels of each side, best first; a depth of 0 is
// all of them.
func (e *Exchange) OrderBook(ctx context.Context, pair string, depth int) (exchange.OrderBook, error) {
	if err := ctx.Err(); err != nil {
		return exchange.OrderBook{}, err
	}
	if depth <= 0 {
		depth = math.MaxInt
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := e.book(pair)
	if err != nil {
		return exchange.OrderBook{}, err
	}
	return exchange.OrderBook{Pair: pair, Bids: b.bids.depth(depth), Asks: b.asks.depth(depth), Time: b.changed}, nil
}

// Ticker returns a market's top of book, last price and volume of the last 24
// hours.
func (e *Exchange) Ticker(ctx context.Context, pair string) (exchange.Ticker, error) {
	if err := ctx.Err(); err != nil {
		return exchange.Ticker{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := e.book(pair)
	if err != nil {
		return exchange.Ticker{}, err
	}
	t := exchange.Ticker{Pair: pair, Status: b.market.Status, Time: b.changed, Volume24h: b.volume24h(e.now())}
	if l := b.bids.best(); l != nil {
		t.Bid = l.price
	}
	if l := b.asks.best(); l != nil {
		t.Ask = l.price
	}
	if n := len(b.tape); n > 0 {
		t.Last = b.tape[n-1].Price
	}
	return t, nil
}

// Trades lists the trades of a market with a sequence above after, oldest first,
// at most limit.
func (e *Exchange) Trades(ctx context.Context, pair string, after int64, limit int) ([]exchange.Trade, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, exchange.Rejected("ErrLimitOutOfRange", "the limit %d must be above 0", limit)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := e.book(pair)
	if err != nil {
		return nil, err
	}
	n := int64(len(b.tape))
	from := min(max(after-(b.lastTrade-n), 0), n)
	return slices.Clone(b.tape[from : from+min(int64(limit), n-from)]), nil
}

// NewestTrades lists the trades of a market at since or later, in milliseconds,
// newest first, at most limit.
func (e *Exchange) NewestTrades(ctx context.Context, pair string, since int64, limit int) ([]exchange.Trade, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	b, err := e.book(pair)
	if err != nil {
		return nil, err
	}
	var out []exchange.Trade
	for i := len(b.tape) - 1; i >= 0 && len(out) < limit && b.tape[i].Time >= since; i-- {
		out = append(out, b.tape[i])
	}
	return out, nil
}

// depth returns up to n levels.
func (s *side) depth(n int) []exchange.Level {
	levels := make([]exchange.Level, 0, min(n, len(s.levels)))
	for l := s.best(); l != nil && len(levels) < n; l = l.worse() {
		levels = append(levels, exchange.Level{Price: l.price, Volume: l.volume})
	}
	return levels
}

// addTrade puts a trade on the tape and forgets those that are older than keep, if
// it is above 0; it does so once as many can go as stay.
func (b *book) addTrade(t exchange.Trade, keep int64) {
	b.lastTrade++
	t.Sequence = b.lastTrade
	b.tape = append(b.tape, t)
	b.dayVolume += t.Volume
	b.changed = t.Time
	if b.low == 0 || t.Price < b.low {
		b.low = t.Price
	}
	b.high = max(b.high, t.Price)
	if half := len(b.tape) / 2; keep > 0 && len(b.tape) >= forgetFrom && b.tape[half].Time < t.Time-keep {
		b.volume24h(t.Time)
		b.tape = append(make([]exchange.Trade, 0, 2*(len(b.tape)-half)), b.tape[half:]...)
		b.dayFrom -= half
	}
}

// forgetFrom is how long a tape must be before anything of it is forgotten.
const forgetFrom = 1024

// volume24h forgets the trades that are a day old and returns the volume of the
// others.
func (b *book) volume24h(now int64) exchange.Steps {
	for ; b.dayFrom < len(b.tape) && b.tape[b.dayFrom].Time <= now-day; b.dayFrom++ {
		b.dayVolume -= b.tape[b.dayFrom].Volume
	}
	return b.dayVolume
}
