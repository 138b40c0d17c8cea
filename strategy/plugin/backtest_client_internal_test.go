package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"google.golang.org/grpc"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/portfolio"
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

// sentResult is a stream that keeps the JSON which is sent by it.
type sentResult struct {
	grpc.BidiStreamingServer[pluginpb.BacktestInput, pluginpb.BacktestOutput]
	json bytes.Buffer
}

func (s *sentResult) Send(out *pluginpb.BacktestOutput) error {
	s.json.Write(out.GetResult())
	return nil
}

// proves PL5: what a host may send, a plugin may tell again: a run with very many signals
// and large parameters is none that somebody swells, also of an SDK that tells all of them.
func TestRunsWithManySignals(t *testing.T) {
	t.Parallel()
	market := exchange.Market{
		Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, -6), Status: exchange.MarketActive,
	}
	cfg := backtest.Config{
		Interval: time.Minute, Market: market, Balance: 1_000_000,
		Params: json.RawMessage(`{"long":"` + strings.Repeat("x", 2*partBytes) + `"}`),
	}
	for i := range 5000 {
		cfg.Signals = append(cfg.Signals, strategy.Signal{ID: fmt.Sprint(i), Time: int64(60_000 + i/2), Text: strings.Repeat("<", 100)})
	}
	asked, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	of := backtest.Result{Config: cfg, Candles: 1, To: 60_000, Account: portfolio.Portfolio{Start: cfg.Balance}, Segments: []backtest.Segment{{}}}
	var sent sentResult
	if err := sendResult(&sent, &of); err != nil || sent.json.Len() > 10_000 || len(of.Config.Signals) != 5000 {
		t.Errorf("%d bytes are sent, and %d signals left (%v)", sent.json.Len(), len(of.Config.Signals), err)
	}
	before := answered(t, of, 1)
	if _, err := before.finish(cfg); !errors.Is(err, ErrGarbage) {
		t.Errorf("more than was asked for gives %v", err)
	}
	before.asked = int64(len(asked))
	if r, err := before.finish(cfg); err != nil || len(r.Config.Signals) != 5000 || len(before.json) < 2*partBytes {
		t.Errorf("what was asked for, in %d bytes: %v", len(before.json), err)
	}
}
