package luno

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// clockMargin is added to when an order expires, beside what is not known of
	// the clocks.
	clockMargin = 2 * time.Second
	// unknownDrift is what the clocks may differ where no answer had a time.
	unknownDrift = 10 * time.Second
	// longestClientID is how long a client order id may be.
	longestClientID = 255
)

// errNotTaken is the answer to a cancel that is no refusal and no success.
var errNotTaken = errors.New("the venue did not say that it takes the order back")

// Place implements exchange.Trader. A market buy says what it spends, by Value:
// Luno has none by Volume, and it is not made into another order here, where nobody
// knows what it may cost: package strategy/engine/remote makes it a limit order within the bot's
// cash. Requests that the market's rules refuse are not sent.
func (c *Client) Place(ctx context.Context, r exchange.OrderRequest) (exchange.Order, error) {
	m, err := c.Market(ctx, r.Pair)
	if err != nil {
		return exchange.Order{}, &exchange.Error{
			Outcome: exchange.OutcomeRejected, Unsent: true, Code: codeOf(err), Message: "the market's rules are not known", Err: err,
		}
	}
	path, form, err := c.form(m, r)
	if err != nil {
		return exchange.Order{}, err
	}
	start := c.cfg.Now()
	left := c.cfg.TTL
	if r.TTL > 0 {
		if r.Time == 0 {
			r.Time = start.UnixMilli()
		}
		left = min(longestTTL, time.UnixMilli(r.Time+r.TTL).Sub(start))
	}
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	err = c.queue.wait(ctx, exchange.Turn{Bot: c.bot, Urgent: r.Urgent}, left)
	now := c.cfg.Now()
	left = (left - now.Sub(start)).Truncate(time.Millisecond)
	if err == nil && left < time.Millisecond {
		err = context.DeadlineExceeded
	}
	if err != nil {
		e := exchange.Unsent("", "the order had no turn before its deadline")
		if errors.Is(err, context.DeadlineExceeded) {
			e.Code = exchange.CodeDeadlineExceeded
		}
		e.Err = err
		return exchange.Order{}, e
	}
	if r.TTL == 0 {
		r.Time, r.TTL = now.UnixMilli(), left.Milliseconds()
	}
	// By the least that Luno's clock can be ahead, the order never lives longer
	// than it may, only shorter (rule T5).
	drift := c.clock.read(now)
	form.add("timestamp", strconv.FormatInt(now.Add(drift.Least).UnixMilli(), 10))
	form.add("ttl", strconv.FormatInt(left.Milliseconds(), 10))
	margin := clockMargin + unknownDrift
	if drift.Known {
		margin = clockMargin + drift.Most - drift.Least
	}
	expires := now.Add(left + margin).UnixMilli()

	var told struct {
		OrderID string `json:"order_id"`
	}
	_, err = c.once(ctx, c.http, sendTimeout, http.MethodPost, path, string(form), &told)
	if err == nil && !isOrderID(told.OrderID) {
		err = &exchange.Error{HTTPStatus: http.StatusOK, Message: "Luno's answer names no order"}
	}
	if err == nil {
		return exchange.Order{ID: told.OrderID, Request: r, Status: exchange.Pending}, nil
	}
	var e *exchange.Error
	if !errors.As(err, &e) {
		e = &exchange.Error{Message: "the order was not answered", Err: err}
	}
	if e.HTTPStatus == http.StatusConflict || exchange.KindOf(e) == exchange.KindDuplicate {
		return c.repeated(ctx, r, e, expires)
	}
	if e.Outcome == exchange.OutcomeUnknown {
		e.Expires = expires
	}
	return exchange.Order{}, e
}

// repeated finds out what has the client id that Luno says is taken.
func (c *Client) repeated(ctx context.Context, r exchange.OrderRequest, e *exchange.Error, expires int64) (exchange.Order, error) {
	e.Code = exchange.CodeDuplicate
	found, err := c.order(ctx, exchange.Turn{Bot: c.bot, Urgent: r.Urgent}, r.Pair, r.ClientID)
	switch {
	case err != nil:
		e.Outcome, e.Expires, e.Err = exchange.OutcomeUnknown, expires, err
		e.Message = "the client order id is taken, and what has it could not be read"
		return exchange.Order{}, e
	case !same(found.Request, r):
		e.Outcome = exchange.OutcomeRejected
		e.Message = "the client order id is taken by another order, " + found.ID
		return exchange.Order{}, e
	}
	e.Outcome = exchange.OutcomeAccepted
	e.Message = "an earlier try has placed the order " + found.ID
	found.Request.Time, found.Request.TTL, found.Request.Urgent = r.Time, r.TTL, r.Urgent
	return found, e
}

// same reports whether an order is what was asked for, as far as Luno tells: of a
// market order it may not tell the amount.
func same(found, r exchange.OrderRequest) bool {
	if found.Pair != r.Pair || found.Side != r.Side || found.Type != r.Type {
		return false
	}
	if r.Type == exchange.LimitOrder {
		relative := r.Stop.Direction == exchange.StopRelative && found.Stop.Direction != 0
		return found.Price == r.Price && found.Volume == r.Volume && found.Stop.Price == r.Stop.Price &&
			(found.Stop.Direction == r.Stop.Direction || relative)
	}
	return found.Volume == 0 || r.Volume == 0 || found.Volume == r.Volume
}

// form is an encoded form.
type form []byte

// add puts a parameter into the form.
func (f *form) add(name, value string) {
	if len(*f) > 0 {
		*f = append(*f, '&')
	}
	*f = append(append(append(*f, name...), '='), url.QueryEscape(value)...)
}

// form checks a request and writes it as Luno wants it, but for its time. What is
// written has no more decimals than the market allows (rule T9), because it is
// counted in ticks and steps.
func (c *Client) form(m exchange.Market, r exchange.OrderRequest) (path string, f form, err error) {
	switch {
	case c.cfg.KeyID == "":
		return "", nil, exchange.Unsent("ErrUnauthorised", "an order needs an API key")
	case !isClientID(r.ClientID):
		return "", nil, exchange.Unsent("ErrInvalidClientOrderId", "the client order id %q must be 1 to %d letters, digits or _ ; , . -", r.ClientID, longestClientID)
	case r.Type == exchange.MarketOrder && r.Side == exchange.Buy && r.Volume != 0:
		return "", nil, exchange.Unsent("ErrInvalidCounterVolume", "Luno buys at the market for an amount, not by volume: "+
			"say what it may spend, or place a limit order that takes what it can at once (IOC) at the highest price that you would pay")
	case r.Type == exchange.MarketOrder && (r.Price != 0 || r.TimeInForce != exchange.GTC), r.Value != 0 && r.Type != exchange.MarketOrder,
		r.Value < 0, r.Value != 0 && r.Side == exchange.Sell:
		return "", nil, exchange.Unsent("ErrInvalidArguments", "a market order has an amount alone, and no other order has one")
	case r.Type != exchange.MarketOrder && r.Type != exchange.LimitOrder:
		return "", nil, exchange.Unsent("ErrInvalidArguments", "%s is no order type: market orders, limit orders and limit orders with a stop can be placed", r.Type)
	}
	m.Status = exchange.MarketActive // Luno knows better than a list of some time ago
	var broken *exchange.Error
	if errors.As(m.Check(r), &broken) {
		broken.Unsent = true
		return "", nil, broken
	}
	f = make(form, 0, 256) // all but the longest fit
	f.add("pair", m.Pair)
	f.add("client_order_id", r.ClientID)
	if id := c.cfg.Accounts[m.Base]; id != "" {
		f.add("base_account_id", id)
	}
	if id := c.cfg.Accounts[m.Counter]; id != "" {
		f.add("counter_account_id", id)
	}
	if r.Type == exchange.MarketOrder {
		if r.Side == exchange.Buy {
			f.add("type", "BUY")
			f.add("counter_volume", m.Amount(r.Value).String())
		} else {
			f.add("type", "SELL")
			f.add("base_volume", m.Volume(r.Volume).String())
		}
		return pathMarket, f, nil
	}
	if r.Side == exchange.Buy {
		f.add("type", "BID")
	} else {
		f.add("type", "ASK")
	}
	f.add("price", m.Price(r.Price).String())
	f.add("volume", m.Volume(r.Volume).String())
	if r.PostOnly {
		f.add("post_only", "true")
	}
	if r.TimeInForce != exchange.GTC {
		f.add("time_in_force", r.TimeInForce.String())
	}
	if r.Stop.Price != 0 {
		f.add("stop_price", m.Price(r.Stop.Price).String())
		f.add("stop_direction", stopText(r.Stop.Direction))
	}
	return pathLimitOrder, f, nil
}

// isClientID reports whether Luno takes a client order id.
func isClientID(id string) bool {
	return id != "" && len(id) <= longestClientID && strings.IndexFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("_;,.-", r)
	}) < 0
}

// Cancel implements exchange.Trader. It may use the reserve of the account's
// budget.
func (c *Client) Cancel(ctx context.Context, _, orderID string) error {
	if c.cfg.KeyID == "" {
		return exchange.Unsent("ErrUnauthorised", "to cancel an order needs an API key")
	}
	if !isOrderID(orderID) {
		return exchange.Unsent("ErrInvalidOrderRef", "%q is no id of an order", orderID)
	}
	if err := c.queue.wait(ctx, exchange.Turn{Bot: c.bot, Urgent: true}, longestWait); err != nil {
		e := exchange.Unsent("", "the cancel had no turn in time")
		e.Err = err
		return e
	}
	var told struct {
		Success bool `json:"success"`
	}
	_, err := c.once(ctx, c.http, sendTimeout, http.MethodPost, pathStopOrder, "order_id="+orderID, &told)
	if err == nil && !told.Success {
		return &exchange.Error{HTTPStatus: http.StatusOK, Message: "the cancel has no success", Err: errNotTaken}
	}
	return err
}

// codeOf returns the code of the first *exchange.Error in a chain.
func codeOf(err error) string {
	var e *exchange.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
