package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// library has what the sets of a search look at beside the candles of their market:
// what the flags name, else what the demo market or the store has.
type library struct {
	company *company
	history historyFlags
	market  *demo.Replay // nil unless the candles are the demo market's
	run     backtest.Config
	// from and to bound the candles of the search.
	from, to time.Time

	mu    sync.Mutex
	pairs map[string][]exchange.Candle
}

var _ backtest.Library = (*library)(nil)

// library returns what the flags name for runs over the candles.
func (f companyFlags) library(ctx context.Context, run backtest.Config, h historyFlags, candles []exchange.Candle) (*library, error) {
	l := &library{
		company: &company{pairs: map[string]history{}}, history: h, run: run, from: candles[0].OpenTime(),
		to: candles[len(candles)-1].OpenTime().Add(run.Interval), pairs: map[string][]exchange.Candle{},
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
func (l *library) Candles(ctx context.Context, pair string) ([]exchange.Candle, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if list, ok := l.pairs[pair]; ok {
		return list, nil
	}
	var list []exchange.Candle
	var err error
	given, ok := l.company.pairs[pair]
	switch {
	case ok:
		series, failed := given.whole(ctx)
		list, err = series.Candles, failed
	case l.market != nil && l.market.Cycle(pair) > 0:
		series, failed := l.market.Series(pair, l.from, l.to)
		list, err = series.Candles, failed
	case l.history.Data == storeData:
		h := l.history
		h.Pair = pair
		past, failed := h.loadStore(ctx, l.from, l.to)
		switch {
		case errors.As(failed, new(inputError)): // it is not in the store
		case failed != nil:
			err = failed
		case past.interval == l.run.Interval:
			series, failed := past.whole(ctx)
			list, err = series.Candles, failed
		}
	}
	if err == nil {
		l.pairs[pair] = list
	}
	return list, err
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
