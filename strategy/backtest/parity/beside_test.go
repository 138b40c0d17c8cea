package parity_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
)

// sparse is a history of one pair that leaves out minutes without a trade.
type sparse []exchange.Candle

// Markets implements exchange.MarketData.
func (sparse) Markets(context.Context) ([]exchange.Market, error) { return nil, nil }

// Candles implements exchange.MarketData.
func (s sparse) Candles(_ context.Context, _ string, _ time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	i := slices.IndexFunc(s, func(c exchange.Candle) bool { return c.Time >= since.UnixMilli() })
	if i < 0 {
		return nil, nil
	}
	return s[i:min(len(s), i+limit)], nil
}

// proves PL2, M4: minutes of another pair in which nothing was traded are told as
// flat candles, as a worker tells them, wherever the history is read in parts.
func TestQuietMinutesOfOtherPairsAreTold(t *testing.T) {
	t.Parallel()
	const minute, first, last = int64(60_000), int64(100), int64(2_600)
	for name, quiet := range map[string]func(i int64) bool{
		"none":                func(int64) bool { return false },
		"at the beginning":    func(i int64) bool { return i > first && i < first+5 },
		"between two parts":   func(i int64) bool { return i > 1_095 && i < 1_106 },
		"longer than a part":  func(i int64) bool { return i > 500 && i < 2_500 },
		"nearly all the time": func(i int64) bool { return i%7 != 2 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var history sparse
			var want []exchange.Candle
			for i := first; i <= last; i++ {
				c := exchange.Candle{Time: i * minute, Open: 10, High: 20, Low: 5, Close: exchange.Ticks(5 + i%10), Volume: 1}
				if i == first || i == last || !quiet(i) {
					history = append(history, c)
				} else {
					c = exchange.Flat(c.Time, want[len(want)-1].Close)
				}
				want = append(want, c)
			}
			base := parity.Baseline{Terms: parity.Terms{Interval: time.Minute}}
			base.Engine.LastTime, base.Engine.Pairs = first*minute, []engine.PairState{{Pair: "ETHMYR", LastTime: first * minute}}
			beside := parity.FromHistory(history, base)(strategy.Subscription{Pairs: []string{"ETHMYR"}})
			var got []exchange.Candle
			for i := first + 1; i <= last; i++ {
				b, err := beside(t.Context(), i*minute)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range b.Pairs {
					if c.Candle.Time > i*minute {
						t.Fatalf("the candle of minute %d is told with that of %d", c.Candle.Time/minute, i)
					}
					got = append(got, c.Candle)
				}
			}
			if !slices.Equal(got, want) { // the first is that of the baseline, which the session passes over
				t.Errorf("%d candles were told, and there were %d", len(got), len(want))
			}
		})
	}
}
