package backtest

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// past shows a strategy the candles of before its run.
type past struct {
	// begin is when the run begins and from when the first candle opens that the
	// strategy is shown.
	begin, from int64
	// count is how many there were, those that it was not shown included.
	count int64
}

// within returns how many of a block's candles are of the past.
func (p *past) within(block []exchange.Candle) int {
	n := 0
	for n < len(block) && block[n].Time < p.begin {
		n++
	}
	return n
}

// show shows the strategy candles of the past, with those of other pairs, and
// drops what it answers.
func (p *past) show(s *engine.Session, i *strategy.Instance, with *company, block []exchange.Candle, equity []int64) (err error) {
	defer recoverAt(s, &err)
	p.count += int64(len(block))
	for n := range block {
		c := &block[n]
		equity[n] = int64(s.Equity())
		if c.Time < p.from {
			continue
		}
		if err := s.Past(c); err != nil {
			return err
		}
		if with != nil {
			pairs := with.next(c).Pairs
			for len(pairs) > 0 && pairs[0].Candle.Time < p.from {
				pairs = pairs[1:]
			}
			s.With(Beside{Pairs: pairs})
		}
		for ev := s.Next(); ev != nil; ev = s.Next() {
			i.Deliver(s.View(), ev)
		}
	}
	return nil
}
