package param

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Decode checks values as Validate does and writes them into the struct that p
// points at, which must be one that the schema describes. On an error, an
// Errors if the values are at fault, p is unchanged.
func (s *Schema) Decode(raw json.RawMessage, p any) error {
	target := reflect.ValueOf(p)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("param: values are decoded into a pointer to a struct, got %T", p)
	}
	values, err := s.read(raw)
	if err != nil {
		return err
	}
	bound, err := s.bind(target.Elem())
	if err != nil {
		return err
	}
	for i, v := range values {
		set(bound[i], v)
	}
	return nil
}

// Encode writes a struct that the schema describes, or what a pointer to one
// points at, as Validate would return it. The error is an Errors if its values
// break the rules.
func (s *Schema) Encode(p any) (json.RawMessage, error) {
	v := reflect.Indirect(reflect.ValueOf(p))
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("param: a struct is encoded, got %T", p)
	}
	bound, err := s.bind(v)
	if err != nil {
		return nil, err
	}
	values := make([]any, len(bound))
	reasons := make([]string, len(bound))
	for i, field := range bound {
		values[i], reasons[i] = get(field)
	}
	if faults := s.faults(values, reasons); len(faults) > 0 {
		return nil, faults
	}
	encoded := make([]json.RawMessage, len(values))
	for i, v := range values {
		encoded[i] = encode(v)
	}
	return s.object(encoded), nil
}

// bind finds the struct field of every parameter.
func (s *Schema) bind(v reflect.Value) ([]reflect.Value, error) {
	bound := make([]reflect.Value, len(s.fields))
	for sf := range v.Type().Fields() {
		name := sf.Tag.Get("param")
		if i, ok := s.byName[name]; ok && sf.IsExported() {
			if t := typeOf(sf); t != s.fields[i].Type {
				return nil, fmt.Errorf("param: %s.%s is of type %s, the schema's %q of type %s", v.Type(), sf.Name, t, name, s.fields[i].Type)
			}
			bound[i] = v.FieldByIndex(sf.Index)
		}
	}
	for i, b := range bound {
		if !b.IsValid() {
			return nil, fmt.Errorf("param: %s has no field for parameter %q", v.Type(), s.fields[i].Name)
		}
	}
	return bound, nil
}

// typeOf returns the type of the values of a struct field; "" if it has none.
func typeOf(sf reflect.StructField) Type {
	switch sf.Type {
	case reflect.TypeFor[decimal.Decimal]():
		return Decimal
	case reflect.TypeFor[time.Duration]():
		return Duration
	}
	switch sf.Type.Kind() {
	case reflect.Bool:
		return Bool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Int
	case reflect.Float64:
		return Float
	case reflect.String:
		for rule := range strings.SplitSeq(sf.Tag.Get("validate"), ",") {
			if strings.HasPrefix(rule, "oneof=") {
				return Enum
			}
		}
		return Text
	}
	return ""
}

// get reads the value of a struct field.
func get(field reflect.Value) (value any, reason string) {
	switch v := field.Interface().(type) {
	case decimal.Decimal:
		return parseDecimal(v.String())
	case time.Duration:
		return v, ""
	}
	switch {
	case field.CanInt():
		return field.Int(), ""
	case field.CanUint():
		if field.Uint() > math.MaxInt64 {
			return nil, tooLarge
		}
		return int64(field.Uint()), ""
	case field.CanFloat():
		if f := field.Float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, ""
		}
		return nil, "must be a finite number"
	case field.Kind() == reflect.Bool:
		return field.Bool(), ""
	}
	return parseLine(field.String())
}

// set writes a value into a struct field; the implied rules of its Go type have
// made sure that it fits.
func set(field reflect.Value, value any) {
	switch v := value.(type) {
	case bool:
		field.SetBool(v)
	case int64:
		if field.CanUint() {
			field.SetUint(uint64(v))
		} else {
			field.SetInt(v)
		}
	case float64:
		field.SetFloat(v)
	case string:
		field.SetString(v)
	case decimal.Decimal:
		field.Set(reflect.ValueOf(v))
	case time.Duration:
		field.SetInt(int64(v))
	}
}

// describe reads the fields and tags of a struct, and what is wrong with each.
func describe(v reflect.Value) (fields []Field, problems []error) {
	names := map[string]string{}
	for sf := range v.Type().Fields() {
		names[sf.Name] = sf.Tag.Get("param")
	}
	for sf := range v.Type().Fields() {
		name, tagged := sf.Tag.Lookup("param")
		if name == "-" || !sf.IsExported() && !tagged {
			continue
		}
		f, err := describeField(sf, v.FieldByIndex(sf.Index), names)
		if err != nil {
			err = fmt.Errorf("field %s: %w", sf.Name, err)
		}
		fields, problems = append(fields, f), append(problems, err)
	}
	return fields, problems
}

func describeField(sf reflect.StructField, v reflect.Value, names map[string]string) (Field, error) {
	f := Field{
		Name: sf.Tag.Get("param"), Label: sf.Tag.Get("label"), Help: sf.Tag.Get("help"), Unit: sf.Tag.Get("unit"),
		Group: sf.Tag.Get("group"), Step: sf.Tag.Get("step"), Bound: sf.Tag.Get("bound"), Type: typeOf(sf), Kind: Kind(sf.Tag.Get("kind")), Needs: Feature(sf.Tag.Get("needs")),
	}
	var problems []error
	switch {
	case !sf.IsExported():
		return f, errors.New("it must be exported")
	case f.Name == "":
		return f, errors.New(`it has no param tag; param:"-" leaves it out`)
	case f.Type == "":
		return f, fmt.Errorf("a %s cannot be a parameter", sf.Type)
	}
	if f.Kind != "" && (f.Kind != Pair || f.Type != Text) {
		problems = append(problems, fmt.Errorf("its kind %q must be %q, of a text", f.Kind, Pair))
	}
	if f.Needs != "" && !f.Needs.known() {
		problems = append(problems, fmt.Errorf("it needs %q, and must need %q or nothing", f.Needs, CustomIndicators))
	}
	if f.Type == Int {
		f.Rules = implied(sf.Type)
	}
	problems = append(problems, f.readRules(sf.Tag.Get("validate"), names))
	problems = append(problems, f.readLabels(sf.Tag.Get("options")))
	value, reason := get(v)
	if reason != "" {
		problems = append(problems, fmt.Errorf("its default %s", reason))
	} else {
		f.Default = encode(value)
	}
	return f, errors.Join(problems...)
}

// readRules adds the rules of a validate tag; names maps the struct's fields to
// their parameters.
func (f *Field) readRules(tag string, names map[string]string) error {
	var problems []error
	for text := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(text, "=")
		r := Rule{Name: name, Value: value}
		switch {
		case name == "":
			continue
		case name == "omitempty":
			f.Rules = append([]Rule{r}, f.Rules...)
			continue
		case name == "oneof":
			f.Options = append(f.Options, splitOptions(value)...)
			continue
		case strings.HasSuffix(name, "field"):
			other, ok := names[value]
			if !ok || other == "" || other == "-" {
				problems = append(problems, fmt.Errorf("rule %s: the struct has no parameter field %q", name, value))
				continue
			}
			r = Rule{Name: name, Field: other}
		}
		f.Rules = append(f.Rules, r)
	}
	return errors.Join(problems...)
}

// splitOptions reads the argument of oneof: words, or texts in single quotes.
func splitOptions(text string) (options []Option) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		var value string
		if quoted, ok := strings.CutPrefix(text, "'"); ok {
			value, text, _ = strings.Cut(quoted, "'")
		} else {
			value, text, _ = strings.Cut(text, " ")
		}
		options = append(options, Option{Value: value})
	}
	return options
}

// readLabels reads the options tag: value=label,….
func (f *Field) readLabels(tag string) error {
	var problems []error
	for text := range strings.SplitSeq(tag, ",") {
		if text == "" {
			continue
		}
		value, label, _ := strings.Cut(text, "=")
		found := false
		for i, o := range f.Options {
			if o.Value == value {
				f.Options[i].Label, found = label, true
			}
		}
		if !found {
			problems = append(problems, fmt.Errorf("tag options names %q, which oneof does not list", value))
		}
	}
	return errors.Join(problems...)
}
