package engine

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// Beside is what came with a candle beside it. The zero value is nothing.
type Beside struct {
	// Trades are the trades within the candle, oldest first. They are not copied
	// and must stay as they are until Next returns nil.
	Trades []exchange.Trade
	// Top is the best bid and ask at the candle's close; zero if none is known.
	Top exchange.Top
	// Pairs are candles of other pairs, of the length of the session's own, by
	// time. Those that the session has had, and those that close later than its
	// own candle, are passed over; the latter are to be given again. They are not
	// copied either.
	Pairs []PairCandle
}

// PairCandle is a closed candle of another pair.
type PairCandle struct {
	Pair   string
	Candle exchange.Candle
}

// PairState is how far a session has come with another pair.
type PairState struct {
	Pair string `json:"pair"`
	// LastTime is the open time of its newest candle.
	LastTime int64 `json:"last_time"`
	// Frame is the candle that the strategy hears next, as far as it has come.
	Frame strategy.Frame `json:"frame,omitzero"`
}

// Quoter is a venue that knows the top of its book where the market's own is not
// known.
type Quoter interface {
	// Top returns the top at a price and a time; zero if there is none.
	Top(price exchange.Ticks, now int64) exchange.Top
}

// With adds what came beside the candle of Begin or Past, before the first Next.
// What the strategy has not subscribed to is left out.
func (s *Session) With(b Beside) {
	s.beside = Beside{}
	if s.cfg.Subscription.Trades && s.wants[strategy.TradesEvent] && !s.view.Warming {
		s.beside.Trades = b.Trades
	}
	if s.cfg.Subscription.Book {
		s.beside.Top = b.Top
	}
	if len(s.cfg.Subscription.Pairs) > 0 {
		s.beside.Pairs = b.Pairs
	}
}

// WarmPair is Warm for a candle of another pair.
func (s *Session) WarmPair(pair string, c exchange.Candle) *strategy.Event {
	if s.pair(pair) == nil || !s.wants[strategy.PairEvent] {
		return nil
	}
	s.view.Warming = true
	s.other = strategy.Event{Kind: strategy.PairEvent, Time: c.Time + s.frames*s.span, Pair: pair, Candle: c}
	return &s.other
}

// ResumePair is Seek and Resume for another pair, whose newest candle opened at a
// time in epoch milliseconds.
func (s *Session) ResumePair(pair string, newest int64, candles []exchange.Candle) {
	p := s.pair(pair)
	if p == nil {
		return
	}
	p.LastTime, p.Frame = newest, strategy.Frame{Length: s.cfg.Decide}
	for i := range candles {
		if s.frames > 1 {
			p.Frame.Fold(&candles[i], s.cfg.Interval)
		}
	}
}

// PairTime returns when the newest candle that the session has had of another
// pair opened, in epoch milliseconds; 0 if it has had none.
func (s *Session) PairTime(pair string) int64 {
	if p := s.pair(pair); p != nil {
		return p.LastTime
	}
	return 0
}

func (s *Session) pair(name string) *PairState {
	for i := range s.state.Pairs {
		if s.state.Pairs[i].Pair == name {
			return &s.state.Pairs[i]
		}
	}
	return nil
}

// align makes the states of the other pairs those of the subscription.
func (s *Session) align(before []PairState) {
	s.state.Pairs = nil
	for _, pair := range s.cfg.Subscription.Pairs {
		state := PairState{Pair: pair}
		for _, b := range before {
			if b.Pair == pair {
				state = b
			}
		}
		state.Frame.Length = s.cfg.Decide
		s.state.Pairs = append(s.state.Pairs, state)
	}
}

// hearPair takes a candle of another pair; it reports whether the strategy is to
// hear one by it, which is in other then.
func (s *Session) hearPair(c *PairCandle) bool {
	p := s.pair(c.Pair)
	if p == nil || c.Candle.Time <= p.LastTime || c.Candle.Time > s.present.Candle.Time {
		return false
	}
	p.LastTime = c.Candle.Time
	told := c.Candle
	if s.frames > 1 {
		if !p.Frame.Fold(&c.Candle, s.cfg.Interval) {
			return false
		}
		told = p.Frame.Candle
	}
	if !s.wants[strategy.PairEvent] {
		return false
	}
	s.other = strategy.Event{Kind: strategy.PairEvent, Time: s.now(), Pair: c.Pair, Candle: told}
	return true
}

// look brings the top of the book up to the candle's close.
func (s *Session) look() {
	top := s.beside.Top
	if top.IsZero() && s.quoter != nil {
		top = s.quoter.Top(s.present.Candle.Close, s.now())
	}
	s.stirred = !top.Equal(s.state.Top) && s.wants[strategy.BookEvent]
	s.state.Top, s.view.Top = top, top
}

// nextBeside returns the next event of what came beside the candle, or nil when
// all is told.
func (s *Session) nextBeside() *strategy.Event {
	for len(s.beside.Pairs) > 0 {
		c := &s.beside.Pairs[0]
		s.beside.Pairs = s.beside.Pairs[1:]
		if s.hearPair(c) {
			return &s.other
		}
	}
	switch {
	case len(s.beside.Trades) > 0:
		s.other = strategy.Event{Kind: strategy.TradesEvent, Time: s.now(), Trades: s.beside.Trades}
		s.beside.Trades = nil
	case s.stirred:
		s.other = strategy.Event{Kind: strategy.BookEvent, Time: s.now(), Top: s.state.Top}
		s.stirred = false
	default:
		s.beside = Beside{}
		return nil
	}
	return &s.other
}
