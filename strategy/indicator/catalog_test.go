package indicator_test

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/indicator"
)

func (b bar) candle() exchange.Candle {
	return exchange.Candle{
		Time: b.time, Open: exchange.Ticks(b.open), High: exchange.Ticks(b.high), Low: exchange.Ticks(b.low), Close: exchange.Ticks(b.closing),
		Volume: exchange.Steps(b.volume),
	}
}

func TestCatalogHasEveryIndicator(t *testing.T) {
	t.Parallel()
	catalog := indicator.Catalog()
	if len(catalog) != len(probes()) {
		t.Errorf("%d entries for %d indicators", len(catalog), len(probes()))
	}
	var names []string
	for _, e := range catalog {
		names = append(names, e.Name)
		if !regexp.MustCompile(`^[a-z]+$`).MatchString(e.Name) || e.Title == "" || len(e.Lines) == 0 {
			t.Errorf("%+v is not described", e)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(catalog) {
		t.Errorf("two entries have one name: %v", names)
	}
}

// proves PL1
func TestCatalogStreamsGoOnFromASnapshot(t *testing.T) {
	t.Parallel()
	h := realHistory(t)
	for _, e := range indicator.Catalog() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			whole, err := e.New()
			if err != nil {
				t.Fatal(err)
			}
			parts, err := e.New()
			if err != nil {
				t.Fatal(err)
			}
			for at, b := range h.bars[:1600] {
				whole.Update(b.candle())
				parts.Update(b.candle())
				for i := range e.Lines {
					if !same(whole.Line(i), parts.Line(i)) {
						t.Fatalf("candle %d, %s: %v after a restore, %v without", at, e.Lines[i], parts.Line(i), whole.Line(i))
					}
				}
				if at%97 != 0 {
					continue
				}
				raw, err := json.Marshal(parts)
				if err != nil {
					t.Fatal(err)
				}
				if parts, err = e.New(); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(raw, parts); err != nil {
					t.Fatal(err)
				}
			}
			if !whole.Ready() || math.IsNaN(whole.Line(0)) {
				t.Errorf("after 1,600 candles it is not ready: %v", whole.Line(0))
			}
		})
	}
}

func entryOf(t *testing.T, name string) indicator.Entry {
	t.Helper()
	for _, e := range indicator.Catalog() {
		if e.Name == name {
			return e
		}
	}
	t.Fatalf("there is no %s", name)
	return indicator.Entry{}
}

func TestCatalogStreamsAreTheIndicators(t *testing.T) {
	t.Parallel()
	h := realHistory(t)
	sma, err := entryOf(t, "sma").New(7)
	if err != nil {
		t.Fatal(err)
	}
	keltner, err := entryOf(t, "keltner").New(9, 5, 1.5)
	if err != nil {
		t.Fatal(err)
	}
	macd, err := entryOf(t, "macd").New(3, 8)
	if err != nil {
		t.Fatal(err)
	}
	plainSMA, plainKeltner, plainMACD := indicator.NewSMA(7), indicator.NewKeltner(9, 5, 1.5), indicator.NewMACD(3, 8, 9)
	for _, b := range h.bars[:500] {
		for _, s := range []indicator.Stream{sma, keltner, macd} {
			s.Update(b.candle())
		}
		k, m := plainKeltner.Update(b.high, b.low, b.closing), plainMACD.Update(b.closing)
		for i, pair := range [][2]float64{
			{sma.Line(0), plainSMA.Update(b.closing)}, {keltner.Line(0), k.Middle}, {keltner.Line(1), k.Lower}, {keltner.Line(2), k.Upper},
			{macd.Line(0), m.Line}, {macd.Line(1), m.Signal}, {macd.Line(2), m.Histogram},
		} {
			if !same(pair[0], pair[1]) {
				t.Fatalf("pair %d: %v and %v", i, pair[0], pair[1])
			}
		}
	}
}

func TestCatalogRefusesArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []float64
		want string
	}{
		{"sma", []float64{0}, "period must be between 1 and 10000, not 0"},
		{"sma", []float64{2.5}, "period must be a whole number, not 2.5"},
		{"sma", []float64{math.NaN()}, "period must be between"},
		{"sma", []float64{1, 2}, "takes at most 1 numbers, not 2"},
		{"bollinger", []float64{20, -1}, "width must be between"},
	} {
		if _, err := entryOf(t, c.name).New(c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%v gave %v, want %q", c.name, c.args, err, c.want)
		}
	}
}
