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

// look looks in the cheap form whether a strategy that ran over a series knows the
// future and puts the outcome into the report.
func look(ctx context.Context, p Process, s marketdata.Series, in *backtestreport.Input) error {
	report, err := lookahead.Check(ctx, lookahead.Config{
		Whole: in.Result,
		Run: func(ctx context.Context, through func(marketdata.Source) marketdata.Source) (*backtest.Result, error) {
			return p.Backtest(ctx, in.Result.Config, through(s.Source()), nil)
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
