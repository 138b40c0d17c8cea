package backtester

import (
	"context"
	"errors"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/lookahead"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// look looks whether a strategy that ran over candles knows the future, in the cheap
// form unless the run asks for the full one, and puts the outcome into the report.
func (j *job) look(ctx context.Context, r research.Run, with *brought, candles *marketdata.Packed, in *backtestreport.Input) error {
	cfg := lookahead.Config{
		Whole: in.Result,
		Run: func(ctx context.Context, through backtest.Through) (*backtest.Result, error) {
			return with.over(ctx, in.Result.Config, candles, through, nil)
		},
	}
	if r.FullLook { // the second half of the run's work
		cfg.Depth = lookahead.Full
		half := r.Candles()
		cfg.Progress = func(done, total int64) { j.done.Store(half + int64(float64(half)*float64(done)/float64(total))) }
	}
	report, err := lookahead.Check(ctx, cfg)
	var failed *plugin.RunError
	switch {
	case err == nil:
		in.LookAhead = &report
	case ctx.Err() == nil && errors.As(err, &failed):
		in.Unchecked = failed.Text
	default:
		return err
	}
	return nil
}
