package engine

import (
	"errors"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// enter lends all free cash to a pair, and makes it go on with the numbers of
// orders and the time of the basket.
func (b *Basket) enter(l *leg) {
	units := exchange.Units(b.pool / l.per)
	b.fund(l, units)
	l.elsewhere = 0
	for _, o := range b.legs {
		if o != l {
			l.elsewhere += len(o.state.Orders)
		}
		l.state.NextRef = max(l.state.NextRef, o.state.NextRef)
	}
	l.behind = b.behind(l)
	l.present.Time = max(l.present.Time, b.now)
	l.sync()
}

// leave takes back what a pair's orders do not hold.
func (b *Basket) leave(l *leg) {
	b.fund(l, -l.venue.Free())
	l.sync()
}

// fund moves cash from the pool to a pair, or back if units is below 0.
func (b *Basket) fund(l *leg, units exchange.Units) {
	if err := l.venue.Fund(units); err != nil {
		b.failed = errors.Join(b.failed, err)
		return
	}
	l.state.Portfolio.Counter += units
	b.pool -= int64(units) * l.per
}

// View returns the account as the strategy shall see it; it belongs to the basket
// and changes with it.
func (b *Basket) View() *strategy.View {
	total := b.cash()
	next := uint64(0)
	b.view.Others = b.view.Others[:0]
	for i, l := range b.legs {
		v := &l.view
		free := exchange.Units(b.pool/l.per) + v.Counter - v.ReservedCounter
		counter := exchange.Units(total / l.per)
		shown := strategy.View{
			Base: v.Base, ReservedBase: v.ReservedBase, Counter: counter, ReservedCounter: counter - free, Cost: v.Cost, Exits: v.Exits, Orders: v.Orders,
		}
		next = max(next, l.state.NextRef)
		if i == 0 {
			shown.Warming, shown.Top, shown.Others = v.Warming, v.Top, b.view.Others
			b.view = shown
		} else {
			b.view.Others = append(b.view.Others, shown)
		}
	}
	b.view.NextRef = next
	return &b.view
}

// cash is all that the account has, what orders hold included, in shared units.
func (b *Basket) cash() int64 {
	total := b.pool
	for _, l := range b.legs {
		total += int64(l.state.Portfolio.Counter) * l.per
	}
	return total
}
