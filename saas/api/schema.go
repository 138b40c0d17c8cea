package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// inputs are the types of request bodies and what they are made of.
type inputs map[reflect.Type]bool

// add notes a type and the structs within it. The error names a field that no
// body could ever fill, because the inspector does not know its kind.
func (in inputs) add(t reflect.Type) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if readsItself(t) {
			return nil
		}
		t = t.Elem()
	}
	if readsItself(t) || in[t] {
		return nil
	}
	if t.Kind() != reflect.Struct {
		if inWords(t) == "an object" {
			return fmt.Errorf("of kind %s, which no body can fill", t.Kind())
		}
		return nil
	}
	in[t] = true
	for f := range t.Fields() {
		if err := in.add(f.Type); err != nil {
			return fmt.Errorf("api: field %s of %s: %w", f.Name, t.Name(), err)
		}
	}
	return nil
}

// readsItself reports whether a type reads its own JSON.
func readsItself(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}

// applyRules makes the schemas of the document say what the validate tags
// demand. Of a body that comes in, a field is required if its tag says so; of
// one that goes out, if it is always there.
func (in inputs) applyRules(r huma.Registry) error {
	for name, s := range r.Map() {
		t := r.TypeFromRef(schemaPrefix + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		if in[t] {
			s.Required = nil
		}
		for f := range t.Fields() {
			property := s.Properties[jsonName(f)]
			if property == nil {
				continue
			}
			required, err := applyTag(property, f)
			if err != nil {
				return fmt.Errorf("api: schema %s: %w", name, err)
			}
			if in[t] && required {
				s.Required = append(s.Required, jsonName(f))
			}
		}
	}
	return nil
}

// applyParameters does the same for the parameters of an operation.
func applyParameters(params []*huma.Param, t reflect.Type) error {
	for f := range t.Fields() {
		if f.Anonymous {
			if err := applyParameters(params, f.Type); err != nil {
				return err
			}
			continue
		}
		for _, p := range params {
			if p.Name != f.Tag.Get(p.In) {
				continue
			}
			required, err := applyTag(p.Schema, f)
			if err != nil {
				return fmt.Errorf("api: parameter %s: %w", p.Name, err)
			}
			p.Required = p.In == "path" || required
		}
	}
	return nil
}

// applyTag puts a field's rules into its schema and reports whether the field
// is required. A rule that it cannot express is an error, lest the document say
// less than what is checked.
func applyTag(s *huma.Schema, f reflect.StructField) (required bool, err error) {
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	text := t.Kind() == reflect.String
	tag := f.Tag.Get("validate")
	if tag == "" {
		return false, nil
	}
	for rule := range strings.SplitSeq(tag, ",") {
		name, param, _ := strings.Cut(rule, "=")
		n, numErr := strconv.Atoi(param)
		bound := float64(n)
		switch {
		case name == "omitempty":
		case name == "required":
			required = true
			if text && s.MinLength == nil && s.Ref == "" {
				one := 1
				s.MinLength = &one
			}
		case name == "oneof" && text:
			for _, option := range strings.Fields(param) {
				s.Enum = append(s.Enum, option)
			}
		case name == "email" && text:
			s.Format = "email"
		case name == "max" && text && numErr == nil:
			s.MaxLength = &n
		case name == "min" && text && numErr == nil:
			s.MinLength = &n
		case name == "max" && t.Kind() == reflect.Int && numErr == nil:
			s.Maximum = &bound
		case name == "min" && t.Kind() == reflect.Int && numErr == nil:
			s.Minimum = &bound
		default:
			return false, fmt.Errorf("the rule %q of %s has no form in the document", rule, f.Name)
		}
	}
	return required, nil
}
