package indicator_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEveryIndicatorIsProbed(t *testing.T) {
	t.Parallel()
	files, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0) //nolint:staticcheck // no build tags here
	if err != nil {
		t.Fatal(err)
	}
	all, found := probes(), 0
	for _, file := range files["indicator"].Files {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "New") {
				continue
			}
			found++
			if _, ok := all[strings.TrimPrefix(fn.Name.Name, "New")]; !ok {
				t.Errorf("%s is not in the table of probes", fn.Name.Name)
			}
		}
	}
	if found < 40 || found != len(all) {
		t.Errorf("%d indicators and %d probes", found, len(all))
	}
}

func TestEveryIndicatorEqualsItsDefinition(t *testing.T) {
	t.Parallel()
	h := realHistory(t)
	for name, p := range probes() {
		if p.want == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{2, 5, 14, 60} {
				compare(t, p, h, n)
			}
		})
	}
}

func compare(t *testing.T, p probe, h history, n int) {
	t.Helper()
	want, i := p.want(h, n), p.make(n)
	claims := 0
	for at, b := range h.bars {
		got := p.step(i, b)
		for line := range want {
			x, y := got[line], want[line][at]
			if math.IsNaN(y) {
				continue
			}
			claims++
			if !(math.Abs(x-y) <= 1e-7*max(1, math.Abs(y))) {
				t.Fatalf("period %d, line %d, candle %d: %v, want %v", n, line, at, x, y)
			}
		}
	}
	if want != nil && claims < len(h.bars)/2 {
		t.Fatalf("period %d: only %d values were compared", n, claims)
	}
}

// drawBars draws candles, of whole ticks or of any floats.
func drawBars(t *rapid.T) []bar {
	price := rapid.Float64Range(1, 1e9)
	if rapid.Bool().Draw(t, "ticks") {
		price = rapid.Map(rapid.Int64Range(1, 1<<30), func(n int64) float64 { return float64(n) })
	}
	if rapid.Bool().Draw(t, "nearly flat") {
		price = rapid.Map(rapid.IntRange(100, 102), func(n int) float64 { return float64(n) })
	}
	bars := make([]bar, rapid.IntRange(1, 40).Draw(t, "candles"))
	for i := range bars {
		a, b, c, d := price.Draw(t, "a"), price.Draw(t, "b"), price.Draw(t, "c"), price.Draw(t, "d")
		bars[i] = bar{time: int64(i) * 600_000, open: a, closing: b, high: max(a, b, c, d), low: min(a, b, c, d), volume: float64(rapid.IntRange(0, 1000).Draw(t, "volume"))}
	}
	return bars
}

// proves PL1: snapshot after any event k, restore, and the rest is identical.
func TestEveryIndicatorGoesOnFromASnapshot(t *testing.T) {
	t.Parallel()
	for name, p := range probes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.IntRange(1, 9).Draw(t, "period")
				whole, parts := p.make(n), p.make(n)
				for at, b := range drawBars(t) {
					raw, err := json.Marshal(parts)
					if err != nil {
						t.Fatal(err)
					}
					restored := reflect.New(reflect.TypeOf(parts).Elem()).Interface()
					if err := json.Unmarshal(raw, restored); err != nil {
						t.Fatalf("candle %d: %v", at, err)
					}
					parts = restored
					want, got := p.step(whole, b), p.step(parts, b)
					for i := range want {
						if !same(want[i], got[i]) {
							t.Fatalf("candle %d, line %d: %v after a restore, %v without", at, i, got[i], want[i])
						}
					}
					if a, b := whole.(valued), parts.(valued); a.Ready() != b.Ready() || !same(a.Value(), b.Value()) {
						t.Fatalf("candle %d: restored it says %v %v, else %v %v", at, b.Ready(), b.Value(), a.Ready(), a.Value())
					}
				}
			})
		})
	}
}

// valued is what all indicators have.
type valued interface {
	Value() float64
	Ready() bool
}

func TestEveryIndicatorSaysWhenItIsReady(t *testing.T) {
	t.Parallel()
	h := realHistory(t)
	for name, p := range probes() {
		for _, n := range []int{1, 2, 14} {
			i := p.make(n)
			v, ok := i.(valued)
			if !ok {
				t.Errorf("%s has no Value or no Ready", name)
				continue
			}
			if v.Ready() {
				t.Errorf("%s of %d is ready before the first candle", name, n)
			}
			for at, b := range h.bars[:500] {
				lines := p.step(i, b)
				for _, x := range lines {
					if v.Ready() && (math.IsNaN(x) || math.IsInf(x, 0)) {
						t.Fatalf("%s of %d is ready at candle %d and says %v", name, n, at, lines)
					}
				}
			}
			if !v.Ready() || math.IsNaN(v.Value()) {
				t.Errorf("%s of %d is not ready after 500 candles", name, n)
			}
		}
	}
}

func TestEveryIndicatorRefusesDamagedStates(t *testing.T) {
	t.Parallel()
	for name, p := range probes() {
		kind := reflect.TypeOf(p.make(3)).Elem()
		for _, raw := range []string{`null`, `7`, `"x"`, `[]`, `{}`, `[null]`, `[[],{},0,0,0,0,0,0,0,0,0,0,0]`} {
			into, ok := reflect.New(kind).Interface().(json.Unmarshaler)
			if !ok {
				t.Fatalf("%s cannot be restored", name)
			}
			if err := into.UnmarshalJSON([]byte(raw)); err == nil {
				t.Errorf("%s accepts %s", name, raw)
			}
		}
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process.
func TestEveryIndicatorAllocatesNothing(t *testing.T) {
	h := realHistory(t)
	for name, p := range probes() {
		i, at := p.make(14), 0
		// The probe's own slice of the lines is one allocation.
		if n := testing.AllocsPerRun(500, func() {
			p.step(i, h.bars[at])
			at++
		}); n > 1 {
			t.Errorf("%s: %v allocations an update", name, n-1)
		}
	}
}

func TestOscillatorsStayWithinTheirBounds(t *testing.T) {
	t.Parallel()
	bounds := map[string][2]float64{
		"RSI": {0, 100}, "StochRSI": {0, 100}, "Stochastic": {0, 100}, "MFI": {0, 100}, "WilliamsR": {-100, 0}, "CMO": {-100, 100},
		"Ultimate": {0, 100}, "Aroon": {-100, 100}, "ADX": {0, 100}, "ChaikinMoneyFlow": {-1, 1}, "Choppiness": {0, 100},
	}
	for name, bound := range bounds {
		p := probes()[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				i := p.make(rapid.IntRange(1, 9).Draw(t, "period"))
				for _, b := range drawBars(t) {
					for _, x := range p.step(i, b) {
						if x < bound[0]-1e-6 || x > bound[1]+1e-6 {
							t.Fatalf("%v is out of %v", x, bound)
						}
					}
				}
			})
		})
	}
}

// same reports whether two values have the same bits, or are both no number.
func same(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}
