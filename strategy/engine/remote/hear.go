package remote

import (
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// Hear takes one event. Events come in their order; one that was heard before, or is
// of an order that is over or of another market, only counts (rule T7). A fill of an order
// that the bot did not place, but was given, is its own from then on.
func (v *Venue) Hear(n News) {
	if n.Event <= v.state.Event {
		return
	}
	v.state.Event = n.Event
	w := v.find(n.Number)
	switch {
	case w == nil && n.Number == 0 && n.Fill != nil && n.Fill.Pair == v.cfg.Market.Pair:
		v.account(*n.Fill)
		v.tell(exchange.Report{Fill: *n.Fill, Executed: true})
		v.afford(n.Fill.Time)
		return
	case w == nil:
		return
	}
	switch {
	case n.Fill != nil:
		v.fill(w, *n.Fill)
	case n.End != nil && w.End == nil:
		end := *n.End
		w.End = &end
	case n.End != nil: // more was filled than it said at first
		w.End.Filled = max(w.End.Filled, n.End.Filled)
	case n.Placed && !w.Placed && w.End == nil:
		w.Placed = true
		v.tell(exchange.Report{Order: w.order()})
	}
	if w.settled() {
		v.over(w, n.At)
	}
}

// fill books an execution.
func (v *Venue) fill(w *Wish, f exchange.Fill) {
	f.Pair, f.OrderID, f.ClientID = v.cfg.Market.Pair, w.Request.ClientID, w.Request.ClientID
	w.take(&f)
	v.account(f)
	o := w.order()
	o.Status = exchange.Open
	v.tell(exchange.Report{Order: o, Fill: f, Executed: true})
	v.yield(w.Number, &f) // what waits is not before it in the list
	v.afford(f.Time)
}

// account makes the account what a fill leaves of it.
func (v *Venue) account(f exchange.Fill) {
	if f.Side == exchange.Buy {
		v.state.Counter -= f.Value + f.FeeCounter
		v.state.Base += f.Volume
	} else {
		v.state.Counter += f.Value - f.FeeCounter
		v.state.Base -= f.Volume
	}
	if v.state.Dust -= f.FeeBase; v.state.Dust < 0 {
		steps := (-v.state.Dust + exchange.DustPerStep - 1) / exchange.DustPerStep
		v.state.Base -= exchange.Steps(steps)
		v.state.Dust += steps * exchange.DustPerStep
	}
}

// over ends a wish, and lets go on what waited for it.
func (v *Venue) over(w *Wish, at int64) {
	o := w.order()
	o.Status, o.Completed = exchange.Complete, at
	number, reason := w.Number, w.End.Reason
	if w.Exit && reason == "" && w.Filled < w.Request.Volume {
		reason = "the account had no more of it free"
	}
	v.tell(exchange.Report{Order: o, Reason: reason, Ending: w.End.Ending})
	v.forget(number)
	for i := 0; i < len(v.state.Wishes); i++ {
		x := &v.state.Wishes[i]
		k := slices.Index(x.After, number)
		if k < 0 {
			continue
		}
		x.After = slices.Delete(x.After, k, k+1)
		if !x.waits() && !v.release(x, at) {
			i--
		}
	}
}

func (v *Venue) tell(r exchange.Report) { v.state.Told = append(v.state.Told, r) }
