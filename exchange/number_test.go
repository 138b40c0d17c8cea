package exchange_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
)

// integer draws any int64, small and extreme ones often.
func integer() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64(), rapid.Int64Range(-1000, 1000), rapid.Int64Range(-1<<33, 1<<33),
		rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64}),
	)
}

func TestTimesIsExactOrRefused(t *testing.T) { // proves N1
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price, volume := integer().Draw(t, "price"), integer().Draw(t, "volume")
		want := new(big.Int).Mul(big.NewInt(price), big.NewInt(volume))
		got, err := exchange.Ticks(price).Times(exchange.Steps(volume))
		fits := want.IsInt64() && want.Int64() != math.MinInt64
		if fits != (err == nil) || fits && int64(got) != want.Int64() {
			t.Fatalf("%d × %d = %d, %v; want %s", price, volume, got, err, want)
		}
		if err != nil && !errors.Is(err, exchange.ErrOverflow) {
			t.Fatalf("error %v", err)
		}
		var must exchange.Units
		panicked := func() (p bool) {
			defer func() { p = recover() != nil }()
			must = exchange.Ticks(price).MustTimes(exchange.Steps(volume))
			return false
		}()
		if panicked == fits || fits && must != got {
			t.Fatalf("MustTimes: %d, panic %v", must, panicked)
		}
	})
}

func TestMulDiv(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := integer().Draw(t, "a"), integer().Draw(t, "b"), integer().Draw(t, "c")
		if c == 0 {
			c = 1
		}
		want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		want.Quo(want, big.NewInt(c))
		got, err := exchange.MulDiv(a, b, c)
		fits := want.IsInt64() && want.Int64() != math.MinInt64
		if fits != (err == nil) || fits && got != want.Int64() {
			t.Fatalf("%d × %d / %d = %d, %v; want %s", a, b, c, got, err, want)
		}
	})
}

func TestFeeIsRoundedUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := exchange.Rate(rapid.Int64Range(0, int64(exchange.RateOne)).Draw(t, "rate"))
		amount := exchange.Units(integer().Draw(t, "amount"))
		want := new(big.Int)
		if amount > 0 {
			want.Mul(big.NewInt(int64(amount)), big.NewInt(int64(rate)))
			want.Add(want, big.NewInt(int64(exchange.RateOne)-1))
			want.Quo(want, big.NewInt(int64(exchange.RateOne)))
		}
		if got := rate.Of(amount); int64(got) != want.Int64() {
			t.Fatalf("%s of %d is %d, want %s", rate.Decimal(), amount, got, want)
		}
	})
}

func TestAffordableIsTheMost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := exchange.Rate(rapid.Int64Range(0, int64(exchange.RateOne)).Draw(t, "rate"))
		amount := exchange.Units(integer().Draw(t, "amount"))
		price := exchange.Ticks(integer().Draw(t, "price"))
		cost := func(v exchange.Steps, more int64) *big.Int {
			volume := new(big.Int).Add(big.NewInt(int64(v)), big.NewInt(more))
			value := new(big.Int).Mul(big.NewInt(int64(price)), volume)
			fee := new(big.Int).Mul(value, big.NewInt(int64(rate)))
			fee.Add(fee, big.NewInt(int64(exchange.RateOne)-1))
			fee.Quo(fee, big.NewInt(int64(exchange.RateOne)))
			return value.Add(value, fee)
		}
		got := rate.Affordable(amount, price)
		if amount <= 0 || price <= 0 {
			if got != 0 {
				t.Fatalf("%d for %d at %d", got, amount, price)
			}
			return
		}
		if money := big.NewInt(int64(amount)); got < 0 || cost(got, 0).Cmp(money) > 0 || cost(got, 1).Cmp(money) <= 0 {
			t.Fatalf("%d at %d with %s for %d: costs %s, one more %s", got, price, rate.Decimal(), amount, cost(got, 0), cost(got, 1))
		}
	})
}

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]exchange.Rate{
		"0": 0, "0.0025": 250_000, "0.00000001": 1, "2.5e-3": 250_000, "0.99999999": 99_999_999, "0.100000000000": 10_000_000,
	} {
		if got, err := exchange.ParseRate(text); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-0.1", "1", "1.5", "0.000000001", "1e999999999", "1e-999999999", "NaN", "0,1"} {
		if got, err := exchange.ParseRate(text); err == nil {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) { // proves N3
		rate := exchange.Rate(rapid.Int64Range(0, int64(exchange.RateOne)-1).Draw(t, "rate"))
		if back, err := exchange.ParseRate(rate.Decimal().String()); err != nil || back != rate {
			t.Fatalf("%d became %d, %v", rate, back, err)
		}
	})
}
