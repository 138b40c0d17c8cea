package paper

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/lunobot/lunobot/exchange"
)

// VenueConfig says how a simulated account trades.
type VenueConfig struct {
	// Balance is the cash to begin with.
	Balance exchange.Units
	// Base is what it holds of the base currency to begin with. Defaults to nothing.
	Base exchange.Steps
	// Costs are what trading costs beside the fees. Defaults to nothing.
	Costs
	// Fees are the account's rates. Defaults to none.
	Fees exchange.Fees
	// Market is what is traded; required.
	Market exchange.Market
	// OrderPrefix begins the orders' ids, which go on with their numbers. Defaults
	// to "P".
	OrderPrefix string
	// Tiers replace the fees from a traded volume on, the smallest volume first.
	// Defaults to none.
	Tiers []Tier
}

// VenueState is all that a Venue remembers, for checkpoints.
type VenueState struct {
	// Counter and Base are the balances, reservations included.
	Counter exchange.Units `json:"counter"`
	Base    exchange.Steps `json:"base"`
	// Orders are the orders that are not over, oldest first.
	Orders []Resting `json:"orders"`
	// Orders and fills are numbered from 1.
	LastOrder int64 `json:"last_order"`
	LastFill  int64 `json:"last_fill"`
	// LastPrice is the newest price, for reserving cash.
	LastPrice exchange.Ticks `json:"last_price"`
	// LastTime is when the newest candle opened.
	LastTime int64 `json:"last_time,omitempty"`
	// FeeDays are what was traded lately, if there are tiers.
	FeeDays FeeDays `json:"fee_days,omitzero"`
	// Available is what may still trade in the present candle.
	Available exchange.Steps `json:"-"`
}

// Resting is an order that is not over and what it has set aside.
type Resting struct {
	Order exchange.Order `json:"order"`
	// Counter and Base are what it has reserved.
	Counter exchange.Units `json:"counter"`
	Base    exchange.Steps `json:"base"`
}

// Venue is one simulated account in one market. It is not safe for concurrent
// use.
type Venue struct {
	cfg     VenueConfig
	state   VenueState
	reports []exchange.Report
	// shared is what the account trades in this and in other venues; nil if it has
	// this one alone.
	shared *volume
	// spare is the cash that no order holds while orders meet a candle.
	spare exchange.Units
}

// NewVenue returns a venue; the error names everything that is wrong with cfg.
func NewVenue(cfg VenueConfig) (*Venue, error) {
	problems := []error{cfg.Market.Validate(), cfg.Costs.validate()}
	for i, fees := range slices.Concat([]Tier{{Fees: cfg.Fees}}, cfg.Tiers) {
		for name, r := range map[string]exchange.Rate{"maker": fees.Fees.Maker, "taker": fees.Fees.Taker} {
			if r < 0 || r > exchange.RateOne {
				problems = append(problems, fmt.Errorf("paper: the %s fee %s must be between 0 and 1", name, r.Decimal()))
			}
		}
		if i > 1 && fees.Volume <= cfg.Tiers[i-2].Volume {
			problems = append(problems, fmt.Errorf("paper: the volume of tier %d is not above that of the tier before", i))
		}
	}
	if cfg.Balance < 0 || cfg.Base < 0 {
		problems = append(problems, errors.New("paper: a balance is below 0"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if cfg.OrderPrefix == "" {
		cfg.OrderPrefix = "P"
	}
	return &Venue{cfg: cfg, state: VenueState{Counter: cfg.Balance, Base: cfg.Base}}, nil
}

// State returns a copy of the venue's state.
func (v *Venue) State() VenueState {
	s := v.state
	s.Orders = append([]Resting(nil), s.Orders...)
	return s
}

// Restore puts the venue in a state that it had before.
func (v *Venue) Restore(s VenueState) {
	s.Orders = append([]Resting(nil), s.Orders...)
	v.state = s
}

// Renew leaves the account as it is, new, and lets the numbers of orders and
// fills go on from those of an earlier one.
func (v *Venue) Renew(before VenueState) {
	v.state.LastOrder, v.state.LastFill = before.LastOrder, before.LastFill
}

// Reserved returns what open orders have set aside.
func (v *Venue) Reserved() (exchange.Units, exchange.Steps) {
	var counter exchange.Units
	var base exchange.Steps
	for i := range v.state.Orders {
		counter += v.state.Orders[i].Counter
		base += v.state.Orders[i].Base
	}
	return counter, base
}

// Free returns the cash that no open order has set aside.
func (v *Venue) Free() exchange.Units {
	reserved, _ := v.Reserved()
	return v.state.Counter - reserved
}

// Fund adds to the cash, or takes from what is free of it if by is below 0, for an
// account that keeps one balance for several venues. More than is free is an error
// and changes nothing.
func (v *Venue) Fund(by exchange.Units) error {
	if free := v.Free(); by < -free || by > 0 && v.state.Counter > maxUnits-by {
		return fmt.Errorf("paper: %s: the cash cannot change by %d units while %d are free", v.cfg.Market.Pair, by, free)
	}
	v.state.Counter += by
	return nil
}

// Place accepts an order, which trades in a later candle at the earliest, or
// refuses it with an *exchange.Error. A repeat of a client id whose order is
// still open is refused with "ErrDuplicateClientOrderID".
func (v *Venue) Place(r exchange.OrderRequest) (exchange.Order, error) {
	if err := v.cfg.Market.Check(r); err != nil {
		return exchange.Order{}, err
	}
	if r.Stop != (exchange.Stop{}) {
		return exchange.Order{}, exchange.Rejected("ErrInvalidArguments", "there are no stop orders on candles, whose trades have no order")
	}
	for i := range v.state.Orders {
		if r.ClientID != "" && v.state.Orders[i].Order.Request.ClientID == r.ClientID {
			return exchange.Order{}, exchange.Rejected("ErrDuplicateClientOrderID", "order %s is there already", r.ClientID)
		}
	}
	rest, err := v.reserve(r)
	if err != nil {
		return exchange.Order{}, err
	}
	v.state.LastOrder++
	rest.Order = exchange.Order{ID: v.orderID(v.state.LastOrder), Request: r, Status: exchange.Open, Created: r.Time}
	v.state.Orders = append(v.state.Orders, rest)
	return rest.Order, nil
}

// orderID names the order of a number.
func (v *Venue) orderID(n int64) string {
	var text [40]byte
	return string(strconv.AppendInt(append(text[:0], v.cfg.OrderPrefix...), n, 10))
}

// reserve works out what an order sets aside and whether it is there.
func (v *Venue) reserve(r exchange.OrderRequest) (Resting, error) {
	counter, base := v.Reserved()
	free, freeBase := v.state.Counter-counter, v.state.Base-base
	if r.Side == exchange.Sell {
		if r.Volume > freeBase {
			return Resting{}, exchange.Rejected("ErrInsufficientBalance", "selling %s %s needs more than the %s that are free",
				v.cfg.Market.Volume(r.Volume), v.cfg.Market.Base, v.cfg.Market.Volume(freeBase))
		}
		return Resting{Base: r.Volume}, nil
	}
	need := r.Value
	if r.Volume > 0 {
		fees := v.fees(r.Time)
		price, rate := r.Price, max(fees.Maker, fees.Taker)
		if r.Type == exchange.MarketOrder {
			price = v.worse(exchange.Buy, v.state.LastPrice, r.Volume, nil)
		}
		value, err := price.Times(r.Volume)
		if err != nil {
			return Resting{}, exchange.Rejected("ErrValueTooHigh", "the order's value is too large")
		}
		if need = value + rate.Of(value); need < value {
			return Resting{}, exchange.Rejected("ErrValueTooHigh", "the order's value is too large")
		}
	}
	if need > free {
		return Resting{}, exchange.Rejected("ErrInsufficientBalance", "buying for %s %s needs more than the %s that are free",
			v.cfg.Market.Amount(need), v.cfg.Market.Counter, v.cfg.Market.Amount(free))
	}
	return Resting{Counter: need}, nil
}

// Cancel takes an order back and returns it as it ended. An order that is not
// open is refused with "ErrCannotStopUnknownOrNonPendingOrder".
func (v *Venue) Cancel(id string, now int64) (exchange.Order, error) {
	for i := range v.state.Orders {
		if v.state.Orders[i].Order.ID == id {
			o := v.state.Orders[i].Order
			o.Status, o.Completed = exchange.Complete, now
			v.state.Orders = append(v.state.Orders[:i], v.state.Orders[i+1:]...)
			return o, nil
		}
	}
	return exchange.Order{}, exchange.Rejected("ErrCannotStopUnknownOrNonPendingOrder", "order %s is not open", id)
}

// Candle lets the open orders meet the candle and returns what happened, in
// order; the slice is valid until the next call.
func (v *Venue) Candle(c *exchange.Candle) []exchange.Report {
	v.state.LastPrice = c.Close
	before := v.state.LastTime
	v.state.LastTime = c.Time
	if v.cfg.MaxShare > 0 {
		share, _ := exchange.MulDiv(int64(c.Volume), int64(v.cfg.MaxShare), int64(exchange.RateOne)) // not above the volume
		v.state.Available = exchange.Steps(share)
	}
	if len(v.state.Orders) == 0 {
		return nil
	}
	return v.meetAll(c, before)
}

// meetAll lets the open orders meet a candle; before is when the one before opened. By
// itself, so that candles that meet none need no stack for it.
func (v *Venue) meetAll(c *exchange.Candle, before int64) []exchange.Report {
	reserved, _ := v.Reserved()
	v.spare = v.state.Counter - reserved
	v.reports = v.reports[:0]
	kept := v.state.Orders[:0]
	for _, rest := range v.state.Orders {
		if v.meet(&rest, c, before) {
			kept = append(kept, rest)
		} else {
			v.spare += rest.Counter
		}
	}
	v.state.Orders = kept
	return v.reports
}

// Exit sells or buys back at once, for a protective exit that the candle
// reached; orders that hold the position must have been cancelled before. It
// trades at the trigger, or at the open if the candle opened beyond it.
func (v *Venue) Exit(r exchange.OrderRequest, trigger exchange.Ticks, stop bool, c *exchange.Candle) ([]exchange.Report, error) {
	var price exchange.Ticks
	switch {
	case stop && r.Side == exchange.Sell:
		price = min(trigger, c.Open)
	case stop:
		price = max(trigger, c.Open)
	case r.Side == exchange.Sell:
		price = max(trigger, c.Open)
	default:
		price = min(trigger, c.Open)
	}
	if _, err := v.Place(r); err != nil {
		return nil, err
	}
	last := len(v.state.Orders) - 1
	rest := v.state.Orders[last]
	v.state.Orders = v.state.Orders[:last]
	v.reports, v.spare = v.reports[:0], 0
	if v.take(&rest, price, c) {
		v.state.Orders = append(v.state.Orders, rest)
	}
	if len(v.reports) == 0 {
		v.reports = append(v.reports, exchange.Report{Order: rest.Order}) // no volume was left: it waits
	}
	return v.reports, nil
}

// meet lets one order meet the candle, after one that opened before; it reports
// whether the order stays.
func (v *Venue) meet(rest *Resting, c *exchange.Candle, before int64) bool {
	r := &rest.Order.Request
	arrives := rest.Order.Created + v.cfg.Latency.Milliseconds()
	if arrives > c.Time {
		return true // it is still under way, or the candle is an old one that came late
	}
	if r.Type == exchange.MarketOrder {
		return v.take(rest, c.Open, c)
	}
	buy := r.Side == exchange.Buy
	fresh := arrives > before || arrives >= c.Time // it meets this open first
	switch {
	case fresh && (buy && c.Open <= r.Price || !buy && c.Open >= r.Price):
		if r.PostOnly {
			return v.end(rest, c.Time, "post-only: it would have traded at once")
		}
		return v.trade(rest, v.taking(rest, c), false, c.Time)
	case r.TimeInForce != exchange.GTC:
		return v.end(rest, c.Time, r.TimeInForce.String()+": the price was not reached")
	case buy && c.Low < r.Price, !buy && c.High > r.Price:
		return v.trade(rest, r.Price, true, c.Time)
	}
	return true
}

// taking returns the price at which a limit order takes from the book at the candle's
// open: made worse by what that costs, though no worse than the order's own.
func (v *Venue) taking(rest *Resting, c *exchange.Candle) exchange.Ticks {
	r, volume := &rest.Order.Request, rest.Order.Remaining()
	if v.cfg.MaxShare > 0 {
		volume = min(volume, v.state.Available)
	}
	price := v.worse(r.Side, c.Open, volume, c)
	if r.Side == exchange.Buy {
		return min(price, r.Price)
	}
	return max(price, r.Price)
}

// take executes a market order at a price of the candle, made worse by what it
// costs.
func (v *Venue) take(rest *Resting, price exchange.Ticks, c *exchange.Candle) bool {
	volume := rest.Order.Remaining()
	if rest.Order.Request.Volume == 0 {
		volume = v.fees(c.Time).Taker.Affordable(rest.Counter, price)
	}
	if v.cfg.MaxShare > 0 {
		volume = min(volume, v.state.Available)
	}
	return v.trade(rest, v.worse(rest.Order.Request.Side, price, volume, c), false, c.Time)
}

// trade executes as much of the order as cash and the candle's volume allow; it
// reports whether the order stays open.
func (v *Venue) trade(rest *Resting, price exchange.Ticks, maker bool, now int64) bool {
	o := &rest.Order
	fees := v.fees(now)
	rate := fees.Taker
	if maker {
		rate = fees.Maker
	}
	want := o.Remaining()
	if o.Request.Side == exchange.Buy {
		v.topUp(rest, price, rate)
		affordable := rate.Affordable(rest.Counter, price)
		if o.Request.Volume == 0 {
			want = affordable
			if want < max(1, v.cfg.Market.MinVolume) && o.Filled == 0 {
				return v.end(rest, now, "the value buys less than the least volume")
			}
		}
		want = min(want, affordable)
	}
	volume := want
	if v.cfg.MaxShare > 0 {
		volume = min(volume, v.state.Available)
	}
	if o.Request.TimeInForce == exchange.FOK && volume < max(want, o.Remaining()) {
		return v.end(rest, now, "FOK: it could not be filled whole")
	}
	if _, err := price.Times(volume); err != nil {
		return v.end(rest, now, "the value is too large")
	}
	if v.cfg.MaxShare > 0 {
		v.state.Available -= volume
	}
	if volume > 0 {
		v.execute(rest, price, volume, rate, maker, now)
	}
	switch {
	case want == 0, volume == want && o.Request.Volume > 0 && o.Remaining() > 0:
		return v.end(rest, now, "the cash does not buy the rest")
	case volume == want:
		o.Status, o.Completed = exchange.Complete, now
		v.reports[len(v.reports)-1].Order = *o
		return false
	case o.Request.TimeInForce == exchange.IOC:
		return v.end(rest, now, "IOC: the rest could not be filled at once")
	}
	return true
}

// topUp lets a market buy by volume use the spare cash when the price has risen
// since it was placed.
func (v *Venue) topUp(rest *Resting, price exchange.Ticks, rate exchange.Rate) {
	r := &rest.Order.Request
	if r.Type != exchange.MarketOrder || r.Volume == 0 {
		return
	}
	need := v.spare + rest.Counter
	if value, err := price.Times(rest.Order.Remaining()); err == nil {
		need = min(need, value+rate.Of(value))
	}
	if more := need - rest.Counter; more > 0 {
		rest.Counter += more
		v.spare -= more
	}
}

// execute books one execution and reports it.
func (v *Venue) execute(rest *Resting, price exchange.Ticks, volume exchange.Steps, rate exchange.Rate, maker bool, now int64) {
	o := &rest.Order
	value := price.MustTimes(volume)
	fee := rate.Of(value)
	if o.Request.Side == exchange.Buy {
		rest.Counter -= value + fee
		v.state.Counter -= value + fee
		v.state.Base += volume
	} else {
		rest.Base -= volume
		v.state.Base -= volume
		v.state.Counter += value - fee
		v.spare += value - fee
	}
	if len(v.cfg.Tiers) > 0 {
		v.state.FeeDays.tally(now, value)
	}
	o.Filled += volume
	o.Value += value
	o.Fee += fee
	v.state.LastFill++
	v.reports = append(v.reports, exchange.Report{Order: *o, Executed: true, Fill: exchange.Fill{
		Pair: v.cfg.Market.Pair, OrderID: o.ID, ClientID: o.Request.ClientID, Sequence: v.state.LastFill, Side: o.Request.Side,
		Price: price, Volume: volume, Value: value, FeeCounter: fee, Maker: maker, Time: now,
	}})
}

// end completes an order that is not filled whole; it always returns false.
func (v *Venue) end(rest *Resting, now int64, reason string) bool {
	rest.Order.Status, rest.Order.Completed = exchange.Complete, now
	v.reports = append(v.reports, exchange.Report{Order: rest.Order, Reason: reason})
	return false
}
