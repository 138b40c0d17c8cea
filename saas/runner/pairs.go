package runner

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/engine"
)

// early gives the bots that trade several pairs the candles of the further ones that
// opened before a candle of their own and came after the one before it: each time is
// a step of its own, in which what was ordered since does not trade.
func (g *group) early(ctx context.Context, c exchange.Candle, candles []engine.PairCandle) error {
	for {
		at := int64(math.MaxInt64)
		for _, m := range g.active {
			if m.follows(c) {
				at = min(at, m.pending(candles, c.Time))
			}
		}
		if at == math.MaxInt64 {
			return nil
		}
		var begun []*member
		for _, m := range append([]*member(nil), g.active...) {
			step := m.traded(candles, at)
			if len(step) == 0 || !m.follows(c) {
				continue
			}
			m.odd = true
			g.sawAll(step)
			if m.taping != nil {
				m.taping.tape.LateCandles(step)
			}
			m.clock(step[0].Candle, g.r.cfg.MarketNow())
			g.believe(m, nil, step)
			if err := m.account.BeginLate(step); err != nil {
				g.fail(ctx, m, err)
				continue
			}
			begun = append(begun, m)
		}
		if err := g.deliver(ctx, begun); err != nil {
			return err
		}
	}
}

// pending is when the candle of a further pair opened that comes next for the bot and is
// before a time; math.MaxInt64 if there is none. The candles are in the order of time.
func (m *member) pending(candles []engine.PairCandle, before int64) int64 {
	at := int64(math.MaxInt64)
	for _, pair := range m.assignment.Config.Also {
		if next := m.account.PairTime(pair) + span; next < min(before, at) && candleOf(candles, pair, next) != nil {
			at = next
		}
	}
	return at
}

// traded returns those of the candles, which are in the order of time, that opened at a
// time and come next for the bot in the further pairs that it trades, in the order of its
// pairs. One after a hole waits until that is filled.
func (m *member) traded(candles []engine.PairCandle, at int64) []engine.PairCandle {
	var out []engine.PairCandle
	for _, pair := range m.assignment.Config.Also {
		if m.account.PairTime(pair)+span != at {
			continue
		}
		if p := candleOf(candles, pair, at); p != nil {
			out = append(out, *p)
		}
	}
	return out
}

// candleOf is the candle of a pair that opened at a time, nil if there is none.
func candleOf(candles []engine.PairCandle, pair string, at int64) *engine.PairCandle {
	i, _ := slices.BinarySearchFunc(candles, at, func(p engine.PairCandle, t int64) int { return cmp.Compare(p.Candle.Time, t) })
	for ; i < len(candles) && candles[i].Candle.Time == at; i++ {
		if candles[i].Pair == pair {
			return &candles[i]
		}
	}
	return nil
}

// follows reports whether a candle of the bot's own pair is the one after its newest.
func (m *member) follows(c exchange.Candle) bool { return c.Time == m.lastTime()+span }

// sawAll notes candles of further pairs that bots saw.
func (g *group) sawAll(candles []engine.PairCandle) {
	for i := range candles {
		g.saw(candles[i].Pair, candles[i].Candle)
	}
}
