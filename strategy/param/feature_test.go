package param_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy/param"
)

// What values take is told after a way through JSON as well; what a later release names is
// nothing, and what no release names is a fault of the author's.
func TestNeeds(t *testing.T) {
	t.Parallel()
	type own struct {
		Define string `param:"define" needs:"custom_indicators"`
		Limit  string `param:"limit" needs:"custom_indicators" validate:"oneof=a b"`
		Size   int    `param:"size"`
	}
	s, err := param.Of(own{Limit: "a", Size: 5})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var received param.Schema
	if err := json.Unmarshal(raw, &received); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		values, before string
		takes          bool
	}{
		"defaults":              {`{}`, ``, false},
		"another parameter":     {`{"size":7}`, ``, false},
		"a default, written":    {`{"define":"","limit":"a"}`, ``, false},
		"one":                   {`{"define":"a = close"}`, ``, true},
		"both":                  {`{"define":"a = close","limit":"b"}`, ``, true},
		"what stood in before":  {`{"define":"a = close","size":9}`, `{"define":"a = close"}`, false},
		"another than before":   {`{"define":"b = close"}`, `{"define":"a = close"}`, true},
		"less than before":      {`{}`, `{"define":"a = close"}`, false},
		"another one than that": {`{"define":"a = close","limit":"b"}`, `{"define":"a = close"}`, true},
		"nothing to compare":    {`{"define":"a = close"}`, `nonsense`, true},
	} {
		for where, schema := range map[string]*param.Schema{"here": s, "received": &received} {
			whole, err := schema.Validate([]byte(c.values))
			if err != nil {
				t.Fatal(err)
			}
			var want []param.Feature
			if c.takes {
				want = []param.Feature{param.CustomIndicators}
			}
			if got := schema.Needs(whole, []byte(c.before)); !slices.Equal(got, want) {
				t.Errorf("%s, %s: it takes %v, want %v", name, where, got, want)
			}
		}
	}
	if text := string(s.JSONSchema()); strings.Count(text, "needs custom_indicators in the plan") != 2 {
		t.Errorf("the JSON schema does not say it: %s", text)
	}

	var later param.Schema
	if err := json.Unmarshal([]byte(`{"fields":[{"name":"a","type":"text","default":"","needs":"telepathy"}]}`), &later); err != nil {
		t.Fatal(err)
	}
	if f, _ := later.Field("a"); f.Needs != "" || later.Needs([]byte(`{"a":"x"}`), nil) != nil {
		t.Errorf("a later release's feature is %q", f.Needs)
	}
	_, err = param.Of(struct {
		A string `param:"a" needs:"custom_indicator"`
	}{})
	if err == nil || !strings.Contains(err.Error(), `field A: it needs "custom_indicator", and must need "custom_indicators" or nothing`) {
		t.Errorf("a tag that is wrong gave %v", err)
	}
}
