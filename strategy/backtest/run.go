package backtest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Run runs the strategy over the source's candles. Progress, if not nil, is
// called after each block with the number of candles done. A source without
// candles, bad parameters (param.Errors) and a panic of the strategy
// (*strategy.PanicError) are errors; there is no half result.
func Run(ctx context.Context, def strategy.Definition, cfg Config, src marketdata.Source, progress func(done int64)) (*Result, error) {
	return Watch(ctx, def, cfg, src, func(equity []int64) {
		if progress != nil {
			progress(int64(len(equity)))
		}
	})
}

// Watch is Run for somebody who wants the equity curve while it grows: watch is
// called after each block with all of the column so far, which is not changed
// any more.
func Watch(ctx context.Context, def strategy.Definition, cfg Config, src marketdata.Source, watch func(equity []int64)) (*Result, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	instance, err := def.Open(strategy.OpenInput{Market: cfg.Market, Interval: cfg.Interval, Params: cfg.Params})
	if err != nil {
		return nil, err
	}
	venue, err := paper.NewVenue(paper.VenueConfig{
		Market: cfg.Market, Fees: cfg.Fees, Slippage: cfg.Slippage, MaxShare: cfg.MaxShare, Balance: cfg.Balance,
	})
	if err != nil {
		return nil, err
	}
	rec := &recorder{cfg: cfg}
	session, err := engine.New(engine.Config{
		Market: cfg.Market, Interval: cfg.Interval, Balance: cfg.Balance, Venue: venue, Risk: cfg.Risk, Recorder: rec, OrderPrefix: "bt-",
		Wants: instance.Wants,
	})
	if err != nil {
		return nil, err
	}
	rec.curve = newCurve(cfg)
	if sized, ok := src.(marketdata.Sized); ok {
		rec.curve.equity = make([]int64, 0, min(sized.Len(), maxReserve))
	}
	for {
		block, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = runBlock(session, instance, rec, block)
		}
		if err != nil {
			return nil, err
		}
		watch(rec.curve.equity)
	}
	if len(rec.curve.equity) == 0 {
		return nil, errors.New("backtest: there is no candle in the span asked for")
	}
	return rec.result(def, session), nil
}

// maxReserve bounds what is set aside for a source's own word of its length.
const maxReserve = 16 << 20

// runBlock runs a block of candles; a panic of the strategy ends it.
func runBlock(s *engine.Session, i *strategy.Instance, rec *recorder, block []exchange.Candle) (err error) {
	n := 0
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("at the candle of %s: %w", block[n].OpenTime(), strategy.NewPanicError(p))
		}
	}()
	for n = range block {
		c := &block[n]
		if err := s.Begin(c); err != nil {
			return err
		}
		for ev := s.Next(); ev != nil; ev = s.Next() {
			if cs := i.Deliver(s.View(), ev); len(cs) > 0 {
				if err := s.Commands(cs); err != nil {
					return err
				}
			}
		}
		rec.curve.add(c, s.Equity(), s.View().Base != 0)
	}
	return nil
}
