package backtest_test

import (
	"math"
	"slices"
	"strings"
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

// proves PL4: what is held of a further pair that has no candle when the run begins is
// valued at the price that the run is given, from the first candle on, and nothing is
// traded there before its own first candle; without a price the run is refused.
func TestAHoldingWithoutACandle(t *testing.T) {
	t.Parallel()
	for _, past := range []int{0, 20} {
		cfg, own, other := coupleFrom(t, 200, past+10)
		cfg.Begin = own[past].Time
		cfg.Pairs[0].Base = 50_000
		if _, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil); err == nil || !strings.Contains(err.Error(), "there is no candle of ETHMYR at") {
			t.Errorf("without a price it says %v", err)
		}
		price, err := backtest.PriceAt(t.Context(), marketdata.NewSliceSource(other), cfg.Begin)
		if err != nil || price != other[0].Open {
			t.Fatalf("it is priced at %d, want %d: %v", price, other[0].Open, err)
		}
		cfg.Pairs[0].Price = price
		r, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, other), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Pairs[0].FirstPrice != price || r.Initial() != cfg.Initial(own[past].Open, price) || !r.Holds(cfg) || r.Equity[0] != int64(r.Initial()) {
			t.Errorf("it begins with %d and %d at %d, want %d", r.Initial(), r.Equity[0], r.Pairs[0].FirstPrice, cfg.Initial(own[past].Open, price))
		}
		sold := 0
		for _, trade := range r.Trades.All() {
			if trade.Leg == 1 {
				sold++
			}
			if trade.Leg == 1 && trade.ExitTime < other[0].Time {
				t.Errorf("it sells before there is a candle: %+v", trade)
			}
		}
		if first := r.Account.Start; sold == 0 || first != cfg.Balance {
			t.Errorf("it sold %d times, and began with %d in its own pair", sold, first)
		}
	}
}

// What a time is worth is told by the candle that opens then, by the close of the one
// before, and only then by one after.
func TestPriceAt(t *testing.T) {
	t.Parallel()
	candles := []exchange.Candle{{Time: 10, Open: 1, Close: 2}, {Time: 20, Open: 3, Close: 4}, {Time: 40, Open: 5, Close: 6}}
	for at, want := range map[int64]exchange.Ticks{5: 1, 10: 1, 15: 2, 20: 3, 30: 4, 40: 5, 50: 6} {
		if got, err := backtest.PriceAt(t.Context(), marketdata.NewSliceSource(candles), at); err != nil || got != want {
			t.Errorf("at %d it is %d, want %d: %v", at, got, want, err)
		}
	}
	if got, err := backtest.PriceAt(t.Context(), marketdata.NewSliceSource(nil), 5); err != nil || got != 0 {
		t.Errorf("without candles it is %d: %v", got, err)
	}
}
