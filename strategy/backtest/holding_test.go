package backtest_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// proves PL4: what is held of the base currency when a run begins is worth what the
// first open says, is sold like anything else, and is gained and lost to the last
// unit, with candles of the past before it or without.
func TestHolding(t *testing.T) {
	t.Parallel()
	s := history(t, 500)
	rapid.Check(t, func(t *rapid.T) {
		every := rapid.IntRange(1, 600).Draw(t, "every")
		past := rapid.SampledFrom([]int{0, 0, 1, 100}).Draw(t, "past")
		cfg := backtest.Config{
			Market: s.Market, Interval: s.Interval, Balance: exchange.Units(rapid.Int64Range(0, 1<<40).Draw(t, "cash")),
			Base: exchange.Steps(rapid.Int64Range(1, 1_000_000).Draw(t, "holding")),
		}
		cfg.Fees.Taker = exchange.Rate(rapid.Int64Range(0, 2_000_000).Draw(t, "fee"))
		if past > 0 {
			cfg.Begin = s.Candles[past].Time
		}
		r, err := backtest.Run(t.Context(), fixedDefinition(every), cfg, s.Source(), nil)
		if err != nil {
			t.Fatal(err)
		}
		candles := s.Candles[past:]
		first := candles[0]
		if want := cfg.Balance + first.Open.MustTimes(cfg.Base); r.Initial() != want || r.Account.Start != want {
			t.Fatalf("it begins with %d and %d, want %d", r.Initial(), r.Account.Start, want)
		}
		sale := len(candles) // the first candle that the holding is sold in
		if every < len(candles) {
			sale = every
		}
		for i, e := range r.Equity[:sale] {
			if want := cfg.Balance + candles[i].Close.MustTimes(cfg.Base); exchange.Units(e) != want {
				t.Fatalf("at candle %d it is worth %d, want %d", i, e, want)
			}
		}
		if sale == len(candles) {
			return
		}
		for _, trade := range r.Trades.All() {
			if trade.EntryTime != first.Time || trade.Cost != first.Open.MustTimes(cfg.Base) || trade.Volume != cfg.Base ||
				trade.Proceeds != candles[sale].Open.MustTimes(cfg.Base) || trade.EntryFee != 0 {
				t.Fatalf("the first trade is %+v", trade)
			}
			break
		}
		if got := r.Initial() + r.Account.Realised; r.Account.Base == 0 && got != r.FinalEquity {
			t.Fatalf("what it began with and what was realised make %d, want %d", got, r.FinalEquity)
		}
	})
}

// proves RK1: the host's stop-loss holds for what was held to begin with, though the
// strategy says nothing; and the past is no drawdown.
func TestHoldingHasItsStop(t *testing.T) {
	t.Parallel()
	s := history(t, 300)
	cfg := backtest.Config{Market: s.Market, Interval: s.Interval, Base: 1_000, Begin: s.Candles[200].Time}
	cfg.Risk.StopLoss = 5_000_000
	candles := slices.Clone(s.Candles)
	for i := range candles {
		price := candles[0].Open
		switch {
		case i < 100:
			price *= 2 // before the run it was worth more
		case i >= 250:
			price = price * 9 / 10
		}
		candles[i] = exchange.Candle{Time: candles[i].Time, Open: price, High: price, Low: price, Close: price, Volume: candles[i].Volume}
	}
	r, err := backtest.Run(t.Context(), fixedDefinition(1_000), cfg, marketdata.NewSliceSource(candles), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Account.Base != 0 || r.Trades.Len() != 1 || r.MaxDrawdown > 0.11 {
		t.Errorf("it ends with %d steps after %d trades, and fell by %v", r.Account.Base, r.Trades.Len(), r.MaxDrawdown)
	}
}

func TestHoldingThatIsRefused(t *testing.T) {
	t.Parallel()
	s := history(t, 10)
	cfg := backtest.Config{Market: s.Market, Interval: s.Interval, Balance: 1, Base: 1}
	for name, spoil := range map[string]func(*backtest.Config){
		"nothing at all":     func(c *backtest.Config) { c.Balance, c.Base = 0, 0 },
		"less than nothing":  func(c *backtest.Config) { c.Base = -1 },
		"cash below nothing": func(c *backtest.Config) { c.Balance = -1 },
		"more than can be":   func(c *backtest.Config) { c.Base = 1 << 62 },
		"more than can be, with cash": func(c *backtest.Config) {
			c.Base = exchange.Steps(math.MaxInt64 / int64(s.Candles[0].Open))
			c.Balance = math.MaxInt64 / 2
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := cfg
			spoil(&cfg)
			if r, err := backtest.Run(t.Context(), fixedDefinition(3), cfg, s.Source(), nil); err == nil {
				t.Errorf("it runs: %+v", r.Account)
			}
		})
	}
}
