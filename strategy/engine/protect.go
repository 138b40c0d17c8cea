package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/risk"
)

// watch looks after the position and the account at a candle's close, before the
// strategy hears of it. Before is what the account was worth at the close before.
func (s *Session) watch(before exchange.Units) {
	inForce := s.judge(before, s.state.Equity)
	s.guardPosition(true)
	if inForce {
		s.breakOff()
	}
}

// guardPosition takes what the position lived to see in the present candle, if there
// is one of its pair, and closes it if it was held for too long.
func (s *Session) guardPosition(candle bool) {
	st := &s.state
	if st.Portfolio.Base <= 0 {
		return
	}
	if candle && s.guard.Rise(&st.Held, s.faced(), s.inside) {
		s.view.Exits = s.guard.Exits(st.Wanted, st.Portfolio.Entry(), st.Held.High)
	}
	if s.guard.Overdue(st.Held, s.now()) && s.closable() {
		s.closeOut(fmt.Sprintf("time exit: the position is held since %s, and %s are allowed",
			time.UnixMilli(st.Held.Since).UTC().Format("15:04:05 UTC on 2 Jan 2006"), s.guard.MaxHold()))
	}
}

// judge lets the bounds of the equity judge a close; it reports whether a breaker is
// in force.
func (s *Session) judge(before, equity exchange.Units) bool {
	said, tripped := s.guard.Judge(s.account, s.now(), before, equity)
	if said != "" {
		s.decide(Protection, said)
	}
	return tripped || s.account.InForce(s.now()).Kind != ""
}

// breakOff takes back all orders and closes the position because a breaker is in force.
// It does so at every close, for what fills of before brought meanwhile.
func (s *Session) breakOff() {
	reason := s.account.Breaker.Reason
	s.TakeBack(reason)
	if s.closable() {
		s.closeOut(reason)
	}
}

// closable reports whether there is a position, no exit of it is under way, and it is
// not known to be too small to be sold.
func (s *Session) closable() bool {
	held := s.state.Portfolio.Base
	return held > 0 && s.state.Stuck != held && !s.leaving()
}

// takeBack is cancel for the host's own reasons.
func (s *Session) takeBack(match func(*OpenOrder) bool, reason string) {
	if err := s.cancel(match, reason); err != nil {
		s.decide(Failed, fmt.Sprintf("%s: %v", reason, err))
	}
}

// closeOut closes a closable position for a reason that came up at a candle's close: a
// Remote venue does so at once, any other at the next candle's open (rule PL3). Between two
// candles each does so at once. It reports whether anything was sent.
func (s *Session) closeOut(reason string) bool {
	return s.flatten(reason, func(r exchange.OrderRequest) error {
		r.Time = s.now()
		return s.leave(r, reason, s.remote != nil || !s.between, func() ([]exchange.Report, error) {
			if s.remote != nil || s.between {
				return s.cfg.Venue.Exit(r, s.present.Candle.Close, true, &s.present.Candle)
			}
			o, err := s.cfg.Venue.Place(r)
			return []exchange.Report{{Order: o}}, err
		})
	})
}

// repay goes on with a protective exit that did not close the position; it reports whether
// anything was sent. A rest that is too little to be sold, or another position, owes nothing.
func (s *Session) repay() bool {
	if s.state.Owed == "" || s.leaving() {
		return false
	}
	if s.state.Portfolio.Base < s.least() {
		s.state.Owed, s.state.Refusal = "", ""
		return false
	}
	return s.closeOut(s.state.Owed)
}

// least is the smallest position that can be sold.
func (s *Session) least() exchange.Steps { return max(1, s.cfg.Market.MinVolume) }

// Owed is why the position was to be closed by a protective exit that did not come about, and
// is tried again with each candle; "" if there is no such one.
func (s *Session) Owed() string { return s.state.Owed }

// Refusal is why the newest order for an exit that is owed did not close the position.
func (s *Session) Refusal() string { return s.state.Refusal }

// Refusal is Session.Refusal of the pair of Owed.
func (b *Basket) Refusal() string {
	for _, l := range b.legs {
		if l.state.Owed != "" {
			return l.state.Refusal
		}
	}
	return ""
}

// Owed is Session.Owed of the first pair that has such an exit.
func (b *Basket) Owed() string {
	for _, l := range b.legs {
		if l.state.Owed != "" {
			return l.state.Owed
		}
	}
	return ""
}

// flatten takes back all orders and sells the position, by several orders if it is
// above the market's largest one; it reports whether anything was sent.
func (s *Session) flatten(reason string, send func(exchange.OrderRequest) error) bool {
	left := s.state.Portfolio.Base
	if err := s.cfg.Market.Check(s.closing(left)); err != nil {
		if s.state.Stuck != left { // said once, not in every candle
			s.state.Stuck = left
			s.decide(Failed, fmt.Sprintf("%s, but the position cannot be closed: %v", reason, err))
		}
		return false
	}
	if err := s.cancel(func(*OpenOrder) bool { return true }, reason); err != nil {
		s.decide(Failed, fmt.Sprintf("%s: %v", reason, err))
		return false
	}
	for acted := false; ; acted = true {
		r := s.closing(left)
		if s.cfg.Market.Check(r) != nil {
			return acted // all of it, or a rest below the least order
		}
		if err := send(r); err != nil {
			s.sync()
			s.decide(Failed, fmt.Sprintf("%s, but the position could not be closed: %v", reason, err))
			return acted
		}
		left -= r.Volume
	}
}

// entered notes a buy that was booked, after which the position is one that began with
// it if there was less before than an order can sell.
func (s *Session) entered(before exchange.Steps, f exchange.Fill) {
	if before < s.least() {
		s.state.Held, s.state.Owed, s.state.Refusal = risk.Holding{Since: f.Time}, "", ""
	}
	s.state.Held.High = max(s.state.Held.High, f.Price)
}

// sold drops the exits that a strategy wanted of a position which is closed now, or but for
// a rest below the least order: they are not those of the next one.
func (s *Session) sold() {
	if s.state.Portfolio.Base < s.least() {
		s.state.Wanted = strategy.Exits{}
	}
}

// cool begins the cool-down after a fill of a protective exit that has lost so far.
func (s *Session) cool(profit exchange.Units, at int64) {
	if profit >= 0 {
		return
	}
	if said := s.guard.Cool(s.account, -profit, max(s.now(), at)); said != "" {
		s.decide(Protection, said)
	}
}

// Breaker returns the bound of the equity that holds the bot back; zero if none does.
func (s *Session) Breaker() risk.Breaker { return s.account.InForce(s.now()) }

// Reached returns the bound of the equity that was reached last, until it is resumed or a
// later close finds that it is over. One that is reached with the last close of its day ends
// with it: it has closed the position, and is never in force.
func (s *Session) Reached() risk.Breaker { return s.account.Breaker }

// CoolUntil is until when nothing is bought after an exit that lost, in epoch milliseconds;
// 0 if there is no cool-down now.
func (s *Session) CoolUntil() int64 { return s.account.Cooling(s.now()) }

// ResumeBreaker lifts a reached drawdown, and the highest equity begins anew with the
// present one. A daily loss is not lifted: it ends with the UTC day. It is to be called
// between two candles, and is an input as they are: a replay needs it too.
func (s *Session) ResumeBreaker() {
	if s.account.Resume(s.Appraised()) {
		s.decide(Protection, "resumed: the drawdown is counted from the present equity on")
	}
}

// SetCloseOnly begins or ends winding down: while it lasts nothing is bought, open buys
// are taken back, and sales and exits go on. What Config says of it stays in force
// beside. It is to be called between two candles, and is an input as they are.
func (s *Session) SetCloseOnly(on bool) {
	if s.setCloseOnly(on) {
		s.takeBackBuys()
	}
}

// setCloseOnly reports whether winding down begins.
func (s *Session) setCloseOnly(on bool) bool {
	if s.account.CloseOnly == on {
		return false
	}
	s.account.CloseOnly = on
	text := "winding down is over: buys are allowed again"
	if on {
		text = windingDown
	}
	s.decide(Protection, text)
	return on
}

// windingDown is why buys are taken back.
const windingDown = "winding down: nothing is bought any more"

func (s *Session) takeBackBuys() {
	s.takeBack(func(o *OpenOrder) bool { return o.Side == exchange.Buy }, windingDown)
}

// Breaker is Session.Breaker over all pairs.
func (b *Basket) Breaker() risk.Breaker { return b.own().account.InForce(b.now) }

// Reached is Session.Reached over all pairs.
func (b *Basket) Reached() risk.Breaker { return b.own().account.Breaker }

// CoolUntil is Session.CoolUntil over all pairs.
func (b *Basket) CoolUntil() int64 { return b.own().account.Cooling(b.now) }

// ResumeBreaker is Session.ResumeBreaker over all pairs.
func (b *Basket) ResumeBreaker() { b.own().ResumeBreaker() }

// SetCloseOnly is Session.SetCloseOnly for all pairs.
func (b *Basket) SetCloseOnly(on bool) {
	if !b.own().setCloseOnly(on) {
		return
	}
	for _, l := range b.legs {
		b.enter(l)
		l.takeBackBuys()
		b.leave(l)
	}
}

// watch is Session.watch for all pairs.
func (b *Basket) watch(before, equity exchange.Units) {
	b.enter(b.own())
	inForce := b.own().judge(before, equity)
	b.leave(b.own())
	for n, l := range b.legs {
		b.enter(l)
		l.guardPosition(slices.Contains(b.turn, n))
		if inForce {
			l.breakOff()
		}
		b.leave(l)
	}
}
