package risk

import (
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// Holding is what the exits remember of a position.
type Holding struct {
	// Since is when it was entered, in epoch milliseconds.
	Since int64 `json:"since,omitempty"`
	// High is the highest price since then.
	High exchange.Ticks `json:"high,omitempty"`
}

// Rise takes what a position lived to see in a candle; it reports whether that moves
// the exits. Bought is true if it was bought into within the candle, at a time that is
// not known: its high may have been before, so that only its close counts.
func (g *Guard) Rise(h *Holding, c *exchange.Candle, bought bool) bool {
	high := c.High
	if bought {
		high = c.Close
	}
	if high <= h.High {
		return false
	}
	h.High = high
	return g.cfg.TrailingStop > 0
}

// Overdue reports whether a position was held for the longest time allowed.
func (g *Guard) Overdue(h Holding, now int64) bool {
	return g.cfg.MaxHold > 0 && time.Duration(now-h.Since)*time.Millisecond >= g.cfg.MaxHold
}

// MaxHold returns how long a position may be held; 0 if there is no bound.
func (g *Guard) MaxHold() time.Duration { return g.cfg.MaxHold }

// Exits returns the exits in force for a position: the nearer of what the
// strategy wants and what the bounds say. Entry is the position's average price, high
// the highest price since it was entered as far as the trailing stop knows it.
func (g *Guard) Exits(wanted strategy.Exits, entry, high exchange.Ticks) strategy.Exits {
	if entry <= 0 {
		return strategy.Exits{}
	}
	e := strategy.Exits{Stop: max(0, wanted.Stop), Target: max(0, wanted.Target)}
	if g.cfg.StopLoss > 0 {
		e.Stop = max(e.Stop, entry-exchange.Ticks(g.cfg.StopLoss.Of(exchange.Units(entry))))
	}
	e.Stop = max(e.Stop, g.trail(high))
	if g.cfg.TakeProfit > 0 {
		target := entry + exchange.Ticks(g.cfg.TakeProfit.Of(exchange.Units(entry)))
		if e.Target == 0 || target < e.Target {
			e.Target = target
		}
	}
	return e
}

// trail is where the trailing stop is; 0 without one.
func (g *Guard) trail(high exchange.Ticks) exchange.Ticks {
	if g.cfg.TrailingStop == 0 {
		return 0
	}
	return high - exchange.Ticks(g.cfg.TrailingStop.Of(exchange.Units(high)))
}

// Name says what an exit of a position is called.
func (g *Guard) Name(e Exit, wanted strategy.Exits, entry, high exchange.Ticks) string {
	switch {
	case !e.Stop:
		return "take-profit"
	case e.Trigger == g.trail(high) && e.Trigger > g.Exits(wanted, entry, 0).Stop:
		return "trailing stop"
	}
	return "stop-loss"
}

// Exit is a protective exit that a candle reached.
type Exit struct {
	// Trigger is the price at which it acts.
	Trigger exchange.Ticks
	// Stop tells a stop from a target.
	Stop bool
}

// Reached reports whether a candle reaches one of the exits, and which: the
// stop where it reaches both, because the path inside a candle is not known.
func Reached(e strategy.Exits, c exchange.Candle) (Exit, bool) {
	switch {
	case e.Stop > 0 && c.Low <= e.Stop:
		return Exit{Trigger: e.Stop, Stop: true}, true
	case e.Target > 0 && c.High >= e.Target:
		return Exit{Trigger: e.Target}, true
	}
	return Exit{}, false
}
