package paper

import "github.com/lunobot/lunobot/exchange"

// entry is an order of an exchange with what it holds.
type entry struct {
	order  exchange.Order
	member *Member
	book   *book
	// number is the order's number, in which orders are listed.
	number int64
	meter  feeMeter
	// reserved is what the order has set aside, in atoms of the counter asset
	// for a buy and of the base asset for a sale.
	reserved int64
	// stopped is set if the order met one of its own member.
	stopped bool
	// trigger is the price that it waits for; zero if it is no stop order.
	trigger exchange.Stop
	// asked is when its member asked for it to be taken back, in milliseconds.
	asked int64
	// The place in the queue of a level; nil if it is not in the book.
	level         *level
	before, after *entry
}

// asset returns the place of the asset that the order reserves of.
func (x *entry) asset() int {
	if x.order.Request.Side == exchange.Buy {
		return x.book.counter
	}
	return x.book.base
}

// purse returns the purse from which the order reserves.
func (x *entry) purse() *purse { return &x.member.purses[x.asset()] }

// keep changes how much the order has set aside, without the purse, and returns by
// how much.
func (x *entry) keep(atoms int64) (by int64) {
	by = atoms - x.reserved
	x.reserved = atoms
	return by
}

// hold changes what the order has set aside.
func (x *entry) hold(atoms int64, kind PostingKind) {
	x.member.post(x.asset(), kind, 0, x.keep(atoms), x)
}

// wants returns the volume that the order still wants at a price.
func (x *entry) wants(price exchange.Ticks, taker exchange.Rate) exchange.Steps {
	if x.byValue() {
		return taker.Affordable(x.order.Request.Value-x.order.Value-x.order.Fee, price)
	}
	return x.order.Remaining()
}

// byValue reports whether the order spends an amount instead of buying a volume.
func (x *entry) byValue() bool { return x.order.Request.Volume == 0 }

// crosses reports whether the order may trade at a price.
func (x *entry) crosses(price exchange.Ticks) bool {
	r := &x.order.Request
	switch {
	case r.Type == exchange.MarketOrder:
		return true
	case r.Side == exchange.Buy:
		return price <= r.Price
	}
	return price >= r.Price
}

// atoms returns n times the atoms that make one; the error is an overflow.
func atoms(n, one int64) (int64, error) { return exchange.MulDiv(n, one, 1) }
