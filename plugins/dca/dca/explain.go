package dca

import (
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// explain says in a sentence how the cycle stands.
func (s *averager) explain(b *strategy.Bot, order strategy.Order, holds bool, price exchange.Ticks) {
	entry, exits := b.Entry(), b.Exits()
	if holds {
		b.Plot("average", entry)
	}
	if exits.Target > 0 {
		b.Plot("target", exits.Target.Float())
	}
	if exits.Stop > 0 {
		b.Plot("stop", exits.Stop.Float())
	}
	var waiting int
	for _, r := range s.Rungs {
		if r.Ref != 0 {
			waiting++
		}
	}
	switch {
	case order.Ref() != 0: // it says itself why
	case s.Pause.Pending():
		b.Note("waiting: the next cycle begins at %s", when(s.Pause))
	case !s.Active:
		b.Note("waiting: there is no cash to begin a cycle with")
	case !holds:
		b.Note("waiting for the first buy of the cycle")
	default:
		b.Note("holding %s %s at an average of %s%s; %d of %d safety orders wait%s", b.Market().Volume(b.Position()), b.Market().Base, b.Price(entry),
			goal(b, exits), waiting, s.Params.Dips, s.schedule(b, price))
	}
}

// goal says at which prices the host sells.
func goal(b *strategy.Bot, e strategy.Exits) string {
	switch {
	case e.Target > 0 && e.Stop > 0:
		return fmt.Sprintf(", to be sold at %s or at the stop %s", b.Price(e.Target.Float()), b.Price(e.Stop.Float()))
	case e.Target > 0:
		return fmt.Sprintf(", to be sold at %s", b.Price(e.Target.Float()))
	case e.Stop > 0:
		return fmt.Sprintf(", to be sold at the stop %s", b.Price(e.Stop.Float()))
	}
	return ""
}

// schedule says when the schedule buys next.
func (s *averager) schedule(b *strategy.Bot, price exchange.Ticks) string {
	switch {
	case !s.Next.Pending():
		return ""
	case !suffices(b, min(s.share(s.Rates.Size), cash(b)), price):
		return "; the cash does not suffice for what the schedule buys"
	}
	return "; the schedule buys at " + when(s.Next)
}

func when(t strategy.Timer) string { return time.UnixMilli(t.At).UTC().Format("2 January 15:04 UTC") }
