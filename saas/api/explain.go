package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// explainer puts operations and schemas of the document into words.
type explainer struct{ schemas huma.Registry }

func (x explainer) operation(r Route, op *huma.Operation) docsOperation {
	d := docsOperation{
		ID: op.OperationID, Method: r.Method, Path: r.Path, Summary: op.Summary, Description: strings.ReplaceAll(op.Description, "`", ""),
		Secured: len(op.Security) > 0,
	}
	for _, p := range op.Parameters {
		d.Parameters = append(d.Parameters, docsField{
			Name: p.Name, In: p.In, Type: x.typeOf(p.Schema), Rules: rules(p.Schema), Description: p.Description, Required: p.Required,
		})
	}
	if op.RequestBody != nil {
		s := op.RequestBody.Content["application/json"].Schema
		d.Body, d.BodyExample = x.fields(s, ""), x.example(s)
	}
	d.Curl = curl(d)
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		a := x.answer(status, op.Responses[status])
		if status < "400" {
			d.Answers = append(d.Answers, a)
		} else {
			d.Errors = append(d.Errors, a)
		}
	}
	return d
}

func (x explainer) answer(status string, r *huma.Response) docsAnswer {
	a := docsAnswer{Status: status, Description: r.Description}
	for media, content := range r.Content {
		a.Media = media
		if media == "application/json" {
			a.Fields, a.Example = x.fields(content.Schema, ""), x.example(content.Schema)
		}
	}
	return a
}

// curl returns the call as a command line.
func curl(d docsOperation) string {
	var b strings.Builder
	b.WriteString("curl")
	if d.Method != "GET" {
		b.WriteString(" -X " + d.Method)
	}
	b.WriteString(` "$URL` + strings.NewReplacer("{", "$", "}", "").Replace(d.Path) + `"`)
	if d.Secured {
		b.WriteString(" \\\n  -H \"Authorization: Bearer $TOKEN\"")
	}
	if d.BodyExample != "" {
		b.WriteString(" \\\n  --json '" + d.BodyExample + "'")
	}
	return b.String()
}

// resolve follows a reference.
func (x explainer) resolve(s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		return x.schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// fields lists the fields of an object and of the objects within it, with the
// names of those above them in front.
func (x explainer) fields(s *huma.Schema, above string) []docsField {
	s = x.resolve(s)
	var list []docsField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		list = append(list, docsField{
			Name: above + name, Type: x.typeOf(p), Rules: rules(p), Description: p.Description, Required: slices.Contains(s.Required, name),
		})
		inner := x.resolve(p)
		if inner.Items != nil {
			name, inner = name+"[]", x.resolve(inner.Items)
		}
		if len(inner.Properties) > 0 {
			list = append(list, x.fields(inner, above+name+".")...)
		}
	}
	return list
}

// typeOf names a schema's type.
func (x explainer) typeOf(s *huma.Schema) string {
	s = x.resolve(s)
	name := s.Type
	switch {
	case s.Items != nil:
		name = "list of " + x.typeOf(s.Items)
	case len(s.AnyOf) > 0:
		parts := make([]string, len(s.AnyOf))
		for i, one := range s.AnyOf {
			parts[i] = x.typeOf(one)
		}
		name = strings.Join(parts, " or ")
	case s.Format != "" && s.Type == huma.TypeString:
		name = s.Format
	}
	if s.Nullable {
		name += " or null"
	}
	return name
}

// rules puts a schema's bounds into words.
func rules(s *huma.Schema) string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if len(s.Enum) > 0 {
		say("one of %s", strings.Trim(fmt.Sprint(s.Enum...), "[]"))
	}
	if s.MinLength != nil && *s.MinLength > 1 {
		say("at least %d characters", *s.MinLength)
	}
	if s.MaxLength != nil {
		say("at most %d characters", *s.MaxLength)
	}
	if s.Minimum != nil {
		say("at least %s", strconv.FormatFloat(*s.Minimum, 'f', -1, 64))
	}
	if s.Maximum != nil {
		say("at most %s", strconv.FormatFloat(*s.Maximum, 'f', -1, 64))
	}
	return strings.Join(list, ", ")
}

// example returns an example of a schema as indented JSON.
func (x explainer) example(s *huma.Schema) string {
	raw, err := json.Marshal(x.value(s))
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return ""
	}
	return b.String()
}

// value returns an example of a schema.
func (x explainer) value(s *huma.Schema) any {
	switch s = x.resolve(s); {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Items != nil:
		return []any{x.value(s.Items)}
	case s.Type == huma.TypeObject:
		object := map[string]any{}
		for name, p := range s.Properties {
			object[name] = x.value(p)
		}
		return object
	case s.Nullable:
		return nil
	case s.Type == huma.TypeInteger, s.Type == huma.TypeNumber:
		return 1
	case s.Type == huma.TypeBoolean:
		return false
	}
	return "text"
}
