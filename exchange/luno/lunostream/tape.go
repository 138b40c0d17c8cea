package lunostream

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// minute is the length of the candles, in milliseconds.
const minute = int64(marketdata.FeedInterval / time.Millisecond)

// tape is what is remembered of a pair's trades from one connection to the next.
// It is for one goroutine.
type tape struct {
	pair string
	log  *slog.Logger
	// now is the venue's time until which all that happened was handed on.
	now int64
	// sequence is that of the last trade that was handed on, price its price.
	sequence int64
	price    exchange.Ticks
	builder  *marketdata.Builder
	closed   []exchange.Candle
}

func newTape(pair string, log *slog.Logger) *tape { return &tape{pair: pair, log: log} }

// begun reports whether the tape has joined a stream before.
func (t *tape) begun() bool { return t.builder != nil }

// begin starts the candles: the trades from a time on are complete. The price is
// that of the last trade before; 0 if there was none.
func (t *tape) begin(from int64, price exchange.Ticks) error {
	b, err := marketdata.NewBuilder(marketdata.FeedInterval, time.UnixMilli(from))
	if err == nil && price > 0 {
		_, err = b.AddTick(nil, exchange.Tick{Time: from - 1, Price: price})
	}
	if err != nil {
		return fmt.Errorf("luno source of %s: %w", t.pair, err)
	}
	t.builder, t.price = b, price
	return nil
}

// end is when the minute ends that is not closed yet.
func (t *tape) end() int64 { return t.now - t.now%minute + minute }

// hand hands a trade on, and before it the candles that it closes.
func (t *tape) hand(tick exchange.Tick, sink func(exchange.StreamEvent)) {
	if tick.Sequence <= t.sequence {
		return
	}
	// A trade belongs to no minute that was closed before it was told.
	tick.Time = max(tick.Time, t.now)
	t.now, t.sequence = tick.Time, tick.Sequence
	var err error
	t.closed, err = t.builder.AddTick(t.closed[:0], tick)
	t.flush(sink)
	t.price = tick.Price
	if err != nil {
		// The feed reads from the history what is not built here.
		t.log.Warn("candles begin anew", slog.String("pair", t.pair), slog.Any("error", err))
		if err := t.begin(t.end(), tick.Price); err != nil {
			t.log.Error("candles do not begin anew", slog.Any("error", err))
		}
	}
	sink(exchange.StreamEvent{Tick: &tick})
}

// advance closes the minutes that ended at a time of the venue's or before: all
// trades until then were handed on.
func (t *tape) advance(now int64, sink func(exchange.StreamEvent)) {
	if now <= t.now {
		return
	}
	t.now = now
	t.closed = t.builder.Advance(t.closed[:0], time.UnixMilli(now))
	t.flush(sink)
}

func (t *tape) flush(sink func(exchange.StreamEvent)) {
	for _, c := range t.closed {
		sink(exchange.StreamEvent{Candle: &c})
	}
}

// tradePage is how many trades are asked of the venue at a time.
const tradePage = 100

// join takes the trades that the venue remembers, after the tape's last one,
// oldest first, and continues with them. The last price is what the tape begins
// with where there are none.
func (t *tape) join(trades []exchange.Trade, last exchange.Ticks, now int64, sink func(exchange.StreamEvent)) (err error) {
	// A page that is not full goes back to where it was asked for.
	whole := len(trades) < tradePage
	switch {
	case !t.begun():
		err = t.first(trades, whole, last, now)
	case !whole && trades[0].Sequence > t.sequence+1:
		t.log.Warn("trades are lost: the venue does not remember them; candles come from the history",
			slog.String("pair", t.pair), slog.Int64("after", t.sequence), slog.Int64("before", trades[0].Sequence))
		t.now = max(t.now, now)
		err = t.begin(t.end(), t.price)
	}
	if err != nil {
		return err
	}
	for _, trade := range trades {
		t.hand(exchange.Tick{Time: trade.Time, Price: trade.Price, Volume: trade.Volume, Sequence: trade.Sequence, Taker: trade.Taker}, sink)
	}
	return nil
}

// first begins with the present minute if all its trades are known, otherwise
// with the next one.
func (t *tape) first(trades []exchange.Trade, whole bool, last exchange.Ticks, now int64) error {
	t.now = now - now%minute
	for _, trade := range trades {
		if trade.Time < t.now { // it was before anybody listened
			whole, last, t.sequence = true, trade.Price, trade.Sequence
		}
	}
	from := t.now
	if !whole {
		from += minute
	}
	if len(trades) > 0 && trades[0].Time >= t.now {
		last = 0 // the trades tell the price
	}
	return t.begin(from, last)
}
