package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// company is the candles of a run and what comes beside them.
type company struct {
	past history
	sees strategy.Subscription
	// trades opens the market's trades of a span; nil for none.
	trades func(from, to time.Time) (source backtest.TradeSource, end func(), err error)
	// rounded is the most numbers of trades that lay between two ticks or steps in a
	// run.
	rounded int
	pairs   map[string]history
	// traded are the further pairs that the run trades.
	traded []further
}

// company finds out what a strategy looks at and where the candles of the other
// pairs are; what is wrong with the flags is an input error.
func (f companyFlags) company(ctx context.Context, p *pluginhost.Process, cfg backtest.Config, h historyFlags, past history) (*company, error) {
	needs, err := p.Needs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	sees := needs.Subscription
	c := &company{past: past, sees: sees, pairs: map[string]history{}}
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
		if _, given := c.pairs[pair]; given || market.Cycle(pair) == 0 {
			continue
		}
		if c.pairs[pair], err = demoHistory(market, pair, past.from, past.to); err != nil {
			return nil, err
		}
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
		pair = strings.ToUpper(pair)
		other, err := h.otherPair(ctx, pair, path, cfg.Interval)
		if err != nil {
			problems = append(problems, err)
		}
		c.pairs[pair] = other
	}
	if f.Trades != "" {
		c.trades = func(from, to time.Time) (backtest.TradeSource, func(), error) {
			file, err := openIn(f.Trades)
			if err != nil {
				return nil, nil, input("--trades %w", err)
			}
			reader, err := marketdata.NewTradeReader(file, marketdata.TradesConfig{From: from, To: to, Market: cfg.Market})
			if err != nil {
				_ = file.Close()
				return nil, nil, input("--trades %s: %w", f.Trades, err)
			}
			return reader, func() {
				c.rounded = max(c.rounded, reader.Rounded())
				_ = file.Close() // it was only read
			}, nil
		}
	}
	return errors.Join(problems...)
}

// otherPair finds the candles of another pair, which must be of the run's length.
func (h historyFlags) otherPair(ctx context.Context, pair, path string, interval time.Duration) (history, error) {
	h.Pair, h.Data = pair, path
	market, err := h.market(path)
	if err != nil {
		return history{}, err
	}
	past, err := fileHistory(ctx, path, marketdata.CSVConfig{Market: market, Interval: interval})
	if err != nil {
		return history{}, input("--also %s=%s: %w", pair, path, reasonOf(err))
	}
	return past, nil
}

// feed opens the candles of the pairs that the run trades, which go through a
// function, with what comes beside them. End is called when the run is over.
func (c *company) feed(ctx context.Context, through backtest.Through) (src marketdata.Source, end func(), err error) {
	var ends []func()
	finish := func() {
		for _, end := range ends {
			end()
		}
	}
	defer func() {
		if err != nil {
			finish()
		}
	}()
	open := func(h history) (marketdata.Source, error) {
		src, end, err := h.open(ctx)
		if err == nil {
			ends = append(ends, end)
		}
		return src, err
	}
	if src, err = open(c.past); err != nil {
		return nil, nil, err
	}
	f := &backtest.Feed{Source: through.Of(c.past.market.Pair, src)}
	for _, other := range c.traded {
		if src, err = open(other.history); err != nil {
			return nil, nil, err
		}
		f.Pairs = append(f.Pairs, backtest.PairSource{Pair: other.market.Pair, Source: through.Of(other.market.Pair, src)})
	}
	for _, pair := range c.sees.Pairs {
		other, ok := c.pairs[pair]
		if !ok {
			continue
		}
		if src, err = open(other); err != nil {
			return nil, nil, err
		}
		f.Pairs = append(f.Pairs, backtest.PairSource{Pair: pair, Source: src})
	}
	if c.trades != nil {
		trades, done, err := c.trades(c.past.from, c.past.to)
		if err != nil {
			return nil, nil, err
		}
		f.Trades, ends = trades, append(ends, done)
	}
	if !f.Carries().Any() {
		return f.Source, finish, nil
	}
	return f, finish, nil
}

// run runs a backtest over the candles, which go through a function, with what
// comes beside them.
func (c *company) run(
	ctx context.Context, p *pluginhost.Process, cfg backtest.Config, through backtest.Through, progress func(done int64),
) (*backtest.Result, error) {
	cfg, err := c.priced(ctx, cfg)
	if err != nil {
		return nil, err
	}
	src, end, err := c.feed(ctx, through)
	if err != nil {
		return nil, err
	}
	defer end()
	return p.Backtest(ctx, cfg, src, progress)
}

// priced says at which prices what the run holds of further pairs is valued as it
// begins.
func (c *company) priced(ctx context.Context, cfg backtest.Config) (backtest.Config, error) {
	cfg.Pairs = slices.Clone(cfg.Pairs)
	for i, other := range c.traded {
		if cfg.Pairs[i].Base == 0 {
			continue
		}
		src, end, err := other.open(ctx)
		if err != nil {
			return cfg, err
		}
		cfg.Pairs[i].Price, err = backtest.PriceAt(ctx, src, c.past.from.UnixMilli())
		if end(); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

// kept keeps the candles of the pairs that the run trades in memory, if they are not
// too many.
func (c *company) kept(ctx context.Context) (err error) {
	if c.past, err = c.past.kept(ctx); err != nil {
		return err
	}
	for i := range c.traded {
		if c.traded[i].history, err = c.traded[i].kept(ctx); err != nil {
			return err
		}
	}
	return nil
}

// notes say what a reader must know of the further pairs' candles before trusting
// the figures: where they lack.
func (c *company) notes() []string { return notesOf(c.past, c.traded) }

func notesOf(own history, traded []further) (out []string) {
	const minute = "2006-01-02 15:04"
	for _, other := range traded {
		pair := other.market.Pair
		if other.from.After(own.from) || other.to.Before(own.to) {
			out = append(out, fmt.Sprintf("The candles of %s go from %s to %s UTC only: outside of that it cannot be traded, and a position keeps the value of its last close.",
				pair, other.from.UTC().Format(minute), other.to.UTC().Format(minute)))
		}
		if n := other.report.Filled; n > 0 {
			out = append(out, fmt.Sprintf("Missing candles of %s: %s, each filled with the last close and no volume.", pair, exchange.Grouped(strconv.Itoa(n))))
		}
	}
	return out
}

// comment says what reading the trades did to their numbers.
func (c *company) comment(out *console) {
	if c.rounded > 0 {
		fmt.Fprintf(out.problems, "%s numbers of the trades lie between two ticks or steps: prices became the nearest tick, volumes the step below\n",
			exchange.Grouped(strconv.Itoa(c.rounded)))
	}
}
