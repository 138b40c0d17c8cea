package indicator

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// MaxPeriod is the longest period of an indicator.
const MaxPeriod = 1 << 20

// clamp brings a period into its bounds.
func clamp(period int) int { return min(max(period, 1), MaxPeriod) }

// number is a float64 that keeps every bit of a value through JSON: NaN and the
// infinities, which JSON has no numbers for, are strings.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.AppendQuote(nil, strconv.FormatFloat(f, 'g', -1, 64)), nil
	}
	return json.Marshal(f)
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if len(text) > 1 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("indicator: %s is not a number", raw)
	}
	*n = number(f)
	return nil
}

// numbers returns the values of a ring for JSON.
func numbers(ring []float64) []number {
	out := make([]number, len(ring))
	for i, f := range ring {
		out[i] = number(f)
	}
	return out
}

// floats undoes numbers.
func floats(ring []number) []float64 {
	out := make([]float64, len(ring))
	for i, n := range ring {
		out[i] = float64(n)
	}
	return out
}

// restore reads a saved state into into and asks whether it makes sense.
func restore(name string, raw []byte, into any, sensible func() bool) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("indicator: restoring %s: %w", name, err)
	}
	if !sensible() {
		return fmt.Errorf("indicator: restoring %s: the state is damaged", name)
	}
	return nil
}

// validPeriod reports whether a saved period can have come from a constructor.
func validPeriod(period int) bool { return period >= 1 && period <= MaxPeriod }
