package remote

import (
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// Wish is an order that the bot wants and that is not known to be over.
type Wish struct {
	// Number is the order's number within the bot.
	Number uint64 `json:"number"`
	// Request is what is wanted. Its ClientID is the id under which the engine knows
	// the order; the exchange may know it under another.
	Request exchange.OrderRequest `json:"request"`
	// Counter and Base are what the rest of it has set aside.
	Counter exchange.Units `json:"counter,omitempty"`
	Base    exchange.Steps `json:"base,omitempty"`
	// Filled, Value, Fee and FeeBase sum up the fills that were heard of.
	Filled  exchange.Steps `json:"filled,omitempty"`
	Value   exchange.Units `json:"value,omitempty"`
	Fee     exchange.Units `json:"fee,omitempty"`
	FeeBase exchange.Dust  `json:"fee_base,omitempty"`
	// Placed is true once the exchange is known to have it.
	Placed bool `json:"placed,omitempty"`
	// Asked is true once it is to be taken back.
	Asked bool `json:"asked,omitempty"`
	// Exit is true of a protective exit.
	Exit bool `json:"exit,omitempty"`
	// After are the orders that are being taken back whose end it waits for: until then
	// it is not to be carried out. An exit waits for all, and sells what there is then;
	// any other order waits for those of its side, which it takes the place of.
	After []uint64 `json:"after,omitempty"`
	// End is how it ended, if its last fills are yet to come.
	End *End `json:"end,omitempty"`
}

// End is how an order ended.
type End struct {
	// Filled is the volume that the exchange says is filled in all.
	Filled exchange.Steps `json:"filled"`
	// Reason is why it was not filled whole; "" if it was.
	Reason string          `json:"reason,omitempty"`
	Ending exchange.Ending `json:"ending,omitempty"`
}

// News is one thing that became known of a bot's orders. It travels as JSON.
type News struct {
	// Event is its number within the bot, which only grows.
	Event int64 `json:"event"`
	// Number is the order's; 0 if it is none of the bot's own. A fill of such a one is of
	// an order that somebody has made the bot's, and names its pair.
	Number uint64 `json:"number,omitempty"`
	// At is when it happened, in epoch milliseconds.
	At int64 `json:"at,omitempty"`
	// Fill is an execution of the order; nil if there was none.
	Fill *exchange.Fill `json:"fill,omitempty"`
	// Placed is true if the exchange has the order.
	Placed bool `json:"placed,omitempty"`
	// End is set if the order is over but for fills that may be yet to come.
	End *End `json:"end,omitempty"`
}

// order is the wish as an order of the engine's.
func (w *Wish) order() exchange.Order {
	o := exchange.Order{
		ID: w.Request.ClientID, Request: w.Request, Status: exchange.Pending, Filled: w.Filled, Value: w.Value, Fee: w.Fee, FeeBase: w.FeeBase, Created: w.Request.Time,
	}
	if w.Placed {
		o.Status = exchange.Open
	}
	return o
}

// waits reports whether it waits for orders that are being taken back.
func (w *Wish) waits() bool { return len(w.After) > 0 }

// settled reports whether nothing more can come of it.
func (w *Wish) settled() bool { return w.End != nil && w.Filled >= w.End.Filled }

// take adds a fill.
func (w *Wish) take(f *exchange.Fill) {
	w.Placed = true
	w.Filled, w.Value, w.Fee, w.FeeBase = w.Filled+f.Volume, w.Value+f.Value, w.Fee+f.FeeCounter, w.FeeBase+f.FeeBase
	w.Counter = max(0, w.Counter-f.Value-f.FeeCounter)
	w.Base = max(0, w.Base-f.Volume)
	if f.Side == exchange.Sell {
		w.Counter = 0
	} else {
		w.Base = 0
	}
}

// clone returns a copy that shares nothing.
func (w Wish) clone() Wish {
	w.After = slices.Clone(w.After)
	if w.End != nil {
		end := *w.End
		w.End = &end
	}
	return w
}
