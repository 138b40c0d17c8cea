package param

import (
	"encoding/json"
	"fmt"
	"strings"
)

// JSONSchema returns the schema as a JSON Schema of draft 2020-12. What that
// language cannot say, such as the comparison of two parameters or the bounds
// of an exact decimal, stands in $comment; Validate is the judge.
func (s *Schema) JSONSchema() json.RawMessage {
	properties := make(map[string]any, len(s.fields))
	for _, f := range s.fields {
		properties[f.Name] = s.property(f)
	}
	raw, _ := json.Marshal(map[string]any{ // never fails: texts and valid JSON
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"type":                 "object",
		"additionalProperties": false,
		"properties":           properties,
	})
	return raw
}

func (s *Schema) property(f Field) map[string]any {
	p := map[string]any{"title": f.Label, "default": f.Default}
	if f.Help != "" {
		p["description"] = f.Help
	}
	switch f.Type {
	case Bool:
		p["type"] = "boolean"
	case Int:
		p["type"] = "integer"
	case Float:
		p["type"] = "number"
	case Decimal:
		p["type"], p["pattern"] = []string{"string", "number"}, decimalPattern.String()
	case Duration:
		p["type"], p["examples"] = "string", []string{"90s", "15m", "4h"}
	case Text, Enum:
		p["type"], p["maxLength"] = "string", maxText
	}
	if len(f.Options) > 0 {
		values := make([]json.RawMessage, len(f.Options))
		for i, o := range f.Options {
			values[i] = fromText(f.Type, o.Value)
		}
		p["enum"] = values
		delete(p, "maxLength")
	}
	if f.Kind == Pair {
		p["pattern"] = "^([A-Z0-9]{2,20})?$"
	}
	if f.MinLength > 0 {
		p["minLength"] = f.MinLength
	}
	if f.MaxLength > 0 {
		p["maxLength"] = f.MaxLength
	}
	lenient := len(f.Rules) > 0 && f.Rules[0].Name == "omitempty"
	var notes []string
	if lenient {
		notes = append(notes, "The zero value is always accepted.")
		delete(p, "minLength")
	}
	for _, r := range f.Rules {
		if note := s.express(f, r, p, lenient); note != "" {
			notes = append(notes, note)
		}
	}
	if f.Needs != "" {
		notes = append(notes, "A value other than the default needs "+string(f.Needs)+" in the plan.")
	}
	if len(notes) > 0 {
		p["$comment"] = strings.Join(notes, " ")
	}
	return p
}

// express puts a rule into a property, or returns it as a sentence.
func (s *Schema) express(f Field, r Rule, p map[string]any, lenient bool) (note string) {
	keyword := map[string]string{
		"min": "minimum", "gte": "minimum", "max": "maximum", "lte": "maximum",
		"gt": "exclusiveMinimum", "lt": "exclusiveMaximum", "eq": "const",
	}[r.Name]
	switch {
	case r.Name == "omitempty", f.Type == Text && (r.Name == "min" || r.Name == "max" || r.Name == "len"):
		return ""
	case keyword != "" && !lenient && (f.Type == Int || f.Type == Float):
		switch {
		case keyword == "minimum" && f.Min != "":
			p[keyword] = json.Number(f.Min)
		case keyword == "maximum" && f.Max != "":
			p[keyword] = json.Number(f.Max)
		default:
			p[keyword] = json.Number(r.Value)
		}
		return ""
	case r.Field != "":
		other, _ := s.Field(r.Field)
		return "It " + fmt.Sprintf(phrase(r.Name), other.Label) + "."
	case r.Value == "":
		return "It " + phrase(r.Name) + "."
	}
	return "It " + fmt.Sprintf(phrase(r.Name), r.Value) + "."
}
