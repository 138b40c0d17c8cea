package exchangetest

import (
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

func publicCards() []Card {
	return []Card{
		{Name: "the book is told by price", Needs: []Capability{Quotes}, run: bookByPrice,
			Proves: "The order book adds up orders of a price, best first, as deep as asked; the ticker has the best of each side, and 0 for none."},
		{Name: "the tape tells each trade once", Needs: []Capability{Quotes}, run: tapeTells,
			Proves: "Public trades are numbered as the fills are, oldest first, with the taker's side; the ticker has the last of them (M1)."},
		{Name: "a candle that is forming is not told", Needs: []Capability{Candles, Clock}, run: closedCandles,
			Proves: "Candles are closed ones only, aligned, oldest first, and made of the trades of their interval (M4)."},
	}
}

func bookByPrice(d *desk) {
	var orders []exchange.Order
	for _, below := range []exchange.Ticks{3, 1, 1} {
		orders = append(orders, d.rest(d.ann, exchange.Buy, d.Price-below, d.Lot))
	}
	for _, above := range []exchange.Ticks{4, 1} {
		orders = append(orders, d.rest(d.ann, exchange.Sell, d.Price+above, d.Lot+1))
	}
	bids := []exchange.Level{{Price: d.Price - 1, Volume: 2 * d.Lot}, {Price: d.Price - 3, Volume: d.Lot}}
	asks := []exchange.Level{{Price: d.Price + 1, Volume: d.Lot + 1}, {Price: d.Price + 4, Volume: d.Lot + 1}}
	d.book(0, bids, asks)
	d.book(1, bids[:1], asks[:1])
	d.book(50, bids, asks)
	for _, o := range orders {
		if err := d.ann.Cancel(d.Context(), d.pair, o.ID); err != nil {
			d.Fatal(err)
		}
	}
	d.book(0, nil, nil)
}

// book waits until the order book and the ticker are as they should be.
func (d *desk) book(depth int, bids, asks []exchange.Level) {
	d.Helper()
	d.wait("the order book is as the orders make it", func() bool {
		b, err := d.Quotes.OrderBook(d.Context(), d.pair, depth)
		if err != nil {
			d.Fatal(err)
		}
		k, err := d.Quotes.Ticker(d.Context(), d.pair)
		if err != nil {
			d.Fatal(err)
		}
		best := func(levels []exchange.Level) exchange.Ticks {
			if len(levels) == 0 {
				return 0
			}
			return levels[0].Price
		}
		return b.Pair == d.pair && slices.Equal(b.Bids, bids) && slices.Equal(b.Asks, asks) &&
			k.Pair == d.pair && k.Bid == best(bids) && k.Ask == best(asks) && k.Status == exchange.MarketActive
	})
}

func tapeTells(d *desk) {
	sides := []exchange.Side{exchange.Buy, exchange.Sell, exchange.Sell, exchange.Buy}
	var volume exchange.Steps
	for i, taker := range sides {
		price, size := d.Price+exchange.Ticks(i), d.Lot+exchange.Steps(i)
		d.rest(d.ann, taker.Opposite(), price, size)
		d.place(d.bob, d.limit(taker, price, size))
		volume += size
	}
	fills := d.fills(d.ann, len(sides))
	var tape []exchange.Trade
	d.wait("all trades are on the tape", func() bool {
		tape = d.trades(0, 100)
		return len(tape) == len(sides)
	})
	for i, k := range tape {
		price, size := d.Price+exchange.Ticks(i), d.Lot+exchange.Steps(i)
		if k.Pair != d.pair || k.Price != price || k.Volume != size || k.Taker != sides[i] || k.Sequence != fills[i].Sequence || k.Time <= 0 {
			d.Errorf("the trade of %d at %d, a taker's %s with the sequence %d, is told as %+v", size, price, sides[i], fills[i].Sequence, k)
		}
	}
	if rest := d.trades(tape[1].Sequence, 1); len(rest) != 1 || rest[0] != tape[2] {
		d.Errorf("the one trade after %d is told as %+v", tape[1].Sequence, rest)
	}
	if rest := d.trades(tape[3].Sequence, 100); len(rest) != 0 {
		d.Errorf("after the last trade there are %+v", rest)
	}
	d.wait("the ticker has the last trade and the volume of all", func() bool {
		k, err := d.Quotes.Ticker(d.Context(), d.pair)
		if err != nil {
			d.Fatal(err)
		}
		return k.Last == tape[3].Price && k.Volume24h == volume && k.Time > 0
	})
}

func (d *desk) trades(after int64, limit int) []exchange.Trade {
	d.Helper()
	list, err := d.Quotes.Trades(d.Context(), d.pair, after, limit)
	if err != nil {
		d.Fatal(err)
	}
	return list
}

func closedCandles(d *desk) {
	const interval = time.Minute
	begin := d.Now().Truncate(interval).Add(interval)
	d.Advance(begin.Sub(d.Now()) + time.Second)
	for _, price := range []exchange.Ticks{d.Price, d.Price + 5, d.Price - 2, d.Price + 1} {
		d.rest(d.ann, exchange.Buy, price, d.Lot)
		d.place(d.bob, d.limit(exchange.Sell, price, d.Lot))
	}
	d.fills(d.ann, 4)
	if list := d.candles(begin, 10); len(list) != 0 {
		d.Errorf("while the first candle is forming, %+v are told", list)
	}
	d.Advance(3 * interval)
	want := exchange.Candle{Time: begin.UnixMilli(), Open: d.Price, High: d.Price + 5, Low: d.Price - 2, Close: d.Price + 1, Volume: 4 * d.Lot}
	d.wait("the candle of the trades is told", func() bool {
		list := d.candles(begin, 10)
		return len(list) > 0 && list[0] == want
	})
	now := d.Now().UnixMilli()
	list := d.candles(begin.Add(-interval/2), 10)
	for i, c := range list {
		if !c.Valid() || c.Time%interval.Milliseconds() != 0 || c.Time+interval.Milliseconds() > now || i > 0 && c.Time <= list[i-1].Time {
			d.Errorf("the candle %d of %+v is none, not aligned, not closed or not after the one before", i, list)
		}
		if c.Time != want.Time && (!c.IsFlat() || c.Close != want.Close) {
			d.Errorf("a candle without a trade is told as %+v", c)
		}
	}
	if one := d.candles(begin, 1); len(one) != 1 || one[0] != want {
		d.Errorf("one candle at most is told as %+v", one)
	}
}

func (d *desk) candles(since time.Time, limit int) []exchange.Candle {
	d.Helper()
	list, err := d.Data.Candles(d.Context(), d.pair, time.Minute, since, limit)
	if err != nil {
		d.Fatal(err)
	}
	return list
}
