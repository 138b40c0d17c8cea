package engine

import (
	"github.com/lunobot/lunobot/exchange"
)

// marked is mark, and what is to be done at the close.
func (s *Session) marked() {
	before := s.state.Equity
	s.mark()
	if s.watches && !s.view.Warming && !s.judged() {
		s.watch(before)
	}
}

// mark values the account at the candle's close.
func (s *Session) mark() {
	s.priced()
	s.value()
}

// priced takes the close of the present candle, and what is believed of it.
func (s *Session) priced() {
	st := &s.state
	if st.LastPrice, st.Believed = s.present.Candle.Close, 0; s.believed == nil {
		return
	}
	if c := s.faced().Close; c != st.LastPrice {
		st.Believed = c
	}
}

// worthAt is the price at which the account is valued: the newest close as far as it is
// believed, for a breaker must not sell for a bad print either.
func (s *Session) worthAt() exchange.Ticks {
	if s.state.Believed > 0 {
		return s.state.Believed
	}
	return s.state.LastPrice
}

// value values the account at the newest close.
func (s *Session) value() {
	st := &s.state
	equity, err := st.Portfolio.Equity(s.worthAt())
	if err != nil {
		equity = st.Equity // beyond what fits; New's bounds and the venue's checks keep this away
	}
	s.appraise(equity)
}

// appraise takes what the account is worth.
func (s *Session) appraise(equity exchange.Units) {
	s.state.Equity = equity
	if equity > s.state.Peak || equity < s.trough {
		s.extreme(equity)
	}
}

// extreme takes a new peak, or what may be a new largest drawdown.
func (s *Session) extreme(equity exchange.Units) {
	st := &s.state
	if equity > st.Peak {
		st.Peak = equity
	} else if down := float64(st.Peak - equity); down > st.MaxDrawdown*float64(st.Peak) {
		st.MaxDrawdown = down / float64(st.Peak)
	}
	s.measure()
}

// measure finds the trough of the present peak, rounded up to a whole unit.
func (s *Session) measure() {
	s.trough = s.state.Peak - exchange.Units(s.state.MaxDrawdown*float64(s.state.Peak))
}
