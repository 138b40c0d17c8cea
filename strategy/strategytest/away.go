package strategytest

import (
	"errors"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// plenty is what the simulated exchange has of each currency: what the bot can pay is found
// out by its own venue.
const plenty = 1 << 60

// away is an account at an exchange, of which a live bot only hears: the engine wishes, a
// simulated exchange answers until the next candle has closed.
type away struct {
	*remote.Venue
	exchange *paper.Venue
	// numbers are those of the orders at the exchange, and ids where they are there.
	numbers map[string]uint64
	ids     map[uint64]string
	// asked is how many orders the exchange was asked for.
	asked int
	event int64
}

var (
	_ engine.Funded = (*away)(nil)
	_ engine.Quoter = (*away)(nil)
	_ engine.Remote = (*away)(nil)
)

func newAway(m exchange.Market, balance exchange.Units, cfg PaperConfig) (*away, error) {
	v, err := remote.New(remote.Config{Market: m, Balance: balance, Fees: cfg.Fees, OrderPrefix: orderPrefix})
	if err != nil {
		return nil, err
	}
	x, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: plenty, Base: plenty, Fees: cfg.Fees, Costs: cfg.Costs, OrderPrefix: "P" + m.Pair + "-"})
	return &away{Venue: v, exchange: x, numbers: map[string]uint64{}, ids: map[uint64]string{}}, err
}

// Top implements engine.Quoter.
func (a *away) Top(price exchange.Ticks, now int64) exchange.Top { return a.exchange.Top(price, now) }

// Candle implements engine.Venue: what is wished reaches the exchange before it, and of the
// orders that it is asked for every second one only after it.
func (a *away) Candle(c *exchange.Candle) []exchange.Report {
	late := a.carry(c.Time)
	for _, r := range a.exchange.Candle(c) {
		n := remote.News{Number: a.numbers[r.Order.ID], At: c.Time}
		if r.Executed {
			f := r.Fill
			a.hear(remote.News{Number: n.Number, At: f.Time, Fill: &f})
		}
		if r.Order.Status == exchange.Complete {
			n.End = &remote.End{Filled: r.Order.Filled, Reason: r.Reason, Ending: r.Ending}
			a.hear(n)
		}
	}
	for _, number := range late {
		a.takeBack(number, c.Time)
	}
	a.carry(c.Time) // what waited for those
	return a.Venue.Candle(c)
}

// carry carries out what is wished, until nothing new is. It returns the orders that are
// taken back late.
func (a *away) carry(now int64) (late []uint64) {
	seen := map[uint64]bool{}
	for again := true; again; {
		again = false
		for _, w := range a.Wishes() {
			_, there := a.ids[w.Number]
			switch {
			case seen[w.Number]:
				continue
			case w.Asked && there:
				if a.asked++; a.asked%2 == 0 {
					late = append(late, w.Number)
				} else {
					a.takeBack(w.Number, now)
				}
			case w.Asked:
				a.hear(remote.News{Number: w.Number, At: now, End: &remote.End{Reason: "it was taken back before it was sent", Ending: exchange.EndedDenied}})
			case !there:
				a.place(w, now)
			}
			seen[w.Number], again = true, true
		}
	}
	return late
}

func (a *away) place(w remote.Wish, now int64) {
	o, err := a.exchange.Place(w.Request)
	var refused *exchange.Error
	if errors.As(err, &refused) {
		a.hear(remote.News{Number: w.Number, At: now, End: &remote.End{Reason: refused.Message, Ending: exchange.EndedRejected}})
		return
	}
	a.ids[w.Number], a.numbers[o.ID] = o.ID, w.Number
	a.hear(remote.News{Number: w.Number, At: now, Placed: true})
}

// takeBack ends an order, if it is not over.
func (a *away) takeBack(number uint64, now int64) {
	if o, err := a.exchange.Cancel(a.ids[number], now); err == nil {
		a.hear(remote.News{Number: number, At: now, End: &remote.End{Filled: o.Filled, Reason: "taken back"}})
	}
}

func (a *away) hear(n remote.News) {
	a.event++
	n.Event = a.event
	a.Hear(n)
}
