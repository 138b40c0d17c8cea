package plugin

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/risk"
)

// answered returns a reader that has got a result of so many candles, the first of which
// opened at 0, with an equity curve of as many values.
func answered(t *testing.T, r backtest.Result, candles int64) *resultReader {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	in := &resultReader{json: raw, valued: candles, sender: &candleSender{last: (candles - 1) * r.Config.Interval.Milliseconds()}}
	in.sender.sent.Store(candles)
	return in
}

// proves RK1: a plugin of before there was a bound is found out, for it tells which ones
// it was given.
func TestRunsWithoutTheirBoundsAreRefused(t *testing.T) {
	t.Parallel()
	asked := backtest.Config{Risk: risk.Config{StopLoss: exchange.RateOne / 20, MaxDrawdown: exchange.RateOne / 10}}
	for name, c := range map[string]struct {
		kept    risk.Config
		refused bool
	}{
		"all bounds":  {asked.Risk, false},
		"one is lost": {risk.Config{StopLoss: asked.Risk.StopLoss}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := backtest.Result{Config: backtest.Config{Risk: c.kept}, Candles: 1, Segments: []backtest.Segment{{}}}
			r, err := answered(t, one, 1).finish(asked)
			var failed *RunError
			if c.refused != (errors.As(err, &failed) && strings.Contains(failed.Text, "bounds")) || !c.refused && (err != nil || r.Config.Risk != asked.Risk) {
				t.Errorf("it gives %v", err)
			}
		})
	}
}
