package indicator

import (
	"encoding/json"
	"fmt"
	"math"
)

// save returns the state of an indicator: its parts in a fixed order.
func save(parts ...any) ([]byte, error) { return json.Marshal(parts) }

// load reads what save wrote into the parts, which are pointers in the same
// order, and asks whether the whole makes sense.
func load(name string, raw []byte, sensible func() bool, parts ...any) error {
	var pieces []json.RawMessage
	if err := json.Unmarshal(raw, &pieces); err != nil {
		return fmt.Errorf("indicator: restoring %s: %w", name, err)
	}
	if len(pieces) != len(parts) {
		return fmt.Errorf("indicator: restoring %s: the state is damaged", name)
	}
	for i, part := range parts {
		if err := json.Unmarshal(pieces[i], part); err != nil {
			return fmt.Errorf("indicator: restoring %s: %w", name, err)
		}
	}
	if !sensible() {
		return fmt.Errorf("indicator: restoring %s: the state is damaged", name)
	}
	return nil
}

// f is a float64 as a part.
func f(x *float64) *number { return (*number)(x) }

// ring holds the last values.
type ring struct {
	values []float64
	// next is the place of the oldest value, which the next one takes.
	next  int
	count int
}

func newRing(period int) ring { return ring{values: make([]float64, clamp(period))} }

// push takes a value and returns the one that it replaces, 0 before the ring is
// full.
func (r *ring) push(x float64) (old float64) {
	old = r.values[r.next]
	r.values[r.next] = x
	if r.next++; r.next == len(r.values) {
		r.next = 0
	}
	if r.count < len(r.values) {
		r.count++
	}
	return old
}

func (r *ring) full() bool { return r.count == len(r.values) }

// wrapped reports whether the newest value is in the last place, which comes
// once in as many values as the ring holds.
func (r *ring) wrapped() bool { return r.next == 0 && r.full() }

// at returns the value that came age values before the newest.
func (r *ring) at(age int) float64 {
	i := r.next - 1 - age
	if i < 0 {
		i += len(r.values)
	}
	return r.values[i]
}

type ringState struct {
	Values []number `json:"values"`
	Next   int      `json:"next"`
	Count  int      `json:"count"`
}

// MarshalJSON implements json.Marshaler.
func (r ring) MarshalJSON() ([]byte, error) {
	return json.Marshal(ringState{Values: numbers(r.values), Next: r.next, Count: r.count})
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *ring) UnmarshalJSON(raw []byte) error {
	var s ringState
	if err := restore("a window", raw, &s, func() bool {
		n := len(s.Values)
		return validPeriod(n) && s.Next >= 0 && s.Next < n && s.Count >= 0 && s.Count <= n && (s.Count == n || s.Next == s.Count)
	}); err != nil {
		return err
	}
	*r = ring{values: floats(s.Values), next: s.Next, count: s.Count}
	return nil
}

// rolling is the sum of the last values. Of whole numbers it is exact; of others
// it is made anew each time that the window has passed.
type rolling struct {
	ring ring
	sum  float64
}

func newRolling(period int) rolling { return rolling{ring: newRing(period)} }

func (r *rolling) push(x float64) {
	r.sum += x - r.ring.push(x)
	if r.ring.wrapped() {
		r.sum = 0
		for _, v := range r.ring.values {
			r.sum += v
		}
	}
}

// mean returns the mean, NaN before the window is full.
func (r *rolling) mean() float64 {
	if !r.ring.full() {
		return math.NaN()
	}
	return r.sum / float64(len(r.ring.values))
}

// MarshalJSON implements json.Marshaler.
func (r rolling) MarshalJSON() ([]byte, error) { return save(r.ring, number(r.sum)) }

// UnmarshalJSON implements json.Unmarshaler.
func (r *rolling) UnmarshalJSON(raw []byte) error {
	var s rolling
	if err := load("a sum", raw, func() bool { return s.ring.values != nil }, &s.ring, f(&s.sum)); err != nil {
		return err
	}
	*r = s
	return nil
}

// peak is the highest of the last values: a queue of those that no later one
// has reached, so that an update costs a constant number of steps on average.
type peak struct {
	period int
	// seen counts the values; an entry's age follows from it.
	seen  int64
	first int
	held  int
	times []int64
	tops  []float64
}

func newPeak(period int) peak {
	n := clamp(period)
	return peak{period: n, times: make([]int64, n), tops: make([]float64, n)}
}

// slot returns the place of the entry number i of the queue.
func (p *peak) slot(i int) int {
	if i += p.first; i >= p.period {
		i -= p.period
	}
	return i
}

func (p *peak) push(x float64) {
	p.seen++
	if p.held > 0 && p.times[p.first] <= p.seen-int64(p.period) {
		p.first = p.slot(1)
		p.held--
	}
	for p.held > 0 && p.tops[p.slot(p.held-1)] <= x {
		p.held--
	}
	at := p.slot(p.held)
	p.times[at], p.tops[at] = p.seen, x
	p.held++
}

func (p *peak) full() bool { return p.seen >= int64(p.period) }

// top returns the highest value, NaN before the window is full.
func (p *peak) top() float64 {
	if !p.full() {
		return math.NaN()
	}
	return p.tops[p.first]
}

// age returns how many values ago the highest one came; of equals the newest.
func (p *peak) age() int { return int(p.seen - p.times[p.first]) }

type peakState struct {
	Period int      `json:"period"`
	Seen   int64    `json:"seen"`
	Times  []int64  `json:"times"`
	Tops   []number `json:"tops"`
}

// MarshalJSON implements json.Marshaler.
func (p peak) MarshalJSON() ([]byte, error) {
	s := peakState{Period: p.period, Seen: p.seen, Times: make([]int64, p.held), Tops: make([]number, p.held)}
	for i := range p.held {
		s.Times[i], s.Tops[i] = p.times[p.slot(i)], number(p.tops[p.slot(i)])
	}
	return json.Marshal(s)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *peak) UnmarshalJSON(raw []byte) error {
	var s peakState
	if err := restore("an extreme", raw, &s, func() bool {
		if !validPeriod(s.Period) || len(s.Times) != len(s.Tops) || len(s.Times) > s.Period || s.Seen < 0 || (s.Seen > 0) != (len(s.Times) > 0) {
			return false
		}
		for i, at := range s.Times {
			if at <= s.Seen-int64(s.Period) || at > s.Seen || i > 0 && (at <= s.Times[i-1] || s.Tops[i] >= s.Tops[i-1]) {
				return false
			}
		}
		return s.Seen == 0 || s.Times[len(s.Times)-1] == s.Seen
	}); err != nil {
		return err
	}
	*p = newPeak(s.Period)
	p.seen, p.held = s.Seen, len(s.Times)
	copy(p.times, s.Times)
	copy(p.tops, floats(s.Tops))
	return nil
}
