package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// companyFlags say what comes beside the candles to a strategy that looks at it.
type companyFlags struct {
	Trades string   `placeholder:"FILE" help:"CSV file of the market's trades (timestamp, price, volume, side) for a strategy that listens to them. The demo market brings its own."`
	Also   []string `sep:"none" placeholder:"PAIR=FILE" help:"CSV file of the candles of another pair that the strategy looks at; repeat it for others. The demo market brings its own."`
}

// company is what comes beside the candles of a run.
type company struct {
	sees strategy.Subscription
	// from and to are the span of the run.
	from, to time.Time
	// trades opens the market's trades of a span; nil for none.
	trades func(from, to time.Time) (source backtest.TradeSource, end func(), err error)
	pairs  map[string][]exchange.Candle
}

// company finds out what a strategy looks at and reads the candles of the other
// pairs; what is wrong with the flags is an input error.
func (f companyFlags) company(ctx context.Context, p *pluginhost.Process, cfg backtest.Config, h historyFlags, past history) (*company, error) {
	needs, err := p.Needs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	sees := needs.Subscription
	first, last := past.series.Candles[0], past.series.Candles[len(past.series.Candles)-1]
	c := &company{sees: sees, from: first.OpenTime(), to: last.OpenTime().Add(past.series.Interval), pairs: map[string][]exchange.Candle{}}
	switch {
	case f.Trades != "" && !sees.Trades:
		return nil, input("--trades: the strategy does not listen to trades")
	case len(f.Also) > 0 && len(sees.Pairs) == 0:
		return nil, input("--also: the strategy looks at no other pair")
	}
	if err := f.files(ctx, c, cfg, h); err != nil {
		return nil, err
	}
	if h.Data != demoData {
		return c, nil
	}
	market, err := demo.New(demo.Config{})
	if err != nil {
		return nil, err
	}
	if sees.Trades && c.trades == nil {
		c.trades = func(from, to time.Time) (backtest.TradeSource, func(), error) {
			tape, err := market.Tape(cfg.Market.Pair, from, to)
			return tape, func() {}, err
		}
	}
	for _, pair := range sees.Pairs {
		if market.Cycle(pair) == 0 || c.pairs[pair] != nil {
			continue
		}
		series, err := market.Series(pair, c.from, c.to)
		if err != nil {
			return nil, err
		}
		c.pairs[pair] = series.Candles
	}
	return c, nil
}

// files takes what the flags name.
func (f companyFlags) files(ctx context.Context, c *company, cfg backtest.Config, h historyFlags) error {
	var problems []error
	for _, also := range f.Also {
		pair, path, ok := strings.Cut(also, "=")
		if !ok || pair == "" || path == "" {
			problems = append(problems, input("--also %s must be written as PAIR=FILE", also))
			continue
		}
		candles, err := h.candlesOf(ctx, strings.ToUpper(pair), path, cfg.Interval)
		if err != nil {
			problems = append(problems, err)
		}
		c.pairs[strings.ToUpper(pair)] = candles
	}
	if f.Trades != "" {
		c.trades = func(from, to time.Time) (backtest.TradeSource, func(), error) {
			file, err := os.Open(f.Trades)
			if err != nil {
				return nil, nil, input("--trades %s: %w", f.Trades, reasonOf(err))
			}
			reader, err := marketdata.NewTradeReader(file, marketdata.TradesConfig{From: from, To: to, Market: cfg.Market})
			if err != nil {
				_ = file.Close()
				return nil, nil, input("--trades %s: %w", f.Trades, err)
			}
			return reader, func() { _ = file.Close() }, nil
		}
	}
	return errors.Join(problems...)
}

// candlesOf reads the candles of another pair, which must be of the run's length.
func (h historyFlags) candlesOf(ctx context.Context, pair, path string, interval time.Duration) ([]exchange.Candle, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, input("--also %s=%s: %w", pair, path, reasonOf(err))
	}
	defer file.Close() //nolint:errcheck // it was only read
	h.Pair, h.Data = pair, path
	market, err := h.market(path)
	if err != nil {
		return nil, err
	}
	series, _, err := marketdata.ReadCSV(ctx, file, marketdata.CSVConfig{Market: market, Interval: interval})
	if err != nil {
		return nil, input("--also %s=%s: %w", pair, path, err)
	}
	return series.Candles, nil
}

// feed returns a source of the run's candles with what comes beside them. End is
// called when the run is over.
func (c *company) feed(candles marketdata.Source) (src marketdata.Source, end func(), err error) {
	f := &backtest.Feed{Source: candles}
	for _, pair := range c.sees.Pairs {
		if list, ok := c.pairs[pair]; ok {
			f.Pairs = append(f.Pairs, backtest.PairSource{Pair: pair, Source: marketdata.NewSliceSource(list)})
		}
	}
	end = func() {}
	if c.trades != nil {
		if f.Trades, end, err = c.trades(c.from, c.to); err != nil {
			return nil, nil, err
		}
	}
	if !f.Carries().Any() {
		return f.Source, end, nil
	}
	return f, end, nil
}

// run runs a backtest over candles with what comes beside them.
func (c *company) run(
	ctx context.Context, p *pluginhost.Process, cfg backtest.Config, candles marketdata.Source, progress func(done int64),
) (*backtest.Result, error) {
	src, end, err := c.feed(candles)
	if err != nil {
		return nil, err
	}
	defer end()
	return p.Backtest(ctx, cfg, src, progress)
}

// reasonOf returns why a file cannot be opened, without its name.
func reasonOf(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
