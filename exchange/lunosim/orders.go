package lunosim

import (
	"errors"
	"strings"

	"github.com/lunobot/lunobot/exchange"
)

// maxTTL is the longest, and default, time that a request with a timestamp is
// valid for, in milliseconds.
const maxTTL = 10_000

// order is what limit and market orders have in common: it checks the request's
// age, the client's id and the accounts.
func (s *Sim) order(c *call) (*market, exchange.OrderRequest, error) {
	m, err := s.market(c)
	if err != nil {
		return nil, exchange.OrderRequest{}, err
	}
	at, dated, err := c.integer("timestamp")
	if err != nil {
		return nil, exchange.OrderRequest{}, err
	}
	ttl, given, err := c.integer("ttl")
	if !given {
		ttl = maxTTL
	}
	r := exchange.OrderRequest{Pair: m.Pair, ClientID: c.text("client_order_id")}
	switch {
	case err != nil:
		return nil, r, err
	case ttl < 1 || ttl > maxTTL:
		return nil, r, refuse("ErrInvalidParameters", "ttl must be between 1 and 10000")
	case dated && s.told().UnixMilli() > at+ttl:
		return nil, r, refuse("ErrDeadlineExceeded", "The request came after its deadline")
	case !validClientID(r.ClientID):
		return nil, r, refuse("ErrInvalidClientOrderId", "client_order_id has 255 letters, digits and _;,.- at most")
	}
	for name, currency := range map[string]string{"base_account_id": m.Base, "counter_account_id": m.Counter} {
		id, given, err := c.integer(name)
		if err != nil {
			return nil, r, err
		}
		if given && id != c.account.ids[currency] {
			return nil, r, refuse("ErrAccountNotFound", "%s is no account of %s", name, currency)
		}
	}
	return m, r, nil
}

func validClientID(id string) bool {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_;,.-"
	return len(id) <= 255 && strings.Trim(id, letters) == ""
}

func (s *Sim) postOrder(c *call) (any, error) {
	m, r, err := s.order(c)
	if err != nil {
		return nil, err
	}
	r.Type = exchange.LimitOrder
	switch c.text("type") {
	case "BID":
		r.Side = exchange.Buy
	case "ASK":
		r.Side = exchange.Sell
	default:
		return nil, refuse("ErrInvalidOrderSide", "type must be BID or ASK")
	}
	switch c.text("time_in_force") {
	case "", "GTC":
	case "IOC":
		r.TimeInForce = exchange.IOC
	case "FOK":
		r.TimeInForce = exchange.FOK
	default:
		return nil, refuse("ErrInvalidParameters", "time_in_force must be GTC, IOC or FOK")
	}
	if r.PostOnly, err = c.flag("post_only"); err != nil {
		return nil, err
	}
	if r.Volume, err = m.volume(c, "volume", "ErrInvalidVolume"); err != nil {
		return nil, err
	}
	if r.Price, err = m.price(c, "price", "ErrInvalidPrice", "ErrPriceTooHigh"); err != nil {
		return nil, err
	}
	if r.Stop, err = m.stop(c); err != nil {
		return nil, err
	}
	return s.place(c, m, r)
}

// stop reads what a stop-limit order waits for; both of its parameters or neither.
func (m *market) stop(c *call) (stop exchange.Stop, err error) {
	_, given, err := c.number("stop_price", "ErrInvalidStopPrice")
	if err != nil {
		return stop, err
	}
	switch direction := c.text("stop_direction"); {
	case direction == "" && !given:
		return stop, nil
	case direction == "":
		return stop, refuse("ErrInvalidStopDirection", "stop_price needs a stop_direction")
	case !given:
		return stop, refuse("ErrInvalidStopPrice", "stop_direction needs a stop_price")
	case direction == "ABOVE":
		stop.Direction = exchange.StopAbove
	case direction == "BELOW":
		stop.Direction = exchange.StopBelow
	case direction == "RELATIVE_LAST_TRADE":
		stop.Direction = exchange.StopRelative
	default:
		return stop, refuse("ErrInvalidStopDirection", "stop_direction must be ABOVE, BELOW or RELATIVE_LAST_TRADE")
	}
	stop.Price, err = m.price(c, "stop_price", "ErrInvalidStopPrice", "ErrStopPriceTooHigh")
	return stop, err
}

func (s *Sim) marketOrder(c *call) (any, error) {
	m, r, err := s.order(c)
	if err != nil {
		return nil, err
	}
	r.Type = exchange.MarketOrder
	switch c.text("type") {
	case "BUY":
		r.Side = exchange.Buy
		amount, given, err := c.number("counter_volume", "ErrInvalidCounterVolume")
		if err != nil {
			return nil, err
		}
		if !given {
			return nil, refuse("ErrInvalidCounterVolume", "counter_volume must be above 0")
		}
		if r.Value, err = m.Units(amount, exchange.Exact); err != nil {
			return nil, precision(err, "ErrCounterDenominationNotAllowed", "ErrAmountTooBig")
		}
	case "SELL":
		r.Side = exchange.Sell
		if r.Volume, err = m.volume(c, "base_volume", "ErrInvalidBaseVolume"); err != nil {
			return nil, err
		}
	default:
		return nil, refuse("ErrInvalidOrderSide", "type must be BUY or SELL")
	}
	return s.place(c, m, r)
}

// place sends an order to the venue.
func (s *Sim) place(c *call, m *market, r exchange.OrderRequest) (any, error) {
	o, err := c.account.member.Place(c.Context(), r)
	if err != nil {
		if told := refusalOf(err); told.Code == "ErrPostOnlyMode" && m.isSuspended() {
			return nil, refuse("ErrMarketUnavailable", "The market is suspended")
		}
		return nil, err
	}
	return map[string]string{"order_id": o.ID}, nil
}

func (s *Sim) stopOrder(c *call) (any, error) {
	d, err := c.account.member.Detail(c.Context(), c.text("order_id"))
	if err != nil {
		return nil, refuse("ErrCannotStopUnknownOrNonPendingOrder", "There is no such order, or it is over")
	}
	x := subject{path: c.URL.Path, pair: d.Request.Pair, key: c.key}
	if fault, struck := s.faults.strike(stopFault, x); struck {
		if err := s.fillFirst(c.Context(), d, fault.Percent); err != nil {
			return nil, err
		}
	}
	if err := c.account.member.Cancel(c.Context(), d.Request.Pair, d.ID); err != nil {
		return nil, err
	}
	return map[string]bool{"success": true}, nil
}

// volume reads a volume in whole steps.
func (m *market) volume(c *call, name, code string) (exchange.Steps, error) {
	d, given, err := c.number(name, code)
	if err != nil {
		return 0, err
	}
	if !given {
		return 0, refuse(code, "%s must be above 0", name)
	}
	v, err := m.Steps(d, exchange.Exact)
	if err != nil {
		return 0, precision(err, "ErrVolumeDenominationNotAllowed", "ErrVolumeTooHigh")
	}
	return v, nil
}

// price reads a price in whole ticks.
func (m *market) price(c *call, name, code, tooHigh string) (exchange.Ticks, error) {
	d, given, err := c.number(name, code)
	if err != nil {
		return 0, err
	}
	if !given {
		return 0, refuse(code, "%s must be above 0", name)
	}
	t, err := m.Ticks(d, exchange.Exact)
	if err != nil {
		return 0, precision(err, "ErrPriceDenominationNotAllowed", tooHigh)
	}
	return t, nil
}

// precision tells a number that is too fine from one that is too large.
func precision(err error, fine, large string) error {
	if errors.Is(err, exchange.ErrPrecision) {
		return refuse(fine, "The number has more decimals than the market allows")
	}
	return refuse(large, "The number is too large")
}
