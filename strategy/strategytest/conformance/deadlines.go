package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// How many bots hear how many candles in time.
const (
	crowd        = 100
	crowdCandles = 50
)

// checkDeadlines measures the answers to a crowd, and gives up a backtest, which
// must not keep the bots of the same process waiting.
func checkDeadlines(ctx context.Context, cfg Config) (note string, err error) {
	err = with(ctx, cfg.Start, func(s Subject) error {
		watch := &stopwatch{now: cfg.Now, limit: cfg.Limit}
		var bots []uint64
		inputs := make([]strategy.OpenInput, crowd)
		for i := range inputs {
			inputs[i] = openInput(nil)
		}
		err := watch.time(fmt.Sprintf("opening %d bots", crowd), func() error {
			opened, err := s.Open(ctx, inputs)
			for i, o := range opened {
				if err == nil && o.Err != nil { // the others fail alike
					err = fmt.Errorf("bot %d: %w", i+1, o.Err)
				}
				bots = append(bots, o.Bot)
			}
			return err
		})
		if err != nil {
			return err
		}
		view := &strategy.View{Counter: million, NextRef: 1}
		round := &plugin.Round{Deliveries: make([]plugin.Delivery, 1)}
		for _, bot := range bots {
			round.Deliveries[0].Bots = append(round.Deliveries[0].Bots, plugin.Recipient{Bot: bot, View: view})
		}
		hear := func(i int) error {
			c := waves().candle(i)
			round.Deliveries[0].Event = strategy.Event{Kind: strategy.CandleEvent, Time: c.Time + span.Milliseconds(), Candle: c}
			return watch.time(fmt.Sprintf("candle %d for %d bots", i, crowd), func() error { return s.Live(ctx, round) })
		}
		for i := range crowdCandles {
			if err := hear(i); err != nil {
				return err
			}
		}
		if err := giveUp(ctx, s); err != nil {
			return err
		}
		if err := hear(crowdCandles); err != nil {
			return fmt.Errorf("after a backtest was given up: %w", err)
		}
		if err := watch.time("saving states", func() error { _, err := s.Snapshot(ctx, bots); return err }); err != nil {
			return err
		}
		note = fmt.Sprintf("%d bots are answered in %s at most", crowd, watch.longest.Round(100*time.Microsecond))
		return nil
	})
	return note, err
}

// stopwatch holds calls to their limit.
type stopwatch struct {
	now     func() time.Time
	limit   time.Duration
	longest time.Duration
}

func (w *stopwatch) time(what string, call func() error) error {
	begin := w.now()
	if err := call(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	took := w.now().Sub(begin)
	w.longest = max(w.longest, took)
	if took > w.limit {
		return fmt.Errorf("%s took %s, and %s are allowed", what, took.Round(time.Millisecond), w.limit)
	}
	return nil
}

// errGivenUp ends the backtest without an end.
var errGivenUp = errors.New("given up")

// giveUp ends a backtest in the midst.
func giveUp(ctx context.Context, s Subject) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bot, err := openOne(ctx, s, openInput(nil))
	if err != nil {
		return err
	}
	endless := feed(bot.Subscription, func() marketdata.Source { return &unlimited{} }, nil)
	_, err = s.Backtest(ctx, backtestConfig(), endless, func(done int64) {
		if done > 5_000 {
			cancel(errGivenUp)
		}
	})
	var run *plugin.RunError
	switch {
	case errors.As(err, &run):
		return fmt.Errorf("running a backtest: %w", err)
	case err == nil:
		return errors.New("a backtest of a source without an end says that it is done")
	case context.Cause(ctx) == nil:
		return fmt.Errorf("running a backtest: %w", err)
	}
	return nil
}

func backtestConfig() backtest.Config {
	return backtest.Config{Market: Market(), Interval: span, Balance: million, Fees: fees(), Costs: costs()}
}

// unlimited is a source of candles without an end.
type unlimited struct{ next int }

// Next implements marketdata.Source.
func (u *unlimited) Next(ctx context.Context) ([]exchange.Candle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	block := make([]exchange.Candle, 512)
	for i := range block {
		block[i] = waves().candle(u.next)
		u.next++
	}
	return block, nil
}
