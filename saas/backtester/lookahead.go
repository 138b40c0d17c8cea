package backtester

import (
	"context"
	"errors"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/lookahead"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// look looks in the cheap form whether a strategy that ran over candles knows the
// future and puts the outcome into the report.
func look(ctx context.Context, with *brought, candles *marketdata.Packed, in *backtestreport.Input) error {
	report, err := lookahead.Check(ctx, lookahead.Config{
		Whole: in.Result,
		Run: func(ctx context.Context, through backtest.Through) (*backtest.Result, error) {
			return with.over(ctx, in.Result.Config, candles, through, nil)
		},
	})
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
