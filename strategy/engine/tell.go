package engine

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/lunobot/lunobot/strategy"
)

// Signal takes a message from outside, which the strategy hears with the next
// candle, after what that did to its orders and exits. The error says why it was
// not taken: the strategy does not want signals, it is too long or no UTF-8, or
// too many are waiting.
func (s *Session) Signal(signal strategy.Signal) error {
	switch {
	case !s.wants[strategy.SignalEvent]:
		return errors.New("the strategy takes no signals")
	case len(s.state.Signals) >= maxEchoes:
		return fmt.Errorf("%d signals wait already", maxEchoes)
	case len(signal.Text) > strategy.MaxSignal:
		return fmt.Errorf("it has %d bytes, and %d are allowed", len(signal.Text), strategy.MaxSignal)
	case !utf8.ValidString(signal.ID) || !utf8.ValidString(signal.Text):
		return errors.New("it is not UTF-8")
	}
	s.state.Signals = append(s.state.Signals, signal)
	return nil
}

// signal gives the event of the next signal, nil if there is none. Inlined, the
// event that it makes would take room in next at every candle.
//
//go:noinline
func (s *Session) signal() *strategy.Event {
	if s.signalled == len(s.state.Signals) {
		s.state.Signals, s.signalled = s.state.Signals[:0], 0
		return nil
	}
	s.other = strategy.Event{Kind: strategy.SignalEvent, Time: s.now(), Signal: s.state.Signals[s.signalled]}
	s.signalled++
	return &s.other
}

// hear begins to tell the strategy what is queued by now. What its answers add
// waits for the next candle, so that a strategy that answers every event with a
// bad order cannot keep its host busy for ever (rule RK4).
func (s *Session) hear() { s.phase, s.due = reports, len(s.state.Queue) }

// Next returns the next event that the strategy shall hear of the candle, or
// nil when it has heard all. The event is valid until the next call. The
// strategy's answer goes to Commands before Next is called again.
func (s *Session) Next() *strategy.Event {
	if s.phase == idle { // here, so that the compiler inlines the question
		return nil
	}
	return s.next()
}

func (s *Session) next() *strategy.Event {
	for {
		switch s.phase {
		case reports, exits:
			if ev := s.settle(); ev != nil {
				return ev
			}
		case signals:
			if s.signalled == 0 && len(s.state.Signals) > 0 {
				s.marked() // what they order is checked at the newest price
			}
			if ev := s.signal(); ev != nil {
				return ev
			}
			s.phase = closing
		case closing:
			s.phase = idle
			s.marked()
			if s.looks {
				if !s.view.Warming {
					s.look()
				}
				s.phase = besides
				continue
			}
			if ev := s.close(); ev != nil {
				return ev
			}
		case besides:
			if ev := s.nextBeside(); ev != nil {
				return ev
			}
			s.phase = idle
			if ev := s.close(); ev != nil {
				return ev
			}
		case idle:
			return nil
		}
	}
}

// settle returns the next event of what happened within the candle, or nil when
// all of it is told and the protective exits have acted.
func (s *Session) settle() *strategy.Event {
	for {
		switch s.phase {
		case reports:
			if s.told < s.due {
				s.told++
				return &s.state.Queue[s.told-1]
			}
			s.state.Queue = append(s.state.Queue[:0], s.state.Queue[s.told:]...)
			s.told, s.due = 0, 0
			s.phase = exits
		case exits:
			s.phase = signals
			if !s.left && !s.judged() && (s.view.Exits != (strategy.Exits{}) && s.exit() || s.repay()) {
				s.left = true
				s.hear()
			}
		default:
			return nil
		}
	}
}

// close returns the event of the candle that the strategy hears at this close, or
// nil if there is none.
func (s *Session) close() *strategy.Event {
	switch {
	case !s.wants[strategy.CandleEvent]:
	case s.frames == 1:
		return &s.present
	case s.fold(&s.present.Candle):
		return &s.other
	}
	return nil
}
