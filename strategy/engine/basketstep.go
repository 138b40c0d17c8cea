package engine

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// stage is how far a basket's step has come.
type stage uint8

const (
	ended    stage = iota
	settling       // what happened within the candles is being told
	signalling
	others // the further pairs' candles are being told
	owning // what belongs to the bot's own candle, and the candle itself
)

// Begin takes the closed candles of one time, at most one of each pair. Each
// pair's must come in order and each once; a fault is an error and changes nothing.
// Call Next until it returns nil before the next Begin. The candles are copied.
func (b *Basket) Begin(candles []PairCandle) error {
	if b.failed != nil {
		return b.failed
	}
	if err := b.plan(candles); err != nil {
		return err
	}
	if err := b.open(candles); err != nil {
		return err
	}
	b.own().view.Warming = false
	for _, c := range candles {
		b.now = max(b.now, c.Candle.Time+b.own().span)
	}
	for _, n := range b.turn {
		l := b.legs[n]
		b.enter(l)
		err := l.Begin(l.among(candles))
		l.present.Time = b.now
		if b.leave(l); err != nil {
			return err
		}
	}
	b.at, b.stage = 0, settling
	return b.failed
}

// plan checks the candles of a step and says in which order their pairs come.
func (b *Basket) plan(candles []PairCandle) error {
	if len(candles) == 0 {
		return errors.New("engine: a step needs a candle")
	}
	b.turn = b.turn[:0]
	for i := range candles {
		c := &candles[i]
		n := b.index(c.Pair)
		switch {
		case n < 0:
			return fmt.Errorf("engine: %q is none of the pairs", c.Pair)
		case slices.Contains(b.turn, n):
			return fmt.Errorf("engine: a step has two candles of %s", c.Pair)
		case c.Candle.Time != candles[0].Candle.Time:
			return fmt.Errorf("engine: the candles of %s and %s are of different times", candles[0].Pair, c.Pair)
		case c.Candle.Time <= b.legs[n].state.LastTime:
			return fmt.Errorf("engine: the candle of %s of %s comes after the one of %s", c.Pair,
				c.Candle.OpenTime().Format(time.RFC3339), time.UnixMilli(b.legs[n].state.LastTime).UTC().Format(time.RFC3339))
		}
		b.turn = append(b.turn, n)
	}
	place := func(n int) int {
		if n == 0 {
			return len(b.legs) // the bot's own pair comes last
		}
		return n
	}
	slices.SortFunc(b.turn, func(x, y int) int { return cmp.Compare(place(x), place(y)) })
	return nil
}

// With is Session.With for the step that was begun with, if it has a candle of the
// bot's own pair.
func (b *Basket) With(beside Beside) { b.own().With(beside) }

// Signal is Session.Signal.
func (b *Basket) Signal(signal strategy.Signal) error { return b.own().Signal(signal) }

// Next returns the next event that the strategy shall hear of the step, or nil when
// it has heard all. The event is valid until the next call. The strategy's answer
// goes to Commands before Next is called again.
func (b *Basket) Next() *strategy.Event {
	for {
		switch b.stage {
		case settling:
			if b.at == len(b.turn) {
				b.settled()
				continue
			}
			l := b.legs[b.turn[b.at]]
			b.enter(l)
			ev := l.settle()
			b.leave(l)
			if ev != nil {
				return ev
			}
			b.at++
		case signalling:
			if b.owns() {
				if ev := b.own().signal(); ev != nil {
					return ev
				}
				b.own().phase = closing
			}
			b.at, b.stage = 0, others
		case others:
			if b.at == len(b.turn) || b.turn[b.at] == 0 {
				b.begun()
				continue
			}
			b.at++
			if ev := b.legs[b.turn[b.at-1]].closeLeg(); ev != nil {
				return ev
			}
		case owning:
			if b.own().looks {
				if ev := b.own().nextBeside(); ev != nil {
					return ev
				}
			}
			b.stage, b.own().phase = ended, idle
			if ev := b.own().close(); ev != nil {
				return ev
			}
		case ended:
			return nil
		}
	}
}

// owns reports whether the step has a candle of the bot's own pair, which is the
// last one then.
func (b *Basket) owns() bool { return b.turn[len(b.turn)-1] == 0 }

// settled ends the telling of what happened within the candles: the account is
// valued at what is believed of their closes.
func (b *Basket) settled() {
	for _, n := range b.turn {
		l := b.legs[n]
		l.priced()
	}
	b.stage = signalling
	later := b.later
	b.later = b.later[:0]
	for i := range later {
		b.do(&later[i])
	}
	if b.owns() {
		b.own().phase = signals
	}
	if !b.owns() && !b.watches {
		return
	}
	worth, err := b.worth((*Session).worthAt)
	if err != nil {
		return
	}
	before := b.own().state.Equity
	if b.owns() {
		b.own().appraise(worth)
	}
	if b.watches && b.own().state.Protected.Time+b.own().span < b.now {
		b.watch(before, worth)
	}
}

// begun begins the telling of the bot's own candle, if the step has one.
func (b *Basket) begun() {
	if b.stage = ended; !b.owns() {
		return
	}
	b.stage, b.own().phase = owning, closing
	if b.own().looks && !b.own().view.Warming {
		b.own().look()
	}
}

// worth is what the account is worth at a price of each pair, in units of the bot's own
// market, rounded down. The error is an overflow.
func (b *Basket) worth(price func(*Session) exchange.Ticks) (exchange.Units, error) {
	total := b.pool
	for _, l := range b.legs {
		equity, err := l.state.Portfolio.Equity(price(l.Session))
		if err != nil {
			return 0, err
		}
		part, err := exchange.MulDiv(int64(equity), l.per, 1)
		if err != nil || part > math.MaxInt64-total {
			return 0, exchange.ErrOverflow
		}
		total += part
	}
	return exchange.Units(total / b.own().per), nil
}

// closeLeg returns the event of a further pair's candle that the strategy hears at
// this close, or nil if there is none.
func (s *Session) closeLeg() *strategy.Event {
	s.phase = idle
	told := s.present.Candle
	if s.frames > 1 {
		if !s.fold(&told) {
			return nil
		}
		told = s.other.Candle
	}
	if !s.wants[strategy.PairEvent] {
		return nil
	}
	s.other = strategy.Event{Kind: strategy.PairEvent, Time: s.now(), Pair: s.leg, Candle: told}
	return &s.other
}

// Commands carries out what the strategy asked for in answer to the newest event,
// as Session.Commands does, each in the pair that it names.
func (b *Basket) Commands(cs []strategy.Command) error {
	cs = b.own().within(cs)
	for i := range cs {
		c := &cs[i]
		if b.stage == settling && c.Kind == strategy.ExitsCommand && b.find(c.Pair) != b.legs[b.turn[b.at]] {
			b.later = append(b.later, *c)
			continue
		}
		b.do(c)
		if b.failed != nil {
			return b.failed
		}
	}
	return nil
}

// do carries out one command.
func (b *Basket) do(c *strategy.Command) {
	l := b.find(c.Pair)
	if l == nil {
		b.own().decide(Denied, fmt.Sprintf("denied a command %s in %.20q: the bot does not trade it", c.Kind, c.Pair))
		return
	}
	b.enter(l)
	err := l.command(c)
	b.leave(l)
	b.failed = errors.Join(b.failed, err)
}

// Sell is Session.Sell in one of the pairs, "" for the bot's own.
func (b *Basket) Sell(pair string, volume exchange.Steps, reason string) error {
	l := b.find(pair)
	if l == nil {
		return fmt.Errorf("engine: selling %.20q: the bot does not trade it", pair)
	}
	b.enter(l)
	err := l.sell(volume, reason)
	b.leave(l)
	b.failed = errors.Join(b.failed, err)
	return b.failed
}

// TakeBack is Session.TakeBack for all pairs.
func (b *Basket) TakeBack(reason string) {
	for _, l := range b.legs {
		b.enter(l)
		l.TakeBack(reason)
		b.leave(l)
	}
}

// CancelAll takes back every open order, for a bot that stops.
func (b *Basket) CancelAll(reason string) error {
	for _, l := range b.legs {
		b.enter(l)
		err := l.CancelAll(reason)
		b.leave(l)
		if err != nil {
			return err
		}
	}
	return b.failed
}
