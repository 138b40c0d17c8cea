package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/billing"
)

// amountPattern is a plain decimal: an exponent could stand for a number that no
// memory holds.
var amountPattern = regexp.MustCompile(`^-?[0-9]{1,20}(\.[0-9]{1,18})?$`)

// amount is a decimal that comes in, as a string or as a number.
type amount struct{ decimal.Decimal }

// UnmarshalJSON reads a plain decimal. Its error says what is wanted.
func (a *amount) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if !amountPattern.MatchString(text) {
		return errors.New("must be a decimal such as \"1234.5\", with at most 20 digits before and 18 after the point")
	}
	var err error
	a.Decimal, err = decimal.NewFromString(text)
	return err
}

// Schema implements huma.SchemaProvider.
func (a *amount) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		AnyOf:    []*huma.Schema{{Type: huma.TypeString, Format: "decimal", Pattern: amountPattern.String()}, {Type: huma.TypeNumber}},
		Examples: []any{"1000.00"},
	}
}

// amounts are decimals by the names of pairs, as they come in.
type amounts map[string]decimal.Decimal

// UnmarshalJSON reads an object whose values are amounts; null is one that was left
// out. Its error says what is wanted.
func (a *amounts) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	var in map[string]amount
	if !bytes.HasPrefix(raw, []byte("{")) || json.Unmarshal(raw, &in) != nil {
		return errors.New("must be an object of decimals by pair, such as {\"ETHMYR\":\"1.5\"}")
	}
	*a = nil
	for pair, d := range in {
		if *a == nil {
			*a = amounts{}
		}
		(*a)[pair] = d.Decimal
	}
	return nil
}

// Schema implements huma.SchemaProvider.
func (a *amounts) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: new(amount).Schema(r), Examples: []any{map[string]any{"ETHMYR": "1.5"}}}
}

// when is a time that comes in.
type when struct{ time.Time }

// UnmarshalJSON reads RFC 3339, or a date, which is its midnight in UTC. Null is
// one that was left out.
func (w *when) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	text := strings.Trim(string(raw), `"`)
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && len(raw) == len(text)+2 && t.Year() > 1 && t.Year() < 9999 { // the first year would be read as no time
			w.Time = t.UTC()
			return nil
		}
	}
	return errors.New("must be a time such as \"2026-01-31T12:00:00Z\", or a date")
}

// Schema implements huma.SchemaProvider.
func (w *when) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		AnyOf:    []*huma.Schema{{Type: huma.TypeString, Format: "date-time"}, {Type: huma.TypeString, Format: "date"}},
		Examples: []any{"2025-01-31T00:00:00Z"},
	}
}

// retiredKey stands for a field that took a bot's own exchange key once.
type retiredKey struct{}

// UnmarshalJSON refuses whatever was given.
func (*retiredKey) UnmarshalJSON([]byte) error {
	return errors.New("is not taken any more: connect an exchange account with the key, and let the bot go live on it")
}

// Schema implements huma.SchemaProvider.
func (*retiredKey) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Deprecated: true}
}

// object is a JSON object that this package does not look into.
type object []byte

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("{}"), nil
	}
	return o, nil
}

// UnmarshalJSON takes an object and nothing else; null is one that was left out.
func (o *object) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	if !bytes.HasPrefix(raw, []byte("{")) {
		return errors.New("must be an object")
	}
	*o = bytes.Clone(raw)
	return nil
}

// Schema implements huma.SchemaProvider.
func (o *object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// planID names a plan: its number, its id or its name.
type planID string

// UnmarshalJSON takes a string or a whole number.
func (p *planID) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*p = planID(strings.TrimSpace(text))
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(raw, &number); err != nil {
		return errors.New("must be a plan's number, or its name")
	}
	if _, err := number.Int64(); err != nil {
		return errors.New("must be a plan's number, or its name")
	}
	*p = planID(number.String())
	return nil
}

// Schema implements huma.SchemaProvider.
func (p *planID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		AnyOf:    []*huma.Schema{{Type: huma.TypeInteger}, {Type: huma.TypeString}},
		Examples: []any{2},
	}
}

// limit is how many a plan allows: a number, or "unlimited".
type limit billing.Limit

// MarshalJSON implements json.Marshaler.
func (l limit) MarshalJSON() ([]byte, error) { return billing.Limit(l).MarshalJSON() }

// Schema implements huma.SchemaProvider.
func (l *limit) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		AnyOf:    []*huma.Schema{{Type: huma.TypeInteger}, {Type: huma.TypeString, Enum: []any{"unlimited"}}},
		Examples: []any{3},
	}
}

// money is an amount with its currency.
type money struct {
	Amount   string `json:"amount" doc:"A decimal in the currency." example:"29.99"`
	Currency string `json:"currency" doc:"ISO 4217 code." example:"USD"`
}

func moneyView(m billing.Money) money { return money{Amount: m.Amount(), Currency: m.Currency} }

// moment returns the time in UTC, or nil for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// present returns the amount, or nil for zero, where zero means that there is
// none.
func present(d decimal.Decimal) *decimal.Decimal {
	if d.IsZero() {
		return nil
	}
	return &d
}

// or returns the value that a pointer points at, or the zero value.
func or[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
