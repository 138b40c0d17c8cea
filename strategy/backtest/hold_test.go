package backtest_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// proves PL4: a run is compared with holding what it trades in equal shares of what the
// account began with, to the unit; a pair counts from its first candle on, and one of
// which there is none stays cash. Of one pair it is all in that.
func TestHoldingIsWhatARunIsComparedWith(t *testing.T) {
	t.Parallel()
	cfg, own, other := couple(t, 400)
	rapid.Check(t, func(t *rapid.T) {
		cfg := cfg
		cfg.Balance = exchange.Units(rapid.Int64Range(1, 1<<40).Draw(t, "cash"))
		late := rapid.IntRange(0, 500).Draw(t, "late")
		others := other[min(late, len(other)):]
		r, err := backtest.Run(t.Context(), evenlyDefinition(), cfg, coupled(own, others), nil)
		if err != nil {
			t.Fatal(err)
		}
		half := cfg.Balance / 2
		part := func(share exchange.Units, from, to exchange.Ticks) exchange.Units {
			n, err := exchange.MulDiv(int64(share), int64(to), int64(from))
			if err != nil {
				t.Fatal(err)
			}
			return exchange.Units(n)
		}
		first := part(cfg.Balance-half, own[0].Open, own[len(own)-1].Close)
		want := first + half
		if len(others) > 0 {
			want = first + part(half, others[0].Open, others[len(others)-1].Close)
		}
		if got := r.Held(); got != want {
			t.Fatalf("holding gives %d, want %d", got, want)
		}
		if got := r.Holding().Worth(own[0].Open, 0); got != cfg.Balance {
			t.Fatalf("it begins with %d, want %d", got, cfg.Balance)
		}
		stats, err := r.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := stats.BuyAndHold.Float(), float64(want-cfg.Balance)/float64(cfg.Balance); got != want {
			t.Fatalf("the return of holding is %v, want %v", got, want)
		}
		one := cfg
		one.Pairs = nil
		if r, err = backtest.Run(t.Context(), fixedDefinition(50), one, coupled(own, nil).Source, nil); err != nil {
			t.Fatal(err)
		}
		if got, want := r.Held(), part(one.Balance, own[0].Open, own[len(own)-1].Close); got != want {
			t.Fatalf("holding one pair gives %d, want %d", got, want)
		}
	})
}
