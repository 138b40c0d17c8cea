package lunostream

import (
	"maps"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// toldFor is how long an order that is over is remembered: much longer than
	// Luno repeats anything.
	toldFor = time.Hour
	// toldMany is how many orders are remembered before old ones are looked for.
	toldMany = 4096
)

// told is what a user stream has told, so that nothing is told twice (rule T7).
type told struct {
	orders map[string]toldOrder
	// rows are the last bookings of each account.
	rows map[string]int64
	// most is how many orders may be there before old ones are forgotten.
	most int
}

// toldOrder is what was told of an order. Both only grow.
type toldOrder struct {
	status exchange.OrderStatus
	filled exchange.Steps
	time   int64
}

func newTold() told {
	return told{orders: make(map[string]toldOrder), rows: make(map[string]int64), most: toldMany}
}

// order reports whether an update tells anything new.
func (t *told) order(u exchange.OrderUpdate) bool {
	was := t.orders[u.OrderID]
	is := toldOrder{status: max(was.status, u.Status), filled: max(was.filled, u.Filled), time: max(was.time, u.Time)}
	t.orders[u.OrderID] = is
	if len(t.orders) > t.most {
		maps.DeleteFunc(t.orders, func(_ string, o toldOrder) bool {
			return o.status == exchange.Complete && o.time < u.Time-toldFor.Milliseconds()
		})
		t.most = max(toldMany, 2*len(t.orders))
	}
	return is.status != was.status || is.filled != was.filled
}

// balance reports whether a booking is new.
func (t *told) balance(o Own) bool {
	if o.Row <= t.rows[o.Account] {
		return false
	}
	t.rows[o.Account] = o.Row
	return true
}
