package luno

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// topDepth is how many levels the short form of the order book has.
const topDepth = 100

// ticker is a ticker as Luno describes it. A side without an order is 0.
type ticker struct {
	Pair   string          `json:"pair"`
	Bid    decimal.Decimal `json:"bid"`
	Ask    decimal.Decimal `json:"ask"`
	Last   decimal.Decimal `json:"last_trade"`
	Volume decimal.Decimal `json:"rolling_24_hour_volume"`
	Status string          `json:"status"`
	Time   int64           `json:"timestamp"`
}

func (t ticker) ticker(m exchange.Market) (k exchange.Ticker, err error) {
	if t.Pair != m.Pair {
		return k, fmt.Errorf("it is of %q", t.Pair)
	}
	if err := sane(t.Bid, t.Ask, t.Last, t.Volume); err != nil {
		return k, err
	}
	k = exchange.Ticker{Pair: t.Pair, Status: statusOf(t.Status), Time: t.Time}
	for _, p := range [...]struct {
		to   *exchange.Ticks
		from decimal.Decimal
	}{{&k.Bid, t.Bid}, {&k.Ask, t.Ask}, {&k.Last, t.Last}} {
		if *p.to, err = m.Ticks(p.from, exchange.Exact); err != nil {
			return k, err
		}
		if *p.to < 0 {
			return k, errors.New("it has a price below 0")
		}
	}
	k.Volume24h, err = m.Steps(t.Volume, exchange.Down)
	return k, err
}

// Ticker implements exchange.Quotes.
func (c *Client) Ticker(ctx context.Context, pair string) (exchange.Ticker, error) {
	m, err := c.Market(ctx, pair)
	if err != nil {
		return exchange.Ticker{}, err
	}
	var told ticker
	if _, err := c.get(ctx, pathTicker, url.Values{"pair": {pair}}, &told); err != nil {
		return exchange.Ticker{}, fmt.Errorf("reading the ticker of %s: %w", pair, err)
	}
	k, err := told.ticker(m)
	if err != nil {
		return k, fmt.Errorf("reading the ticker of %s: %w", pair, err)
	}
	return k, nil
}

// Tickers returns the tickers of some markets with one call, in Luno's order. A
// market that Luno does not have is left out.
func (c *Client) Tickers(ctx context.Context, pairs ...string) ([]exchange.Ticker, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	var told struct {
		Tickers []ticker `json:"tickers"`
	}
	if _, err := c.get(ctx, pathTickers, url.Values{"pair": pairs}, &told); err != nil {
		return nil, fmt.Errorf("reading tickers: %w", err)
	}
	out := make([]exchange.Ticker, 0, len(told.Tickers))
	for _, t := range told.Tickers {
		m, err := c.Market(ctx, t.Pair)
		if err != nil {
			return nil, err
		}
		k, err := t.ticker(m)
		if err != nil {
			return nil, fmt.Errorf("reading the ticker of %s: %w", t.Pair, err)
		}
		out = append(out, k)
	}
	return out, nil
}

// level is one line of an order book as Luno describes it: a price level, or an
// order of the long form.
type level struct {
	Price  decimal.Decimal `json:"price"`
	Volume decimal.Decimal `json:"volume"`
}

// OrderBook implements exchange.Quotes. Up to 100 levels are a small answer;
// more, or all, are one of up to a megabyte.
func (c *Client) OrderBook(ctx context.Context, pair string, depth int) (exchange.OrderBook, error) {
	m, err := c.Market(ctx, pair)
	if err != nil {
		return exchange.OrderBook{}, err
	}
	path := pathBookTop
	if depth <= 0 || depth > topDepth {
		path = pathBook
	}
	var told struct {
		Asks []level `json:"asks"`
		Bids []level `json:"bids"`
		Time int64   `json:"timestamp"`
	}
	if _, err := c.get(ctx, path, url.Values{"pair": {pair}}, &told); err != nil {
		return exchange.OrderBook{}, fmt.Errorf("reading the order book of %s: %w", pair, err)
	}
	book := exchange.OrderBook{Pair: pair, Time: told.Time}
	var errBids, errAsks error
	book.Bids, errBids = levels(m, told.Bids, exchange.Buy, depth)
	book.Asks, errAsks = levels(m, told.Asks, exchange.Sell, depth)
	if err := errors.Join(errBids, errAsks); err != nil {
		return exchange.OrderBook{}, fmt.Errorf("reading the order book of %s: %w", pair, err)
	}
	return book, nil
}

// levels puts the orders of a side together by price, best first, and keeps up to
// depth of them.
func levels(m exchange.Market, lines []level, side exchange.Side, depth int) ([]exchange.Level, error) {
	out := make([]exchange.Level, 0, len(lines))
	for _, t := range lines {
		if err := sane(t.Price, t.Volume); err != nil {
			return nil, err
		}
		price, err := m.Ticks(t.Price, exchange.Exact)
		if err != nil {
			return nil, err
		}
		volume, err := m.Steps(t.Volume, exchange.Exact)
		if err != nil {
			return nil, err
		}
		n := len(out)
		switch {
		case price <= 0 || volume <= 0:
			return nil, fmt.Errorf("a %s of %s at %s is no order", side, t.Volume, t.Price)
		case n > 0 && out[n-1].Price == price:
			if out[n-1].Volume += volume; out[n-1].Volume < 0 {
				return nil, fmt.Errorf("the volume at %s: %w", t.Price, exchange.ErrOverflow)
			}
		case n > 0 && (price < out[n-1].Price) != (side == exchange.Buy):
			return nil, fmt.Errorf("a %s at %s does not follow one at %s", side, t.Price, m.Price(out[n-1].Price))
		default:
			out = append(out, exchange.Level{Price: price, Volume: volume})
		}
	}
	if depth > 0 {
		out = out[:min(depth, len(out))]
	}
	return out, nil
}

// trade is a trade of the public tape as Luno describes it.
type trade struct {
	Sequence int64           `json:"sequence"`
	Time     int64           `json:"timestamp"`
	Price    decimal.Decimal `json:"price"`
	Volume   decimal.Decimal `json:"volume"`
	// IsBuy says that the taker bought.
	IsBuy bool `json:"is_buy"`
}

// Trades implements exchange.Quotes: those among the newest 100.
func (c *Client) Trades(ctx context.Context, pair string, after int64, limit int) ([]exchange.Trade, error) {
	m, err := c.Market(ctx, pair)
	if err != nil {
		return nil, err
	}
	var told struct {
		Trades []trade `json:"trades"`
	}
	if _, err := c.get(ctx, pathTrades, url.Values{"pair": {pair}}, &told); err != nil {
		return nil, fmt.Errorf("reading the trades of %s: %w", pair, err)
	}
	slices.Reverse(told.Trades)
	var out []exchange.Trade
	last := int64(0)
	for _, t := range told.Trades {
		k, err := t.trade(m)
		if err == nil && k.Sequence <= last {
			err = fmt.Errorf("it does not follow %d", last)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the trades of %s: number %d: %w", pair, t.Sequence, err)
		}
		if last = k.Sequence; last > after && len(out) < limit {
			out = append(out, k)
		}
	}
	return out, nil
}

func (t trade) trade(m exchange.Market) (k exchange.Trade, err error) {
	if err := sane(t.Price, t.Volume); err != nil {
		return k, err
	}
	k = exchange.Trade{Pair: m.Pair, Sequence: t.Sequence, Time: t.Time, Taker: exchange.Sell}
	if t.IsBuy {
		k.Taker = exchange.Buy
	}
	if k.Price, err = m.Ticks(t.Price, exchange.Exact); err != nil {
		return k, err
	}
	if k.Volume, err = m.Steps(t.Volume, exchange.Exact); err != nil {
		return k, err
	}
	if k.Price <= 0 || k.Volume <= 0 {
		return k, errors.New("it has no price or no volume")
	}
	return k, nil
}
