package engine

import (
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/risk"
)

// Prints are the prices at which a market traded between two closed candles, since exits
// were judged on such prices last. They travel as JSON: a replay needs them.
type Prints struct {
	// From and To are when the first and the newest of them traded, in epoch milliseconds.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Low, High and Last are the lowest, the highest and the newest of them.
	Low  exchange.Ticks `json:"low"`
	High exchange.Ticks `json:"high"`
	Last exchange.Ticks `json:"last"`
	// Floor and Peak are the lowest and the highest price before them, since the newest
	// closed candle; 0 if there was none.
	Floor exchange.Ticks `json:"floor,omitempty"`
	Peak  exchange.Ticks `json:"peak,omitempty"`
}

// Alarm is where the exits of the position act before the next candle closes; zero if none
// may act, because nothing is held, an exit is under way, or one was tried already since
// the newest candle.
func (s *Session) Alarm() risk.Alarm {
	if !s.armed() {
		return risk.Alarm{}
	}
	return s.guard.Alarm(s.state.Wanted, s.state.Portfolio.Entry(), s.state.Held)
}

// armed reports whether an exit may act before the next candle closes.
func (s *Session) armed() bool {
	return s.state.LastTime > 0 && s.state.Struck < s.end() && s.closable()
}

// end is when the newest candle closed that was judged.
func (s *Session) end() int64 { return s.Protected() + s.span }

// Reaches reports whether prices between two candles reach an exit of the position, which
// ProtectBetween would close it for.
func (s *Session) Reaches(p *Prints) bool {
	_, _, ok := s.reach(p)
	return ok
}

// reach returns prices between two candles as the position has seen them, in the form of
// the candle that exits are judged on, and the highest price before, if they reach an exit.
//
// Of what was before the position there is only the newest price. On paper there is nothing
// where the candle has to tell what came first: an order that is open would have traded
// at one of the prices by now.
func (s *Session) reach(p *Prints) (c exchange.Candle, high exchange.Ticks, ok bool) {
	st := &s.state
	end := s.end()
	begin := max(end, st.Held.Since)
	if p.To < begin || !s.armed() || s.remote == nil && (p.To >= end+s.span || s.overtaken(p)) {
		return c, 0, false
	}
	c = exchange.Candle{Time: p.To, Open: p.Last, High: p.High, Low: p.Low, Close: p.Last}
	if p.From < begin {
		c.High, c.Low = p.Last, p.Last
	}
	if high = st.Held.High; st.Held.Since < end {
		high = max(high, p.Peak)
	}
	_, ok = risk.Reached(s.guard.Exits(st.Wanted, st.Portfolio.Entry(), high), c)
	return c, high, ok || s.guard.Overdue(st.Held, p.To)
}

// overtaken reports whether an open order would have traded at one of the prices since the
// newest candle.
func (s *Session) overtaken(p *Prints) bool {
	low, high := p.Low, max(p.High, p.Peak)
	if p.Floor > 0 {
		low = min(low, p.Floor)
	}
	return slices.ContainsFunc(s.state.Orders, func(o OpenOrder) bool {
		return o.Type == exchange.MarketOrder || o.Side == exchange.Buy && low <= o.Price || o.Side == exchange.Sell && high >= o.Price
	})
}

// ProtectBetween closes the position if prices between two candles reach one of its exits,
// as a candle does that reaches it: the strategy hears of it with the next candle. It tries
// that once between two candles; if the order comes to nothing, the candle is next. It is an
// input as a candle is: a replay needs the prices too, where Reaches says that it acts.
func (s *Session) ProtectBetween(p *Prints) {
	if s.protectBetween(p) && s.remote == nil {
		s.value()
	}
}

// protectBetween is ProtectBetween without the valuation; it reports whether it acted.
func (s *Session) protectBetween(p *Prints) bool {
	c, high, ok := s.reach(p)
	if !ok {
		return false
	}
	st, was := &s.state, aside{s.present, len(s.state.Queue)}
	s.present.Time, s.present.Candle = max(s.present.Time, c.Time), c
	s.inside, s.between, st.Struck = false, true, c.Time
	st.Held.High = high
	s.view.Exits = s.guard.Exits(st.Wanted, st.Portfolio.Entry(), high)
	if !s.exit() {
		s.guardPosition(false)
	}
	s.between = false
	s.stepBack(was)
	return true
}

// Believe says what is believed of a candle before it is begun with: protective exits and
// the trailing stop see only that, and the account is valued at that, which the bounds of its
// losses judge; orders and the strategy see the candle as it is. It is an input as the candle
// is.
func (s *Session) Believe(c exchange.Candle) { s.believed = &c }

// faced is the present candle as exits see it.
func (s *Session) faced() *exchange.Candle {
	if s.believed != nil && s.believed.Time == s.present.Candle.Time {
		return s.believed
	}
	return &s.present.Candle
}

// Believe is Session.Believe for a candle of one of the pairs; of another it does nothing.
func (b *Basket) Believe(pair string, c exchange.Candle) {
	if l := b.find(pair); l != nil {
		l.Believe(c)
	}
}

// Alarm is Session.Alarm of a pair; zero for one that the basket does not trade.
func (b *Basket) Alarm(pair string) risk.Alarm {
	if l := b.find(pair); l != nil {
		return l.Alarm()
	}
	return risk.Alarm{}
}

// Reaches is Session.Reaches in a pair; false for one that the basket does not trade.
func (b *Basket) Reaches(pair string, p *Prints) bool {
	l := b.find(pair)
	return l != nil && l.Reaches(p)
}

// ProtectBetween is Session.ProtectBetween in a pair; in another one it does nothing.
func (b *Basket) ProtectBetween(pair string, p *Prints) error {
	l := b.find(pair)
	if l == nil || b.failed != nil || !l.Reaches(p) {
		return b.failed
	}
	now, was := b.now, aside{l.present, len(l.state.Queue)}
	b.now = max(now, p.To)
	b.enter(l)
	l.protectBetween(p)
	b.leave(l)
	l.stepBack(was)
	b.now = now
	if worth, err := b.worth((*Session).worthAt); err == nil && l.remote == nil {
		b.own().appraise(worth)
	}
	return b.failed
}
