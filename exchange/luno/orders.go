package luno

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// pageSize is how many orders or trades Luno gives at a time.
const pageSize = 1000

// order is an order as Luno describes it.
type order struct {
	ID          string           `json:"order_id"`
	ClientID    string           `json:"client_order_id"`
	Pair        string           `json:"pair"`
	Side        string           `json:"side"`
	Type        string           `json:"type"`
	Status      string           `json:"status"`
	TimeInForce string           `json:"time_in_force"`
	Price       decimal.Decimal  `json:"limit_price"`
	Volume      decimal.Decimal  `json:"limit_volume"`
	Base        *decimal.Decimal `json:"base"`
	Counter     *decimal.Decimal `json:"counter"`
	FeeBase     decimal.Decimal  `json:"fee_base"`
	FeeCounter  decimal.Decimal  `json:"fee_counter"`
	Created     int64            `json:"creation_timestamp"`
	Completed   int64            `json:"completed_timestamp"`
	// StopPrice is 0 if the order waits for nothing.
	StopPrice     decimal.Decimal `json:"stop_price"`
	StopDirection string          `json:"stop_direction"`
}

// order translates an order of a market. A stop order is a limit order with a Stop,
// Pending while it waits.
func (t order) order(m exchange.Market) (o exchange.Order, err error) {
	if !isOrderID(t.ID) || t.Pair != m.Pair {
		return o, fmt.Errorf("it is called %q and is of %q", t.ID, t.Pair)
	}
	if t.Base == nil || t.Counter == nil {
		return o, errors.New("it does not say what was filled")
	}
	if err := sane(t.Price, t.Volume, *t.Base, *t.Counter, t.FeeBase, t.FeeCounter, t.StopPrice); err != nil {
		return o, err
	}
	if t.Base.IsNegative() || t.Counter.IsNegative() || t.Price.IsNegative() || t.Volume.IsNegative() {
		return o, errors.New("it has an amount below 0")
	}
	o = exchange.Order{ID: t.ID, Created: t.Created, Completed: t.Completed, Request: exchange.OrderRequest{ClientID: t.ClientID, Pair: t.Pair}}
	r := &o.Request
	var known [3]bool
	r.Side, known[0] = sideOf(t.Side)
	r.Type, known[1] = typeOf(t.Type)
	o.Status, known[2] = stateOf(t.Status)
	if known != [3]bool{true, true, true} {
		return o, fmt.Errorf("it is %q, %q and %q", t.Side, t.Type, t.Status)
	}
	r.TimeInForce = forceOf(t.TimeInForce)
	if r.Type == exchange.LimitOrder {
		if r.Price, err = m.Ticks(t.Price, exchange.Exact); err != nil {
			return o, err
		}
	}
	if r.Stop, err = t.stop(m); err != nil {
		return o, err
	}
	if r.Volume, err = m.Steps(t.Volume, exchange.Exact); err != nil {
		return o, err
	}
	if o.Filled, err = m.Steps(*t.Base, exchange.Exact); err != nil {
		return o, err
	}
	if o.Value, err = m.Units(*t.Counter, exchange.Nearest); err != nil {
		return o, err
	}
	if o.Fee, err = m.Units(t.FeeCounter, exchange.Up); err != nil {
		return o, err
	}
	o.FeeBase, err = m.Dust(t.FeeBase, exchange.Up)
	return o, err
}

// stop returns what the order waits for, or waited for. What Luno does not tell of
// it, or tells in a word that is not known, is zero: it may be an order of another
// program, which must not keep ours from being listed.
func (t order) stop(m exchange.Market) (s exchange.Stop, err error) {
	if t.Type != "STOP_LIMIT" || !t.StopPrice.IsPositive() {
		return s, nil
	}
	for _, d := range []exchange.StopDirection{exchange.StopRelative, exchange.StopAbove, exchange.StopBelow} {
		if stopText(d) == t.StopDirection {
			s.Direction = d
		}
	}
	s.Price, err = m.Ticks(t.StopPrice, exchange.Exact)
	return s, err
}

// stopText is Luno's word for a direction.
func stopText(d exchange.StopDirection) string {
	switch d {
	case exchange.StopAbove:
		return "ABOVE"
	case exchange.StopBelow:
		return "BELOW"
	case exchange.StopRelative:
	}
	return "RELATIVE_LAST_TRADE"
}

func sideOf(text string) (exchange.Side, bool) {
	switch text {
	case "BUY", "BID":
		return exchange.Buy, true
	case "SELL", "ASK":
		return exchange.Sell, true
	}
	return 0, false
}

func typeOf(text string) (exchange.OrderType, bool) {
	switch text {
	case "LIMIT", "STOP_LIMIT":
		return exchange.LimitOrder, true
	case "MARKET":
		return exchange.MarketOrder, true
	}
	return 0, false
}

func stateOf(text string) (exchange.OrderStatus, bool) {
	switch text {
	case "AWAITING":
		return exchange.Pending, true
	case "PENDING":
		return exchange.Open, true
	case "COMPLETE":
		return exchange.Complete, true
	}
	return 0, false
}

func forceOf(text string) exchange.TimeInForce {
	switch text {
	case "IOC":
		return exchange.IOC
	case "FOK":
		return exchange.FOK
	}
	return exchange.GTC
}

// Order implements exchange.Trader.
func (c *Client) Order(ctx context.Context, pair, clientID string) (exchange.Order, error) {
	return c.order(ctx, exchange.Turn{Bot: c.bot}, pair, clientID)
}

func (c *Client) order(ctx context.Context, turn exchange.Turn, pair, clientID string) (exchange.Order, error) {
	if !isClientID(clientID) {
		return exchange.Order{}, exchange.Unsent("ErrInvalidClientOrderId", "%q is no client order id", clientID)
	}
	o, err := c.oneOrder(ctx, turn, pair, pathOrder, url.Values{"client_order_id": {clientID}})
	if err == nil && o.Request.ClientID != clientID {
		return exchange.Order{}, fmt.Errorf("reading the order %s of Luno: the answer is about %q", clientID, o.Request.ClientID)
	}
	return o, err
}

// OrderByID implements exchange.Trader.
func (c *Client) OrderByID(ctx context.Context, pair, orderID string) (exchange.Order, error) {
	if !isOrderID(orderID) {
		return exchange.Order{}, exchange.Unsent("ErrInvalidOrderRef", "%q is no id of an order", orderID)
	}
	o, err := c.oneOrder(ctx, exchange.Turn{Bot: c.bot}, pair, pathOrderByID+orderID, nil)
	if err == nil && o.ID != orderID {
		return exchange.Order{}, fmt.Errorf("reading the order %s of Luno: the answer is about %q", orderID, o.ID)
	}
	return o, err
}

func (c *Client) oneOrder(ctx context.Context, turn exchange.Turn, pair, path string, query url.Values) (exchange.Order, error) {
	m, err := c.Market(ctx, pair)
	if err != nil {
		return exchange.Order{}, err
	}
	var told order
	if _, err := c.ask(ctx, c.http, turn, path, query, &told); err != nil {
		return exchange.Order{}, fmt.Errorf("reading an order of Luno: %w", err)
	}
	o, err := told.order(m)
	if err != nil {
		return exchange.Order{}, fmt.Errorf("reading an order of Luno: %w", err)
	}
	return o, nil
}

// OpenOrders implements exchange.Trader.
func (c *Client) OpenOrders(ctx context.Context, pair string) ([]exchange.Order, error) {
	return c.orders(ctx, pair, false, time.Time{})
}

// ClosedOrders lists the account's orders in a market that are over and were
// placed at since or later, oldest first. Luno forgets those that have been over
// for 100 days.
func (c *Client) ClosedOrders(ctx context.Context, pair string, since time.Time) ([]exchange.Order, error) {
	return c.orders(ctx, pair, true, since)
}

// orders reads pages of orders, newest first, back to since. Luno's documents do
// not say whether a page includes the orders of created_before itself, so that is
// found out: what comes twice counts once.
func (c *Client) orders(ctx context.Context, pair string, closed bool, since time.Time) ([]exchange.Order, error) {
	m, err := c.Market(ctx, pair)
	if err != nil {
		return nil, err
	}
	query := url.Values{"pair": {pair}, "closed": {strconv.FormatBool(closed)}, "limit": {strconv.Itoa(pageSize)}}
	var all []exchange.Order
	seen := make(map[string]bool)
	least := int64(math.MinInt64)
	if !since.IsZero() {
		least = since.UnixMilli()
	}
	for before, including := int64(0), false; ; {
		var told struct {
			Orders []order `json:"orders"`
		}
		if _, err := c.get(ctx, pathListOrders, query, &told); err != nil {
			return nil, fmt.Errorf("reading the orders of Luno in %s: %w", pair, err)
		}
		oldest := int64(math.MaxInt64)
		for _, t := range told.Orders {
			o, err := t.order(m)
			if err != nil {
				return nil, fmt.Errorf("reading the orders of Luno in %s: %s: %w", pair, t.ID, err)
			}
			oldest = min(oldest, o.Created)
			including = including || o.Created == before
			if !seen[o.ID] && o.Created >= least {
				seen[o.ID] = true
				all = append(all, o)
			}
		}
		if len(told.Orders) < pageSize || oldest < least {
			break
		}
		next := oldest
		if !including {
			next++ // others of that millisecond may be on the next page
		}
		if next == before || next <= 0 {
			return nil, fmt.Errorf("reading the orders of Luno in %s: its pages do not go on before %s", pair, time.UnixMilli(oldest).UTC().Format(time.RFC3339Nano))
		}
		before = next
		query.Set("created_before", strconv.FormatInt(before, 10))
	}
	slices.SortStableFunc(all, func(a, b exchange.Order) int { return cmp.Compare(a.Created, b.Created) })
	return all, nil
}
