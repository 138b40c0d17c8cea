package indicator_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/strategy/indicator"
)

func TestPriceAtBringsTheIndexToTheLevel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.IntRange(2, 30).Draw(t, "period")
		level := rapid.Float64Range(1, 99).Draw(t, "level")
		r := indicator.NewRSI(period)
		for _, x := range rapid.SliceOfN(rapid.IntRange(100_000, 200_000), period+1, 200).Draw(t, "prices") {
			r.Update(float64(x))
		}
		price := r.PriceAt(level)
		if got := r.Update(price); !(math.Abs(got-level) < 1e-6) && got != 50 { // 50 without any movement
			t.Fatalf("at %v the index is %v, want %v", price, got, level)
		}
	})
}

func TestPriceAtIsNoNumberWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	r := indicator.NewRSI(3)
	for i, x := range []float64{10, 11, 12} {
		r.Update(x)
		if got := r.PriceAt(50); !math.IsNaN(got) {
			t.Errorf("after %d values it is %v", i+1, got)
		}
	}
	r.Update(11)
	if got := r.PriceAt(50); math.IsNaN(got) {
		t.Error("once ready it is no number")
	}
	for _, level := range []float64{0, 100, -1, math.NaN()} {
		if got := r.PriceAt(level); !math.IsNaN(got) {
			t.Errorf("for the level %v it is %v", level, got)
		}
	}
}

func TestAveragesMakeTheLine(t *testing.T) {
	t.Parallel()
	m := indicator.NewMACD(3, 6, 2)
	for i := range 30 {
		m.Update(float64(1000 + i*i%37))
		fast, slow := m.Averages()
		if line := m.Lines().Line; fast-slow != line && !(math.IsNaN(fast-slow) && math.IsNaN(line)) {
			t.Errorf("value %d: %v less %v is not %v", i, fast, slow, line)
		}
	}
}
