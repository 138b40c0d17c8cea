package exchange

import "time"

// Candle is one closed interval of a market's trades. A candle that is still
// forming is never a Candle (rule M4).
type Candle struct {
	// Time is when the interval opened, in epoch milliseconds UTC.
	Time int64
	// Open, High, Low and Close are prices in ticks.
	Open, High, Low, Close Ticks
	// Volume is the traded volume in steps.
	Volume Steps
}

// Flat returns the candle that stands for an interval without a trade: all
// prices are the last close, the volume is 0.
func Flat(openTime int64, price Ticks) Candle {
	return Candle{Time: openTime, Open: price, High: price, Low: price, Close: price}
}

// IsFlat reports whether no trade happened in the interval.
func (c Candle) IsFlat() bool { return c.Volume == 0 && c.High == c.Low }

// OpenTime returns when the interval opened, in UTC.
func (c Candle) OpenTime() time.Time { return time.UnixMilli(c.Time).UTC() }

// Valid reports whether the prices are positive and in order and the volume is
// not negative.
func (c Candle) Valid() bool {
	return c.Low > 0 && c.Low <= min(c.Open, c.Close) && c.High >= max(c.Open, c.Close) && c.Volume >= 0
}

// Merge returns the candle that covers two neighbouring intervals; b follows a.
// An interval without a trade adds nothing, so that the open is that of the
// first trade as in a venue's own candles.
func Merge(a, b Candle) Candle {
	switch {
	case b.IsFlat():
		return a
	case a.IsFlat():
		b.Time = a.Time
		return b
	}
	a.High = max(a.High, b.High)
	a.Low = min(a.Low, b.Low)
	a.Close = b.Close
	a.Volume += b.Volume
	return a
}

// Within returns the candle with all of its prices between two.
func (c Candle) Within(low, high Ticks) Candle {
	for _, p := range []*Ticks{&c.Open, &c.High, &c.Low, &c.Close} {
		*p = min(max(*p, low), high)
	}
	return c
}

// Tick is a change of a market's last price, between candles.
type Tick struct {
	// Time is in epoch milliseconds UTC.
	Time int64
	// Price is the last trade's price in ticks.
	Price Ticks
	// Volume is that trade's volume in steps.
	Volume Steps
	// Sequence identifies the trade within its market and only grows; 0 if the
	// venue does not number its trades.
	Sequence int64
	// Taker is the taker's side; 0 if the venue does not tell.
	Taker Side
}

// Trade returns the trade that a tick of a pair tells of.
func (t Tick) Trade(pair string) Trade {
	return Trade{Pair: pair, Sequence: t.Sequence, Time: t.Time, Price: t.Price, Volume: t.Volume, Taker: t.Taker}
}

// Ticker is a market's top of book and last trade. A side without an order is 0.
type Ticker struct {
	Pair           string
	Bid, Ask, Last Ticks
	// Volume24h is the volume of the last 24 hours in steps.
	Volume24h Steps
	Status    MarketStatus
	// Time is the last change of the book, in epoch milliseconds UTC.
	Time int64
}

// Level is the resting volume at one price.
type Level struct {
	Price  Ticks
	Volume Steps
}

// Top is the best bid and the best ask of a market. A side without an order is
// the zero Level; a volume of 0 beside a price is not known.
type Top struct {
	Bid, Ask Level
	// Time is the last change of either, in epoch milliseconds UTC.
	Time int64
}

// IsZero reports whether neither side has an order, or no book is known.
func (t Top) IsZero() bool { return t.Bid.Price == 0 && t.Ask.Price == 0 }

// Whole reports whether both sides have an order.
func (t Top) Whole() bool { return t.Bid.Price > 0 && t.Ask.Price > 0 }

// Equal reports whether both offer the same, whenever that was.
func (t Top) Equal(o Top) bool { return t.Bid == o.Bid && t.Ask == o.Ask }

// OrderBook is a market's resting orders, aggregated by price: bids descending,
// asks ascending.
type OrderBook struct {
	Pair       string
	Bids, Asks []Level
	Time       int64
}

// Trade is one trade of the public tape.
type Trade struct {
	Pair string
	// Sequence identifies the trade within its market and only grows; 0 if the
	// venue does not number its trades.
	Sequence int64
	// Time is in epoch milliseconds UTC.
	Time   int64
	Price  Ticks
	Volume Steps
	// Taker is the taker's side; 0 if the venue does not tell.
	Taker Side
}
