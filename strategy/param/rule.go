package param

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/shopspring/decimal"
)

// comparisons are the rules that compare with a constant or, with "field"
// appended to their name, with another parameter; each with its meaning.
func comparisons() map[string]func(order int) bool {
	return map[string]func(int) bool{
		"min": func(c int) bool { return c >= 0 }, "max": func(c int) bool { return c <= 0 },
		"gte": func(c int) bool { return c >= 0 }, "lte": func(c int) bool { return c <= 0 },
		"gt": func(c int) bool { return c > 0 }, "lt": func(c int) bool { return c < 0 },
		"eq": func(c int) bool { return c == 0 }, "ne": func(c int) bool { return c != 0 },
	}
}

// phrase returns how a rule is explained; %s stands for what is compared with.
func phrase(rule string) string {
	switch strings.TrimSuffix(rule, "field") {
	case "min", "gte":
		return "must be at least %s"
	case "max", "lte":
		return "must be at most %s"
	case "gt":
		return "must be above %s"
	case "lt":
		return "must be below %s"
	case "eq":
		return "must be equal to %s"
	case "ne":
		return "must not be %s"
	case "required":
		return "must not be empty"
	case "len":
		return "must have exactly %s characters"
	case "alpha":
		return "may hold letters only"
	case "alphanum":
		return "may hold letters and digits only"
	case "ascii":
		return "may hold plain ASCII characters only"
	case "lowercase":
		return "must be in lower case"
	case "uppercase":
		return "must be in upper case"
	}
	return "breaks the rule " + rule
}

// takes says what a rule's argument is.
type takes uint8

const (
	unknownRule takes = iota
	takesNothing
	takesValue
	takesLength
	takesField
)

// ruleOf returns what the argument of a rule on a type is, and unknownRule if
// the type has no such rule.
func ruleOf(t Type, name string) takes {
	switch t {
	case Int, Float, Decimal, Duration:
		switch name {
		case "omitempty":
			return takesNothing
		case "min", "max", "gte", "lte", "gt", "lt", "eq", "ne":
			return takesValue
		case "ltfield", "ltefield", "gtfield", "gtefield", "eqfield", "nefield":
			return takesField
		}
	case Text:
		switch name {
		case "omitempty", "required", "alpha", "alphanum", "ascii", "lowercase", "uppercase":
			return takesNothing
		case "min", "max", "len":
			return takesLength
		case "eqfield", "nefield":
			return takesField
		}
	case Enum, Bool:
		switch name {
		case "eqfield", "nefield":
			return takesField
		}
	}
	return unknownRule
}

// checkRule reports what is wrong with a rule of a field of type t, and returns
// it with its value in the usual spelling.
func checkRule(t Type, r Rule, typeOf func(name string) (Type, bool)) (Rule, error) {
	kind := ruleOf(t, r.Name)
	switch {
	case kind == unknownRule:
		return r, fmt.Errorf("a value of type %s has no rule %q", t, r.Name)
	case kind != takesField && r.Field != "", (kind == takesField || kind == takesNothing) && r.Value != "":
		return r, fmt.Errorf("rule %s has an argument of the wrong sort", r.Name)
	}
	switch kind {
	case takesValue:
		v, reason := parse(t, fromText(t, r.Value))
		if reason != "" {
			return r, fmt.Errorf("rule %s: %q %s", r.Name, r.Value, reason)
		}
		r.Value = format(v)
	case takesLength:
		n, err := strconv.Atoi(r.Value)
		if err != nil || n < 0 || n > maxText {
			return r, fmt.Errorf("rule %s: %q must be a number of characters up to %d", r.Name, r.Value, maxText)
		}
		r.Value = strconv.Itoa(n)
	case takesField:
		other, ok := typeOf(r.Field)
		if !ok {
			return r, fmt.Errorf("rule %s: there is no field %q", r.Name, r.Field)
		}
		if other != t {
			return r, fmt.Errorf("rule %s: %q is of type %s and not %s", r.Name, r.Field, other, t)
		}
	case takesNothing, unknownRule:
	}
	return r, nil
}

// checker applies rules. Each schema has its own, because validator remembers
// every tag that it has seen and schemas come from strangers.
type checker struct{ validate *validator.Validate }

const decimalPrefix = "decimal_"

func newChecker() (*checker, error) {
	v := validator.New(validator.WithRequiredStructEnabled())
	var problems []error
	for name, holds := range comparisons() {
		problems = append(problems,
			v.RegisterValidation(decimalPrefix+name, func(fl validator.FieldLevel) bool {
				return holds(exact(fl.Field().String()).Cmp(exact(fl.Param())))
			}),
			v.RegisterValidation(decimalPrefix+name+"field", func(fl validator.FieldLevel) bool {
				other, _, _, ok := fl.GetStructFieldOK2()
				return ok && holds(exact(fl.Field().String()).Cmp(exact(other.String())))
			}))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("param: %w", err)
	}
	return &checker{validate: v}, nil
}

// exact reads a decimal that was written by plain; "" is zero.
func exact(text string) decimal.Decimal {
	d, err := decimal.NewFromString(text)
	if err != nil {
		return decimal.Zero
	}
	return d
}

// plain returns a value as validator sees it. A decimal is a text, which
// keeps its digits, and zero the empty one, so that omitempty knows it.
func plain(value any) any {
	if d, ok := value.(decimal.Decimal); ok {
		if d.IsZero() {
			return ""
		}
		return d.String()
	}
	return value
}

// own returns the reason why a value breaks a rule of its field that concerns
// no other field; "" if none.
func (c *checker) own(f Field, value any) string {
	if len(f.Options) > 0 {
		values := make([]string, len(f.Options))
		for i, o := range f.Options {
			values[i] = o.Value
		}
		if c.validate.Var(value, "oneof='"+strings.Join(values, "' '")+"'") != nil {
			return "must be one of " + strings.Join(values, ", ")
		}
	}
	if text, ok := value.(string); ok && f.Kind == Pair && text != "" && !pairPattern.MatchString(text) {
		return "must be the symbol of a market, such as XBTMYR"
	}
	var tags []string
	for _, r := range f.Rules {
		if r.Field == "" {
			tags = append(tags, tag(f.Type, r))
		}
	}
	if len(tags) == 0 {
		return ""
	}
	broken := firstBroken(c.validate.Var(plain(value), strings.Join(tags, ",")))
	if broken == nil {
		return ""
	}
	name := strings.TrimPrefix(broken.Tag(), decimalPrefix)
	text := phrase(name)
	if ruleOf(f.Type, name) == takesNothing {
		return text
	}
	if f.Type == Text && name != "len" {
		text += " characters long"
	}
	return fmt.Sprintf(text, broken.Param())
}

// across returns the reason why a value breaks a rule r that compares it with
// another field's value; "" if it does not.
func (c *checker) across(f Field, r Rule, value any, other Field, otherValue any) string {
	rules := tag(f.Type, r)
	if slices.ContainsFunc(f.Rules, func(r Rule) bool { return r.Name == "omitempty" }) {
		rules = "omitempty," + rules
	}
	if firstBroken(c.validate.VarWithValue(plain(value), plain(otherValue), rules)) == nil {
		return ""
	}
	return fmt.Sprintf(phrase(r.Name), fmt.Sprintf("%s (%s)", other.Label, format(otherValue)))
}

// tag writes a rule as validator reads it.
func tag(t Type, r Rule) string {
	name := r.Name
	if t == Decimal && r.Name != "omitempty" {
		name = decimalPrefix + r.Name
	}
	if r.Value == "" {
		return name
	}
	return name + "=" + r.Value
}

func firstBroken(err error) validator.FieldError {
	var broken validator.ValidationErrors
	if errors.As(err, &broken) && len(broken) > 0 {
		return broken[0]
	}
	return nil
}

// derive sets what follows from the type and the rules.
func (f *Field) derive() {
	f.Min, f.Max, f.MinLength, f.MaxLength = "", "", 0, 0
	switch f.Type {
	case Bool:
		f.Input = "checkbox"
	case Int, Float, Decimal:
		f.Input = "number"
	case Text, Enum, Duration:
		f.Input = "text"
	}
	if f.Kind == Pair {
		f.Input = "pair"
	}
	if len(f.Options) > 0 {
		f.Input = "select"
	}
	if f.Input != "number" {
		f.Step = ""
	} else if f.Step == "" {
		f.Step = "any"
		if f.Type == Int {
			f.Step = "1"
		}
	}
	for _, r := range f.Rules {
		f.bound(r)
	}
	if len(f.Rules) > 0 && f.Rules[0].Name == "omitempty" {
		// The control must let the zero through, as the rules do.
		if exact(f.Min).IsPositive() {
			f.Min = ""
		}
		if exact(f.Max).IsNegative() {
			f.Max = ""
		}
	}
}

// bound tightens the derived bounds by one rule.
func (f *Field) bound(r Rule) {
	if f.Type == Text {
		n, err := strconv.Atoi(r.Value)
		if err != nil {
			return
		}
		if r.Name != "max" {
			f.MinLength = max(f.MinLength, n)
		}
		if r.Name != "min" && (f.MaxLength == 0 || n < f.MaxLength) {
			f.MaxLength = n
		}
		return
	}
	if f.Input != "number" {
		return
	}
	limit, err := decimal.NewFromString(r.Value)
	if err != nil {
		return
	}
	one := decimal.NewFromInt(1)
	switch {
	case r.Name == "gt" && f.Type == Int:
		limit = limit.Add(one)
	case r.Name == "lt" && f.Type == Int:
		limit = limit.Sub(one)
	}
	switch r.Name {
	case "min", "gte", "gt":
		if (r.Name != "gt" || f.Type == Int) && (f.Min == "" || limit.GreaterThan(exact(f.Min))) {
			f.Min = limit.String()
		}
	case "max", "lte", "lt":
		if (r.Name != "lt" || f.Type == Int) && (f.Max == "" || limit.LessThan(exact(f.Max))) {
			f.Max = limit.String()
		}
	}
}

// implied returns the rules that a Go integer type brings with it.
func implied(t reflect.Type) []Rule {
	bits := t.Bits()
	switch t.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32:
		limit := int64(1) << (bits - 1)
		return []Rule{{Name: "min", Value: format(-limit)}, {Name: "max", Value: format(limit - 1)}}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return []Rule{{Name: "min", Value: "0"}, {Name: "max", Value: format(int64(1)<<bits - 1)}}
	case reflect.Uint, reflect.Uint64:
		return []Rule{{Name: "min", Value: "0"}}
	}
	return nil
}
