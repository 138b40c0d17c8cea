package parity

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// simulatedFor is for how many candles an order rests in the simulation at most after it
// is over at the exchange: nobody takes it back any more.
const simulatedFor = 24 * 60

// plenty is what a simulated account has of each currency: what the bot can pay was found
// out when it placed its orders.
const plenty = 1 << 60

// Simulation has the orders of a live bot, which a replay places again, filled by the venue
// of backtests, and sets that against what the bot's exchange made of them. It goes on from
// tape to tape. The zero value costs nothing but fees. It is not safe for concurrent use.
type Simulation struct {
	// Slippage is by how much what takes from the book trades worse in the simulation.
	Slippage exchange.Rate

	terms  string
	last   int64 // the newest candle of the bot's own pair
	venues map[string]*paper.Venue
	pairs  map[string]exchange.Market
	// orders are all by number, list in the order in which they were wanted, and ids those
	// that rest in the simulation, by their ids there.
	orders map[uint64]*simulated
	list   []*simulated
	ids    map[string]*simulated
}

// simulated is an order that is traded in both worlds.
type simulated struct {
	number  uint64
	market  exchange.Market
	request exchange.OrderRequest
	exit    bool
	id      string // in the simulation, as long as it rests there
	there   tally
	here    tally
	// ended is true once it is over at the exchange, end is how, and rests counts the
	// candles since.
	ended bool
	end   remote.End
	rests int
}

// tally sums up the fills of an order.
type tally struct {
	volume exchange.Steps
	value  exchange.Units
	fee    exchange.Units
	dust   exchange.Dust // of the fee
	first  int64
}

func (t *tally) add(f *exchange.Fill) {
	if t.volume == 0 {
		t.first = f.Time
	}
	t.volume, t.value, t.fee, t.dust = t.volume+f.Volume, t.value+f.Value, t.fee+f.FeeCounter, t.dust+f.FeeBase
}

// begin goes on with a tape: where it follows on the one before under the same terms, what
// rests in the simulation rests on.
func (s *Simulation) begin(b *Baseline) error {
	raw, err := json.Marshal([]any{b.Markets(), b.Fees})
	if err != nil {
		return fmt.Errorf("parity: %w", err)
	}
	if terms := string(raw); s.terms != terms || s.last != b.Engine.LastTime {
		if err := s.anew(b); err != nil {
			return err
		}
		s.terms, s.last = terms, b.Engine.LastTime
	}
	for i, st := range b.Remote {
		m := b.Markets()[i]
		for _, w := range st.Wishes {
			if s.orders[w.Number] != nil || w.Asked || w.End != nil {
				continue
			}
			r := w.Request
			if r.Volume > 0 {
				r.Volume -= w.Filled
			}
			if r.Time <= b.Engine.LastTime { // of before: what happened to it since is not known
				continue
			}
			s.place(m, w.Number, r, w.Exit)
		}
	}
	return nil
}

// anew begins with empty books: what rested there is over.
func (s *Simulation) anew(b *Baseline) error {
	s.venues, s.pairs, s.ids = map[string]*paper.Venue{}, map[string]exchange.Market{}, map[string]*simulated{}
	if s.orders == nil {
		s.orders = map[uint64]*simulated{}
	}
	for i, m := range b.Markets() {
		v, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: plenty, Base: plenty, Fees: b.Fees, Costs: paper.Costs{Slippage: s.Slippage}, OrderPrefix: m.Pair + "-"})
		if err != nil {
			return fmt.Errorf("parity: %w", err)
		}
		st, newest := v.State(), b.Engine
		if i > 0 {
			newest = b.Legs[i-1].Engine
		}
		st.LastPrice, st.LastTime = newest.LastPrice, newest.LastTime
		v.Restore(st)
		s.venues[m.Pair], s.pairs[m.Pair] = v, m
	}
	return nil
}

// note begins to compare an order.
func (s *Simulation) note(m exchange.Market, number uint64, r exchange.OrderRequest, exit bool) *simulated {
	o := &simulated{number: number, market: m, request: r, exit: exit}
	s.orders[number] = o
	s.list = append(s.list, o)
	return o
}

func (s *Simulation) place(m exchange.Market, number uint64, r exchange.OrderRequest, exit bool) {
	o := s.note(m, number, r, exit)
	if placed, err := s.venues[m.Pair].Place(r); err == nil {
		o.id = placed.ID
		s.ids[o.id] = o
	}
}

func (s *Simulation) cancel(number uint64, now int64) {
	if o := s.orders[number]; o != nil && o.id != "" {
		_, _ = s.venues[o.market.Pair].Cancel(o.id, now) // it may have ended in this very candle
		s.forget(o)
	}
}

func (s *Simulation) forget(o *simulated) {
	delete(s.ids, o.id)
	o.id = ""
}

// candle lets the orders of a pair meet a candle.
func (s *Simulation) candle(m exchange.Market, c *exchange.Candle) {
	for _, o := range s.ids {
		if o.ended && o.market.Pair == m.Pair {
			if o.rests++; o.rests > simulatedFor {
				s.cancel(o.number, c.Time)
			}
		}
	}
	s.take(s.venues[m.Pair].Candle(c))
}

func (s *Simulation) take(rs []exchange.Report) {
	for i := range rs {
		o := s.ids[rs[i].Order.ID]
		if o == nil {
			continue
		}
		if rs[i].Executed {
			o.here.add(&rs[i].Fill)
		}
		if rs[i].Order.Status == exchange.Complete {
			s.forget(o)
		}
	}
}

// exit closes a position at once, as backtests do.
func (s *Simulation) exit(m exchange.Market, number uint64, r exchange.OrderRequest, trigger exchange.Ticks, stop bool, c *exchange.Candle) {
	o := s.note(m, number, r, true)
	rs, err := s.venues[m.Pair].Exit(r, trigger, stop, c)
	if err != nil || len(rs) == 0 {
		return
	}
	o.id = rs[0].Order.ID
	s.ids[o.id] = o
	s.take(rs)
}

// heard takes what the exchange told.
func (s *Simulation) heard(list []remote.News) {
	for i := range list {
		n := &list[i]
		o := s.orders[n.Number]
		switch {
		case o == nil:
		case n.Fill != nil:
			o.there.add(n.Fill)
		case n.End != nil:
			o.ended, o.end = true, *n.End
		}
	}
}

// told takes what the venue of wishes says of orders that are over. The exchange tells of
// none that it never had: one that was denied because it waited in vain for another.
func (s *Simulation) told(rs []exchange.Report) []exchange.Report {
	for i := range rs {
		r := &rs[i]
		if r.Executed || r.Order.Status != exchange.Complete {
			continue
		}
		if o := s.orders[numberOf(r.Order.ID)]; o != nil && !o.ended {
			o.ended, o.end = true, remote.End{Filled: r.Order.Filled, Reason: r.Reason, Ending: r.Ending}
		}
	}
	return rs
}

// shadow is a venue of wishes, of which the simulation gets the same.
type shadow struct {
	*remote.Venue
	sim    *Simulation
	market exchange.Market
}

var (
	_ engine.Funded = shadow{}
	_ engine.Remote = shadow{}
)

// Candle implements engine.Venue.
func (v shadow) Candle(c *exchange.Candle) []exchange.Report {
	v.sim.candle(v.market, c)
	return v.sim.told(v.Venue.Candle(c))
}

// Reports implements engine.Remote.
func (v shadow) Reports() []exchange.Report { return v.sim.told(v.Venue.Reports()) }

// Place implements engine.Venue.
func (v shadow) Place(r exchange.OrderRequest) (exchange.Order, error) {
	o, err := v.Venue.Place(r)
	if err == nil {
		v.sim.place(v.market, numberOf(r.ClientID), r, false)
	}
	return o, err
}

// Cancel implements engine.Venue.
func (v shadow) Cancel(id string, now int64) (exchange.Order, error) {
	o, err := v.Venue.Cancel(id, now)
	if o.ID != "" { // it is over, or asked for
		v.sim.cancel(numberOf(id), now)
	}
	return o, err
}

// Exit implements engine.Venue.
func (v shadow) Exit(r exchange.OrderRequest, trigger exchange.Ticks, stop bool, c *exchange.Candle) ([]exchange.Report, error) {
	rs, err := v.Venue.Exit(r, trigger, stop, c)
	if err == nil {
		v.sim.exit(v.market, numberOf(r.ClientID), r, trigger, stop, c)
	}
	return rs, err
}

// numberOf is the number with which a client id ends.
func numberOf(id string) uint64 {
	n, err := strconv.ParseUint(id[strings.LastIndexAny(id, ".-")+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
