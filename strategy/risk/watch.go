package risk

import (
	"cmp"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// BreakerKind says which bound of the equity was reached.
type BreakerKind string

// The kinds of breakers.
const (
	DailyLoss BreakerKind = "daily_loss"
	Drawdown  BreakerKind = "drawdown"
)

// Breaker is a bound of the equity that was reached and holds the bot back. The zero
// value is none.
type Breaker struct {
	Kind BreakerKind `json:"kind,omitempty"`
	// Since is when it was reached, Until when it ends by itself, in epoch
	// milliseconds; Until is 0 if somebody has to resume the bot.
	Since int64 `json:"since,omitempty"`
	Until int64 `json:"until,omitempty"`
	// Reason names the figure and the bound, as a sentence without its end.
	Reason string `json:"reason,omitempty"`
}

// Watch is what the bounds remember of a bot, over all pairs. The zero value is that
// of one that begins.
type Watch struct {
	// Breaker is the one that was reached last, unless it was resumed.
	Breaker Breaker `json:"breaker,omitzero"`
	// CloseOnly is true while the bot winds down.
	CloseOnly bool `json:"close_only,omitempty"`
	// CoolUntil is when the cool-down ends, in epoch milliseconds, and Lost the loss
	// that it follows in words.
	CoolUntil int64  `json:"cool_until,omitempty"`
	Lost      string `json:"lost,omitempty"`
	// DayEnd is when the present UTC day ends, DayEquity the equity at its beginning.
	DayEnd    int64          `json:"day_end,omitempty"`
	DayEquity exchange.Units `json:"day_equity,omitempty"`
	// Peak is the highest equity since the bot began or was resumed.
	Peak exchange.Units `json:"peak,omitempty"`
	// Placed are the orders of the last minute, oldest first.
	Placed []Placed `json:"placed,omitempty"`
}

// Placed says how many orders were placed at a time in epoch milliseconds.
type Placed struct {
	At    int64 `json:"at"`
	Count int   `json:"count"`
}

// minute is that over which orders are counted, day a UTC day, in milliseconds.
const (
	minute = 60_000
	day    = 24 * 60 * minute
)

// InForce returns the breaker that holds the bot back at a time; zero if none does.
func (w *Watch) InForce(now int64) Breaker {
	if w.Breaker.Until > 0 && now >= w.Breaker.Until {
		return Breaker{}
	}
	return w.Breaker
}

// Cooling returns until when a cool-down lasts, in epoch milliseconds; 0 if there is none at a
// time.
func (w *Watch) Cooling(now int64) int64 {
	if now >= w.CoolUntil {
		return 0
	}
	return w.CoolUntil
}

// Place counts an order.
func (w *Watch) Place(now int64) {
	old := 0
	for old < len(w.Placed) && w.Placed[old].At <= now-minute {
		old++
	}
	w.Placed = append(w.Placed[:0], w.Placed[old:]...)
	if n := len(w.Placed); n > 0 && w.Placed[n-1].At == now {
		w.Placed[n-1].Count++
		return
	}
	w.Placed = append(w.Placed, Placed{At: now, Count: 1})
}

// barred says why an order of a side is not allowed now, whatever it is; "" if it is.
func (g *Guard) barred(a Account, side exchange.Side) string {
	w, count, first := a.Watch, 0, int64(0)
	for _, p := range w.Placed {
		if p.At <= a.Now-minute {
			continue
		}
		if count == 0 {
			first = p.At
		}
		count += p.Count
	}
	if count >= g.cfg.MaxOrdersAMinute {
		return fmt.Sprintf("%d orders were placed within a minute, which is the most, until %s", count, clock(first+minute))
	}
	if side == exchange.Sell {
		return ""
	}
	switch b := w.InForce(a.Now); {
	case w.CloseOnly || g.cfg.CloseOnly:
		return "the bot winds down and only closes what it holds"
	case b.Kind == Drawdown:
		return b.Reason + "; nothing is bought until the bot is resumed"
	case b.Kind != "":
		return b.Reason + "; nothing is bought until " + clock(b.Until)
	case a.Now < w.CoolUntil:
		return fmt.Sprintf("cool-down after an exit that lost %s; nothing is bought until %s", w.Lost, clock(w.CoolUntil))
	}
	return ""
}

// clock writes a time in epoch milliseconds for a sentence.
func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("15:04:05 UTC on 2 Jan 2006") }

// Cool begins the cool-down after a protective exit that lost at a time; it returns
// what there is to say of it, "" if there is no cool-down or it goes on.
func (g *Guard) Cool(w *Watch, loss exchange.Units, now int64) string {
	until := now + g.cfg.CoolDown.Milliseconds()
	if g.cfg.CoolDown == 0 || until <= w.CoolUntil {
		return ""
	}
	cooling := now < w.CoolUntil
	w.CoolUntil, w.Lost = until, g.amount(loss)
	if cooling {
		return ""
	}
	return fmt.Sprintf("cool-down: the exit lost %s, and nothing is bought until %s", w.Lost, clock(until))
}

func (g *Guard) amount(u exchange.Units) string {
	return g.market.FormatAmount(u) + " " + g.market.Counter
}

// Watches reports whether there is a bound that has to be judged at every close.
func (g *Guard) Watches() bool {
	return g.cfg.TrailingStop > 0 || g.cfg.MaxHold > 0 || g.cfg.MaxDailyLoss > 0 || g.cfg.MaxDrawdown > 0
}

// Judge takes the equity at a candle's close, and what it was at the one before. It
// returns what there is to say, "" for nothing, and whether a breaker was reached that
// was not in force.
func (g *Guard) Judge(w *Watch, now int64, before, equity exchange.Units) (said string, tripped bool) {
	if w.Peak == 0 {
		w.Peak = before
	}
	if now > w.DayEnd { // the first close, or the first one after a gap
		w.DayEnd, w.DayEquity = (now-1)/day*day+day, before
	}
	said = w.rearm(now - 1) // the last moment of a day is of the day
	w.Peak = max(w.Peak, equity)
	switch {
	case w.Breaker.Kind == Drawdown:
	case g.reached(g.cfg.MaxDrawdown, w.Peak, equity):
		w.Breaker, tripped = Breaker{Kind: Drawdown, Since: now, Reason: g.reason("the largest drawdown", g.cfg.MaxDrawdown, equity, w.Peak, "its highest")}, true
	case w.Breaker.Kind == DailyLoss:
	case g.reached(g.cfg.MaxDailyLoss, w.DayEquity, equity):
		w.Breaker, tripped = Breaker{
			Kind: DailyLoss, Since: now, Until: w.DayEnd, Reason: g.reason("the largest daily loss", g.cfg.MaxDailyLoss, equity, w.DayEquity, "the beginning of the UTC day"),
		}, true
	}
	if tripped {
		said = w.Breaker.Reason
	}
	if now == w.DayEnd {
		w.DayEnd, w.DayEquity = now+day, equity
		if !tripped {
			said = cmp.Or(w.rearm(now), said)
		}
	}
	return said, tripped
}

// rearm lets a daily loss of before end; it returns what there is to say of it.
func (w *Watch) rearm(now int64) string {
	if w.Breaker.Until == 0 || now < w.Breaker.Until {
		return ""
	}
	w.Breaker = Breaker{}
	return "a new UTC day has begun: the daily loss no longer holds the bot back"
}

// reached reports whether equity has lost a share of what it was.
func (g *Guard) reached(share exchange.Rate, was, equity exchange.Units) bool {
	return share > 0 && was > 0 && equity <= was-share.Of(was)
}

// reason says that a bound of the equity was reached.
func (g *Guard) reason(bound string, share exchange.Rate, equity, was exchange.Units, when string) string {
	return fmt.Sprintf("%s of %s %% is reached: the equity is %s, after %s at %s", bound, share.Decimal().Shift(2), g.amount(equity), g.amount(was), when)
}

// Resume lifts a drawdown, and lets the peak begin anew at the equity of now; it
// reports whether there was one. A daily loss lasts until the next UTC day.
func (w *Watch) Resume(equity exchange.Units) bool {
	if w.Breaker.Kind != Drawdown {
		return false
	}
	w.Breaker, w.Peak = Breaker{}, equity
	return true
}
