package search_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/strategytest/nosy"
)

// shelf is a library with one other pair and a trade in every third minute.
type shelf struct {
	candles []exchange.Candle
	// hole is when the candle opens that the other pair lacks, 0 for none.
	hole int64
	// from is the first of them that the other pair has.
	from   int
	silent bool
	// open counts the sources that are not closed.
	open atomic.Int64
}

func (s *shelf) Candles(_ context.Context, pair string) (*marketdata.Packed, error) {
	switch pair {
	case "OTHER":
		out := make([]exchange.Candle, len(s.candles))
		for i, c := range s.candles {
			c.Close += exchange.Ticks(i*i%97 - 48)
			out[i] = c
		}
		out = slices.DeleteFunc(out, func(c exchange.Candle) bool { return c.Time == s.hole })
		return marketdata.PackCandles(out[s.from:]), nil
	case "BROKEN":
		return nil, errBroken
	}
	return nil, nil
}

var errBroken = errors.New("the shelf is broken")

func (s *shelf) Trades(_ context.Context, from, to time.Time) (backtest.TradeSource, error) {
	if s.silent {
		return nil, nil //nolint:nilnil // a library without trades
	}
	var trades []exchange.Trade
	for i, c := range s.candles {
		if i%3 == 0 && !c.OpenTime().Before(from) && c.OpenTime().Before(to) {
			trades = append(trades, exchange.Trade{Time: c.Time + 1, Price: c.Close, Volume: 1, Taker: exchange.Buy})
		}
	}
	s.open.Add(1)
	return &closed{backtest.NewTradeSlice(trades), s}, nil
}

type closed struct {
	backtest.TradeSource
	shelf *shelf
}

func (c *closed) Close() error {
	c.shelf.open.Add(-1)
	return nil
}

var _ io.Closer = (*closed)(nil)

// proves PL1: a run of a search is brought what the strategy looks at, as a backtest
// with the same feed is, within windows too.
func TestRunsAreBroughtWhatTheStrategyLooksAt(t *testing.T) {
	t.Parallel()
	cfg, series := demo(t, 3_000)
	lib := &shelf{candles: series.Candles}
	cfg.Params = []byte(`{"pair":"OTHER","tape":true}`)
	for _, first := range []int{0, 1_000} {
		from := time.Time{}
		past := 0
		if first > 0 {
			from, past = series.Candles[first].OpenTime(), 30
		}
		o, err := search.NewLocal(nosy.Definition(), cfg, series.Packed()).With(lib).Run(t.Context(), search.Job{Params: cfg.Params, From: from})
		if err != nil {
			t.Fatal(err)
		}
		others, err := lib.Candles(t.Context(), "OTHER")
		if err != nil {
			t.Fatal(err)
		}
		trades, err := lib.Trades(t.Context(), series.Candles[first].OpenTime(), series.Candles[2_999].OpenTime().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		want := cfg
		want.Begin = series.Candles[first].Time
		r, err := backtest.Run(t.Context(), nosy.Definition(), want, &backtest.Feed{
			Source: marketdata.NewSliceSource(series.Candles[first-past:]), Trades: trades,
			Pairs: []backtest.PairSource{{Pair: "OTHER", Source: others.Part(first-past, others.Len()).Source()}},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if o.FinalEquity != r.FinalEquity || o.Trades != r.Trades.Len() || o.Trades < 100 || o.Lacks.Any() {
			t.Errorf("from %d it comes to %d with %d trades, want %d with %d; it lacks %+v", first, o.FinalEquity, o.Trades, r.FinalEquity, r.Trades.Len(), o.Lacks)
		}
	}
	if n := lib.open.Load(); n != 2 { // those of this test itself
		t.Errorf("%d sources of trades are open", n)
	}
	silent := &shelf{candles: series.Candles, silent: true}
	o, err := search.NewLocal(nosy.Definition(), cfg, series.Packed()).With(silent).Run(t.Context(), search.Job{Params: cfg.Params})
	if err != nil || !reflect.DeepEqual(o.Lacks, strategy.Subscription{Trades: true}) || o.Trades != 0 {
		t.Errorf("without trades it makes %d and lacks %+v, %v", o.Trades, o.Lacks, err)
	}
	_, err = search.NewLocal(nosy.Definition(), cfg, series.Packed()).With(lib).Run(t.Context(), search.Job{Params: []byte(`{"pair":"BROKEN"}`)})
	if !errors.Is(err, errBroken) {
		t.Errorf("a library that fails: %v", err)
	}
	_, err = search.NewLocal(nosy.Definition(), cfg, series.Packed()).With(lib).Run(t.Context(), search.Job{Params: []byte(`{"pair":"NONE"}`)})
	if err == nil {
		t.Error("a pair that is not there is no error")
	}
}
