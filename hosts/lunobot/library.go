package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// library has what the sets of a search trade and look at beside the candles of their
// market: what the flags name, else what the demo market or the store has.
type library struct {
	company *company
	// past is what the search goes over.
	past    history
	history historyFlags
	market  *demo.Replay // nil unless the candles are the demo market's
	run     backtest.Config
	// from and to bound the candles of the search.
	from, to time.Time

	mu    sync.Mutex
	pairs map[string]*marketdata.Packed
}

var _ backtest.Library = (*library)(nil)

// library returns what the flags name for runs over a history, of which the first
// candle opens at a time, and further pairs.
func (f companyFlags) library(ctx context.Context, run backtest.Config, h historyFlags, past history, from time.Time, traded []further) (*library, error) {
	l := &library{
		company: &company{traded: traded, pairs: map[string]history{}}, past: past, history: h, run: run, from: from, to: past.to,
		pairs: map[string]*marketdata.Packed{},
	}
	if err := f.files(ctx, l.company, run, h); err != nil {
		return nil, err
	}
	if h.Data == demoData {
		market, err := demo.New(demo.Config{})
		if err != nil {
			return nil, err
		}
		l.market = market
	}
	return l, nil
}

// Candles implements backtest.Library.
func (l *library) Candles(ctx context.Context, pair string) (*marketdata.Packed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if list, ok := l.pairs[pair]; ok {
		return list, nil
	}
	var list *marketdata.Packed
	var err error
	given, ok := l.company.pairs[pair]
	traded := slices.IndexFunc(l.company.traded, func(f further) bool { return f.market.Pair == pair })
	switch {
	case traded >= 0:
		list, err = l.traded(ctx, l.company.traded[traded])
	case ok:
		list, err = given.whole(ctx)
	case l.market != nil && l.market.Cycle(pair) > 0:
		series, failed := l.market.Series(pair, l.from, l.to)
		list, err = series.Packed(), failed
	case l.history.Data == storeData:
		h := l.history
		h.Pair = pair
		past, failed := h.loadStore(ctx, l.from, l.to)
		switch {
		case errors.As(failed, new(inputError)): // it is not in the store
		case failed != nil:
			err = failed
		case past.interval == l.run.Interval:
			list, err = past.whole(ctx)
		}
	}
	if err == nil {
		l.pairs[pair] = list
	}
	return list, err
}

// traded returns the candles of a further pair, and those of before the search as far
// as it has those of its own pair.
func (l *library) traded(ctx context.Context, one further) (*marketdata.Packed, error) {
	if !l.from.Before(l.past.from) {
		return one.whole(ctx)
	}
	all, _, err := one.flags.warm(ctx, one.history, l.run)
	return all, err
}

// Trades implements backtest.Library.
func (l *library) Trades(_ context.Context, from, to time.Time) (backtest.TradeSource, error) {
	switch {
	case l.company.trades != nil:
		source, end, err := l.company.trades(from, to)
		if err != nil {
			return nil, err
		}
		return closing{source, end}, nil
	case l.market != nil:
		return l.market.Tape(l.run.Market.Pair, from, to)
	}
	return nil, nil //nolint:nilnil // there are no trades
}

// closing is a source that is closed.
type closing struct {
	backtest.TradeSource
	end func()
}

// Close implements io.Closer.
func (c closing) Close() error { //nolint:unparam // an io.Closer
	c.end()
	return nil
}
