package billing_test

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/billing"
)

func plan(minor int64) billing.Plan {
	return billing.Plan{Name: "P", Price: billing.Money{Minor: minor, Currency: "USD"}}
}

func total(lines ...[]billing.Line) (sum int64) {
	for _, ls := range lines {
		for _, l := range ls {
			sum += l.Amount.Minor
		}
	}
	return sum
}

func TestProrate(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 1, 0)
	half := start.Add(15 * 24 * time.Hour)
	cases := map[string]struct {
		from, to int64
		at       time.Time
		want     []int64
	}{
		"free to paid":            {0, 2999, half, []int64{1500}},
		"paid to dearer":          {2999, 9999, half, []int64{-1500, 5000}},
		"at the start":            {2999, 9999, start, []int64{-2999, 9999}},
		"at the end":              {2999, 9999, end, []int64{0, 0}},
		"after the end":           {2999, 9999, end.Add(time.Hour), []int64{0, 0}},
		"before the start":        {2999, 9999, start.Add(-time.Hour), []int64{-2999, 9999}},
		"free to free":            {0, 0, half, nil},
		"dearer to paid":          {9999, 2999, half, []int64{-5000, 1500}},
		"the last second":         {0, 2592000, end.Add(-time.Second), []int64{1}},
		"half a minor unit is up": {0, 1296000, end.Add(-time.Second), []int64{1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := billing.Prorate(plan(c.from), plan(c.to), start, end, c.at)
			if len(lines) != len(c.want) {
				t.Fatalf("lines = %+v, want %v", lines, c.want)
			}
			for i, l := range lines {
				if l.Amount.Minor != c.want[i] || l.Text == "" {
					t.Errorf("line %d = %+v, want %d", i, l, c.want[i])
				}
			}
		})
	}
}

// There and back at one instant nets to zero; with time between, to the price
// of that time, but for the rounding of the four lines.
func TestProrateThereAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) { // proves D4
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		whole := rapid.Int64Range(1, 40*86400).Draw(r, "seconds")
		end := start.Add(time.Duration(whole) * time.Second)
		first := rapid.Int64Range(0, whole).Draw(r, "first")
		second := rapid.Int64Range(first, whole).Draw(r, "second")
		at := func(s int64) time.Time { return start.Add(time.Duration(s) * time.Second) }
		a, b := plan(rapid.Int64Range(0, 1e12).Draw(r, "a")), plan(rapid.Int64Range(0, 1e12).Draw(r, "b"))

		if net := total(billing.Prorate(a, b, start, end, at(first)), billing.Prorate(b, a, start, end, at(first))); net < -1 || net > 1 {
			r.Fatalf("at once: %d", net)
		}
		net := total(billing.Prorate(a, b, start, end, at(first)), billing.Prorate(b, a, start, end, at(second)))
		// |net − (b−a) × used / whole| ≤ 2, without division.
		off := new(big.Int).Mul(big.NewInt(net), big.NewInt(whole))
		off.Sub(off, new(big.Int).Mul(big.NewInt(b.Price.Minor-a.Price.Minor), big.NewInt(second-first)))
		if off.Abs(off).Cmp(big.NewInt(2*whole)) > 0 {
			r.Fatalf("with time between: %d is off by more than 2", net)
		}
	})
}
