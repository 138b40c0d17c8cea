package corner

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// Venue is an exchange of one market: the best price first, and at one price the
// oldest order. It is safe for concurrent use.
type Venue struct {
	market exchange.Market
	fee    exchange.Rate
	now    func() time.Time

	mu     sync.Mutex
	orders int
	// book is the orders that rest, by side, the best first.
	book    map[exchange.Side][]*order
	tape    []exchange.Trade
	changed int64
}

// order is an order with its owner.
type order struct {
	exchange.Order
	owner *Account
}

var (
	_ exchange.MarketData = (*Venue)(nil)
	_ exchange.Quotes     = (*Venue)(nil)
)

// New returns a venue without accounts that takes a fee in the counter currency.
func New(market exchange.Market, fee exchange.Rate, now func() time.Time) (*Venue, error) {
	return &Venue{market: market, fee: fee, now: now, book: make(map[exchange.Side][]*order)}, market.Validate()
}

// do makes one call: with the lock, and only in this market.
func (v *Venue) do(ctx context.Context, pair string, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if pair != v.market.Pair {
		return exchange.Rejected("ErrInvalidMarketPair", "there is no market %q here", pair)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return call()
}

// Markets implements exchange.MarketData.
func (v *Venue) Markets(ctx context.Context) ([]exchange.Market, error) {
	return []exchange.Market{v.market}, ctx.Err()
}

// Candles implements exchange.MarketData: there are none.
func (v *Venue) Candles(context.Context, string, time.Duration, time.Time, int) ([]exchange.Candle, error) {
	return nil, exchange.Rejected("ErrInvalidArguments", "this venue keeps no candles")
}

// OrderBook implements exchange.Quotes.
func (v *Venue) OrderBook(ctx context.Context, pair string, depth int) (b exchange.OrderBook, err error) {
	err = v.do(ctx, pair, func() error {
		b = exchange.OrderBook{Pair: pair, Bids: levels(v.book[exchange.Buy], depth), Asks: levels(v.book[exchange.Sell], depth), Time: v.changed}
		return nil
	})
	return b, err
}

// levels adds up orders by price.
func levels(orders []*order, depth int) (out []exchange.Level) {
	for _, o := range orders {
		n := len(out)
		switch {
		case n > 0 && out[n-1].Price == o.Request.Price:
			out[n-1].Volume += o.Remaining()
		case depth > 0 && n == depth:
			return out
		default:
			out = append(out, exchange.Level{Price: o.Request.Price, Volume: o.Remaining()})
		}
	}
	return out
}

// Ticker implements exchange.Quotes.
func (v *Venue) Ticker(ctx context.Context, pair string) (k exchange.Ticker, err error) {
	err = v.do(ctx, pair, func() error {
		k = exchange.Ticker{Pair: pair, Status: v.market.Status, Time: v.changed}
		for side, price := range map[exchange.Side]*exchange.Ticks{exchange.Buy: &k.Bid, exchange.Sell: &k.Ask} {
			if best := v.book[side]; len(best) > 0 {
				*price = best[0].Request.Price
			}
		}
		for _, t := range v.tape {
			if k.Last = t.Price; t.Time > v.now().Add(-24*time.Hour).UnixMilli() {
				k.Volume24h += t.Volume
			}
		}
		return nil
	})
	return k, err
}

// Trades implements exchange.Quotes. Trades are numbered from 1.
func (v *Venue) Trades(ctx context.Context, pair string, after int64, limit int) (out []exchange.Trade, err error) {
	err = v.do(ctx, pair, func() error {
		from := min(int(max(0, after)), len(v.tape))
		out = slices.Clone(v.tape[from:min(len(v.tape), from+max(0, limit))])
		return nil
	})
	return out, err
}

// better reports whether a price comes before another on a side.
func better(side exchange.Side, a, b exchange.Ticks) bool {
	return a != b && (a > b) == (side == exchange.Buy)
}

// meets returns the order that another would trade with next; nil if there is none.
func (v *Venue) meets(o *order) *order {
	side := o.Request.Side.Opposite()
	if others := v.book[side]; len(others) > 0 && !better(side, o.Request.Price, others[0].Request.Price) {
		return others[0]
	}
	return nil
}

// match trades an order that has arrived and lets the rest stay if it may. What
// would trade with an order of its own owner is cancelled.
func (v *Venue) match(o *order, now int64) {
	y := v.meets(o)
	for ; y != nil && y.owner != o.owner && o.Remaining() > 0; y = v.meets(o) {
		t := exchange.Trade{
			Pair: v.market.Pair, Sequence: int64(len(v.tape) + 1), Time: now, Price: y.Request.Price,
			Volume: min(o.Remaining(), y.Remaining()), Taker: o.Request.Side,
		}
		v.tape = append(v.tape, t)
		v.settle(o, t)
		v.settle(y, t)
		if y.Remaining() == 0 {
			v.end(y, now)
		}
	}
	if o.Remaining() == 0 || y != nil || o.Request.TimeInForce == exchange.IOC {
		v.end(o, now)
		return
	}
	side, r := v.book[o.Request.Side], o.Request
	at := slices.IndexFunc(side, func(other *order) bool { return better(r.Side, r.Price, other.Request.Price) })
	if at < 0 {
		at = len(side)
	}
	v.book[r.Side], v.changed = slices.Insert(side, at, o), now
}

// settle books one side of a trade. Its fee is rounded down, so that the fees of
// an order never add up to more than was reserved.
func (v *Venue) settle(o *order, t exchange.Trade) {
	value := t.Price.MustTimes(t.Volume) // at most what was reserved, or what the other pays
	part, err := exchange.MulDiv(int64(value), int64(v.fee), int64(exchange.RateOne))
	if err != nil {
		panic(err) // the rate is below 1, so that the part is below the value
	}
	fee, a := exchange.Units(part), o.owner
	o.Filled, o.Value, o.Fee = o.Filled+t.Volume, o.Value+value, o.Fee+fee
	if o.Request.Side == exchange.Buy {
		a.base, a.counter = a.base+t.Volume, a.counter-value-fee
	} else {
		a.base, a.counter = a.base-t.Volume, a.counter+value-fee
	}
	a.fills = append(a.fills, exchange.Fill{
		Pair: t.Pair, OrderID: o.ID, ClientID: o.Request.ClientID, Sequence: t.Sequence, Side: o.Request.Side, Price: t.Price,
		Volume: t.Volume, Value: value, FeeCounter: fee, Maker: o.Request.Side != t.Taker, Time: t.Time,
	})
}

// end completes an order and takes it from the book.
func (v *Venue) end(o *order, now int64) {
	o.Status, o.Completed, v.changed = exchange.Complete, now, now
	v.book[o.Request.Side] = slices.DeleteFunc(v.book[o.Request.Side], func(other *order) bool { return other == o })
}
