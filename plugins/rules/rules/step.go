package rules

import (
	"cmp"
	"encoding/json"
	"math"

	"github.com/expr-lang/expr/vm"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/indicator"
)

// machine is a program at work.
type machine struct {
	scope scope
	vm    vm.VM
	// failed are the truths that could not be found out at this candle; a value
	// that could not is no number.
	failed []bool
	// tick and step are what one is worth in the market's currencies.
	tick, step float64
}

// step is something that is done at each candle, before the rules are asked.
type step interface {
	take(m *machine, c exchange.Candle) error
	// state is what is saved of it, a pointer that JSON can be read into.
	state() any
}

// run evaluates a program.
func (m *machine) run(p *vm.Program) (any, error) {
	return m.vm.Run(p, &m.scope)
}

// figure evaluates a program that gives a number.
func (m *machine) figure(p *vm.Program) (float64, error) {
	out, err := m.run(p)
	if err != nil {
		return math.NaN(), err
	}
	switch x := out.(type) {
	case float64:
		return x, nil
	case int:
		return float64(x), nil
	}
	return math.NaN(), nil
}

// line updates an indicator.
type line struct {
	indicator.Stream
	entry indicator.Entry
	at    int
}

func (l *line) take(m *machine, c exchange.Candle) error {
	l.Update(c)
	for i, unit := range l.entry.Units {
		x := l.Line(i)
		switch unit {
		case indicator.Price:
			x *= m.tick
		case indicator.Volume:
			x *= m.step
		case indicator.Value:
			x *= m.tick * m.step
		case indicator.Number:
		}
		m.scope.Values[l.at+i] = x
	}
	return nil
}

func (l *line) state() any { return l.Stream }

// figure keeps what an expression gives.
type figure struct {
	program *vm.Program
	at      int
}

func (f *figure) take(m *machine, _ exchange.Candle) (err error) {
	m.scope.Values[f.at], err = m.figure(f.program)
	return err
}

func (f *figure) state() any { return new(struct{}) }

// question keeps whether a condition holds.
type question struct {
	program *vm.Program
	at      int
}

func (q *question) take(m *machine, _ exchange.Candle) error {
	out, err := m.run(q.program)
	m.scope.Truths[q.at], _ = out.(bool)
	m.failed[q.at] = err != nil
	return err
}

func (q *question) state() any { return new(struct{}) }

// past keeps what an expression gave some candles ago.
type past struct {
	program *vm.Program
	at      int
	// Ring holds the last values, next is the oldest's place.
	ring []optional
	next int
}

// optional is a number that JSON writes as null if it is none.
type optional float64

// MarshalJSON implements json.Marshaler.
func (o optional) MarshalJSON() ([]byte, error) {
	if x := float64(o); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return json.Marshal(x)
	}
	return []byte("null"), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		*o = optional(math.NaN())
		return nil
	}
	return json.Unmarshal(raw, (*float64)(o))
}

func newPast(p *vm.Program, at, back int) *past {
	s := &past{program: p, at: at, ring: make([]optional, back)}
	for i := range s.ring {
		s.ring[i] = optional(math.NaN())
	}
	return s
}

func (p *past) take(m *machine, _ exchange.Candle) error {
	x, err := m.figure(p.program)
	m.scope.Values[p.at] = float64(p.ring[p.next])
	p.ring[p.next] = optional(x)
	p.next = (p.next + 1) % len(p.ring)
	return err
}

func (p *past) state() any { return &pastState{p} }

// pastState saves a past with the oldest value first.
type pastState struct{ of *past }

// MarshalJSON implements json.Marshaler.
func (s *pastState) MarshalJSON() ([]byte, error) {
	p := s.of
	return json.Marshal(append(append([]optional(nil), p.ring[p.next:]...), p.ring[:p.next]...))
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *pastState) UnmarshalJSON(raw []byte) error {
	var ring []optional
	if err := json.Unmarshal(raw, &ring); err != nil {
		return err
	}
	if len(ring) != len(s.of.ring) {
		return errOther
	}
	s.of.ring, s.of.next = ring, 0
	return nil
}

// crossing keeps whether one expression has just gone over another.
type crossing struct {
	one, two *vm.Program
	at       int
	up       bool
	cross    indicator.Cross
}

func (c *crossing) take(m *machine, _ exchange.Candle) error {
	a, err := m.figure(c.one)
	b, err2 := m.figure(c.two)
	event := c.cross.Update(a, b) // which passes over what is no number
	m.scope.Truths[c.at] = event == indicator.CrossUp && c.up || event == indicator.CrossDown && !c.up
	err = cmp.Or(err, err2)
	m.failed[c.at] = err != nil
	return err
}

func (c *crossing) state() any { return &c.cross }
