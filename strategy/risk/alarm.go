package risk

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// Alarm is where exits of positions act before the next candle closes: of several
// positions, the first of each kind. So one comparison tells that none of them is reached.
// The zero value is none.
type Alarm struct {
	// Stop is the highest stop, Target the lowest target; 0 for none.
	Stop, Target exchange.Ticks
	// Due is when the first of them was held for the longest time allowed, in epoch
	// milliseconds; 0 for never.
	Due int64
	// Trail is the narrowest trailing stop, which follows a price that is higher than any
	// that Stop knows of; 0 for none.
	Trail exchange.Rate
}

// Alarm is where the exits of a position act.
func (g *Guard) Alarm(wanted strategy.Exits, entry exchange.Ticks, h Holding) Alarm {
	e := g.Exits(wanted, entry, h.High)
	a := Alarm{Stop: e.Stop, Target: e.Target, Trail: g.cfg.TrailingStop}
	if g.cfg.MaxHold > 0 {
		a.Due = h.Since + g.cfg.MaxHold.Milliseconds()
	}
	return a
}

// With is the alarm of both.
func (a Alarm) With(b Alarm) Alarm {
	a.Stop = max(a.Stop, b.Stop)
	a.Target = first(a.Target, b.Target)
	a.Due = first(a.Due, b.Due)
	a.Trail = first(a.Trail, b.Trail)
	return a
}

// first is the smaller one of two that are not 0.
func first[T exchange.Ticks | exchange.Rate | int64](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Rings reports whether an exit may be reached by prices from low to high at a time in
// epoch milliseconds, after a highest price before them. It never misses one.
func (a Alarm) Rings(low, high, peak exchange.Ticks, now int64) bool {
	switch {
	case a.Stop > 0 && low <= a.Stop, a.Target > 0 && high >= a.Target, a.Due > 0 && now >= a.Due:
		return true
	}
	return a.Trail > 0 && low <= peak-exchange.Ticks(a.Trail.Of(exchange.Units(peak)))
}
