package paper

import (
	"strconv"

	"github.com/lunobot/lunobot/exchange"
)

// place checks an order, reserves what it needs, matches it and lets the rest
// stay if it may. The caller holds the lock.
func (e *Exchange) place(m *Member, r exchange.OrderRequest) (*entry, error) {
	b, err := e.book(r.Pair)
	if err != nil {
		return nil, err
	}
	now := e.now()
	if err := e.check(m, b, r, now); err != nil {
		return nil, err
	}
	x := &entry{
		member: m, book: b, number: e.lastOrder + 1,
		order: exchange.Order{Request: r, Status: exchange.Open, Created: now},
	}
	var fillable exchange.Steps
	var cost exchange.Units
	if r.PostOnly || r.TimeInForce == exchange.FOK || r.Type == exchange.MarketOrder && r.Side == exchange.Buy {
		fillable, cost = x.quote()
		if r.PostOnly && (fillable > 0 || x.stopped) {
			return nil, exchange.Rejected("ErrOrderCanceled", "the post-only order would have traded at once")
		}
		x.stopped = false
	}
	need, err := e.need(x, cost)
	if err != nil {
		return nil, exchange.Rejected("ErrValueTooHigh", "the order's value is too large")
	}
	if free := x.purse().free(); need > free {
		a := e.assets[b.base]
		if r.Side == exchange.Buy {
			a = e.assets[b.counter]
		}
		return nil, exchange.Rejected("ErrInsufficientBalance", "the order needs %s %s and %s are free",
			a.decimal(need), a.currency, a.decimal(free))
	}
	e.lastOrder++
	x.order.ID = strconv.FormatInt(x.number, 10)
	x.hold(need)
	m.enter(x)
	if r.TimeInForce != exchange.FOK || fillable >= r.Volume {
		e.match(x, now)
	}
	switch {
	case x.order.Status == exchange.Complete:
	case r.Type == exchange.LimitOrder && r.TimeInForce == exchange.GTC && !x.stopped:
		b.side(r.Side).add(x)
		b.changed = now
	default:
		x.finish(now)
	}
	return x, nil
}

// check refuses what the market's rules do not cover and then what they do.
func (e *Exchange) check(m *Member, b *book, r exchange.OrderRequest, now int64) error {
	switch {
	case r.Side != exchange.Buy && r.Side != exchange.Sell:
		return exchange.Rejected("ErrInvalidOrderSide", "%s is no side", r.Side)
	case r.Type != exchange.MarketOrder && r.Type != exchange.LimitOrder:
		return exchange.Rejected("ErrInvalidArguments", "%s is no order type", r.Type)
	case r.TimeInForce > exchange.FOK:
		return exchange.Rejected("ErrInvalidArguments", "%d is no time in force", r.TimeInForce)
	case r.Type == exchange.MarketOrder && r.Price != 0:
		return exchange.Rejected("ErrInvalidArguments", "a market order has no price")
	case r.Value != 0 && (r.Volume != 0 || r.Type != exchange.MarketOrder || r.Side != exchange.Buy):
		return exchange.Rejected("ErrInvalidArguments", "only a market buy without a volume has a value")
	case r.Volume == 0 && r.TimeInForce == exchange.FOK:
		return exchange.Rejected("ErrInvalidArguments", "an order that is filled whole or not at all needs a volume")
	case r.ClientID != "" && m.byClient[r.ClientID] != nil:
		return &exchange.Error{
			Outcome: exchange.OutcomeAccepted, Code: "ErrDuplicateClientOrderID",
			Message: "there is an order of the client id " + strconv.Quote(r.ClientID) + " already",
		}
	case r.TTL > 0 && now > r.Time+r.TTL:
		return exchange.Rejected("ErrDeadlineExceeded", "the request came %d ms after its deadline", now-r.Time-r.TTL)
	}
	return b.market.Check(r)
}

// quote returns how much of the order would trade at once, and for what value;
// it sets stopped if an order of the same member is in the way. Of an order by
// value it tells nothing, because that reserves its value.
func (x *entry) quote() (volume exchange.Steps, cost exchange.Units) {
	r := &x.order.Request
	if x.byValue() {
		return 0, 0
	}
	for l := x.book.side(r.Side.Opposite()).best(); l != nil && x.crosses(l.price); l = l.worse() {
		for y := l.first; y != nil; y = y.after {
			if y.member == x.member {
				x.stopped = true
				return volume, cost
			}
			v := min(r.Volume-volume, y.order.Remaining())
			volume += v
			// A sum that overflows is larger than any balance: need finds it.
			cost = saturate(cost, l.price.MustTimes(v))
			if volume == r.Volume || r.PostOnly {
				return volume, cost
			}
		}
	}
	return volume, cost
}

// need returns the atoms that the order must reserve; cost is what a market buy
// by volume would pay.
func (e *Exchange) need(x *entry, cost exchange.Units) (int64, error) {
	r := &x.order.Request
	rate := max(e.cfg.Fees.Maker, e.cfg.Fees.Taker)
	switch {
	case r.Side == exchange.Sell:
		return atoms(int64(r.Volume), x.book.stepAtoms)
	case x.byValue():
		return atoms(int64(r.Value), x.book.unitAtoms)
	case r.Type == exchange.MarketOrder:
		rate = e.cfg.Fees.Taker
	default:
		var err error
		if cost, err = r.Price.Times(r.Volume); err != nil {
			return 0, err
		}
	}
	fee := rate.Of(cost)
	if cost > maxUnits-fee {
		return 0, exchange.ErrOverflow
	}
	return atoms(int64(cost+fee), x.book.unitAtoms)
}

// match trades an order with the other side of the book, best price first, until
// it wants no more or meets an order of its own member.
func (e *Exchange) match(x *entry, now int64) {
	other := x.book.side(x.order.Request.Side.Opposite())
	for {
		l := other.best()
		if l == nil || !x.crosses(l.price) {
			return
		}
		y := l.first
		if y.member == x.member {
			x.stopped = true
			return
		}
		volume := min(x.wants(l.price, e.cfg.Fees.Taker), y.order.Remaining())
		if volume == 0 {
			return
		}
		e.trade(x, y, volume, now)
		if y.order.Remaining() == 0 {
			other.remove(y)
			y.finish(now)
		}
		if !x.byValue() && x.order.Remaining() == 0 {
			x.finish(now)
			return
		}
	}
}

// trade executes a volume between the taker x and the resting y.
func (e *Exchange) trade(x, y *entry, volume exchange.Steps, now int64) {
	b := x.book
	price := y.order.Request.Price
	b.addTrade(exchange.Trade{
		Pair: b.market.Pair, Sequence: int64(len(b.tape)) + 1, Time: now,
		Price: price, Volume: volume, Taker: x.order.Request.Side,
	})
	y.level.volume -= volume
	e.settle(x, price, volume, false, now)
	e.settle(y, price, volume, true, now)
}

// settle books one side of a trade: the order, the member's purses, the fee and
// the fill. Products of a price and a volume below a resting order's fit, because
// the order was checked for it.
func (e *Exchange) settle(x *entry, price exchange.Ticks, volume exchange.Steps, maker bool, now int64) {
	rate := e.cfg.Fees.Taker
	if maker {
		rate = e.cfg.Fees.Maker
	}
	b, o, m := x.book, &x.order, x.member
	value := price.MustTimes(volume)
	fee := -x.meter.total()
	x.meter = x.meter.plus(value, rate)
	fee += x.meter.total()
	o.Filled += volume
	o.Value += value
	o.Fee += fee

	base, counter := &m.purses[b.base], &m.purses[b.counter]
	coins := int64(volume) * b.stepAtoms
	if o.Request.Side == exchange.Buy {
		paid := int64(value+fee) * b.unitAtoms
		x.hold(x.stillNeeded(paid, max(e.cfg.Fees.Maker, e.cfg.Fees.Taker)))
		counter.total -= paid
		base.total += coins
	} else {
		x.hold(x.reserved - coins)
		base.total -= coins
		counter.total += int64(value-fee) * b.unitAtoms
	}
	e.assets[b.counter].fees += int64(fee) * b.unitAtoms
	m.fills[b.market.Pair] = append(m.fills[b.market.Pair], exchange.Fill{
		Pair: b.market.Pair, OrderID: o.ID, ClientID: o.Request.ClientID, Sequence: int64(len(b.tape)),
		Side: o.Request.Side, Price: price, Volume: volume, Value: value, FeeCounter: fee, Maker: maker, Time: now,
	})
}

// stillNeeded returns what a buy order has to keep after it paid so many atoms:
// what a limit order's rest can cost at most, or all that is left of a market
// order's reservation.
func (x *entry) stillNeeded(paid int64, rate exchange.Rate) int64 {
	if x.order.Request.Type == exchange.MarketOrder {
		return x.reserved - paid
	}
	rest := x.order.Request.Price.MustTimes(x.order.Remaining())
	fee := x.meter.plus(rest, rate).total() - x.meter.total()
	return int64(rest+fee) * x.book.unitAtoms
}

// finish completes an order and frees what it still holds.
func (x *entry) finish(now int64) {
	x.order.Status, x.order.Completed = exchange.Complete, now
	x.hold(0)
	delete(x.member.open[x.book.market.Pair], x)
}

// maxUnits is the largest amount.
const maxUnits = exchange.Units(1<<63 - 1)

// saturate adds two amounts that are not negative.
func saturate(a, b exchange.Units) exchange.Units {
	if a > maxUnits-b {
		return maxUnits
	}
	return a + b
}
