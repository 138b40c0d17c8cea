package engine

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/risk"
)

// claim is what orders of both sides have set aside.
type claim struct {
	orders  int
	base    exchange.Steps
	counter exchange.Units
}

func (c *claim) add(o *OpenOrder) {
	c.orders++
	c.base += o.reservedBase()
	c.counter += o.reservedCounter()
}

// replaced returns what orders hold that a Remote venue was asked for, and what those hold
// that wait for them to take their place.
func (s *Session) replaced() (going, coming claim) {
	for i := range s.state.Orders {
		switch o := &s.state.Orders[i]; {
		case o.Waits:
			coming.add(o)
		case o.Asked != "":
			going.add(o)
		}
	}
	return going, coming
}

// share counts once in the view what two orders hold of which one takes the place of the
// other.
func (s *Session) share() {
	going, coming := s.replaced()
	s.view.ReservedBase -= min(going.base, coming.base)
	s.view.ReservedCounter -= min(going.counter, coming.counter)
}

// returning is what an order may have beyond what is free, because it takes the place of
// orders of its side that are being taken back.
func (s *Session) returning() risk.Returning {
	if s.remote == nil {
		return risk.Returning{}
	}
	going, coming := s.replaced()
	return risk.Returning{Orders: going.orders, Base: max(0, going.base-coming.base), Counter: max(0, going.counter-coming.counter)}
}
