package billing_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/billing"
)

func TestParseMoney(t *testing.T) { // proves W20
	t.Parallel()
	cases := map[string]struct {
		minor int64
		text  string // "" is a refusal
	}{
		"29.99 USD":                {2999, "29.99 USD"},
		"29.9 USD":                 {2990, "29.90 USD"},
		"30 USD":                   {3000, "30.00 USD"},
		"0 USD":                    {0, "0.00 USD"},
		"-0.05 EUR":                {-5, "-0.05 EUR"},
		"500 JPY":                  {500, "500 JPY"},
		"-7 KRW":                   {-7, "-7 KRW"},
		"1.234 KWD":                {1234, "1.234 KWD"},
		"0.0001 CLF":               {1, "0.0001 CLF"},
		"92233720368547758.07 MYR": {math.MaxInt64, "92233720368547758.07 MYR"},
		"92233720368547758.08 MYR": {},
		"500.5 JPY":                {},
		"1.001 USD":                {},
		"1. USD":                   {},
		".5 USD":                   {},
		"1,5 USD":                  {},
		"1e2 USD":                  {},
		"+1 USD":                   {},
		"--1 USD":                  {},
		"1 usd":                    {},
		"1 DOLLAR":                 {},
		"1":                        {},
		"":                         {},
	}
	for in, c := range cases {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			m, err := billing.ParseMoney(in)
			if c.text == "" {
				if err == nil {
					t.Errorf("parsed as %v", m)
				}
				return
			}
			if err != nil || m.Minor != c.minor || m.String() != c.text {
				t.Errorf("got %d = %q, %v, want %d = %q", m.Minor, m, err, c.minor, c.text)
			}
		})
	}
}

func money() *rapid.Generator[billing.Money] {
	return rapid.Custom(func(r *rapid.T) billing.Money {
		return billing.Money{
			Minor:    rapid.Int64().Draw(r, "minor"),
			Currency: rapid.SampledFrom([]string{"USD", "JPY", "KWD", "CLF"}).Draw(r, "currency"),
		}
	})
}

func TestMoneyRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		m := money().Draw(r, "m")
		if back, err := billing.ParseMoney(m.String()); err != nil || back != m {
			r.Fatalf("%s became %v, %v", m, back, err)
		}
		raw, err := json.Marshal(m)
		if err != nil {
			r.Fatal(err)
		}
		var back billing.Money
		if err := json.Unmarshal(raw, &back); err != nil || back != m {
			r.Fatalf("%s became %v, %v", raw, back, err)
		}
	})
}

func TestMoneyAdd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		a, b := money().Draw(r, "a"), money().Draw(r, "b")
		got, err := a.Add(b)
		exact := new(big.Int).Add(big.NewInt(a.Minor), big.NewInt(b.Minor))
		switch {
		case a.Currency != b.Currency:
			if !errors.Is(err, billing.ErrCurrency) {
				r.Fatalf("%v, %v", got, err)
			}
		case !exact.IsInt64():
			if !errors.Is(err, billing.ErrOverflow) {
				r.Fatalf("%v, %v", got, err)
			}
		case err != nil || got.Minor != exact.Int64():
			r.Fatalf("%v, %v, want %s", got, err, exact)
		}
	})
	usd := billing.Money{Minor: 5, Currency: "USD"}
	if got, err := (billing.Money{}).Add(usd); err != nil || got != usd {
		t.Errorf("nothing and %s is %s, %v", usd, got, err)
	}
}

func TestMoneyPart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ minor, num, den, want int64 }{
		{1, 1, 2, 1}, {-1, 1, 2, -1}, {1, 1, 3, 0}, {2, 1, 3, 1}, {2999, 15, 30, 1500}, {-2999, 15, 30, -1500},
		{math.MaxInt64, 1, 1, math.MaxInt64}, {math.MinInt64, 1, 1, math.MinInt64}, {2999, 0, 30, 0},
	} {
		if got := (billing.Money{Minor: c.minor, Currency: "USD"}).Part(c.num, c.den); got.Minor != c.want {
			t.Errorf("%d × %d / %d = %d, want %d", c.minor, c.num, c.den, got.Minor, c.want)
		}
	}
}
