package lunosim

import (
	"context"
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

const (
	// rungs is how many orders the house keeps on each side of a market that follows
	// a recording.
	rungs = 10
	// spacing is the distance of two of them, as a part of the price.
	spacing = 2000
)

// follower makes one market trade as a recording did.
type follower struct {
	sim    *Sim
	market *market
	quotes []string
	last   exchange.Ticks
}

// Follow makes a market trade at the prices and volumes that a source tells, such as
// a replay of recorded trades, until ctx or the source ends. Orders of others that
// such a price reaches are filled; the house quotes around it. The source counts in
// the market's ticks and steps.
func (s *Sim) Follow(ctx context.Context, pair string, source exchange.Streamer) error {
	m := s.markets[pair]
	if m == nil {
		return fmt.Errorf("lunosim: there is no market %q", pair)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	f := &follower{sim: s, market: m}
	err := source.Stream(ctx, pair, func(e exchange.StreamEvent) {
		if e.Tick != nil && ctx.Err() == nil {
			if err := f.tick(ctx, *e.Tick); err != nil {
				stop(err)
			}
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// tick moves the market to a price and trades there.
func (f *follower) tick(ctx context.Context, t exchange.Tick) error {
	m, s := f.market, f.sim
	price := max(t.Price, m.MinPrice, 1)
	if m.MaxPrice > 0 {
		price = min(price, m.MaxPrice)
	}
	for _, id := range f.quotes {
		if err := passable(s.house.Cancel(ctx, m.Pair, id)); err != nil {
			return err
		}
	}
	f.quotes = f.quotes[:0]
	// Whoever bids more or asks less than the price is filled first.
	book, err := s.venue.Snapshot(ctx, m.Pair)
	if err != nil {
		return err
	}
	for _, orders := range [][]paper.BookOrder{book.Bids, book.Asks} {
		if err := f.sweep(ctx, orders, price); err != nil {
			return err
		}
	}
	taker := t.Taker
	if taker == 0 {
		if taker = exchange.Buy; price < f.last {
			taker = exchange.Sell
		}
	}
	f.last = price
	volume := max(t.Volume, m.MinVolume, 1)
	if m.MaxVolume > 0 {
		volume = min(volume, m.MaxVolume)
	}
	if err := f.quote(ctx, taker.Opposite(), price, volume); err != nil {
		return err
	}
	r := exchange.OrderRequest{Pair: m.Pair, Side: taker, Type: exchange.LimitOrder, TimeInForce: exchange.IOC, Price: price, Volume: volume}
	if _, err := s.send(ctx, s.stranger, m, r); err != nil {
		return err
	}
	for i := range exchange.Ticks(rungs) {
		away := (i + 1) * max(1, price/spacing)
		if err := f.quote(ctx, exchange.Sell, price+away, volume); err != nil {
			return err
		}
		if err := f.quote(ctx, exchange.Buy, max(1, price-away), volume); err != nil {
			return err
		}
	}
	return nil
}

// sweep takes all orders of a side that are better than a price.
func (f *follower) sweep(ctx context.Context, orders []paper.BookOrder, price exchange.Ticks) error {
	for _, o := range orders {
		if o.Side == exchange.Buy && o.Price <= price || o.Side == exchange.Sell && o.Price >= price {
			return nil // they are sorted, best first
		}
		r := exchange.OrderRequest{
			Pair: f.market.Pair, Side: o.Side.Opposite(), Type: exchange.LimitOrder, TimeInForce: exchange.IOC, Price: o.Price,
			Volume: max(o.Volume, f.market.MinVolume),
		}
		if _, err := f.sim.send(ctx, f.sim.stranger, f.market, r); err != nil {
			return err
		}
	}
	return nil
}

// quote places one of the house's orders.
func (f *follower) quote(ctx context.Context, side exchange.Side, price exchange.Ticks, volume exchange.Steps) error {
	r := exchange.OrderRequest{Pair: f.market.Pair, Side: side, Type: exchange.LimitOrder, Price: price, Volume: volume}
	o, err := f.sim.send(ctx, f.sim.house, f.market, r)
	if err == nil && o.Status == exchange.Open {
		f.quotes = append(f.quotes, o.ID)
	}
	return err
}
