package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// MaxWarmup bounds how many candles of the past a strategy gets, whatever it
// asks for.
const MaxWarmup = 5_000

// Past is Begin for a candle from before the first one that is traded in: with
// Next it fills what the strategy hears of candles, those of other pairs too, and
// its commands are to be dropped. Trades and the book are not told.
func (s *Session) Past(c *exchange.Candle) error {
	if s.state.Sequence > 0 {
		return errors.New("engine: a candle of the past comes after the first Begin")
	}
	if c.Time <= s.state.LastTime {
		return s.misplaced(c)
	}
	s.view.Warming = true
	s.take(c)
	s.cfg.Venue.Candle(&s.present.Candle)
	s.phase = closing
	return nil
}

// Past is Session.Past for candles of one time, as Begin takes them: those of the
// further pairs are told, and then what came beside the bot's own and that itself.
func (b *Basket) Past(candles []PairCandle) error {
	if err := b.plan(candles); err != nil {
		return err
	}
	for _, n := range b.turn {
		if b.legs[n].state.Sequence > 0 {
			return errors.New("engine: a candle of the past comes after the first Begin")
		}
	}
	for _, n := range b.turn {
		l := b.legs[n]
		l.take(l.among(candles))
		l.cfg.Venue.Candle(&l.present.Candle)
		l.priced()
		b.now = max(b.now, l.present.Time)
	}
	b.own().view.Warming = true
	b.at, b.stage = 0, others
	return nil
}

// misplaced is the error of a candle that does not come after the newest.
func (s *Session) misplaced(c *exchange.Candle) error {
	return fmt.Errorf("engine: the candle of %s comes after the one of %s",
		c.OpenTime().Format(time.RFC3339), time.UnixMilli(s.state.LastTime).UTC().Format(time.RFC3339))
}
