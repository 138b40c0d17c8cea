package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// checkBacktest runs a backtest in two processes, and the same with the engine
// on this side, where the strategy is asked candle by candle. All must come to
// the same.
func checkBacktest(ctx context.Context, cfg Config) (string, error) { return runBacktests(ctx, cfg) }

// runBacktests is checkBacktest for a bot that trades further pairs too.
func runBacktests(ctx context.Context, cfg Config, also ...exchange.Market) (string, error) {
	candles := make([]exchange.Candle, cfg.Candles)
	for i := range candles {
		candles[i] = waves().candle(i)
	}
	var results [2]*backtest.Result
	for i := range results {
		err := with(ctx, cfg.Start, func(s Subject) (err error) {
			bot, err := openOne(ctx, s, scenario{also: also}.input(nil))
			if err != nil {
				return err
			}
			run := backtestConfig()
			for _, m := range also {
				run.Pairs = append(run.Pairs, backtest.Pair{Market: m})
			}
			if s.Manifest().Can(plugin.Signals) {
				run.Signals = signalsOf(candles)
			}
			src := feed(bot.Subscription, func() marketdata.Source { return marketdata.NewSliceSource(candles) }, candles, also...)
			results[i], err = s.Backtest(ctx, run, src, nil)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	first, second := results[0], results[1]
	a, err := json.Marshal(first)
	if err != nil {
		return "", fmt.Errorf("writing the result: %w", err)
	}
	b, err := json.Marshal(second)
	if err != nil {
		return "", fmt.Errorf("writing the result: %w", err)
	}
	if string(a) != string(b) || !slices.Equal(first.Equity, second.Equity) {
		return "", errors.New("the same backtest gave another result in another process: does the strategy use a clock, chance or a map's order?")
	}
	err = with(ctx, cfg.Start, func(s Subject) error { return follow(ctx, s, candles, first, also) })
	return fmt.Sprintf("%d candles, %d trades", first.Candles, first.Trades.Len()), err
}

// feed returns a source, as open makes them, with the trades of candles and the
// other pairs that are subscribed to beside it.
func feed(sees strategy.Subscription, open func() marketdata.Source, candles []exchange.Candle, also ...exchange.Market) marketdata.Source {
	if !sees.Trades && len(sees.Pairs) == 0 && len(also) == 0 {
		return open()
	}
	f := &backtest.Feed{Source: open()}
	if sees.Trades {
		var trades []exchange.Trade
		for _, c := range candles {
			trades = append(trades, Beside(Market().Pair, sees, c).Trades...)
		}
		f.Trades = backtest.NewTradeSlice(trades)
	}
	for _, m := range also {
		list := make([]exchange.Candle, len(candles))
		for i, c := range candles {
			list[i] = otherOf(c)
		}
		f.Pairs = append(f.Pairs, backtest.PairSource{Pair: m.Pair, Source: marketdata.NewSliceSource(list)})
	}
	for _, pair := range sees.Pairs {
		f.Pairs = append(f.Pairs, backtest.PairSource{Pair: pair, Source: open()})
	}
	return f
}

// follow runs a bot through the candles of a backtest and compares the account
// with the result at each of them.
func follow(ctx context.Context, s Subject, candles []exchange.Candle, want *backtest.Result, also []exchange.Market) error {
	bot, err := openOne(ctx, s, strategy.OpenInput{Interval: span, Market: Market(), Also: also})
	if err != nil {
		return err
	}
	t, err := newTrader(ctx, s, bot, also...)
	if err != nil {
		return err
	}
	for i, c := range candles {
		if err := t.signals(strangeSignals, i, c, bot); err != nil {
			return err
		}
		if _, err := t.Candle(c); err != nil {
			return fmt.Errorf("candle %d: %w", i, err)
		}
		if got := t.Equity(); int64(got) != want.Equity[i] {
			return fmt.Errorf("candle %d: the backtest says that the account is worth %d, and asked candle by candle the strategy comes to %d",
				i, want.Equity[i], got)
		}
	}
	if got := t.portfolio(); got != want.Account {
		return fmt.Errorf("the backtest ends with the account %+v, and asked candle by candle the strategy with %+v", want.Account, got)
	}
	return nil
}
