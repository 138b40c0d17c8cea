package backtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Beside and PairCandle are what comes beside candles, as the engine takes it.
type (
	Beside     = engine.Beside
	PairCandle = engine.PairCandle
)

// Companion is a source that brings more than the candles of its market.
type Companion interface {
	marketdata.Source
	// Carries says what it brings: trades, and the candles of which other pairs.
	Carries() strategy.Subscription
	// Beside returns what came since the last call and closed by a time in epoch
	// milliseconds, oldest first. It is called after each block, with the close of
	// its last candle. What it returns is valid until the next call.
	Beside(ctx context.Context, until int64) (Beside, error)
}

// TradeSource delivers a market's trades in blocks, oldest first, and io.EOF
// after the last. A block is valid until the next call.
type TradeSource interface {
	Next(ctx context.Context) ([]exchange.Trade, error)
}

// TradeSlice is a TradeSource over trades in memory. It is for one goroutine.
type TradeSlice struct{ rest []exchange.Trade }

var _ TradeSource = (*TradeSlice)(nil)

// NewTradeSlice returns a source of trades, which it reads and never changes.
func NewTradeSlice(trades []exchange.Trade) *TradeSlice { return &TradeSlice{rest: trades} }

// Next implements TradeSource.
func (s *TradeSlice) Next(context.Context) ([]exchange.Trade, error) {
	if len(s.rest) == 0 {
		return nil, io.EOF
	}
	block := s.rest
	s.rest = nil
	return block, nil
}

// Feed is a Companion put together of sources. It is for one goroutine.
type Feed struct {
	// Source has the market's candles; required.
	marketdata.Source
	// Pairs are other pairs, with candles of the market's length.
	Pairs []PairSource
	// Trades are the market's; nil for none.
	Trades TradeSource

	trades  cursor[exchange.Trade]
	candles []cursor[exchange.Candle]
	beside  Beside
}

// PairSource has the candles of another pair.
type PairSource struct {
	Pair   string
	Source marketdata.Source
}

var _ Companion = (*Feed)(nil)

// Len returns how many candles are left, 0 if the source does not know.
func (f *Feed) Len() int {
	if sized, ok := f.Source.(marketdata.Sized); ok {
		return sized.Len()
	}
	return 0
}

// Carries implements Companion.
func (f *Feed) Carries() strategy.Subscription {
	s := strategy.Subscription{Trades: f.Trades != nil}
	for _, p := range f.Pairs {
		s.Pairs = append(s.Pairs, p.Pair)
	}
	return s
}

// Beside implements Companion.
func (f *Feed) Beside(ctx context.Context, until int64) (Beside, error) {
	f.beside.Trades, f.beside.Pairs = f.beside.Trades[:0], f.beside.Pairs[:0]
	if f.Trades != nil {
		err := f.trades.take(ctx, f.Trades.Next, func(t *exchange.Trade) bool {
			if t.Time >= until {
				return false
			}
			f.beside.Trades = append(f.beside.Trades, *t)
			return true
		})
		if err != nil {
			return Beside{}, fmt.Errorf("reading trades: %w", err)
		}
	}
	if f.candles == nil {
		f.candles = make([]cursor[exchange.Candle], len(f.Pairs))
	}
	for i, p := range f.Pairs {
		err := f.candles[i].take(ctx, p.Source.Next, func(c *exchange.Candle) bool {
			if c.Time >= until {
				return false
			}
			f.beside.Pairs = append(f.beside.Pairs, PairCandle{Pair: p.Pair, Candle: *c})
			return true
		})
		if err != nil {
			return Beside{}, fmt.Errorf("reading candles of %s: %w", p.Pair, err)
		}
	}
	slices.SortStableFunc(f.beside.Pairs, func(a, b PairCandle) int { return cmp.Compare(a.Candle.Time, b.Candle.Time) })
	return f.beside, nil
}

// cursor is a place within blocks.
type cursor[T any] struct {
	rest  []T
	ended bool
}

// take goes on as long as keep takes what comes next.
func (c *cursor[T]) take(ctx context.Context, next func(context.Context) ([]T, error), keep func(*T) bool) error {
	for !c.ended {
		for len(c.rest) > 0 {
			if !keep(&c.rest[0]) {
				return nil
			}
			c.rest = c.rest[1:]
		}
		block, err := next(ctx)
		if errors.Is(err, io.EOF) {
			c.ended = true
		} else if err != nil {
			return err
		}
		c.rest = block
	}
	return nil
}

// company deals out what came beside a block to its candles.
type company struct {
	source Companion
	span   int64
	block  Beside
	trade  int64 // the newest trade's time
}

// companyOf returns what deals out what a strategy subscribes to; nil if it is
// nothing or the book alone. Lacks is what it subscribes to and the run has not.
func companyOf(def strategy.Definition, cfg Config, src marketdata.Source, sees strategy.Subscription) (c *company, lacks strategy.Subscription, err error) {
	companion, ok := src.(Companion)
	var carries strategy.Subscription
	if ok {
		carries = companion.Carries()
	}
	for _, pair := range sees.Pairs {
		if !slices.Contains(carries.Pairs, pair) {
			return nil, lacks, fmt.Errorf("backtest: %s looks at the candles of %s, and the run has none: give them, or choose another pair", def.Info().Name, pair)
		}
	}
	for _, p := range cfg.Pairs {
		if !slices.Contains(carries.Pairs, p.Market.Pair) {
			return nil, lacks, &LackError{Pair: p.Market.Pair}
		}
	}
	lacks = strategy.Subscription{Book: sees.Book && cfg.Spread == 0, Trades: sees.Trades && !carries.Trades}
	if carries.Any() && (sees.Trades || len(sees.Pairs) > 0 || len(cfg.Pairs) > 0) {
		c = &company{source: companion, span: cfg.Interval.Milliseconds()}
	}
	return c, lacks, nil
}

// begin takes what came beside a block.
func (c *company) begin(ctx context.Context, block []exchange.Candle) (err error) {
	if c == nil || len(block) == 0 {
		return nil
	}
	c.block, err = c.source.Beside(ctx, block[len(block)-1].Time+c.span)
	for i := range c.block.Trades {
		t := &c.block.Trades[i]
		if err == nil && t.Time < c.trade {
			err = fmt.Errorf("backtest: the trade at %d comes after the one at %d", t.Time, c.trade)
		}
		c.trade = t.Time
	}
	return err
}

// next returns what came beside the block's next candle. Trades of a time of
// which there is no candle are left out.
func (c *company) next(k *exchange.Candle) (b Beside) {
	trades, pairs := c.block.Trades, c.block.Pairs
	for len(trades) > 0 && trades[0].Time < k.Time {
		trades = trades[1:]
	}
	n := 0
	for n < len(trades) && trades[n].Time < k.Time+c.span {
		n++
	}
	b.Trades, c.block.Trades = trades[:n:n], trades[n:]
	for n = 0; n < len(pairs) && pairs[n].Candle.Time <= k.Time; n++ {
	}
	b.Pairs, c.block.Pairs = pairs[:n:n], pairs[n:]
	return b
}
