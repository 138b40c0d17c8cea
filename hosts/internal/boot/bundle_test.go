package boot_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/hosts/internal/boot"
	"github.com/lunobot/lunobot/strategy/param"
)

// TestBundledStrategiesAreDocumented holds the page of each bundled strategy to
// its definition: each parameter has a row that tells its default and its values as
// they are, there is a word on when it loses, and a command to try it.
func TestBundledStrategiesAreDocumented(t *testing.T) {
	t.Parallel()
	for _, def := range boot.Bundle().Definitions() {
		name := def.Info().Name
		raw, err := os.ReadFile(filepath.Join("..", "..", "..", "plugins", name, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		page := string(raw)
		for _, f := range def.Schema().Fields() {
			if said, ok := documented(page, f.Name); !ok {
				t.Errorf("the table of plugins/%s/README.md has no row of the parameter %s", name, f.Name)
			} else if fault := said.differs(f); fault != "" {
				t.Errorf("plugins/%s/README.md: parameter %s: %s", name, f.Name, fault)
			}
		}
		for _, want := range []string{"go run ./hosts/lunobot backtest --strategy " + name + " --data demo", "## Idea", "when it loses"} {
			if !strings.Contains(strings.ToLower(page), strings.ToLower(want)) {
				t.Errorf("plugins/%s/README.md does not have %q", name, want)
			}
		}
	}
}

// TestDocumentedParametersAreHeldToTheCode shows that a page which tells another
// default, range or option than the code has is found out.
func TestDocumentedParametersAreHeldToTheCode(t *testing.T) {
	t.Parallel()
	length := param.Field{Type: param.Int, Default: []byte("20"), Min: "2", Max: "1000"}
	kind := param.Field{Type: param.Enum, Default: []byte(`"sma"`), Options: []param.Option{{Value: "sma"}, {Value: "ema"}}}
	for text, c := range map[string]struct {
		f    param.Field
		want string
	}{
		"| `a` | 20 | 2 to 1000, below `b` |": {length, ""},
		"| `a` | 21 | 2 to 1000 |":            {length, "default"},
		"| `a` | 20 | 3 to 1000 |":            {length, "2 to 1000"},
		"| `a` | 20 | 2 to 1000000 |":         {length, "2 to 1000"},
		"| `b`, `a` | 1, 20 | 2 to 1000 |":    {length, ""},
		"| `b`, `a` | 20, 1 | 2 to 1000 |":    {length, "default"},
		"| `a` | `sma` | `sma`, `ema` |":      {kind, ""},
		"| `a` | `sma` | `sma`, `ema`, `x` |": {kind, "ema"},
		"| `a` | `sma` | `sma` |":             {kind, "ema"},
	} {
		said, ok := documented("| name | default | values | meaning |\n"+text+" what it is |\n", "a")
		if got := said.differs(c.f); !ok || (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: found %t, %q, want %q", text, ok, got, c.want)
		}
	}
}

// row is what a page says of a parameter.
type row struct{ def, values string }

// documented returns the row of a parameter, whose name stands in the first cell.
func documented(page, parameter string) (row, bool) {
	for line := range strings.Lines(page) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || !strings.Contains(cells[1], "`"+parameter+"`") {
			continue
		}
		r := row{def: strings.TrimSpace(cells[2]), values: strings.TrimSpace(cells[3])}
		if defaults := strings.Split(r.def, ", "); len(defaults) > 1 { // several parameters in one row
			names := strings.Split(strings.TrimSpace(cells[1]), ", ")
			r.def = defaults[slices.Index(names, "`"+parameter+"`")]
		}
		return r, true
	}
	return row{}, false
}

// differs says where a row is not what the code does, "" if it is. A text's default
// is told in words.
func (r row) differs(f param.Field) string {
	if got := strings.Trim(r.def, "`"); got != f.DefaultText() && f.Type != param.Text {
		return "the default is " + f.DefaultText() + ", and the page says " + r.def
	}
	var want string
	exactly := len(f.Options) > 0
	switch {
	case exactly:
		for _, o := range f.Options {
			want += ", `" + o.Value + "`"
		}
		want = want[2:]
	case f.Type == param.Bool:
		want = "true, false"
	case f.Min != "" && f.Max != "":
		want = f.Min + " to " + f.Max
	}
	said := strings.ReplaceAll(r.values, ",000", "000")
	if said == want || !exactly && strings.HasPrefix(said+",", want+",") || want == "" {
		return ""
	}
	return "its values are " + want + ", and the page says " + r.values
}
