package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// ErrAsked is what a Venue's Cancel returns that can only ask for an order back: the
// order stays open until a report says how it ended.
var ErrAsked = errors.New("engine: the venue was asked for the order back, and tells later what became of it")

// Remote is a Venue that does nothing at once: what becomes of orders it hears later,
// at any time. The money is kept elsewhere, so its fills are booked as they are.
type Remote interface {
	Venue
	// Reports returns what it has heard of open orders and not returned yet. They are
	// valid until its next call.
	Reports() []exchange.Report
	// Waits reports whether an order is not sent yet because it waits for orders that are
	// being taken back, whose place it takes.
	Waits(id string) bool
}

// Hear books what a Remote venue has heard since the newest candle. The account is
// right at once; the strategy is told with the next candle. On any other venue it
// does nothing.
func (s *Session) Hear() error {
	heard, err := s.hearReports()
	if heard && err == nil && s.state.LastPrice > 0 {
		s.value()
	}
	return err
}

// hearReports is Hear without the valuation; it reports whether there was anything.
func (s *Session) hearReports() (bool, error) {
	if s.remote == nil {
		return false, nil
	}
	rs := s.remote.Reports()
	if len(rs) == 0 {
		return false, nil
	}
	s.state.Bought = s.state.Bought || slices.ContainsFunc(rs, func(r exchange.Report) bool { return r.Executed && r.Fill.Side == exchange.Buy })
	return true, s.book(rs)
}

// Hear is Session.Hear for all pairs.
func (b *Basket) Hear() error {
	any := false
	for _, l := range b.legs {
		b.enter(l)
		heard, err := l.hearReports()
		b.leave(l)
		if err != nil {
			return err
		}
		any = any || heard
	}
	if worth, err := b.worth((*Session).worthAt); any && err == nil {
		b.own().appraise(worth)
	}
	return b.failed
}

// Why returns the reason of an open order, "" if there is none of the number.
func (s *Session) Why(ref uint64) string {
	for i := range s.state.Orders {
		if o := &s.state.Orders[i]; o.Ref == ref {
			return cmp.Or(o.Asked, o.Reason)
		}
	}
	return ""
}

// Why is Session.Why over all pairs.
func (b *Basket) Why(ref uint64) string {
	for _, l := range b.legs {
		if why := l.Why(ref); why != "" {
			return why
		}
	}
	return ""
}

// apply books a fill, which at a Remote venue is a fact, and notes what it makes of the
// position.
func (s *Session) apply(f exchange.Fill) (result portfolio.Result, err error) {
	before := s.state.Portfolio.Base
	if s.remote != nil {
		result, err = s.state.Portfolio.Book(f)
	} else {
		result, err = s.state.Portfolio.Apply(f)
	}
	switch {
	case err != nil:
	case f.Side == exchange.Buy:
		s.entered(before, f)
	default:
		s.sold()
	}
	return result, err
}

// ended tells of an order that ended without being filled whole: the state that the
// strategy hears, and why. Who took it back here has said why already.
func (s *Session) ended(o *OpenOrder, r *exchange.Report) (strategy.OrderState, string) {
	reason := r.Reason
	state, kind, text := strategy.OrderCancelled, Cancelled, "%s cancelled: %s"
	switch r.Ending {
	case exchange.EndedDenied:
		state, kind, text = strategy.OrderDenied, Denied, "denied %s: %s"
	case exchange.EndedRejected:
		state, kind, text = strategy.OrderRejected, Rejected, "%s rejected: %s"
	case exchange.EndedCancelled:
		reason = cmp.Or(o.Asked, reason)
	}
	if s.narrator != nil {
		s.decide(kind, fmt.Sprintf(text, o.Side, reason))
	}
	return state, reason
}

// leaving reports whether a protective exit is under way.
func (s *Session) leaving() bool {
	return slices.ContainsFunc(s.state.Orders, func(o OpenOrder) bool { return o.Exit })
}
