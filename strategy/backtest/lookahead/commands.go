package lookahead

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Commands runs a strategy over the candles, and over each of the cuts again with
// another future after so many candles, and returns the first command that
// differs though the past was the same; "" if there is none. Open makes the
// strategy for the candles that it will be given: a Definition's own, unless a
// test wants to cheat. It is for tests: a panic of the strategy goes through.
func Commands(ctx context.Context, open func(candles []exchange.Candle) strategy.Definition, cfg backtest.Config, candles []exchange.Candle, cuts []int) (string, error) {
	whole := slices.Clone(candles)
	want, err := record(ctx, open(whole), cfg, whole)
	if err != nil {
		return "", err
	}
	for _, n := range cuts {
		if n < 1 || n > len(candles) {
			return "", fmt.Errorf("lookahead: there is nothing to cut after %d of %d candles", n, len(candles))
		}
		other := slices.Clone(candles[:min(n+tail, len(candles))])
		turnRound(other[n:], other[n-1].Close)
		got, err := record(ctx, open(other), cfg, other)
		if err != nil {
			return "", err
		}
		for i := range n {
			if !slices.Equal(want[i], got[i]) {
				at := time.UnixMilli(candles[i].Time).UTC().Add(cfg.Interval)
				return fmt.Sprintf("with other prices after candle %d the strategy asked at the close of candle %d, %s, for %+v instead of %+v",
					n-1, i, at.Format(time.RFC3339), got[i], want[i]), nil
			}
		}
	}
	return "", nil
}

// record runs a strategy and returns its commands for each candle.
func record(ctx context.Context, def strategy.Definition, cfg backtest.Config, candles []exchange.Candle) ([][]strategy.Command, error) {
	decide := cfg.Decide
	if decide == 0 {
		decide = cfg.Interval
	}
	instance, err := def.Open(strategy.OpenInput{Market: cfg.Market, Interval: decide, Params: cfg.Params})
	if err != nil {
		return nil, err
	}
	venue, err := paper.NewVenue(paper.VenueConfig{Market: cfg.Market, Fees: cfg.Fees, Tiers: cfg.Tiers, Costs: cfg.Costs, Balance: cfg.Balance, Base: cfg.Base})
	if err != nil {
		return nil, err
	}
	session, err := engine.New(engine.Config{
		Market: cfg.Market, Interval: cfg.Interval, Decide: decide, Balance: cfg.Balance, Base: cfg.Base, Venue: venue, Risk: cfg.Risk, OrderPrefix: "look-",
		Subscription: instance.Subscription(),
	})
	if err != nil {
		return nil, err
	}
	out := make([][]strategy.Command, len(candles))
	for i := range candles {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := session.Begin(&candles[i]); err != nil {
			return nil, err
		}
		for ev := session.Next(); ev != nil; ev = session.Next() {
			commands := instance.Deliver(session.View(), ev)
			out[i] = append(out[i], commands...)
			if err := session.Commands(commands); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
