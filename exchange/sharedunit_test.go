package exchange_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
)

// gridded returns a market of a tick and a step.
func gridded(pair, counter, tick, step string) exchange.Market {
	return exchange.Market{
		Pair: pair, Base: pair[:3], Counter: counter, Tick: decimal.RequireFromString(tick), Step: decimal.RequireFromString(step), Status: exchange.MarketActive,
	}
}

func TestSharedUnit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		markets []exchange.Market
		unit    string
		per     []int64
	}{
		{[]exchange.Market{gridded("XBTMYR", "MYR", "1", "0.000001")}, "0.000001", []int64{1}},
		{[]exchange.Market{gridded("XBTMYR", "MYR", "1", "0.000001"), gridded("ETHMYR", "MYR", "0.01", "0.000001")}, "0.00000001", []int64{100, 1}},
		{[]exchange.Market{gridded("AAABBB", "BBB", "0.5", "10"), gridded("CCCBBB", "BBB", "0.2", "15")}, "1", []int64{5, 3}},
		{[]exchange.Market{gridded("XBTIDR", "IDR", "1000", "1"), gridded("ETHIDR", "IDR", "100", "1")}, "100", []int64{10, 1}},
	} {
		unit, per, err := exchange.SharedUnit(c.markets...)
		if err != nil || !unit.Equal(decimal.RequireFromString(c.unit)) || !slices.Equal(per, c.per) {
			t.Errorf("%s …: %s in parts of %v (%v), want %s in parts of %v", c.markets[0].Pair, unit, per, err, c.unit, c.per)
		}
	}
	for _, c := range []struct {
		want    string
		markets []exchange.Market
	}{
		{"no market", nil},
		{"one currency", []exchange.Market{gridded("XBTMYR", "MYR", "1", "1"), gridded("XBTZAR", "ZAR", "1", "1")}},
		{"above 0", []exchange.Market{gridded("XBTMYR", "MYR", "0", "1")}},
		{"too far apart", []exchange.Market{gridded("XBTMYR", "MYR", "1", "10000000000"), gridded("ETHMYR", "MYR", "0.0000000001", "0.0000000001")}},
	} {
		if _, _, err := exchange.SharedUnit(c.markets...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("it says %v, want %q", err, c.want)
		}
	}
}

// Every market's unit is exactly as many shared ones as is said, and none larger
// does (rule N1).
func TestSharedUnitIsExactAndLargest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grid := func(label string) string {
			return decimal.New(rapid.Int64Range(1, 500).Draw(t, label), int32(rapid.IntRange(-4, 2).Draw(t, label+" exponent"))).String()
		}
		markets := make([]exchange.Market, rapid.IntRange(1, 4).Draw(t, "markets"))
		for i := range markets {
			markets[i] = gridded("XBTMYR", "MYR", grid("tick"), grid("step"))
		}
		unit, per, err := exchange.SharedUnit(markets...)
		if err != nil {
			t.Fatal(err)
		}
		common := int64(0)
		for i, m := range markets {
			if !unit.Mul(decimal.NewFromInt(per[i])).Equal(m.Tick.Mul(m.Step)) {
				t.Fatalf("%d of %s are not the unit of tick %s and step %s", per[i], unit, m.Tick, m.Step)
			}
			for a, b := common, per[i]; ; a, b = b, a%b {
				if b == 0 {
					common = a
					break
				}
			}
		}
		if common != 1 {
			t.Fatalf("%s could be %d times larger", unit, common)
		}
	})
}
