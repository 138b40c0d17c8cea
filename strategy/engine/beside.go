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
}

// Quoter is a venue that knows the top of its book where the market's own is not
// known.
type Quoter interface {
	// Top returns the top at a price and a time; zero if there is none.
	Top(price exchange.Ticks, now int64) exchange.Top
}

// With adds what came beside the candle that was begun with, before the first
// Next. What the strategy has not subscribed to is left out.
func (s *Session) With(b Beside) {
	s.beside = Beside{}
	if s.cfg.Subscription.Trades && s.wants[strategy.TradesEvent] {
		s.beside.Trades = b.Trades
	}
	if s.cfg.Subscription.Book {
		s.beside.Top = b.Top
	}
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
