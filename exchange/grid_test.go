package exchange_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
)

// A grid reads every text as the decimal library does, whatever the unit and the
// rounding, and writes what it read: proves N3.
func TestGridAgreesWithDecimals(t *testing.T) {
	t.Parallel()
	units := []string{"1", "0.01", "0.0001", "0.00000001", "0.5", "0.25", "5", "10", "0.003", "0.000000000001"}
	rapid.Check(t, func(t *rapid.T) {
		m := exchange.Market{Pair: "XBTMYR", Tick: decimal.RequireFromString(rapid.SampledFrom(units).Draw(t, "tick"))}
		m.Step = m.Tick
		text := rapid.StringMatching(`[0-9]{1,12}(\.[0-9]{0,12})?|[0-9]{15,25}|-?[0-9]{1,5}e-?[0-9]`).Draw(t, "text")
		if rapid.Bool().Draw(t, "whole") { // a text that is a multiple
			text = m.Tick.Mul(decimal.NewFromInt(rapid.Int64Range(0, 1e12).Draw(t, "n"))).String()
			if !strings.Contains(text, ".") {
				text += "."
			}
			text += strings.Repeat("0", rapid.IntRange(0, 8).Draw(t, "zeros"))
		}
		round := rapid.SampledFrom([]exchange.Rounding{exchange.Exact, exchange.Down, exchange.Up, exchange.Nearest}).Draw(t, "rounding")
		d := decimal.RequireFromString(text)
		want, wantErr := m.Ticks(d, round)
		n, exact, err := m.PriceGrid(round).Parse([]byte(text))
		v, whole, volumeErr := m.VolumeGrid(round).Parse([]byte(text))
		if v != n || whole != exact || (volumeErr == nil) != (err == nil) {
			t.Fatalf("%q: the same unit gave %d as a price and %d as a volume", text, n, v)
		}
		if wantErr != nil {
			for _, kind := range []error{exchange.ErrPrecision, exchange.ErrOverflow} {
				if errors.Is(wantErr, kind) && !errors.Is(err, kind) {
					t.Fatalf("%q in units of %s: error %v, want %v", text, m.Tick, err, wantErr)
				}
			}
			return
		}
		if err != nil || n != int64(want) || exact != m.Price(want).Equal(d) {
			t.Fatalf("%q in units of %s: %d, exact %t, %v; want %d", text, m.Tick, n, exact, err, want)
		}
		if back := m.PriceGrid(round).Append(nil, n); !decimal.RequireFromString(string(back)).Equal(m.Price(want)) {
			t.Fatalf("%d units of %s are written as %s", n, m.Tick, back)
		}
	})
}

func TestGridRefusesWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	g := exchange.Market{Pair: "XBTMYR", Tick: decimal.RequireFromString("0.01")}.PriceGrid(exchange.Exact)
	for _, text := range []string{"", ".", "-", "1.2.3", "1e99", "x", "0x10", "1 ", strings.Repeat("1", 65)} {
		if n, _, err := g.Parse([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, n)
		}
	}
}
