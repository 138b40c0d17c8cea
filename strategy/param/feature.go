package param

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Feature is something that whoever runs a strategy for others may offer apart. What it
// is offered for is theirs to say: neither a schema nor a strategy refuses anything
// for it.
type Feature string

// CustomIndicators is an indicator of the user's own.
const CustomIndicators Feature = "custom_indicators"

func features() []Feature { return []Feature{CustomIndicators} }

// known reports whether this release knows the feature; "" is none.
func (f Feature) known() bool { return slices.Contains(features(), f) }

// Needs returns the features that values take, each once: those of the parameters that
// are not at their defaults. A value that stood in before, which may be nothing, takes
// none anew. The values are complete, as Validate returns them.
func (s *Schema) Needs(values, before json.RawMessage) []Feature {
	now, _, err := members(values)
	if err != nil {
		return nil // they are not a schema's
	}
	had, _, _ := members(before)
	var needs []Feature
	for _, f := range s.fields {
		value, given := now[f.Name]
		if f.Needs == "" || !given || bytes.Equal(value, f.Default) || bytes.Equal(value, had[f.Name]) || slices.Contains(needs, f.Needs) {
			continue
		}
		needs = append(needs, f.Needs)
	}
	return needs
}
