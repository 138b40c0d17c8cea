package param

import "encoding/json"

// Type is the type of a parameter's value.
type Type string

// The types, with their form in JSON.
const (
	// Bool is true or false.
	Bool Type = "bool"
	// Int is a whole number that fits 64 bits with a sign.
	Int Type = "int"
	// Float is a finite number.
	Float Type = "float"
	// Text is one line of text.
	Text Type = "text"
	// Enum is one of a list of texts.
	Enum Type = "enum"
	// Decimal is an exact number, as a string.
	Decimal Type = "decimal"
	// Duration is a length of time, as a string such as "15m".
	Duration Type = "duration"
)

// Kind says what a text means, so that a form can offer what there is.
type Kind string

// Pair is the symbol of a market, such as XBTMYR, or no text at all for none unless
// a rule requires one.
const Pair Kind = "pair"

// The bounds of a bot that a parameter may double: see Field.
const (
	BoundStopLoss   = "stop_loss"
	BoundTakeProfit = "take_profit"
)

// Field describes one parameter: all that a form and a check need. Texts that
// are empty and lists without an element are left out of the JSON.
type Field struct {
	// Name is the parameter's name in JSON and in forms.
	Name string `json:"name"`
	// Label is the parameter's name for people; never empty.
	Label string `json:"label"`
	// Help explains the parameter in a sentence.
	Help string `json:"help,omitempty"`
	// Unit is what the value counts, such as "candles". Forms and reports write the
	// currency of the market for UnitCounter and UnitBase.
	Unit string `json:"unit,omitempty"`
	// Group is the heading that the parameter stands under.
	Group string `json:"group,omitempty"`
	// Bound is the bound of a bot that does the same, BoundStopLoss or
	// BoundTakeProfit; "" if none does. A form that asks for that bound leaves the
	// parameter out as long as it is at its default.
	Bound string `json:"bound,omitempty"`
	// Needs is the feature that a value other than the default takes; "" if none does,
	// or one that is not known here, from a later release.
	Needs Feature `json:"needs,omitempty"`
	// Type is the type of the value.
	Type Type `json:"type"`
	// Kind says what a Text means. One that is not known here, from a later
	// release, is none.
	Kind Kind `json:"kind,omitempty"`
	// Default is the value that stands for an absent one.
	Default json.RawMessage `json:"default"`
	// Step is the grid of the form's number control, or "any". It is not a rule.
	Step string `json:"step,omitempty"`
	// Options are the values to choose from; others are refused. Text has none,
	// Enum has at least one.
	Options []Option `json:"options,omitempty"`
	// Rules are the further rules of the value.
	Rules []Rule `json:"rules,omitempty"`

	// Input is the form control: "checkbox", "number", "select", "pair" (a select of
	// the markets that there are) or "text". Like
	// the bounds below it follows from the type and the rules, and what a
	// received schema says of it is not read.
	Input string `json:"input"`
	// Min and Max are the tightest inclusive bounds of a number; "" if there is
	// none. An exclusive bound shows here only if the number is whole, and none
	// does that would keep out a zero which omitempty lets through.
	Min string `json:"min,omitempty"`
	Max string `json:"max,omitempty"`
	// MinLength and MaxLength bound the characters of a text; 0 is no bound.
	MinLength int `json:"min_length,omitempty"`
	MaxLength int `json:"max_length,omitempty"`
}

// Option is one value of a list to choose from.
type Option struct {
	// Value is the value as a text; of an Int too.
	Value string `json:"value"`
	// Label is its name for people; never empty.
	Label string `json:"label"`
}

// Rule is one condition on a value.
type Rule struct {
	// Name is validator's name of the rule, such as "min" or "ltfield".
	Name string `json:"name"`
	// Value is what the value is compared with; "" if Field is set or the rule
	// compares with nothing.
	Value string `json:"value,omitempty"`
	// Field is the name of the parameter that the value is compared with.
	Field string `json:"field,omitempty"`
}

// DefaultText returns the default as the text of a form control; of a Bool it
// is "true" or "false".
func (f Field) DefaultText() string { return textOf(f.Default) }

// Text returns a value of this field, as it stands in JSON, as the text of a
// form control.
func (f Field) Text(raw json.RawMessage) string { return textOf(raw) }

func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}
