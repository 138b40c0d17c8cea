package parity

import (
	"context"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Subscriber is a Strategy that looks at more than candles; *strategy.Instance
// is one.
type Subscriber interface {
	Subscription() strategy.Subscription
}

// subscription is what a strategy looks at beyond candles.
func subscription(s Strategy) strategy.Subscription {
	if subscriber, ok := s.(Subscriber); ok {
		return subscriber.Subscription()
	}
	return strategy.Subscription{}
}

// Beside returns what tells, candle by candle in their order, what a strategy is
// told beside the one that opens at a time, but for the book, which is on its tape.
type Beside func(sees strategy.Subscription) func(ctx context.Context, at int64) (engine.Beside, error)

// chunk is how many candles' company is read at a time.
const chunk = 1000

// FromHistory returns what a market's history has beside the candles after a
// baseline: trades, if it keeps them, and the candles of other pairs.
func FromHistory(h exchange.MarketData, b Baseline) Beside {
	return func(sees strategy.Subscription) func(ctx context.Context, at int64) (engine.Beside, error) {
		p := &bringer{history: h, base: b, sees: sees}
		return p.at
	}
}

// bringer reads what came beside candles, chunk by chunk.
type bringer struct {
	history exchange.MarketData
	base    Baseline
	sees    strategy.Subscription
	end     int64 // of what is read, itself left out
	trades  []exchange.Trade
	pairs   map[string][]exchange.Candle
	// last is the newest candle that was read of each pair.
	last map[string]exchange.Candle
}

func (p *bringer) at(ctx context.Context, at int64) (b engine.Beside, err error) {
	span := p.base.Interval.Milliseconds()
	if at >= p.end {
		if err := p.read(ctx, at, at+chunk*span); err != nil {
			return engine.Beside{}, err
		}
	}
	for len(p.trades) > 0 && p.trades[0].Time < at {
		p.trades = p.trades[1:]
	}
	n := 0
	for n < len(p.trades) && p.trades[n].Time < at+span {
		n++
	}
	b.Trades, p.trades = p.trades[:n:n], p.trades[n:]
	for _, pair := range p.sees.Pairs {
		list := p.pairs[pair]
		for len(list) > 0 && list[0].Time <= at {
			b.Pairs = append(b.Pairs, engine.PairCandle{Pair: pair, Candle: list[0]})
			list = list[1:]
		}
		p.pairs[pair] = list
	}
	return b, nil
}

func (p *bringer) read(ctx context.Context, from, end int64) (err error) {
	first := p.end == 0
	p.end, p.trades = end, nil
	if keeper, ok := p.history.(exchange.TradeHistory); ok && p.sees.Trades {
		if p.trades, err = keeper.TradesBetween(ctx, p.base.Market.Pair, time.UnixMilli(from).UTC(), time.UnixMilli(end).UTC()); err != nil {
			return &OutageError{fmt.Errorf("reading trades: %w", err)}
		}
	}
	if first {
		p.pairs, p.last = map[string][]exchange.Candle{}, map[string]exchange.Candle{}
	}
	span := p.base.Interval.Milliseconds()
	for _, pair := range p.sees.Pairs {
		since := from
		for _, state := range p.base.Engine.Pairs {
			if first && state.Pair == pair && state.LastTime > 0 {
				since = min(since, state.LastTime) // with the one before, for its price
			}
		}
		for since < end {
			page, err := p.history.Candles(ctx, pair, p.base.Interval, time.UnixMilli(since).UTC(), int(min(chunk, (end-since)/span)))
			if err != nil {
				return &OutageError{fmt.Errorf("reading candles of %s: %w", pair, err)}
			}
			if len(page) == 0 {
				break
			}
			for _, c := range page {
				p.quiet(pair, min(c.Time, end))
				if c.Time < end {
					p.keep(pair, c)
				}
			}
			since = page[len(page)-1].Time + span
		}
	}
	return nil
}

// keep adds a candle of a pair.
func (p *bringer) keep(pair string, c exchange.Candle) {
	p.pairs[pair], p.last[pair] = append(p.pairs[pair], c), c
}

// quiet adds a flat candle for each minute after the newest one of a pair and
// before a time: nothing was traded in them (rule M4).
func (p *bringer) quiet(pair string, until int64) {
	last, ok := p.last[pair]
	if !ok {
		return // no price is known
	}
	span := p.base.Interval.Milliseconds()
	for t := last.Time + span; t < until; t += span {
		p.keep(pair, exchange.Flat(t, last.Close))
	}
}

// hear puts what a strategy is told beside candles under the sum of it.
func (s *Sums) hear(ev *strategy.Event) {
	put := func(values ...int64) {
		for _, v := range values {
			s.Heard = add(s.Heard, uint64(v))
		}
	}
	switch ev.Kind {
	case strategy.TradesEvent:
		for i := range ev.Trades {
			t := &ev.Trades[i]
			put(t.Time, t.Sequence, int64(t.Price), int64(t.Volume), int64(t.Taker))
		}
	case strategy.BookEvent:
		put(int64(ev.Top.Bid.Price), int64(ev.Top.Bid.Volume), int64(ev.Top.Ask.Price), int64(ev.Top.Ask.Volume))
	case strategy.PairEvent:
		s.Heard = addText(s.Heard, ev.Pair)
		s.Heard = seen(s.Heard, &ev.Candle)
	default:
		return
	}
	put(ev.Time)
}
