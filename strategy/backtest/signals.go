package backtest

import (
	"fmt"
	"unicode/utf8"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// What the signals of a run may be at most: how many, and how many bytes
// altogether.
const (
	maxSignals     = 100_000
	maxSignalBytes = 32 << 20
)

// checkSignals reports the first of a run's signals that cannot be told.
func checkSignals(list []strategy.Signal) error {
	if len(list) > maxSignals {
		return fmt.Errorf("backtest: %d signals are too many: at most %d are allowed", len(list), maxSignals)
	}
	ids := make(map[string]bool, len(list))
	size := 0
	for i, s := range list {
		size += len(s.ID) + len(s.Text)
		switch {
		case s.Time <= 0:
			return fmt.Errorf("backtest: signal %d (%q) has no time", i+1, s.ID)
		case i > 0 && s.Time < list[i-1].Time:
			return fmt.Errorf("backtest: signal %d (%q) is earlier than the one before it", i+1, s.ID)
		case s.ID == "" || ids[s.ID]:
			return fmt.Errorf("backtest: signal %d needs an id of its own in place of %q", i+1, s.ID)
		case len(s.Text) > strategy.MaxSignal:
			return fmt.Errorf("backtest: signal %d (%q) has %d bytes, and %d are allowed", i+1, s.ID, len(s.Text), strategy.MaxSignal)
		case !utf8.ValidString(s.ID) || !utf8.ValidString(s.Text):
			return fmt.Errorf("backtest: signal %d (%q) is not UTF-8", i+1, s.ID)
		}
		ids[s.ID] = true
	}
	if size > maxSignalBytes {
		return fmt.Errorf("backtest: the signals have %d bytes, and %d are allowed", size, maxSignalBytes)
	}
	return nil
}

// mail holds the signals of a run until their time has come.
type mail struct {
	waiting []strategy.Signal
	// span is the length of the candles in milliseconds.
	span int64
	// begun is true once the first candle was seen, told counts what was handed
	// over.
	begun bool
	told  int64
}

// listener is who signals are handed to: a session or a basket.
type listener interface {
	Signal(signal strategy.Signal) error
}

var (
	_ listener = (*engine.Session)(nil)
	_ listener = (*engine.Basket)(nil)
)

// deliver hands over what came by a candle's close.
func (m *mail) deliver(s listener, c *exchange.Candle) error {
	if !m.begun {
		m.begun = true
		for len(m.waiting) > 0 && m.waiting[0].Time <= c.Time {
			m.waiting = m.waiting[1:]
		}
	}
	for len(m.waiting) > 0 && m.waiting[0].Time <= c.Time+m.span {
		if err := s.Signal(m.waiting[0]); err != nil {
			return fmt.Errorf("signal %q: %w", m.waiting[0].ID, err)
		}
		m.waiting = m.waiting[1:]
		m.told++
	}
	return nil
}
