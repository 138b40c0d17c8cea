package backtest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// Library has what strategies look at beside the candles of their market. Several
// runs may use it at once.
type Library interface {
	// Candles returns the candles of another pair, of the length of the run's, which
	// nobody changes; none is no error.
	Candles(ctx context.Context, pair string) ([]exchange.Candle, error)
	// Trades opens the market's trades of [from, to), or returns nil if it has none.
	// A source that is an io.Closer is closed when the run is over.
	Trades(ctx context.Context, from, to time.Time) (TradeSource, error)
}

// Bring returns a source of candles, which go through a function unless that is nil,
// with what a strategy of the needs looks at, as far as the library has it; a nil
// library has nothing. End is called when the run is over.
func Bring(
	ctx context.Context, lib Library, cfg Config, needs Needs, candles []exchange.Candle, through func(marketdata.Source) marketdata.Source,
) (src marketdata.Source, end func(), err error) {
	f := &Feed{Source: marketdata.NewSliceSource(candles)}
	if through != nil {
		f.Source = through(f.Source)
	}
	end = func() {}
	if lib == nil || len(candles) == 0 {
		return f.Source, end, nil
	}
	first, last := candles[0].Time, candles[len(candles)-1].Time
	for _, pair := range needs.Pairs {
		list, err := lib.Candles(ctx, pair)
		if err != nil {
			return nil, nil, fmt.Errorf("reading candles of %s: %w", pair, err)
		}
		at := func(ms int64) int {
			i, _ := slices.BinarySearchFunc(list, ms, func(c exchange.Candle, ms int64) int { return int(min(max(c.Time-ms, -1), 1)) })
			return i
		}
		if list = list[at(first):at(last+1)]; len(list) > 0 {
			f.Pairs = append(f.Pairs, PairSource{Pair: pair, Source: marketdata.NewSliceSource(list)})
		}
	}
	if needs.Trades {
		from, to := time.UnixMilli(max(first, cfg.Begin)).UTC(), time.UnixMilli(last).UTC().Add(cfg.Interval)
		if f.Trades, err = lib.Trades(ctx, from, to); err != nil {
			return nil, nil, fmt.Errorf("reading trades: %w", err)
		}
		if c, ok := f.Trades.(io.Closer); ok {
			end = func() { _ = c.Close() } // it was only read
		}
	}
	if !f.Carries().Any() {
		return f.Source, end, nil
	}
	return f, end, nil
}
