package engine

import (
	"cmp"
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/risk"
)

// book takes the venue's reports into the account and queues what the strategy
// shall hear.
func (s *Session) book(rs []exchange.Report) error {
	for i := range rs {
		if err := s.report(&rs[i]); err != nil {
			return err
		}
	}
	s.sync()
	return nil
}

func (s *Session) report(r *exchange.Report) error {
	if r.Executed && r.Order.ID == "" {
		return s.given(r.Fill)
	}
	i := s.find(r.Order.ID)
	if i < 0 {
		return fmt.Errorf("engine: the venue reports order %s, which is not ours", r.Order.ID)
	}
	o := &s.state.Orders[i]
	if r.Executed {
		result, err := s.apply(r.Fill)
		if err != nil {
			return err
		}
		if r.Fill.Side == exchange.Sell && o.Protective {
			s.cool(result.Trade.Profit(), r.Fill.Time)
		}
		s.inside = s.inside || r.Fill.Maker && r.Fill.Side == exchange.Buy
		o.Filled += r.Fill.Volume
		o.Spent += r.Fill.Value + r.Fill.FeeCounter
		if s.cfg.Recorder != nil {
			s.cfg.Recorder.Fill(r.Fill, o.Ref, result)
		}
		if s.wants[strategy.FillEvent] {
			s.state.Queue = append(s.state.Queue, strategy.Event{Kind: strategy.FillEvent, Time: s.now(), Fill: strategy.Fill{
				Ref: o.Ref, Side: r.Fill.Side, Price: r.Fill.Price, Volume: r.Fill.Volume, Value: r.Fill.Value, Fee: r.Fill.FeeCounter, Maker: r.Fill.Maker,
				Pair: s.leg,
			}})
		}
	}
	state, reason := strategy.OrderOpen, r.Reason
	if r.Order.Status == exchange.Complete {
		state = strategy.OrderFilled
		if reason != "" {
			state, reason = s.ended(o, r)
		}
	}
	at := s.present.Candle.Time
	if s.remote != nil {
		if v := r.Order.Request.Volume; v > 0 {
			o.Volume = v // an exit may have come to less
		}
		o.Value, o.Reserve = r.Order.Request.Value, s.reserve(r.Order.Request) // less than it was, if it has waited
		o.Waits = o.Waits && s.remote.Waits(o.VenueID)
		at = max(s.now(), r.Fill.Time, r.Order.Completed)
	}
	s.order(OrderRecord{
		Request: r.Order.Request, VenueID: r.Order.ID, Ref: o.Ref, State: state, Filled: r.Order.Filled, Value: r.Order.Value,
		Fee: r.Order.Fee, Reason: cmp.Or(reason, o.Reason), Time: at, Pending: r.Order.Status == exchange.Pending,
	})
	s.tell(strategy.OrderUpdate{Ref: o.Ref, State: state, Filled: r.Order.Filled, Reason: reason})
	if r.Order.Status == exchange.Complete {
		if o.Exit && s.remote != nil && r.Reason != "" {
			s.state.Owed, s.state.Refusal = o.Reason, r.Reason
		}
		s.state.Orders = append(s.state.Orders[:i], s.state.Orders[i+1:]...)
	}
	return nil
}

// given books an execution of an order that somebody else has placed, and made the bot's.
// The strategy hears of no order that it did not want; what it has is the account's.
func (s *Session) given(f exchange.Fill) error {
	result, err := s.apply(f)
	if err != nil {
		return err
	}
	kind, did := Sold, "sold"
	if f.Side == exchange.Buy {
		kind, did = Bought, "bought"
	}
	if s.cfg.Recorder != nil {
		s.cfg.Recorder.Fill(f, 0, result)
	}
	m := s.cfg.Market
	s.decide(kind, fmt.Sprintf("%s %s %s at %s by an order that was claimed", did, m.Volume(f.Volume), m.Base, m.FormatPrice(f.Price.Float())))
	return nil
}

// yieldToStop takes back resting sales when the candle reaches the stop: whether
// it rose to them before it fell is not known, and the worse path counts (rule
// PL4). A sale that the candle's open reaches trades before.
func (s *Session) yieldToStop() error {
	reached, ok := risk.Reached(s.view.Exits, *s.faced())
	if !ok || !reached.Stop || s.state.Portfolio.Base <= 0 {
		return nil
	}
	return s.cancel(func(o *OpenOrder) bool {
		return o.Side == exchange.Sell && o.Type == exchange.LimitOrder && o.Price > s.faced().Open
	}, "the "+s.named(reached)+" comes first")
}

// exit closes the position if the candle reaches a protective exit; it reports
// whether it did. A target does not count in a candle in which a resting buy
// traded: the high may have been before it.
func (s *Session) exit() bool {
	reached, ok := risk.Reached(s.view.Exits, *s.faced())
	if !ok || s.state.Portfolio.Base <= 0 || s.inside && !reached.Stop {
		return false
	}
	if s.leaving() {
		return false // an exit is under way: a second one would sell twice
	}
	reason := fmt.Sprintf("%s at %s reached", s.named(reached), s.cfg.Market.Price(reached.Trigger))
	return s.flatten(reason, func(r exchange.OrderRequest) error {
		return s.leave(r, reason, s.remote != nil, func() ([]exchange.Report, error) {
			return s.cfg.Venue.Exit(r, reached.Trigger, reached.Stop, s.faced())
		})
	})
}

// named says what an exit that was reached is called.
func (s *Session) named(reached risk.Exit) string {
	return s.guard.Name(reached, s.state.Wanted, s.state.Portfolio.Entry(), s.state.Held.High)
}

// closing is the order that closes as much of a position as one order may.
func (s *Session) closing(volume exchange.Steps) exchange.OrderRequest {
	if most := s.cfg.Market.MaxVolume; most > 0 {
		volume = min(volume, most)
	}
	r := s.request(strategy.Command{Ref: s.state.NextRef, Side: exchange.Sell, Type: exchange.MarketOrder, Volume: volume})
	r.Time = s.present.Candle.Time
	return r
}

// leave sends an order that closes the position and books what came of it: the first
// report names the order. Later is true if it trades after this candle.
func (s *Session) leave(r exchange.OrderRequest, reason string, later bool, send func() ([]exchange.Report, error)) error {
	ref := s.state.NextRef
	s.state.NextRef++
	rs, err := send()
	if err != nil {
		return err
	}
	first := rs[0].Order
	s.order(OrderRecord{
		Request: r, VenueID: first.ID, Ref: ref, State: strategy.OrderOpen, Reason: reason, Time: r.Time, Pending: first.Status == exchange.Pending,
	})
	s.decide(Exit, s.sentence(r, reason))
	s.keep(ref, exchange.Order{ID: first.ID, Request: r}, reason)
	kept := &s.state.Orders[len(s.state.Orders)-1]
	kept.Protective, kept.Exit = true, true
	if later && s.remote == nil {
		return nil // nothing has become of it yet
	}
	return s.book(rs)
}

func (s *Session) find(venueID string) int {
	for i := range s.state.Orders {
		if s.state.Orders[i].VenueID == venueID {
			return i
		}
	}
	return -1
}

// maxEchoes bounds the queue of what a strategy's own commands caused.
const maxEchoes = 1000

// echo tells what a command itself caused, with the next candle's reports. A
// strategy that answers each denial with more bad orders loses those beyond
// maxEchoes (rule RK4).
func (s *Session) echo(u strategy.OrderUpdate) {
	if len(s.state.Queue) < maxEchoes {
		s.tell(u)
	}
}

// tell queues an order update if the strategy wants such events.
func (s *Session) tell(u strategy.OrderUpdate) {
	if s.wants[strategy.OrderEvent] {
		u.Pair = s.leg
		s.state.Queue = append(s.state.Queue, strategy.Event{Kind: strategy.OrderEvent, Time: s.now(), Order: u})
	}
}
