package luno

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// fill is one of the account's own trades as Luno describes it.
type fill struct {
	Pair     string `json:"pair"`
	Sequence int64  `json:"sequence"`
	OrderID  string `json:"order_id"`
	ClientID string `json:"client_order_id"`
	// Type is the side of the account's order; IsBuy says that the taker bought.
	Type       string          `json:"type"`
	IsBuy      bool            `json:"is_buy"`
	Price      decimal.Decimal `json:"price"`
	Volume     decimal.Decimal `json:"volume"`
	FeeBase    decimal.Decimal `json:"fee_base"`
	FeeCounter decimal.Decimal `json:"fee_counter"`
	Time       int64           `json:"timestamp"`
}

// Fills implements exchange.Trader.
func (c *Client) Fills(ctx context.Context, pair string, after int64, limit int) ([]exchange.Fill, error) {
	if limit <= 0 || after < 0 {
		return nil, exchange.Unsent("ErrLimitOutOfRange", "fills after %d, %d at most, are none", after, limit)
	}
	m, err := c.Market(ctx, pair)
	if err != nil {
		return nil, err
	}
	var all []exchange.Fill
	for from := after; len(all) <= limit; {
		var told struct {
			Trades []fill `json:"trades"`
		}
		size := min(pageSize-1, limit-len(all)) + 1 // one more shows whether the last one has a twin
		query := url.Values{"pair": {pair}, "after_seq": {strconv.FormatInt(from+1, 10)}, "limit": {strconv.Itoa(size)}}
		if _, err := c.get(ctx, pathMyTrades, query, &told); err != nil {
			return nil, fmt.Errorf("reading the fills of Luno in %s: %w", pair, err)
		}
		for _, t := range told.Trades[:min(size, len(told.Trades))] {
			f, err := t.fill(m)
			if err == nil {
				err = follows(all, from, f)
			}
			if err != nil {
				return nil, fmt.Errorf("reading the fills of Luno in %s: number %d: %w", pair, t.Sequence, err)
			}
			all = append(all, f)
		}
		if len(told.Trades) < size {
			break
		}
		if len(all) <= limit { // the last one is read again, with its twin if it has one
			last := all[len(all)-1].Sequence
			all = slices.DeleteFunc(all, func(f exchange.Fill) bool { return f.Sequence == last })
			from = last - 1
		}
	}
	if len(all) > limit && all[limit].Sequence != all[limit-1].Sequence {
		all = all[:limit]
	}
	return all, nil
}

// follows returns an error unless a fill comes after those that were read above a
// sequence. An own bid that met an own ask makes two of one sequence.
func follows(read []exchange.Fill, after int64, f exchange.Fill) error {
	if n := len(read); n > 0 {
		last := read[n-1]
		if f.Sequence == last.Sequence && f.OrderID != last.OrderID && (n == 1 || read[n-2].Sequence != f.Sequence) {
			return nil
		}
		after = last.Sequence
	}
	if f.Sequence <= after {
		return fmt.Errorf("it does not follow %d", after)
	}
	return nil
}

// fill translates a fill of a market.
func (t fill) fill(m exchange.Market) (f exchange.Fill, err error) {
	side, ok := sideOf(t.Type)
	if !ok || !isOrderID(t.OrderID) || t.Pair != m.Pair {
		return f, fmt.Errorf("it is %q of the order %q in %q", t.Type, t.OrderID, t.Pair)
	}
	if err := sane(t.Price, t.Volume, t.FeeBase, t.FeeCounter); err != nil {
		return f, err
	}
	f = exchange.Fill{
		Pair: t.Pair, OrderID: t.OrderID, ClientID: t.ClientID, Sequence: t.Sequence, Side: side, Time: t.Time,
		Maker: t.IsBuy != (side == exchange.Buy),
	}
	if f.Price, err = m.Ticks(t.Price, exchange.Exact); err != nil {
		return f, err
	}
	if f.Volume, err = m.Steps(t.Volume, exchange.Exact); err != nil {
		return f, err
	}
	if f.Price <= 0 || f.Volume <= 0 {
		return f, errors.New("it has no price or no volume")
	}
	if f.Value, err = f.Price.Times(f.Volume); err != nil {
		return f, err
	}
	if f.FeeCounter, err = m.Units(t.FeeCounter, exchange.Up); err != nil {
		return f, err
	}
	f.FeeBase, err = m.Dust(t.FeeBase, exchange.Up)
	return f, err
}
