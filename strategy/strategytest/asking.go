package strategytest

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy/engine"
)

// asking is a simulated account at an exchange that is only asked for orders back, as
// all are at which a live bot trades: an order holds what it holds, and may still trade,
// until the next candle tells that it is over.
type asking struct {
	*paper.Venue
	asked   []string // the orders, oldest first
	reports []exchange.Report
}

// Cancel implements engine.Venue.
func (a *asking) Cancel(id string, _ int64) (exchange.Order, error) {
	a.asked = append(a.asked, id)
	return exchange.Order{ID: id}, engine.ErrAsked
}

// Candle implements engine.Venue. Every second order meets the candle before it is taken
// back.
func (a *asking) Candle(c *exchange.Candle) []exchange.Report {
	a.reports = a.reports[:0]
	asked := a.asked
	a.asked = nil
	var late []string
	for i, id := range asked {
		if i%2 == 1 {
			late = append(late, id)
			continue
		}
		a.end(id, c.Time)
	}
	a.reports = append(a.reports, a.Venue.Candle(c)...)
	for _, id := range late {
		a.end(id, c.Time)
	}
	return a.reports
}

// end takes an order back, if it is not over.
func (a *asking) end(id string, now int64) {
	if o, err := a.Venue.Cancel(id, now); err == nil {
		a.reports = append(a.reports, exchange.Report{Order: o, Reason: "taken back"})
	}
}

// Exit implements engine.Venue: an exit does not wait for the orders.
func (a *asking) Exit(r exchange.OrderRequest, trigger exchange.Ticks, stop bool, c *exchange.Candle) ([]exchange.Report, error) {
	asked := a.asked
	a.asked = nil
	a.reports = a.reports[:0]
	for _, id := range asked {
		a.end(id, c.Time)
	}
	ended := append([]exchange.Report(nil), a.reports...)
	rs, err := a.Venue.Exit(r, trigger, stop, c)
	if err != nil {
		return nil, err
	}
	return append(append([]exchange.Report(nil), rs...), ended...), nil
}
