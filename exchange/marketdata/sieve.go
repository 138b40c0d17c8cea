package marketdata

import (
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// plausible is how far a trade may be from the price of before to be believed at once.
	plausible = exchange.RateOne / 100
	// settles is after which time the market must say the same for one that is farther.
	settles = time.Second
)

// sieve tells trades that can be believed from those that cannot yet: an order that was
// entered by mistake, or that emptied a thin book for a moment, is no price at which
// somebody should sell. A trade is believed at once if it is at most one per cent from the
// price of a second before. One that is farther is believed if the market says so a second
// later or after: the side of the book that it did not take has followed it, or there is
// another trade out there. Of the two the nearer price counts. If the book, or a trade, says
// by then that the price is where it was, it was a bad print, and is forgotten.
//
// The zero value believes the first trade.
type sieve struct {
	// base is the price that is believed, as of a time in epoch milliseconds.
	base exchange.Ticks
	at   int64
	// newest is the price of the newest trade, believed or not; 0 before the first.
	newest exchange.Ticks
	// off is a trade that is not believed yet, and since when there is one; 0 if there is
	// none.
	off   exchange.Ticks
	since int64
}

// near reports whether a price is plausible after the base.
func (s *sieve) near(p exchange.Ticks) bool {
	return max(p-s.base, s.base-p) <= exchange.Ticks(plausible.Of(exchange.Units(s.base)))
}

// trade takes a trade and returns the price to believe because of it; false if there is none.
func (s *sieve) trade(t exchange.Tick) (exchange.Ticks, bool) {
	s.newest = t.Price
	switch {
	case s.base == 0:
		s.base, s.at = t.Price, t.Time
		return t.Price, true
	case s.near(t.Price):
		if s.off = 0; t.Time-s.at >= settles.Milliseconds() {
			s.base, s.at = t.Price, t.Time
		}
		return t.Price, true
	case s.off == 0 || (s.off < s.base) != (t.Price < s.base):
		s.off, s.since = t.Price, t.Time
		return 0, false
	case t.Time-s.since < settles.Milliseconds():
		s.off = t.Price
		return 0, false
	}
	p := s.nearer(s.off, t.Price)
	s.believe(p, t.Time)
	if !s.near(t.Price) {
		s.off, s.since = t.Price, t.Time
	}
	return p, true
}

// book takes the top of the book at a time, and returns the price to believe because of it;
// false if there is none.
func (s *sieve) book(top exchange.Top, now int64) (exchange.Ticks, bool) {
	if s.off == 0 || !top.Whole() || now-s.since < settles.Milliseconds() {
		return 0, false
	}
	followed := top.Ask.Price
	if s.off > s.base {
		followed = top.Bid.Price
	}
	if s.near(followed) || (followed < s.base) != (s.off < s.base) {
		if s.near(top.Bid.Price) && s.near(top.Ask.Price) {
			s.off = 0
		}
		return 0, false
	}
	p := s.nearer(s.off, followed)
	s.believe(p, now)
	return p, true
}

// quiet returns the price to believe at the end of a minute without a trade, whose candle has
// the price of the trade before; 0 if that is to be believed. A bad print that was forgotten
// is none because nobody trades after it: the book is asked once more, and if it still does
// not say the same, the price is what it was before.
func (s *sieve) quiet(k *exchange.Candle, top exchange.Top) exchange.Ticks {
	if k.Volume > 0 || k.Close != s.newest || s.near(k.Close) {
		return 0
	}
	if s.off == 0 {
		s.off, s.since = k.Close, k.Time
		s.book(top, k.Time+feedMillis)
		s.off = 0
	}
	if s.near(k.Close) {
		return 0
	}
	return s.base
}

// nearer is the one of two prices on the same side that is nearer to the base.
func (s *sieve) nearer(a, b exchange.Ticks) exchange.Ticks {
	if a < s.base {
		return max(a, b)
	}
	return min(a, b)
}

func (s *sieve) believe(p exchange.Ticks, at int64) { s.base, s.at, s.off = p, at, 0 }
