package indicator

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/lunobot/lunobot/exchange"
)

// Entry describes an indicator to those who choose it by name, such as an
// expression of a tenant.
type Entry struct {
	// Name is lower case, Title its name for people.
	Name, Title string
	// Args are what it is made with; they may be left out from the end.
	Args []Arg
	// Lines name its outputs. The first is the one that is meant if none is
	// named.
	Lines []string
	// Units are what the lines are measured in, one each.
	Units []Unit

	make func(args []float64) Stream
}

// Unit is what a line is measured in.
type Unit uint8

// The units.
const (
	// Number is a plain number, such as a percentage.
	Number Unit = iota
	// Price is ticks, Volume is steps, and Value is ticks × steps.
	Price
	Volume
	Value
)

// Arg is a number that an indicator is made with.
type Arg struct {
	Name string
	// Default stands for one that is left out; Min and Max bound it.
	Default, Min, Max float64
	// Whole is true if it counts something.
	Whole bool
}

// Stream is an indicator at work on candles, whose prices it takes in ticks.
type Stream interface {
	json.Marshaler
	json.Unmarshaler
	// Update takes the next candle.
	Update(c exchange.Candle)
	// Line returns an output by its place in the entry's Lines, NaN until it is
	// ready.
	Line(i int) float64
	// Ready reports whether enough has been seen.
	Ready() bool
}

// New makes the indicator. The error says which argument is wrong and why.
func (e Entry) New(args ...float64) (Stream, error) {
	if len(args) > len(e.Args) {
		return nil, fmt.Errorf("%s takes at most %d numbers, not %d", e.Name, len(e.Args), len(args))
	}
	full := make([]float64, len(e.Args))
	for i, a := range e.Args {
		full[i] = a.Default
		if i < len(args) {
			full[i] = args[i]
		}
		switch x := full[i]; {
		case !(x >= a.Min && x <= a.Max):
			return nil, fmt.Errorf("%s: %s must be between %v and %v, not %v", e.Name, a.Name, a.Min, a.Max, x)
		case a.Whole && x != math.Trunc(x):
			return nil, fmt.Errorf("%s: %s must be a whole number, not %v", e.Name, a.Name, x)
		}
	}
	return e.make(full), nil
}

// made is what all indicators are.
type made interface {
	json.Marshaler
	json.Unmarshaler
	Ready() bool
}

// stream makes a Stream of an indicator and of what it does with a candle.
type stream[T made] struct {
	of    T
	lines []float64
	step  func(of T, c exchange.Candle, lines []float64)
}

// Update implements Stream.
func (s *stream[T]) Update(c exchange.Candle) { s.step(s.of, c, s.lines) }

// Line implements Stream.
func (s *stream[T]) Line(i int) float64 { return s.lines[i] }

// Ready implements Stream.
func (s *stream[T]) Ready() bool { return s.of.Ready() }

// MarshalJSON implements json.Marshaler.
func (s *stream[T]) MarshalJSON() ([]byte, error) {
	return json.Marshal(streamState{Lines: numbers(s.lines), Of: s.of})
}

type streamState struct {
	Lines []number `json:"lines"`
	Of    any      `json:"of"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *stream[T]) UnmarshalJSON(raw []byte) error {
	state := streamState{Of: s.of}
	if err := restore("a stream", raw, &state, func() bool { return len(state.Lines) == len(s.lines) }); err != nil {
		return err
	}
	copy(s.lines, floats(state.Lines))
	return nil
}

// entry builds an Entry. Its lines begin as NaN.
func entry[T made](name, title string, args []Arg, lines []string, unit Unit, build func(a []float64) T, step func(of T, c exchange.Candle, lines []float64)) Entry {
	units := make([]Unit, len(lines))
	for i := range units {
		units[i] = unit
	}
	return Entry{Name: name, Title: title, Args: args, Lines: lines, Units: units, make: func(a []float64) Stream {
		s := &stream[T]{of: build(a), lines: make([]float64, len(lines)), step: step}
		for i := range s.lines {
			s.lines[i] = math.NaN()
		}
		return s
	}}
}

// period is the argument that most have. The bound is far above what a chart
// shows and keeps a stranger's expression from taking much memory.
func period(standard float64) []Arg { return []Arg{count("period", standard)} }

func count(name string, standard float64) Arg {
	return Arg{Name: name, Default: standard, Min: 1, Max: 10_000, Whole: true}
}

func factor(name string, standard float64) Arg {
	return Arg{Name: name, Default: standard, Min: 0.0001, Max: 1000}
}

// hours is a session's length.
func hours(standard float64) []Arg {
	return []Arg{{Name: "hours", Default: standard, Min: 1, Max: 24 * 31, Whole: true}}
}

const hour = 3_600_000 // milliseconds

// but changes the unit of some lines.
func (e Entry) but(unit Unit, lines ...int) Entry {
	for _, i := range lines {
		e.Units[i] = unit
	}
	return e
}

// closes makes an entry of an indicator of one line that looks at closes.
func closes[T interface {
	made
	Update(x float64) float64
}](name, title string, standard float64, unit Unit, build func(n int) T) Entry {
	return entry(name, title, period(standard), []string{"value"}, unit, func(a []float64) T { return build(int(a[0])) },
		func(i T, c exchange.Candle, out []float64) { out[0] = i.Update(c.Close.Float()) })
}
