package engine

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// Protected is how far the position was protected without the strategy.
type Protected struct {
	// Time is when the newest candle opened that Protect has judged, Close at what that
	// closed.
	Time  int64          `json:"time"`
	Close exchange.Ticks `json:"close"`
	// Equity is the account's worth then, in the state of the bot's own pair.
	Equity exchange.Units `json:"equity,omitempty"`
}

// Protect judges the protective exits and the host's bounds on a closed candle that the
// strategy cannot hear now, because its process is away (rule RK3). It is for a Remote
// venue, where an exit that comes late sells at a worse price; elsewhere, and of a candle
// that was judged already, it does nothing. The candle does not count as begun: Begin takes
// it once the strategy is back, which hears it then like any other, and does not judge it
// again. So candles must be given in their order, and what cannot be had is passed over.
func (s *Session) Protect(c *exchange.Candle) {
	if s.remote == nil || c.Time <= s.Protected() {
		return
	}
	was := s.step(c)
	s.protect(c, s.watches)
	if equity, err := s.state.Portfolio.Equity(c.Close); err == nil {
		before := s.Appraised()
		if s.state.Protected.Equity = equity; s.watches && s.judge(before, equity) {
			s.breakOff()
		}
	}
	s.stepBack(was)
}

// protect judges what concerns the position, at the candle that step has made the present
// one.
func (s *Session) protect(c *exchange.Candle, watches bool) {
	s.state.Protected.Time, s.state.Protected.Close = c.Time, c.Close
	if s.state.Portfolio.Opened >= c.Time+s.span {
		return // what is held was not there yet
	}
	s.inside, s.state.Bought = s.state.Bought, false
	if s.view.Exits == (strategy.Exits{}) || !s.exit() {
		s.repay()
	}
	if watches {
		s.guardPosition(true)
	}
}

// Appraised returns what the account was worth at the newest candle that was judged, by
// Begin or by Protect.
func (s *Session) Appraised() exchange.Units {
	if p := &s.state.Protected; p.Time > s.state.LastTime && p.Equity > 0 {
		return p.Equity
	}
	return s.state.Equity
}

// NewestPrice returns the close of the newest candle that was judged, by Begin or by
// Protect, as far as it is believed; 0 if there is none.
func (s *Session) NewestPrice() exchange.Ticks {
	if p := &s.state.Protected; p.Time > s.state.LastTime {
		return p.Close
	}
	return s.worthAt()
}

// aside is where a session is with its strategy.
type aside struct {
	present strategy.Event
	queued  int
}

// step makes a candle the present one that is not begun, and returns where the session was.
func (s *Session) step(c *exchange.Candle) aside {
	was := aside{s.present, len(s.state.Queue)}
	s.present.Time, s.present.Candle = max(s.present.Time, c.Time+s.span), *c
	return was
}

// stepBack takes the session back to its strategy, which hears of what happened with a
// candle of before.
func (s *Session) stepBack(was aside) {
	for i := range s.state.Queue[was.queued:] {
		s.state.Queue[was.queued+i].Time = was.present.Time
	}
	s.inside, s.present = false, was.present
}

// Protected returns when the newest candle opened that was judged, by Begin or by Protect,
// in epoch milliseconds; 0 if there is none.
func (s *Session) Protected() int64 { return max(s.state.LastTime, s.state.Protected.Time) }

// judged reports whether the present candle was judged before it was begun with.
func (s *Session) judged() bool { return s.present.Candle.Time <= s.state.Protected.Time }

// Protect is Session.Protect for a candle of one of the pairs; of another it does nothing.
// The account is judged with the bot's own pair.
func (b *Basket) Protect(pair string, c *exchange.Candle) error {
	at := b.find(pair)
	if at == nil || at.remote == nil || c.Time <= at.Protected() {
		return b.failed
	}
	now, were := b.now, make([]aside, len(b.legs))
	b.now = max(now, c.Time+at.span)
	for i, l := range b.legs {
		were[i] = aside{l.present, len(l.state.Queue)}
	}
	b.enter(at)
	at.step(c)
	at.protect(c, b.watches)
	b.leave(at)
	if at == b.own() {
		b.protectAll()
	}
	for i, l := range b.legs {
		l.stepBack(were[i])
	}
	b.now = now
	return b.failed
}

// protectAll appraises the account at the newest price of each pair, and judges it if there
// are bounds.
func (b *Basket) protectAll() {
	equity, err := b.worth((*Session).NewestPrice)
	if err != nil {
		return
	}
	own := b.own()
	before := own.Appraised()
	if own.state.Protected.Equity = equity; !b.watches {
		return
	}
	b.enter(own)
	inForce := own.judge(before, equity)
	b.leave(own)
	for _, l := range b.legs {
		b.enter(l)
		if l.guardPosition(false); inForce {
			l.breakOff()
		}
		b.leave(l)
	}
}

// Protected is Session.Protected of a pair; 0 for one that the basket does not trade.
func (b *Basket) Protected(pair string) int64 {
	if l := b.find(pair); l != nil {
		return l.Protected()
	}
	return 0
}

// Appraised is Session.Appraised over all pairs, in units of the market of the bot's own.
func (b *Basket) Appraised() exchange.Units { return b.own().Appraised() }

// NewestPrice is Session.NewestPrice of a pair; 0 for one that the basket does not trade.
func (b *Basket) NewestPrice(pair string) exchange.Ticks {
	if l := b.find(pair); l != nil {
		return l.NewestPrice()
	}
	return 0
}
