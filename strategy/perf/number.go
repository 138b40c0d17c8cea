package perf

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Number is a figure that may be undefined, which is NaN in Go and null in JSON.
type Number float64

// undefined is the figure that does not exist.
func undefined() Number { return Number(math.NaN()) }

// Defined reports whether the figure exists.
func (n Number) Defined() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// Float returns the figure, NaN if it is undefined.
func (n Number) Float() float64 {
	if !n.Defined() {
		return math.NaN()
	}
	return float64(n)
}

// String returns the figure with up to six significant digits, a dash if it is
// undefined.
func (n Number) String() string {
	if !n.Defined() {
		return "–"
	}
	return strconv.FormatFloat(float64(n), 'g', 6, 64)
}

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Defined() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		*n = undefined()
		return nil
	}
	var f float64
	if err := json.Unmarshal(raw, &f); err != nil {
		return fmt.Errorf("perf: reading a figure: %w", err)
	}
	*n = Number(f)
	return nil
}

// ratio divides, and is undefined where that is.
func ratio(a, b float64) Number {
	if n := Number(a / b); b != 0 && n.Defined() {
		return n
	}
	return undefined()
}
