package search_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/param"
)

func TestRangesAreRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		levels []string // nil for a continuous axis
	}{
		{"x=5:50:15", []string{"5", "20", "35", "50"}},
		{"x=5:49:15", []string{"5", "20", "35"}},
		{"x=3:5", []string{"3", "4", "5"}},
		{"x=7", []string{"7"}},
		{"x=30,10, 20,10", []string{"10", "20", "30"}},
		{"x=1:100:log:3", []string{"1", "10", "100"}},
		{"x=1:3:log:5", []string{"1", "2", "3"}},
		{"x=0:1000000000", nil},
		{"x=10:1000:log", nil},
		{"y=0.1:0.5:0.1", []string{"0.1", "0.2", "0.3", "0.4", "0.5"}},
		{"y=-1:1:1", []string{"-1", "0", "1"}},
		{"y=0.001:1:log:4", []string{"0.001", "0.01", "0.1", "1"}},
		{"y=0.1:0.5", nil},
		{"kind=c,a", []string{"c", "a"}},
		{"on=false,true", []string{"false", "true"}},
		{"wait=15m:1h:15m", []string{"15m0s", "30m0s", "45m0s", "1h0m0s"}},
		{"wait=1h,90s", []string{"1m30s", "1h0m0s"}},
		{"words=a:b,c d", []string{"a:b", "c d"}},
	} {
		t.Run(c.text, func(t *testing.T) {
			t.Parallel()
			axis := space(t, knobSchema(t), c.text).Axes()[0]
			if !slices.Equal(axis.Levels, c.levels) {
				t.Errorf("got %q, want %q", axis.Levels, c.levels)
			}
		})
	}
}

func TestEveryFaultyRangeIsNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"x":                 "name=values",
		"=1:2":              "name=values",
		"speed=1:2":         `no parameter "speed"`,
		"loud=1:2":          "loud is also given one value",
		"x=5:1":             "end is below its start",
		"x=1:5:0":           "must be above 0",
		"x=1:5:x":           "must be above 0",
		"x=a:b":             `"a" is no number`,
		"x=1.5:3":           "no whole number",
		"x=1:2:3:4":         "a range is",
		"x=0:5:log":         "begins above 0",
		"x=1:5:log:1":       "from 2 to",
		"x=0:900000:1":      "more than 10000 values",
		"x=1,,2":            "a value is missing",
		"x=":                "a value is missing",
		"kind=a,wma":        "wma is not one of a, b, c",
		"on=maybe":          "neither true nor false",
		"wait=soon:later":   "no time span",
		"y=1e999:2":         "no number",
		"wait=1m:1h:0s":     "must be above 0",
		"y=0.1:0.2:0.0000x": "must be above 0",
	} {
		_, err := search.NewSpace(search.SpaceConfig{Schema: knobSchema(t), Ranges: []string{text, "y=1:2"}, Fixed: map[string]string{"loud": "1"}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "range "+text) {
			t.Errorf("%s: %v does not tell %q", text, err, want)
		}
	}
	_, err := search.NewSpace(search.SpaceConfig{
		Schema: knobSchema(t), Ranges: []string{"x=5:1", "x=1:2", "x=3:4", "nope=1"}, Fixed: map[string]string{"zoom": "1", "area": "2"},
	})
	for _, want := range []string{"x=5:1", "x=3:4: parameter x has a range already", "nope", "zoom", "area"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
	if _, err := search.NewSpace(search.SpaceConfig{Schema: knobSchema(t)}); err == nil || !strings.Contains(err.Error(), "no range") {
		t.Errorf("without a range: %v", err)
	}
	if _, err := search.NewSpace(search.SpaceConfig{}); err == nil || !strings.Contains(err.Error(), "Schema is required") {
		t.Errorf("without a schema: %v", err)
	}
}

func TestSizeOfASpace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ranges []string
		size   int
		finite bool
	}{
		{[]string{"x=1:10", "kind=a,b", "on=true,false"}, 40, true},
		{[]string{"x=1:10", "y=0:1"}, 0, false},
		{[]string{"x=0:9999", "loud=0:9999", "wait=1s:9000s:1s"}, 0, false},
	} {
		if size, finite := space(t, knobSchema(t), c.ranges...).Size(); size != c.size || finite != c.finite {
			t.Errorf("%v: %d, %v", c.ranges, size, finite)
		}
	}
}

func TestFixedParametersAndDefaultsFillTheSet(t *testing.T) {
	t.Parallel()
	s, err := search.NewSpace(search.SpaceConfig{Schema: knobSchema(t), Ranges: []string{"x=3", "wait=90s"}, Fixed: map[string]string{"loud": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, search.Config{Space: s, Runners: []search.Runner{&machine{schema: knobSchema(t), gain: func(knobs, int) float64 { return 0.01 }}}})
	if got := string(r.Sets[0].Params); got != `{"x":3,"y":0,"kind":"a","on":false,"wait":"1m30s","words":"","loud":2}` {
		t.Errorf("got %s", got)
	}
}

func TestASpaceWithoutAnAllowedSetSaysWhy(t *testing.T) {
	t.Parallel()
	cfg := search.Config{Space: crosses(t, "fast=50:60", "slow=10:20"), Runners: []search.Runner{&machine{}}}
	for _, method := range search.Methods() {
		cfg.Method = method
		if _, err := search.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "none of the sets: fast must be below Slow average") {
			t.Errorf("%s: %v", method, err)
		}
	}
	s, err := search.NewSpace(search.SpaceConfig{
		Schema: knobSchema(t), Ranges: []string{"x=1:3"}, Check: func(json.RawMessage) error { return param.Errors{{Name: "x", Reason: "is odd"}} },
	})
	if err != nil {
		t.Fatal(err)
	}
	var faults param.Errors
	if _, err = search.Run(t.Context(), search.Config{Space: s, Runners: []search.Runner{&machine{}}}); !errors.As(err, &faults) || faults[0].Reason != "is odd" {
		t.Errorf("what the strategy itself refuses: %v", err)
	}
}
