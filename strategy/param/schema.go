package param

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// The bounds of a schema and of the values that it reads; a schema may come
// from a stranger's program.
const (
	maxFields  = 200
	maxRules   = 20
	maxOptions = 200
	maxProse   = 1000
	maxValues  = 1 << 20
)

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	pairPattern   = regexp.MustCompile(`^[A-Z0-9]{2,20}$`)
	optionPattern = regexp.MustCompile(`^[\pL\pN _./:+%-]{1,64}$`)
)

// Schema describes a set of parameters and checks values against it. It is
// immutable, apart from UnmarshalJSON, and safe for concurrent use. The zero
// value has no parameters and accepts only the empty object.
type Schema struct {
	fields []Field
	byName map[string]int
	check  *checker
}

// Of returns the schema of a struct, or of what a pointer points at, whose
// values become the defaults. The error names every field whose tags or
// default are wrong.
func Of(defaults any) (*Schema, error) {
	v := reflect.Indirect(reflect.ValueOf(defaults))
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("param: the parameters must be a struct, got %T", defaults)
	}
	s, err := build(describe(v))
	if err != nil {
		return nil, fmt.Errorf("param: describing %s: %w", v.Type(), err)
	}
	return s, nil
}

// build checks the fields and returns their schema; known holds what is already
// known to be wrong with each.
func build(fields []Field, known []error) (*Schema, error) {
	if len(fields) > maxFields {
		return nil, fmt.Errorf("%d parameters are more than %d", len(fields), maxFields)
	}
	check, err := newChecker()
	if err != nil {
		return nil, err
	}
	s := &Schema{fields: fields, byName: make(map[string]int, len(fields)), check: check}
	var problems []error
	fault := func(f Field, err error) {
		problems = append(problems, fmt.Errorf("parameter %q: %w", f.Name, err))
	}
	for i, f := range fields {
		if _, twice := s.byName[f.Name]; twice {
			fault(f, errors.New("there are two of this name"))
		}
		s.byName[f.Name] = i
	}
	broken := make([]bool, len(fields))
	for i := range fields {
		wrong := known[i] != nil
		if wrong {
			problems = append(problems, known[i])
		}
		if wrong && (fields[i].Name == "" || fields[i].Type == "") {
			broken[i] = true // it is no parameter that anything could be said of
			continue
		}
		for _, err := range s.prepare(&fields[i]) {
			fault(fields[i], err)
			wrong = true
		}
		broken[i] = wrong
	}
	values := make([]any, len(fields))
	for i, f := range fields {
		if broken[i] {
			continue
		}
		var reason string
		if values[i], reason = parse(f.Type, f.Default); reason != "" {
			fault(f, fmt.Errorf("the default %s %s", f.Default, reason))
			broken[i] = true
			continue
		}
		s.fields[i].Default = encode(values[i])
	}
	if len(problems) == 0 {
		for _, e := range s.faults(values, make([]string, len(fields))) {
			problems = append(problems, fmt.Errorf("parameter %q: the default %s", e.Name, e.Reason))
		}
		broken = nil
	}
	for i := range broken { // beside other problems each default is held to its own rules
		if broken[i] {
			continue
		}
		if reason := check.own(s.fields[i], values[i]); reason != "" {
			fault(s.fields[i], fmt.Errorf("the default %s", reason))
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return s, nil
}

// prepare checks a field, brings its rules to their usual spelling and sets
// what follows from them.
func (s *Schema) prepare(f *Field) (problems []error) {
	fault := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !namePattern.MatchString(f.Name) {
		fault("the name must begin with a letter and hold lower-case letters, digits and _ only")
	}
	if f.Label == "" {
		f.Label = f.Name
	}
	if f.Kind != Pair || f.Type != Text {
		f.Kind = "" // a later release's
	}
	if !f.Needs.known() {
		f.Needs = "" // likewise
	}
	for _, prose := range []string{f.Label, f.Help, f.Unit, f.Group} {
		if len(prose) > maxProse || !utf8.ValidString(prose) {
			fault("its texts must be UTF-8 and at most %d bytes long", maxProse)
			break
		}
	}
	if f.Step != "" && f.Step != "any" {
		if step, reason := parseDecimal(f.Step); reason != "" || !exact(format(step)).IsPositive() {
			fault("step %q must be a number above 0", f.Step)
		}
	}
	if f.Bound != "" && f.Bound != BoundStopLoss && f.Bound != BoundTakeProfit {
		fault("the bound %q is neither %s nor %s", f.Bound, BoundStopLoss, BoundTakeProfit)
	}
	if len(f.Rules) > maxRules || len(f.Options) > maxOptions {
		fault("it has more than %d rules or %d options", maxRules, maxOptions)
		return problems
	}
	problems = append(problems, f.prepareOptions()...)
	for i, r := range f.Rules {
		rule, err := checkRule(f.Type, r, s.typeOf)
		if err == nil && r.Name == "omitempty" && (i > 0 || len(f.Options) > 0) {
			err = errors.New("rule omitempty must be the first and not with oneof, which can list the zero value")
		}
		if err != nil {
			problems = append(problems, err)
		}
		f.Rules[i] = rule
	}
	if len(problems) == 0 {
		f.derive()
	}
	return problems
}

// prepareOptions checks the options and brings them to their usual spelling.
func (f *Field) prepareOptions() (problems []error) {
	if f.Type == Enum && len(f.Options) == 0 {
		problems = append(problems, errors.New("it has nothing to choose from"))
	}
	for i, o := range f.Options {
		switch {
		case f.Type != Enum && f.Type != Int:
			problems = append(problems, fmt.Errorf("a value of type %s has no options", f.Type))
		case !optionPattern.MatchString(o.Value) || strings.Contains(o.Value, "0x"):
			problems = append(problems, fmt.Errorf("option %q must be letters, digits, spaces and _./:+%%- only", o.Value))
		case len(o.Label) > maxProse || !utf8.ValidString(o.Label):
			problems = append(problems, fmt.Errorf("the label of option %q must be UTF-8 and at most %d bytes long", o.Value, maxProse))
		case f.Type == Int:
			n, reason := parse(Int, fromText(Int, o.Value))
			if reason != "" {
				problems = append(problems, fmt.Errorf("option %q %s", o.Value, reason))
			}
			f.Options[i].Value = format(n)
		}
		if o.Label == "" {
			f.Options[i].Label = o.Value
		}
	}
	return problems
}

func (s *Schema) typeOf(name string) (Type, bool) {
	i, ok := s.byName[name]
	if !ok {
		return "", false
	}
	return s.fields[i].Type, true
}

// Fields returns the parameters in the order of the struct. The slice is a
// copy; what its elements point at must not be changed.
func (s *Schema) Fields() []Field { return slices.Clone(s.fields) }

// Field returns the parameter of a name.
func (s *Schema) Field(name string) (Field, bool) {
	i, ok := s.byName[name]
	if !ok {
		return Field{}, false
	}
	return s.fields[i], true
}

// Defaults returns the default of every parameter as one JSON object.
func (s *Schema) Defaults() json.RawMessage {
	values := make([]json.RawMessage, len(s.fields))
	for i, f := range s.fields {
		values[i] = f.Default
	}
	return s.object(values)
}

// Validate checks a JSON object of values and returns it with every parameter,
// in the order of the schema and in the usual spelling. No bytes at all stand
// for the empty object and an absent parameter for its default. Unknown and
// repeated names, null, wrong types, numbers that do not fit and broken rules
// are an Errors, all of them together.
func (s *Schema) Validate(raw json.RawMessage) (json.RawMessage, error) {
	values, err := s.read(raw)
	if err != nil {
		return nil, err
	}
	encoded := make([]json.RawMessage, len(values))
	for i, v := range values {
		encoded[i] = encode(v)
	}
	return s.object(encoded), nil
}

// read parses and checks the values; the error is an Errors.
func (s *Schema) read(raw json.RawMessage) ([]any, error) {
	given, strange, err := members(raw)
	if err != nil {
		return nil, Errors{{Reason: err.Error()}}
	}
	values := make([]any, len(s.fields))
	reasons := make([]string, len(s.fields))
	for i, f := range s.fields {
		text, ok := given[f.Name]
		if !ok {
			text = f.Default
		}
		delete(given, f.Name)
		values[i], reasons[i] = parse(f.Type, text)
		if slices.Contains(strange, f.Name) {
			reasons[i] = "is given twice"
		}
	}
	faults := s.faults(values, reasons)
	unknown := make(Errors, 0, len(given))
	for name := range given {
		unknown = append(unknown, Error{Name: name, Reason: "is not a parameter here"})
	}
	sort.Slice(unknown, func(i, j int) bool { return unknown[i].Name < unknown[j].Name })
	if faults = append(faults, unknown...); len(faults) > 0 {
		return nil, faults
	}
	return values, nil
}

// faults applies the rules to the values that have no reason yet.
func (s *Schema) faults(values []any, reasons []string) Errors {
	for i, f := range s.fields {
		if reasons[i] == "" {
			reasons[i] = s.check.own(f, values[i])
		}
	}
	var faults Errors
	for i, f := range s.fields {
		if reasons[i] != "" {
			faults = append(faults, Error{Name: f.Name, Reason: reasons[i]})
			continue
		}
		for _, r := range f.Rules {
			other, ok := s.byName[r.Field]
			if !ok || reasons[other] != "" {
				continue
			}
			if reason := s.check.across(f, r, values[i], s.fields[other], values[other]); reason != "" {
				faults = append(faults, Error{Name: f.Name, Reason: reason})
				break
			}
		}
	}
	return faults
}

// object writes the values of all fields as one JSON object.
func (s *Schema) object(values []json.RawMessage) json.RawMessage {
	out := []byte{'{'}
	for i, f := range s.fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), f.Name...), '"', ':')
		out = append(out, values[i]...)
	}
	return append(out, '}')
}

// members splits a JSON object into its members and names those that it holds
// more than once.
func members(raw json.RawMessage) (given map[string]json.RawMessage, repeated []string, err error) {
	given = map[string]json.RawMessage{}
	if len(raw) == 0 {
		return given, nil, nil
	}
	notObject := errors.New("the parameters must be one JSON object")
	if len(raw) > maxValues {
		return nil, nil, fmt.Errorf("the parameters must be less than %d bytes", maxValues)
	}
	if !json.Valid(raw) || bytes.TrimLeft(raw, " \t\r\n")[0] != '{' {
		return nil, nil, notObject
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, nil, notObject
	}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return nil, nil, notObject
		}
		if _, twice := given[name]; twice {
			repeated = append(repeated, name)
		}
		given[name] = value
	}
	return given, repeated, nil
}

// wire is a schema's form in JSON.
type wire struct {
	Fields []Field `json:"fields"`
}

// MarshalJSON implements json.Marshaler: {"fields": […]}.
func (s *Schema) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{Fields: append([]Field{}, s.fields...)})
}

// UnmarshalJSON implements json.Unmarshaler. A schema that Of would not have
// made is refused, so one from a stranger is safe to use.
func (s *Schema) UnmarshalJSON(raw []byte) error {
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		return fmt.Errorf("param: reading a schema: %w", err)
	}
	built, err := build(w.Fields, make([]error, len(w.Fields)))
	if err != nil {
		return fmt.Errorf("param: reading a schema: %w", err)
	}
	*s = *built
	return nil
}
