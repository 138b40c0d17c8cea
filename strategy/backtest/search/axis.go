package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/strategy/param"
)

// maxLevels is how many values an axis lists; a range of more whole numbers
// without a step is continuous.
const maxLevels = 10_000

// Axis is one parameter that is varied.
type Axis struct {
	// Name, Label, Unit and Type are the parameter's.
	Name  string
	Label string
	Unit  string
	Type  param.Type
	// Levels are its values as texts, in growing order where they have one; nil
	// if any value between the ends may be tried.
	Levels []string
	// Ordered says that its values can be compared: numbers and time spans.
	Ordered bool
	// Log says that equal steps are equal ratios.
	Log bool

	// low and high are the ends of a continuous axis as numbers; a time span is
	// its nanoseconds.
	low, high float64
}

// parseRange reads one range of a field: "a,b,c", "from:to", "from:to:step",
// "from:to:log" or "from:to:log:count".
func parseRange(f param.Field, text string) (Axis, error) {
	a := Axis{Name: f.Name, Label: f.Label, Unit: f.Unit, Type: f.Type}
	switch f.Type {
	case param.Int, param.Float, param.Decimal, param.Duration:
		a.Ordered = true
	case param.Bool, param.Enum, param.Text:
	}
	if a.Ordered && strings.Contains(text, ":") {
		return a.between(strings.Split(text, ":"))
	}
	var numbers []decimal.Decimal
	for value := range strings.SplitSeq(text, ",") {
		value = strings.TrimSpace(value)
		if value == "" {
			return a, errors.New("a value is missing")
		}
		if err := a.checkOption(f, value); err != nil {
			return a, err
		}
		if a.Ordered {
			n, err := a.number(value)
			if err != nil {
				return a, err
			}
			numbers = append(numbers, n)
		} else if !slices.Contains(a.Levels, value) {
			a.Levels = append(a.Levels, value)
		}
	}
	if a.Ordered {
		slices.SortFunc(numbers, decimal.Decimal.Cmp)
		a.list(numbers)
	}
	if len(a.Levels) > maxLevels {
		return a, fmt.Errorf("it lists more than %d values", maxLevels)
	}
	return a, nil
}

// checkOption refuses what the field does not offer.
func (a *Axis) checkOption(f param.Field, value string) error {
	if f.Type == param.Bool && value != "true" && value != "false" {
		return fmt.Errorf("%s is neither true nor false", value)
	}
	if len(f.Options) == 0 || slices.ContainsFunc(f.Options, func(o param.Option) bool { return o.Value == value }) {
		return nil
	}
	values := make([]string, len(f.Options))
	for i, o := range f.Options {
		values[i] = o.Value
	}
	return fmt.Errorf("%s is not one of %s", value, strings.Join(values, ", "))
}

// between reads a range by its ends.
func (a Axis) between(parts []string) (Axis, error) {
	const forms = "a range is from:to, from:to:step, from:to:log or from:to:log:count"
	if len(parts) > 4 || len(parts) == 4 && parts[2] != "log" {
		return a, errors.New(forms)
	}
	from, errFrom := a.number(parts[0])
	to, errTo := a.number(parts[1])
	if err := errors.Join(errFrom, errTo); err != nil {
		return a, err
	}
	if to.LessThan(from) {
		return a, errors.New("its end is below its start")
	}
	a.low, a.high = from.InexactFloat64(), to.InexactFloat64()
	if len(parts) > 2 && parts[2] == "log" {
		return a.logarithmic(parts[3:])
	}
	step := decimal.Zero
	if len(parts) == 3 {
		var err error
		if step, err = a.number(parts[2]); err != nil || !step.IsPositive() {
			return a, fmt.Errorf("its step %q must be above 0", parts[2])
		}
	} else if a.Type == param.Int && to.Sub(from).LessThan(decimal.NewFromInt(maxLevels)) {
		step = decimal.NewFromInt(1)
	}
	if step.IsZero() {
		return a, nil
	}
	if to.Sub(from).Div(step).GreaterThanOrEqual(decimal.NewFromInt(maxLevels)) {
		return a, fmt.Errorf("it has more than %d values; take a larger step", maxLevels)
	}
	var numbers []decimal.Decimal
	for n := from; !n.GreaterThan(to); n = n.Add(step) {
		numbers = append(numbers, n)
	}
	a.list(numbers)
	return a, nil
}

// logarithmic makes the axis one of equal ratios, with a number of levels if one
// is given.
func (a Axis) logarithmic(count []string) (Axis, error) {
	if a.low <= 0 {
		return a, errors.New("a logarithmic range begins above 0")
	}
	a.Log = true
	if len(count) == 0 {
		return a, nil
	}
	n, err := strconv.Atoi(count[0])
	if err != nil || n < 2 || n > maxLevels {
		return a, fmt.Errorf("its count %q must be from 2 to %d", count[0], maxLevels)
	}
	var numbers []decimal.Decimal
	for i := range n {
		d, err := a.number(a.textAt(float64(i) / float64(n-1)))
		if err != nil {
			return a, err
		}
		numbers = append(numbers, d)
	}
	a.list(numbers)
	return a, nil
}

// list makes numbers in growing order the levels.
func (a *Axis) list(numbers []decimal.Decimal) {
	for _, n := range numbers {
		text := n.String()
		if a.Type == param.Duration {
			text = time.Duration(n.IntPart()).String()
		}
		if k := len(a.Levels); k > 0 && a.Levels[k-1] == text {
			continue
		}
		a.Levels = append(a.Levels, text)
	}
}

// number reads a value of an ordered axis; a time span is its nanoseconds.
func (a *Axis) number(text string) (decimal.Decimal, error) {
	text = strings.TrimSpace(text)
	if a.Type == param.Duration {
		d, err := time.ParseDuration(text)
		if err != nil {
			return decimal.Zero, fmt.Errorf("%q is no time span such as 15m", text)
		}
		return decimal.NewFromInt(int64(d)), nil
	}
	d, err := decimal.NewFromString(text)
	if err != nil || d.Exponent() < -18 || d.Exponent() > 18 || d.NumDigits() > 30 {
		return decimal.Zero, fmt.Errorf("%q is no number", text)
	}
	if a.Type == param.Int && !d.IsInteger() {
		return decimal.Zero, fmt.Errorf("%q is no whole number", text)
	}
	return d, nil
}

// listed reports whether the axis has levels.
func (a *Axis) listed() bool { return a.Levels != nil }

// Text returns the value at a place as Set.Place has it: the number of a level, or
// on an axis without levels the share of the way from its low to its high end.
func (a *Axis) Text(at float64) string {
	if a.listed() {
		return a.Levels[int(at)]
	}
	return a.textAt(at)
}

// textAt writes the value at a share of the way, with six digits at the most.
func (a *Axis) textAt(share float64) string {
	v := a.low + share*(a.high-a.low)
	if a.Log {
		v = a.low * math.Pow(a.high/a.low, share)
	}
	v = min(max(v, a.low), a.high)
	switch a.Type {
	case param.Int:
		return strconv.FormatInt(int64(math.Round(v)), 10)
	case param.Duration:
		unit := time.Second
		if a.low < float64(time.Minute) {
			unit = time.Millisecond
		}
		return time.Duration(v).Round(unit).String()
	default: // fractions
	}
	if v == 0 {
		return "0"
	}
	decimals := 5 - int(math.Floor(math.Log10(math.Abs(v))))
	return decimal.NewFromFloat(v).Round(int32(decimals)).String()
}

// Ends returns the lowest and the highest value of an axis, or the first and the
// last of one without an order.
func (a *Axis) Ends() (low, high string) {
	if a.listed() {
		return a.Levels[0], a.Levels[len(a.Levels)-1]
	}
	return a.textAt(0), a.textAt(1)
}
