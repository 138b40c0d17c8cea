package paper

import "github.com/lunobot/lunobot/exchange"

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
	var cost exchange.Units
	if x.trigger, err = b.resolve(r.Stop); err != nil {
		return nil, err
	}
	waits := x.trigger.Price != 0 && !b.reached(x.trigger)
	over := r.PostOnly && !waits && x.wouldTrade()
	switch {
	case over && !e.quiet:
		return nil, exchange.Rejected("ErrOrderCanceled", "the post-only order would have traded at once")
	case r.Type == exchange.MarketOrder && e.cfg.MaxSlip > 0 && !x.liquid(e.cfg.MaxSlip, e.ofCounter().Taker):
		return nil, exchange.Rejected("ErrNotEnoughLiquidity", "the book does not fill the market order near its best price")
	case r.Type == exchange.MarketOrder && r.Side == exchange.Buy:
		_, cost = x.quote()
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
	x.order.ID = e.cfg.OrderID(x.number)
	m.enter(x)
	m.tell(x, exchange.Pending)
	x.hold(need, PostingReserve)
	if over {
		x.finish(now)
		return x, nil
	}
	if waits {
		x.order.Status = exchange.Pending
		b.stops = append(b.stops, x)
		return x, nil
	}
	e.run(x, now)
	e.release(b, now)
	return x, nil
}

// run matches an order that has arrived and lets its rest stay if it may.
func (e *Exchange) run(x *entry, now int64) {
	b, r := x.book, &x.order.Request
	x.order.Status = exchange.Open
	x.member.tell(x, exchange.Open)
	whole := true
	if r.TimeInForce == exchange.FOK {
		fillable, _ := x.quote()
		whole, x.stopped = fillable >= r.Volume, false
	}
	if whole {
		e.match(x, now)
	}
	update := BookUpdate{Trades: b.executions, Time: now}
	b.executions = nil
	switch {
	case x.order.Status == exchange.Complete:
	case r.Type == exchange.LimitOrder && r.TimeInForce == exchange.GTC && !x.stopped:
		b.side(r.Side).add(x)
		b.changed = now
		update.Created = x.inBook()
	default:
		x.finish(now)
	}
	if x.order.Filled > 0 || update.Created.ID != "" {
		b.publish(update)
	}
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
		return m.byClient[r.ClientID].taken(r)
	case r.TTL > 0 && now > r.Time+r.TTL:
		return exchange.Rejected("ErrDeadlineExceeded", "the request came %d ms after its deadline", now-r.Time-r.TTL)
	}
	return b.market.Check(r)
}

// taken says that the order has the client id of a request: an earlier try of the
// same, or another order.
func (x *entry) taken(r exchange.OrderRequest) error {
	first := x.order.Request
	first.Time, first.TTL, first.Urgent = r.Time, r.TTL, r.Urgent
	e := exchange.Rejected(exchange.CodeDuplicate, "the order %s, which is another one, has the client id %q", x.order.ID, r.ClientID)
	if first == r {
		e.Outcome, e.Message = exchange.OutcomeAccepted, "the order "+x.order.ID+" was placed by an earlier try"
	}
	return e
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

// wouldTrade reports whether the order would trade at once, or meet one of its own
// member.
func (x *entry) wouldTrade() bool {
	fillable, _ := x.quote()
	met := x.stopped
	x.stopped = false
	return fillable > 0 || met
}

// liquid reports whether the book fills the market order whole without running
// further from the best price than a share of it.
func (x *entry) liquid(share, taker exchange.Rate) bool {
	r := &x.order.Request
	best := x.book.side(r.Side.Opposite()).best()
	volume, money := r.Volume, r.Value
	for l := best; l != nil; l = l.worse() {
		if run := max(l.price-best.price, best.price-l.price); run > exchange.Ticks(share.Of(exchange.Units(best.price))) {
			return false
		}
		want := volume
		if x.byValue() {
			want = taker.Affordable(money, l.price)
		}
		if want <= l.volume {
			return true
		}
		volume -= l.volume
		if x.byValue() {
			value := l.price.MustTimes(l.volume) // below what is left of the money
			money -= value + taker.Of(value)
		}
	}
	return false
}

// need returns the atoms that the order must reserve; cost is what a market buy
// by volume would pay.
func (e *Exchange) need(x *entry, cost exchange.Units) (int64, error) {
	r := &x.order.Request
	fees := e.ofCounter()
	rate := max(fees.Maker, fees.Taker)
	switch {
	case r.Side == exchange.Sell:
		coins, err := atoms(int64(r.Volume), x.book.stepAtoms)
		if err != nil || !e.cfg.BaseFees {
			return coins, err
		}
		fee := int64(feeMeter{}.plus(exchange.Units(coins), max(e.cfg.Fees.Maker, e.cfg.Fees.Taker)).total())
		if coins > int64(maxUnits)-fee {
			return 0, exchange.ErrOverflow
		}
		return coins + fee, nil
	case x.byValue():
		return atoms(int64(r.Value), x.book.unitAtoms)
	case r.Type == exchange.MarketOrder:
		rate = fees.Taker
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
		volume := min(x.wants(l.price, e.ofCounter().Taker), y.order.Remaining())
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
	t := exchange.Trade{Pair: b.market.Pair, Time: now, Price: price, Volume: volume, Taker: x.order.Request.Side}
	b.addTrade(t, e.cfg.Tape.Milliseconds())
	if t.Sequence = b.lastTrade; len(b.watchers) > 0 {
		b.executions = append(b.executions, Execution{Trade: t, MakerOrder: y.order.ID, TakerOrder: x.order.ID})
	}
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
	b, o := x.book, &x.order
	value := price.MustTimes(volume)
	f := exchange.Fill{
		Pair: b.market.Pair, OrderID: o.ID, ClientID: o.Request.ClientID, Sequence: b.lastTrade,
		Side: o.Request.Side, Price: price, Volume: volume, Value: value, Maker: maker, Time: now,
	}
	o.Filled += volume
	o.Value += value
	coins, worth := int64(volume)*b.stepAtoms, int64(value)*b.unitAtoms
	before := x.meter.total()
	if e.cfg.BaseFees {
		x.meter = x.meter.plus(exchange.Units(coins), rate)
		f.FeeBase = b.dust(int64(x.meter.total())) - b.dust(int64(before))
		o.FeeBase += f.FeeBase
		x.swap(worth, coins, int64(x.meter.total()-before), b.base, x.stillNeeded(e, worth))
	} else {
		x.meter = x.meter.plus(value, rate)
		f.FeeCounter = x.meter.total() - before
		o.Fee += f.FeeCounter
		charge := int64(f.FeeCounter) * b.unitAtoms
		x.swap(worth, coins, charge, b.counter, x.stillNeeded(e, worth+charge))
	}
	x.member.fill(x, f)
}

// swap moves what an execution moves: its worth of the counter asset against
// coins of the base asset, and a fee of one of them. Of what the order has set aside
// it keeps what it still needs.
func (x *entry) swap(worth, coins, fee int64, feeOf int, needed int64) {
	b, m := x.book, x.member
	paid, paidWith, got, gotOf := worth, b.counter, coins, b.base
	if x.order.Request.Side == exchange.Sell {
		paid, paidWith, got, gotOf = coins, b.base, worth, b.counter
	}
	freed, ofFee := -x.keep(needed), int64(0)
	if feeOf == paidWith {
		ofFee = min(fee, freed)
	}
	m.post(paidWith, PostingExchange, -paid, ofFee-freed, x)
	if feeOf == paidWith {
		m.post(feeOf, PostingFee, -fee, -ofFee, x)
	}
	m.post(gotOf, PostingExchange, got, 0, x)
	if feeOf == gotOf {
		m.post(feeOf, PostingFee, -fee, 0, x)
	}
	m.exchange.assets[feeOf].fees += fee
}

// stillNeeded returns what the order has to keep after it paid so many atoms of the
// counter asset: what a limit order's or a sale's rest can cost at most, or all that
// is left of a market buy's reservation.
func (x *entry) stillNeeded(e *Exchange, paid int64) int64 {
	rest := x.order.Remaining()
	switch highest := max(e.cfg.Fees.Maker, e.cfg.Fees.Taker); {
	case x.order.Request.Side == exchange.Sell && e.cfg.BaseFees:
		coins := int64(rest) * x.book.stepAtoms
		return coins + int64(x.meter.plus(exchange.Units(coins), highest).total()-x.meter.total())
	case x.order.Request.Side == exchange.Sell:
		return int64(rest) * x.book.stepAtoms
	case x.order.Request.Type == exchange.MarketOrder:
		return x.reserved - paid
	case e.cfg.BaseFees:
		return int64(x.order.Request.Price.MustTimes(rest)) * x.book.unitAtoms
	default:
		value := x.order.Request.Price.MustTimes(rest)
		fee := x.meter.plus(value, highest).total() - x.meter.total()
		return int64(value+fee) * x.book.unitAtoms
	}
}

// finish completes an order and frees what it still holds.
func (x *entry) finish(now int64) {
	x.order.Status, x.order.Completed = exchange.Complete, now
	x.hold(0, PostingRelease)
	x.member.leave(x)
	x.member.tell(x, exchange.Complete)
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
