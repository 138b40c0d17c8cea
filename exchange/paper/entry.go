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
	// The place in the queue of a level; nil if it is not in the book.
	level         *level
	before, after *entry
}

// purse returns the purse from which the order reserves.
func (x *entry) purse() *purse {
	if x.order.Request.Side == exchange.Buy {
		return &x.member.purses[x.book.counter]
	}
	return &x.member.purses[x.book.base]
}

// hold changes what the order has set aside.
func (x *entry) hold(atoms int64) {
	x.purse().reserved += atoms - x.reserved
	x.reserved = atoms
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
