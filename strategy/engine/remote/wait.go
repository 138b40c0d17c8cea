package remote

import (
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// hold is what the orders of one side have set aside of what they give away, in its smallest
// parts: those that wait for orders which are being taken back, those, and all others. Exits
// that wait are in none: they sell what there is by then.
type hold struct{ open, asked, waiting int64 }

func (v *Venue) holds(side exchange.Side) hold {
	var h hold
	for i := range v.state.Wishes {
		w := &v.state.Wishes[i]
		held := int64(w.Counter)
		if side == exchange.Sell {
			held = int64(w.Base)
		}
		switch {
		case w.Request.Side != side || w.waits() && w.Exit:
		case w.waits():
			h.waiting += held
		case w.Asked:
			h.asked += held
		default:
			h.open += held
		}
	}
	return h
}

// free is what is left for an order of a side that does not wait. Of what no order holds,
// orders that wait claim what they need beyond that of which they take the place.
func (v *Venue) free(side exchange.Side) int64 {
	h := v.holds(side)
	free := v.have(side) - h.open - h.asked
	return free - min(max(0, free), max(0, h.waiting-h.asked))
}

// room is what is left for one that waits.
func (v *Venue) room(side exchange.Side) int64 {
	h := v.holds(side)
	return v.have(side) - h.open - h.waiting
}

// asked are the numbers of the orders that are being taken back and match.
func (v *Venue) asked(match func(*Wish) bool) []uint64 {
	var numbers []uint64
	for i := range v.state.Wishes {
		if w := &v.state.Wishes[i]; w.Asked && match(w) {
			numbers = append(numbers, w.Number)
		}
	}
	return numbers
}

// Waits implements engine.Remote.
func (v *Venue) Waits(id string) bool {
	return slices.ContainsFunc(v.state.Wishes, func(w Wish) bool { return w.Request.ClientID == id && w.waits() })
}

// yield takes what an order traded that is being taken back off the orders that take its
// place, the oldest first: together they trade no more than was wanted.
func (v *Venue) yield(number uint64, f *exchange.Fill) {
	volume, paid := f.Volume, f.Value+f.FeeCounter
	for i := 0; i < len(v.state.Wishes) && volume > 0; i++ {
		x := &v.state.Wishes[i]
		if x.Exit || !slices.Contains(x.After, number) {
			continue
		}
		if x.Request.Volume == 0 {
			worth, _ := v.cost(v.state.LastPrice, volume) // what it was to buy was counted at that, whatever was paid
			worth = max(worth, paid)
			by := min(worth, x.Counter)
			took, _ := exchange.MulDiv(int64(volume), int64(by), int64(worth)) // no more than the volume
			cost, _ := exchange.MulDiv(int64(paid), int64(by), int64(worth))   // no more than was paid
			volume, paid = volume-exchange.Steps(took), paid-exchange.Units(cost)
			x.Counter -= by
			x.Request.Value = within(x.Counter, v.rate())
		} else {
			by := min(volume, x.Request.Volume)
			took, _ := exchange.MulDiv(int64(paid), int64(by), int64(volume)) // no more than was paid
			volume, paid = volume-by, paid-exchange.Units(took)
			x.Request.Volume -= by
			if f.Side == exchange.Sell {
				x.Base = x.Request.Volume
			} else {
				x.Counter, _ = v.cost(x.Request.Price, x.Request.Volume) // less than what it was
			}
		}
		switch {
		case x.Request.Volume == 0 && x.Request.Value == 0:
			v.deny(x, f.Time, "what it was to take the place of was filled")
			i--
		case v.cfg.Market.Check(x.Request) != nil:
			v.deny(x, f.Time, "too little of it is left: what it was to take the place of was filled in part")
			i--
		default:
			v.tell(exchange.Report{Order: x.order()})
		}
	}
}

// afford denies what waits, the newest first, until the bot has what the rest of it needs.
func (v *Venue) afford(at int64) {
	for i := len(v.state.Wishes) - 1; i >= 0; i-- {
		x := &v.state.Wishes[i]
		if !x.Exit && x.waits() && v.room(x.Request.Side) < 0 {
			v.deny(x, at, short)
		}
	}
}

// short is why an order is denied that cannot be paid once those are over whose place it takes.
const short = "too little is left for it of what the orders held that it was to take the place of"

// have is what the bot has of what orders of a side give away, in its smallest parts.
func (v *Venue) have(side exchange.Side) int64 {
	if side == exchange.Sell {
		return int64(v.state.Base)
	}
	return int64(v.state.Counter)
}

// release lets an order be carried out that waited, as far as it can be. It reports whether
// it is; the wish is over if not.
func (v *Venue) release(x *Wish, at int64) bool {
	if x.Exit {
		return v.leave(x, at)
	}
	if h := v.holds(x.Request.Side); v.have(x.Request.Side) < h.open+h.asked { // itself included
		v.deny(x, at, short)
		return false
	}
	v.tell(exchange.Report{Order: x.order()})
	return true
}

// leave lets an exit be carried out that waited: it sells what is there by now.
func (v *Venue) leave(x *Wish, at int64) bool {
	wanted := x.Request.Volume
	x.Base = 0
	x.Request.Volume = max(0, min(wanted, exchange.Steps(v.free(exchange.Sell))))
	if v.cfg.Market.Check(x.Request) != nil {
		o := x.order()
		o.Request.Volume, o.Status, o.Completed = wanted, exchange.Complete, at
		v.tell(exchange.Report{Order: o, Reason: "too little is left to sell"})
		v.forget(x.Number)
		return false
	}
	x.Base = x.Request.Volume
	v.tell(exchange.Report{Order: x.order()})
	return true
}

// giveUp ends orders that have waited for longer than Stale: what they answer is too old.
func (v *Venue) giveUp(now int64) {
	for i := 0; i < len(v.state.Wishes); i++ {
		x := &v.state.Wishes[i]
		waited := time.Duration(now-x.Request.Time) * time.Millisecond
		if x.Exit || !x.waits() || waited <= v.cfg.Stale {
			continue
		}
		v.deny(x, now, fmt.Sprintf("it waited %s for orders that are being taken back, and the market has gone on since", waited.Round(time.Second)))
		i--
	}
}

// deny ends an order that waited and was never carried out.
func (v *Venue) deny(x *Wish, at int64, reason string) {
	o := x.order()
	o.Status, o.Completed = exchange.Complete, at
	v.tell(exchange.Report{Order: o, Reason: reason, Ending: exchange.EndedDenied})
	v.forget(x.Number)
}

// forget drops the wish of a number.
func (v *Venue) forget(number uint64) {
	v.state.Wishes = slices.DeleteFunc(v.state.Wishes, func(x Wish) bool { return x.Number == number })
}
