package perf_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/strategy/perf"
)

func TestTradeReturnsByHand(t *testing.T) {
	t.Parallel()
	exit := at("2024-01-30 10:00")
	closed := func(profit int64) perf.Trade {
		return perf.Trade{EntryTime: exit.Add(-time.Hour), ExitTime: exit, Profit: profit}
	}
	got := perf.TradeReturns(1000, []perf.Trade{closed(100), closed(-220), {EntryTime: exit}, closed(440)})
	if want := []float64{0.1, -0.2, 0.5}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := perf.TradeReturns(1000, []perf.Trade{closed(-1000), closed(1)}); !slices.Equal(got, []float64{-1}) {
		t.Errorf("after ruin: %v", got)
	}
}

func value(t *testing.T, qs []perf.Quantile, share float64) float64 {
	t.Helper()
	for _, q := range qs {
		if q.Share == share {
			return q.Value
		}
	}
	t.Fatalf("no quantile %v in %v", share, qs)
	return 0
}

func TestOrderOfTradesByHand(t *testing.T) {
	t.Parallel()
	// A gain of 100 % and two losses of 50 %: the end is a half in any order.
	// The fall is 75 % if the gain is first (gain, loss, loss) or last (loss,
	// loss, gain), and 50 % in the middle: one order in three.
	m, err := perf.Resample([]float64{1, -0.5, -0.5}, perf.MonteCarloConfig{Runs: 3000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if value(t, m.Final, 0.01) != 0.5 || value(t, m.Final, 0.99) != 0.5 || m.Losing != 1 {
		t.Errorf("the end moves: %+v", m)
	}
	if value(t, m.Drawdown, 0.25) != 0.5 || value(t, m.Drawdown, 0.5) != 0.75 || value(t, m.Drawdown, 0.99) != 0.75 {
		t.Errorf("falls: %+v", m.Drawdown)
	}
	// Drawn twice from +100 % and −50 %: 4, 1, 1, 1/4.
	m, err = perf.Resample([]float64{1, -0.5}, perf.MonteCarloConfig{Order: perf.Bootstrap, Runs: 4000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if value(t, m.Final, 0.05) != 0.25 || value(t, m.Final, 0.5) != 1 || value(t, m.Final, 0.95) != 4 || math.Abs(m.Losing.Float()-0.25) > 0.03 {
		t.Errorf("drawn: %+v", m)
	}
}

func TestOrdersOfTradesAreTheSameForASeed(t *testing.T) {
	t.Parallel()
	returns := []float64{0.1, -0.05, 0.02, -0.2, 0.3, 0.01}
	for _, order := range []perf.Order{perf.Reshuffle, perf.Bootstrap} {
		cfg := perf.MonteCarloConfig{Order: order, Runs: 200, Seed: 42}
		a, errA := perf.Resample(returns, cfg)
		b, errB := perf.Resample(returns, cfg)
		cfg.Seed = 43
		c, errC := perf.Resample(returns, cfg)
		if errA != nil || errB != nil || errC != nil || !reflect.DeepEqual(a, b) || reflect.DeepEqual(a.Drawdown, c.Drawdown) {
			t.Errorf("%s: %+v, %+v, %+v", order, a, b, c)
		}
	}
	if returns[0] != 0.1 || returns[5] != 0.01 {
		t.Errorf("the caller's trades were moved: %v", returns)
	}
}

func TestOrdersOfTradesHaveTheirProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		returns := rapid.SliceOfN(rapid.Float64Range(-1, 2), 2, 30).Draw(t, "returns")
		product := 1.0
		for _, r := range returns {
			product *= 1 + r
		}
		seed := rapid.Uint64().Draw(t, "seed")
		shuffled, err := perf.Resample(returns, perf.MonteCarloConfig{Runs: 50, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range shuffled.Final {
			if math.Abs(q.Value-product) > 1e-9*max(1, product) {
				t.Fatalf("another order ends at %v instead of %v", q.Value, product)
			}
		}
		drawn, err := perf.Resample(returns, perf.MonteCarloConfig{Order: perf.Bootstrap, Runs: 50, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []perf.MonteCarlo{shuffled, drawn} {
			for i, q := range m.Drawdown {
				if q.Value < 0 || q.Value > 1 || i > 0 && q.Value < m.Drawdown[i-1].Value || i > 0 && m.Final[i].Value < m.Final[i-1].Value {
					t.Fatalf("%+v", m)
				}
			}
		}
		// No order falls less than its worst trade.
		if worst := slices.Min(returns); shuffled.Drawdown[0].Value < -worst-1e-9 {
			t.Fatalf("a fall of %v though a trade lost %v", shuffled.Drawdown[0].Value, -worst)
		}
	})
}

func TestOrdersOfTradesAreRefused(t *testing.T) {
	t.Parallel()
	_, err := perf.Resample([]float64{1}, perf.MonteCarloConfig{Order: "sorted", Runs: -1})
	for _, want := range []string{`"sorted"`, "runs must be", "two of them"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell %q", err, want)
		}
	}
}
