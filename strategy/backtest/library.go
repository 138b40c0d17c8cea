package backtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// Library has what strategies trade or look at beside the candles of their market.
// Several runs may use it at once.
type Library interface {
	// Candles returns the candles of another pair, of the length of the run's; none is
	// no error.
	Candles(ctx context.Context, pair string) (*marketdata.Packed, error)
	// Trades opens the market's trades of [from, to), or returns nil if it has none.
	// A source that is an io.Closer is closed when the run is over.
	Trades(ctx context.Context, from, to time.Time) (TradeSource, error)
}

// Through makes another source of that of a pair, which is the run's own or a
// further one that it trades. Nil leaves all as they are.
type Through func(pair string, src marketdata.Source) marketdata.Source

// Of returns what the function makes of the source of a pair.
func (t Through) Of(pair string, src marketdata.Source) marketdata.Source {
	if t == nil {
		return src
	}
	return t(pair, src)
}

// Bring returns a source of candles, with those of the further pairs that the run
// trades and what a strategy of the needs looks at, as far as the library has it; a
// nil library has nothing. A traded pair of which it has nothing is a *LackError.
// End is called when the run is over.
func Bring(ctx context.Context, lib Library, cfg Config, needs Needs, candles *marketdata.Packed, through Through) (src marketdata.Source, end func(), err error) {
	f := &Feed{Source: through.Of(cfg.Market.Pair, candles.Source())}
	end = func() {}
	if lib == nil || candles.Len() == 0 {
		return f.Source, end, nil
	}
	first, last := candles.Time(0), candles.Time(candles.Len()-1)
	within := func(pair string) (part *marketdata.Packed, has bool, err error) {
		list, err := lib.Candles(ctx, pair)
		if err != nil {
			return nil, false, fmt.Errorf("reading candles of %s: %w", pair, err)
		}
		return list.Part(list.Index(first), list.Index(last+1)), list.Len() > 0, nil
	}
	for _, p := range cfg.Pairs {
		part, has, err := within(p.Market.Pair)
		if err == nil && !has {
			err = &LackError{Pair: p.Market.Pair}
		}
		if err != nil {
			return nil, nil, err
		}
		f.Pairs = append(f.Pairs, PairSource{Pair: p.Market.Pair, Source: through.Of(p.Market.Pair, part.Source())})
	}
	for _, pair := range needs.Pairs {
		part, _, err := within(pair)
		if err != nil {
			return nil, nil, err
		}
		if part.Len() > 0 {
			f.Pairs = append(f.Pairs, PairSource{Pair: pair, Source: part.Source()})
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

// Priced returns a configuration that says at which prices a run which goes over candles
// from first on values what it holds of further pairs (Pair.Price). A pair of which the
// library has nothing is a *LackError.
func Priced(ctx context.Context, lib Library, cfg Config, first exchange.Candle) (Config, error) {
	cfg.Pairs = slices.Clone(cfg.Pairs)
	for i, p := range cfg.Pairs {
		if p.Base == 0 || lib == nil { // without a library the run is refused anyway
			continue
		}
		list, err := lib.Candles(ctx, p.Market.Pair)
		if err != nil {
			return cfg, fmt.Errorf("reading candles of %s: %w", p.Market.Pair, err)
		}
		if list.Len() == 0 {
			return cfg, &LackError{Pair: p.Market.Pair}
		}
		at := list.Index(first.Time)
		near := list.Part(max(0, at-1), min(at+1, list.Len()))
		if cfg.Pairs[i].Price, err = PriceAt(ctx, near.Source(), first.Time); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

// PriceAt returns the price at a time, in epoch milliseconds, as far as candles tell it:
// the open of the one that begins then, else the close of the last before, and if that is
// not there either the open of the first after; 0 if there is none.
func PriceAt(ctx context.Context, src marketdata.Source, ms int64) (exchange.Ticks, error) {
	var before exchange.Ticks
	for {
		block, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return before, nil
		}
		if err != nil {
			return 0, err
		}
		for _, c := range block {
			switch {
			case c.Time < ms:
				before = c.Close
			case c.Time == ms || before == 0:
				return c.Open, nil
			default:
				return before, nil
			}
		}
	}
}

// LackError is that a run has no candles of a pair that it trades.
type LackError struct{ Pair string }

// Error implements error.
func (e *LackError) Error() string {
	return "backtest: " + e.Pair + " is traded, and the run has no candles of it"
}
