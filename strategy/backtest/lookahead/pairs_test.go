package lookahead_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/lookahead"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// second trades a further pair as what it knows of its candles says.
type second struct {
	All  []exchange.Candle
	Hold func(all []exchange.Candle, at int) bool
	At   int
}

func (s *second) TradePairs(exchange.Market, []exchange.Market) error { return nil }

func (s *second) OnPair(b *strategy.Bot, pair string, _ exchange.Candle) {
	in, hold := b.Pair(pair), s.Hold(s.All, s.At)
	s.At++
	switch {
	case hold && in.Position() == 0:
		in.BuyWith(in.FreeCounter())
	case !hold:
		in.SellAll()
	}
}

// proves PL3: the future of every pair that is traded is another in the probes, not
// only that of the run's own.
func TestTheFutureOfEveryPairIsVaried(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 2_500)
	further := cfg.Market
	further.Pair, further.Base, further.Tick = "ETHMYR", "ETH", cfg.Market.Tick.Shift(1)
	cfg.Pairs = []backtest.Pair{{Market: further}}
	// The further pair has a hole, and begins later.
	var others []exchange.Candle
	for i, c := range candles {
		if i > 50 && i%77 != 0 {
			c.Open, c.High, c.Low, c.Close = c.Open/9, c.High/9+1, c.Low/9, c.Close/9
			others = append(others, c)
		}
	}
	for name, hold := range map[string]func([]exchange.Candle, int) bool{
		"": honest, "the next close": ahead(1, closing), "a close of next week": ahead(200, closing), "the mean of all": scaled,
	} {
		run := func(ctx context.Context, through backtest.Through) (*backtest.Result, error) {
			own := through.Of(cfg.Market.Pair, marketdata.NewSliceSource(candles))
			src := through.Of(further.Pair, marketdata.NewSliceSource(others))
			var given []exchange.Candle
			for {
				block, err := src.Next(ctx)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					return nil, err
				}
				given = append(given, block...)
			}
			def := strategy.MustDefine(strategy.Info{Name: "second", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy {
				return &second{All: given, Hold: hold}
			})
			return backtest.Run(ctx, def, cfg, &backtest.Feed{Source: own, Pairs: []backtest.PairSource{{Pair: further.Pair, Source: marketdata.NewSliceSource(given)}}}, nil)
		}
		whole, err := run(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, depth := range []lookahead.Depth{lookahead.Cheap, lookahead.Full} {
			r, err := lookahead.Check(t.Context(), lookahead.Config{Whole: whole, Run: run, Depth: depth, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if found := r.Finding != nil && !r.Finding.Unsteady; found != (name != "") || whole.Trades.Len() < 3 {
				t.Errorf("%s: %q with %d trades gave %+v", depth, name, whole.Trades.Len(), r.Finding)
			}
		}
	}
}
