package engine

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/risk"
)

// maxText bounds the texts that a strategy hands over, in bytes.
const maxText = 500

// Commands carries out what the strategy asked for in answer to the newest
// event. What is not allowed is denied and recorded (rules RK4, T11); it never
// fails the session. The error means that the account does not add up.
func (s *Session) Commands(cs []strategy.Command) error {
	if len(cs) == 0 {
		return nil
	}
	cs = s.within(cs)
	for i := range cs {
		if cs[i].Pair != "" {
			s.decide(Denied, fmt.Sprintf("denied a command %s in %.20q: the bot trades %s only", cs[i].Kind, cs[i].Pair, s.cfg.Market.Pair))
			continue
		}
		if err := s.command(&cs[i]); err != nil {
			return err
		}
	}
	return nil
}

// within leaves out what is beyond the most commands of an event. Notes and plots do not
// count towards the others, because in backtests, where nobody reads them, there are none:
// of them there may be as many again.
func (s *Session) within(cs []strategy.Command) []strategy.Command {
	most := s.guard.MaxCommands()
	if len(cs) <= most {
		return cs
	}
	var kept []strategy.Command
	acts, words := 0, 0
	for _, c := range cs {
		n := &acts
		if c.Kind == strategy.NoteCommand || c.Kind == strategy.PlotCommand {
			n = &words
		}
		if *n++; *n <= most {
			kept = append(kept, c)
		}
	}
	if acts > most {
		s.decide(Denied, fmt.Sprintf("denied %d commands: the strategy gave %d at once, and %d are allowed", acts-most, acts, most))
	}
	if words > most {
		s.decide(Denied, fmt.Sprintf("left out %d notes and plots: the strategy gave %d at once, and %d are shown", words-most, words, most))
	}
	return kept
}

func (s *Session) command(c *strategy.Command) error {
	if len(c.Text) > maxText {
		c.Text = c.Text[:maxText]
	}
	switch c.Kind {
	case strategy.PlaceCommand:
		return s.place(*c, s.account)
	case strategy.CancelCommand:
		return s.cancel(func(o *OpenOrder) bool { return o.Ref == c.Ref && !o.Exit }, "cancelled by the strategy")
	case strategy.CancelAllCommand:
		return s.cancel(func(o *OpenOrder) bool { return !o.Exit }, "cancelled by the strategy")
	case strategy.ExitsCommand:
		if c.Exits.Stop < 0 || c.Exits.Target < 0 {
			s.decide(Denied, "denied exits: a price is below 0")
			return nil
		}
		s.state.Wanted = c.Exits
		s.sync()
	case strategy.NoteCommand:
		kind := None
		if s.phase == signals {
			kind = Answered
		}
		s.decide(kind, c.Text)
	case strategy.PlotCommand:
		if s.narrator != nil && !math.IsNaN(c.Number) && !math.IsInf(c.Number, 0) && len(c.Name) <= 40 {
			s.narrator.Plot(s.now(), s.leg, c.Name, c.Number)
		}
	default:
		s.decide(Denied, "denied a command of an unknown kind")
	}
	return nil
}

// Sell sells at the market because the host closes a position, for a reason in words. It is
// checked as a strategy's order is, but for the order rate, which it does not count towards
// either: what a strategy did before must not keep a position open. Pair is that of the
// session, or "".
func (s *Session) Sell(pair string, volume exchange.Steps, reason string) error {
	if pair != "" && pair != s.cfg.Market.Pair {
		return fmt.Errorf("engine: selling %.20q: the bot trades %s only", pair, s.cfg.Market.Pair)
	}
	return s.sell(volume, reason)
}

func (s *Session) sell(volume exchange.Steps, reason string) error {
	return s.place(strategy.Command{
		Kind: strategy.PlaceCommand, Ref: s.state.NextRef, Side: exchange.Sell, Type: exchange.MarketOrder, Volume: volume, Text: reason,
	}, nil)
}

// place checks an order and sends it. Watch is what is remembered of the bot; nil for an
// order of the host.
func (s *Session) place(c strategy.Command, watch *risk.Watch) error {
	switch most := uint64(s.guard.MaxCommands()); {
	case c.Ref < s.state.NextRef:
		s.decide(Denied, fmt.Sprintf("denied %s: its number %d was used before", c.Side, c.Ref))
		return nil
	case c.Ref-s.state.NextRef >= most:
		s.decide(Denied, fmt.Sprintf("denied %s: its number %d leaves out those from %d on", c.Side, c.Ref, s.state.NextRef))
		return nil
	}
	s.state.NextRef = c.Ref + 1
	account := risk.Account{View: &s.view, Price: s.state.LastPrice, Pending: s.pendingBuys(), Elsewhere: s.elsewhere, Returning: s.returning(), Watch: watch, Now: s.now()}
	checked, denial := s.guard.Check(account, c)
	if denial == "" && s.leg != "" && s.state.LastTime == 0 {
		denial = "no candle of " + s.leg + " has come yet"
	}
	if denial == "" && c.Side == exchange.Buy && s.behind >= StaleCandles*s.span {
		denial = fmt.Sprintf("no candle of %s has come since %s", s.cfg.Market.Pair, time.UnixMilli(s.state.LastTime+s.span).UTC().Format("15:04 UTC on 2 Jan 2006"))
	}
	r := s.request(checked)
	if denial != "" {
		s.sync()
		s.order(OrderRecord{Request: r, Ref: c.Ref, State: strategy.OrderDenied, Reason: denial, Time: s.now()})
		s.decide(Denied, fmt.Sprintf("denied %s: %s", c.Side, denial))
		s.echo(strategy.OrderUpdate{Ref: c.Ref, State: strategy.OrderDenied, Reason: denial})
		return nil
	}
	if watch != nil {
		watch.Place(s.now())
	}
	placed, err := s.cfg.Venue.Place(r)
	var refused *exchange.Error
	switch {
	case errors.As(err, &refused) && refused.Outcome == exchange.OutcomeRejected:
		s.sync()
		state, kind, text := strategy.OrderRejected, Rejected, fmt.Sprintf("%s rejected: %s", c.Side, refused.Message)
		if refused.Unsent {
			state, kind, text = strategy.OrderDenied, Denied, fmt.Sprintf("denied %s: %s", c.Side, refused.Message)
		}
		s.order(OrderRecord{Request: r, Ref: c.Ref, State: state, Reason: refused.Message, Time: s.now()})
		s.decide(kind, text)
		s.echo(strategy.OrderUpdate{Ref: c.Ref, State: state, Reason: refused.Message})
		return nil
	case err != nil:
		return fmt.Errorf("placing order %s: %w", r.ClientID, err)
	}
	r = placed.Request // as the venue understands it
	s.keep(c.Ref, placed, checked.Text)
	s.order(OrderRecord{
		Request: r, VenueID: placed.ID, Ref: c.Ref, State: strategy.OrderOpen, Reason: checked.Text, Time: s.now(), Pending: placed.Status == exchange.Pending,
	})
	text := s.sentence(r, checked.Text)
	if s.narrator != nil && s.state.Orders[len(s.state.Orders)-1].Waits {
		text += ", once the orders are over whose place it takes"
	}
	s.decide(kindOf(r.Side), text)
	return nil
}

// reserve is the cash that an order sets aside at first.
func (s *Session) reserve(r exchange.OrderRequest) exchange.Units {
	if r.Side != exchange.Buy || r.Volume == 0 {
		return r.Value
	}
	price := r.Price
	if r.Type == exchange.MarketOrder {
		price = s.state.LastPrice
	}
	value, _ := price.Times(r.Volume) // the venue has checked that it fits
	return value
}

// keep notes an order that the venue has accepted.
func (s *Session) keep(ref uint64, o exchange.Order, reason string) {
	r := o.Request
	k := OpenOrder{
		Ref: ref, VenueID: o.ID, ClientID: r.ClientID, Side: r.Side, Type: r.Type, Price: r.Price, Volume: r.Volume, Value: r.Value, Reserve: s.reserve(r), Reason: reason,
		Waits: s.remote != nil && s.remote.Waits(o.ID),
	}
	s.state.Orders = append(s.state.Orders, k)
	s.sync()
}

// request builds the venue's form of an order.
func (s *Session) request(c strategy.Command) exchange.OrderRequest {
	return exchange.OrderRequest{
		ClientID: s.clientID(c.Ref), Pair: s.cfg.Market.Pair, Side: c.Side, Type: c.Type,
		Price: c.Price, Volume: c.Volume, Value: c.Value, PostOnly: c.PostOnly, TimeInForce: c.TimeInForce, Time: s.now(),
	}
}

// clientID names the order of a number.
func (s *Session) clientID(ref uint64) string {
	var text [96]byte
	return string(strconv.AppendUint(append(text[:0], s.cfg.OrderPrefix...), ref, 10))
}

// cancel takes back the open orders that match.
func (s *Session) cancel(match func(*OpenOrder) bool, reason string) error {
	kept := s.state.Orders[:0]
	for _, o := range s.state.Orders {
		if !match(&o) || o.Asked != "" {
			kept = append(kept, o)
			continue
		}
		ended, err := s.cfg.Venue.Cancel(o.VenueID, s.now())
		if errors.Is(err, ErrAsked) {
			o.Asked = reason
			kept = append(kept, o)
			s.order(OrderRecord{
				Request: ended.Request, VenueID: o.VenueID, Ref: o.Ref, State: strategy.OrderOpen, Filled: ended.Filled, Value: ended.Value, Fee: ended.Fee,
				Reason: "being taken back: " + reason, Time: s.now(), Pending: ended.Status == exchange.Pending,
			})
			continue
		}
		if err != nil {
			kept = append(kept, o) // it is over already; its report says how
			continue
		}
		s.order(OrderRecord{
			Request: ended.Request, VenueID: o.VenueID, Ref: o.Ref, State: strategy.OrderCancelled, Filled: ended.Filled,
			Value: ended.Value, Fee: ended.Fee, Reason: reason, Time: s.now(),
		})
		s.echo(strategy.OrderUpdate{Ref: o.Ref, State: strategy.OrderCancelled, Filled: ended.Filled, Reason: reason})
	}
	s.state.Orders = kept
	s.sync()
	return nil
}

// CancelAll takes back every open order, for a bot that stops.
func (s *Session) CancelAll(reason string) error {
	return s.cancel(func(*OpenOrder) bool { return true }, reason)
}

// TakeBack takes back every open order but protective exits, for a bot that goes on without
// its strategy.
func (s *Session) TakeBack(reason string) {
	if len(s.state.Orders) > 0 {
		s.takeBack(func(o *OpenOrder) bool { return !o.Exit }, reason)
	}
}

// pendingBuys is what buys under way will add to the position, as far as it is known. At
// a Remote venue those that are being taken back are left out: what they yet buy comes off
// the order that is asked about.
func (s *Session) pendingBuys() exchange.Steps {
	var sum exchange.Steps
	for i := range s.state.Orders {
		o := &s.state.Orders[i]
		switch {
		case o.Side != exchange.Buy || s.remote != nil && o.Asked != "":
		case o.Volume > 0:
			sum += o.Volume - o.Filled
		case s.state.LastPrice > 0:
			sum += exchange.Rate(0).Affordable(o.reservedCounter(), s.state.LastPrice)
		}
	}
	return sum
}
