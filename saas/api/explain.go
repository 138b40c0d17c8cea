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
func (x explainer) fields(ref *huma.Schema, above string) []docsField {
	s := x.resolve(ref)
	var list []docsField
	for _, name := range x.names(ref) {
		p := s.Properties[name]
		list = append(list, docsField{
			Name: above + name, Type: x.typeOf(p), Rules: rules(p), Description: p.Description, Required: slices.Contains(s.Required, name),
		})
		inner := p
		if items := x.resolve(p).Items; items != nil {
			name, inner = name+"[]", items
		}
		list = append(list, x.fields(inner, above+name+".")...)
	}
	return list
}

// names lists the properties of an object in the order of its type.
func (x explainer) names(s *huma.Schema) []string {
	known := x.resolve(s).Properties
	if s.Ref == "" {
		return slices.Sorted(maps.Keys(known))
	}
	var names []string
	for f := range x.schemas.TypeFromRef(s.Ref).Fields() {
		if name := jsonName(f); known[name] != nil {
			names = append(names, name)
		}
	}
	return names
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
	var b bytes.Buffer
	if err := json.Indent(&b, x.value(s), "", "  "); err != nil {
		return ""
	}
	return b.String()
}

// value returns an example of a schema. Of what may be left out it shows what
// has an example of its own.
func (x explainer) value(ref *huma.Schema) json.RawMessage {
	s := x.resolve(ref)
	switch {
	case len(s.Examples) > 0:
		return encoded(s.Examples[0])
	case len(s.Enum) > 0:
		return encoded(s.Enum[0])
	case s.Items != nil:
		return slices.Concat([]byte("["), x.value(s.Items), []byte("]"))
	case s.Type == huma.TypeObject:
		var members [][]byte
		for _, name := range x.names(ref) {
			p := s.Properties[name]
			if slices.Contains(s.Required, name) || len(p.Examples) > 0 || p.Ref != "" {
				members = append(members, slices.Concat(encoded(name), []byte(":"), x.value(p)))
			}
		}
		return slices.Concat([]byte("{"), bytes.Join(members, []byte(",")), []byte("}"))
	case s.Nullable:
		return []byte("null")
	case s.Type == huma.TypeInteger, s.Type == huma.TypeNumber:
		return []byte("1")
	case s.Type == huma.TypeBoolean:
		return []byte("false")
	}
	return []byte(`"text"`)
}

// encoded returns an example as JSON.
func encoded(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return raw
}
