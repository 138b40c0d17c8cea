package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/replay"
)

// slippagePart tells what a live bot's exchange made of its orders against the simulation.
// Differences are what the exchange was better by; below 0 it was worse.
type slippagePart struct {
	replay.Slippage
	Market market // of the bot's own pair
	Rows   []slippageRow
}

// slippageRow is one order.
type slippageRow struct {
	replay.Compared
	At     moment
	Market market
}

// slippageOf is the part of a report; nil if it has none.
func slippageOf(s *replay.Slippage, markets marketIndex) *slippagePart {
	if s == nil || len(s.Compared) == 0 {
		return nil
	}
	p := &slippagePart{Slippage: *s, Market: markets.of(s.Compared[0].Pair)}
	for _, c := range s.Compared {
		p.Rows = append(p.Rows, slippageRow{Compared: c, At: moment{c.Time}, Market: markets.of(c.Pair)})
	}
	return p
}

// Rate is by how much what takes from the simulation's book trades worse, in per cent.
func (p *slippagePart) Rate() string { return percentText(replay.SimulatedSlippage.Decimal()) }

// Better is what the exchange was better by in all, ByPrice and ByFee what each did to
// that.
func (p *slippagePart) Better() decimal.Decimal  { return p.Cost().Neg() }
func (p *slippagePart) ByPrice() decimal.Decimal { return p.Price.Neg() }
func (p *slippagePart) ByFee() decimal.Decimal   { return p.Fee.Neg() }

// Percent is Better in per cent of the turnover.
func (p *slippagePart) Percent() decimal.Decimal { return p.Share().Neg().Shift(2) }

// DelayText says how much later the exchange began to trade.
func (p *slippagePart) DelayText() string { return delayText(p.Delay) }

// Others counts the orders that cannot be compared.
func (p *slippagePart) Others() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{p.OnlyThere, "traded by the exchange alone"}, {p.OnlyHere, "by the simulation alone"}, {p.Refused, "denied or rejected"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Both reports whether both traded the order.
func (r slippageRow) Both() bool { return r.There.Traded() && r.Here.Traded() }

// Better is what the exchange was better by.
func (r slippageRow) Better() decimal.Decimal { return r.Price.Add(r.Fee).Neg() }

// VolumeText is what the exchange traded; "–" if that is nothing.
func (r slippageRow) VolumeText() string {
	if !r.There.Traded() {
		return "–"
	}
	return r.Market.VolumeText(r.There.Volume) + " " + r.Market.Base
}

// ThereText and HereText are the price of an outcome; "–" if nothing was traded.
func (r slippageRow) ThereText() string { return r.priceText(r.There) }

// HereText is ThereText for the simulation.
func (r slippageRow) HereText() string { return r.priceText(r.Here) }

func (r slippageRow) priceText(o replay.Outcome) string {
	if !o.Traded() {
		return "–"
	}
	return r.Market.PriceText(o.Price)
}

// LateText is how much later the exchange traded it.
func (r slippageRow) LateText() string {
	if !r.Both() {
		return "–"
	}
	return delayText(r.There.Delay - r.Here.Delay)
}

// Note says what else there is to know of it.
func (r slippageRow) Note() string {
	switch {
	case r.Reason != "":
		return r.Reason
	case !r.There.Traded():
		return "not traded by the exchange"
	case !r.Here.Traded():
		return "not traded in the simulation"
	case r.Exit:
		return "protective exit"
	}
	return ""
}

// delayText writes a short time with its sign.
func delayText(d time.Duration) string {
	if d < 0 {
		return "−" + delayText(-d)
	}
	if d < time.Minute {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return length(d)
}
