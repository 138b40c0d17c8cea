package indicator

import "math"

// ROC is the rate of change: how far the value is from the one period values
// before, in percent of that. Make it with NewROC.
type ROC struct {
	ring  ring
	value float64
}

// NewROC returns the rate.
func NewROC(period int) *ROC { return &ROC{ring: newRing(period), value: math.NaN()} }

// Update takes the next value and returns the rate, NaN until Ready.
func (r *ROC) Update(x float64) float64 {
	full := r.ring.full()
	if old := r.ring.push(x); full {
		r.value = 100 * ((x - old) / old)
	}
	return r.value
}

// Value returns the rate, NaN until Ready.
func (r *ROC) Value() float64 { return r.value }

// Ready reports whether a value more than the period has been seen.
func (r *ROC) Ready() bool { return !math.IsNaN(r.value) }

// MarshalJSON implements json.Marshaler.
func (r ROC) MarshalJSON() ([]byte, error) { return save(r.ring, number(r.value)) }

// UnmarshalJSON implements json.Unmarshaler.
func (r *ROC) UnmarshalJSON(raw []byte) error {
	var s ROC
	if err := load("ROC", raw, func() bool { return s.ring.values != nil }, &s.ring, f(&s.value)); err != nil {
		return err
	}
	*r = s
	return nil
}

// Momentum is the difference to the value period values before. Make it with
// NewMomentum.
type Momentum struct {
	ring  ring
	value float64
}

// NewMomentum returns the difference.
func NewMomentum(period int) *Momentum { return &Momentum{ring: newRing(period), value: math.NaN()} }

// Update takes the next value and returns the difference, NaN until Ready.
func (m *Momentum) Update(x float64) float64 {
	full := m.ring.full()
	if old := m.ring.push(x); full {
		m.value = x - old
	}
	return m.value
}

// Value returns the difference, NaN until Ready.
func (m *Momentum) Value() float64 { return m.value }

// Ready reports whether a value more than the period has been seen.
func (m *Momentum) Ready() bool { return !math.IsNaN(m.value) }

// MarshalJSON implements json.Marshaler.
func (m Momentum) MarshalJSON() ([]byte, error) { return save(m.ring, number(m.value)) }

// UnmarshalJSON implements json.Unmarshaler.
func (m *Momentum) UnmarshalJSON(raw []byte) error {
	var s Momentum
	if err := load("Momentum", raw, func() bool { return s.ring.values != nil }, &s.ring, f(&s.value)); err != nil {
		return err
	}
	*m = s
	return nil
}

// CMO is Tushar Chande's momentum oscillator, The New Technical Trader (1994):
// the rises of the last period changes less the falls, in percent of both, from
// −100 to 100. Without any movement it is 0. Make it with NewCMO.
type CMO struct {
	up, down rolling
	last     float64
}

// NewCMO returns the oscillator; 14 is usual.
func NewCMO(period int) *CMO {
	return &CMO{up: newRolling(period), down: newRolling(period), last: math.NaN()}
}

// Update takes the next value and returns the oscillator, NaN until Ready.
func (c *CMO) Update(x float64) float64 {
	if change := x - c.last; !math.IsNaN(change) {
		c.up.push(max(change, 0))
		c.down.push(max(-change, 0))
	}
	c.last = x
	return c.Value()
}

// Value returns the oscillator, NaN until Ready.
func (c *CMO) Value() float64 {
	if !c.Ready() {
		return math.NaN()
	}
	up, down := max(0, c.up.sum), max(0, c.down.sum)
	if up+down == 0 {
		return 0
	}
	return 100 * ((up - down) / (up + down))
}

// Ready reports whether a value more than the period has been seen.
func (c *CMO) Ready() bool { return c.up.ring.full() }

// MarshalJSON implements json.Marshaler.
func (c CMO) MarshalJSON() ([]byte, error) { return save(c.up, c.down, number(c.last)) }

// UnmarshalJSON implements json.Unmarshaler.
func (c *CMO) UnmarshalJSON(raw []byte) error {
	var s CMO
	if err := load("CMO", raw, func() bool {
		return s.up.ring.values != nil && len(s.up.ring.values) == len(s.down.ring.values) && s.up.ring.count == s.down.ring.count
	}, &s.up, &s.down, f(&s.last)); err != nil {
		return err
	}
	*c = s
	return nil
}

// PPO is the percentage price oscillator: the lines of a MACD in percent of its
// slow average, comparable between markets. Make it with NewPPO.
type PPO struct {
	fast, slow, signal *EMA
}

// NewPPO returns the oscillator; 12, 26 and 9 are usual.
func NewPPO(fast, slow, signal int) *PPO {
	return &PPO{fast: NewEMA(min(fast, slow)), slow: NewEMA(max(fast, slow)), signal: NewEMA(signal)}
}

// Update takes the next value and returns the lines.
func (p *PPO) Update(x float64) MACDLines {
	p.fast.Update(x)
	p.slow.Update(x)
	if line := p.Value(); !math.IsNaN(line) {
		p.signal.Update(line)
	}
	return p.Lines()
}

// Lines returns the lines; each is NaN until it is ready.
func (p *PPO) Lines() MACDLines {
	line, signal := p.Value(), p.signal.Value()
	return MACDLines{Line: line, Signal: signal, Histogram: line - signal}
}

// Value returns the line, NaN until the slow average is ready.
func (p *PPO) Value() float64 {
	slow := p.slow.Value()
	return 100 * ((p.fast.Value() - slow) / slow)
}

// Ready reports whether all lines are.
func (p *PPO) Ready() bool { return p.signal.Ready() }

// MarshalJSON implements json.Marshaler.
func (p PPO) MarshalJSON() ([]byte, error) { return save(p.fast, p.slow, p.signal) }

// UnmarshalJSON implements json.Unmarshaler.
func (p *PPO) UnmarshalJSON(raw []byte) error {
	var s PPO
	if err := load("PPO", raw, func() bool { return s.fast != nil && s.slow != nil && s.signal != nil }, &s.fast, &s.slow, &s.signal); err != nil {
		return err
	}
	*p = s
	return nil
}

// Stochastic is George Lane's oscillator (1950s): where the close lies between
// the lowest low and the highest high, smoothed by two simple averages. In a
// market without a range it is 50. Make it with NewStochastic.
type Stochastic struct {
	high, low peak
	k, d      *SMA
}

// Lines are a line and its average, NaN until each is ready.
type Lines struct{ K, D float64 }

// NewStochastic returns the oscillator; 14, 3 and 3 are usual, and a smoothing
// of 1 is the fast form.
func NewStochastic(period, smoothing, signal int) *Stochastic {
	return &Stochastic{high: newPeak(period), low: newPeak(period), k: NewSMA(smoothing), d: NewSMA(signal)}
}

// Update takes the next candle and returns the lines.
func (s *Stochastic) Update(high, low, closing float64) Lines {
	s.high.push(high)
	s.low.push(-low)
	if s.high.full() {
		if k := s.k.Update(within(closing, -s.low.top(), s.high.top())); !math.IsNaN(k) {
			s.d.Update(k)
		}
	}
	return s.Lines()
}

// within returns where a value lies between two others, in percent, and 50 if
// they are equal.
func within(x, low, high float64) float64 {
	if high == low {
		return 50
	}
	return 100 * ((x - low) / (high - low))
}

// Lines returns the lines.
func (s *Stochastic) Lines() Lines { return Lines{K: s.k.Value(), D: s.d.Value()} }

// Value returns the first line, NaN until it is ready.
func (s *Stochastic) Value() float64 { return s.k.Value() }

// Ready reports whether both lines are.
func (s *Stochastic) Ready() bool { return s.d.Ready() }

// MarshalJSON implements json.Marshaler.
func (s Stochastic) MarshalJSON() ([]byte, error) { return save(s.high, s.low, s.k, s.d) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Stochastic) UnmarshalJSON(raw []byte) error {
	var t Stochastic
	if err := load("Stochastic", raw, func() bool {
		return t.k != nil && t.d != nil && t.high.period > 0 && t.high.period == t.low.period && t.high.seen == t.low.seen
	}, &t.high, &t.low, &t.k, &t.d); err != nil {
		return err
	}
	*s = t
	return nil
}

// StochRSI is the stochastic of a relative strength index, by Tushar Chande and
// Stanley Kroll (1994). Make it with NewStochRSI.
type StochRSI struct {
	rsi        *RSI
	stochastic *Stochastic
}

// NewStochRSI returns the oscillator; 14, 14, 3 and 3 are usual.
func NewStochRSI(rsi, period, smoothing, signal int) *StochRSI {
	return &StochRSI{rsi: NewRSI(rsi), stochastic: NewStochastic(period, smoothing, signal)}
}

// Update takes the next value and returns the lines.
func (s *StochRSI) Update(x float64) Lines {
	if rsi := s.rsi.Update(x); !math.IsNaN(rsi) {
		s.stochastic.Update(rsi, rsi, rsi)
	}
	return s.stochastic.Lines()
}

// Lines returns the lines.
func (s *StochRSI) Lines() Lines { return s.stochastic.Lines() }

// Value returns the first line, NaN until it is ready.
func (s *StochRSI) Value() float64 { return s.stochastic.Value() }

// Ready reports whether both lines are.
func (s *StochRSI) Ready() bool { return s.stochastic.Ready() }

// MarshalJSON implements json.Marshaler.
func (s StochRSI) MarshalJSON() ([]byte, error) { return save(s.rsi, s.stochastic) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *StochRSI) UnmarshalJSON(raw []byte) error {
	var t StochRSI
	if err := load("StochRSI", raw, func() bool { return t.rsi != nil && t.stochastic != nil }, &t.rsi, &t.stochastic); err != nil {
		return err
	}
	*s = t
	return nil
}

// WilliamsR is Larry Williams' %R (1973): how far the close lies below the
// highest high of the last candles, from −100 to 0. Make it with NewWilliamsR.
type WilliamsR struct {
	high, low peak
	value     float64
}

// NewWilliamsR returns the oscillator; 14 is usual.
func NewWilliamsR(period int) *WilliamsR {
	return &WilliamsR{high: newPeak(period), low: newPeak(period), value: math.NaN()}
}

// Update takes the next candle and returns the oscillator, NaN until Ready.
func (w *WilliamsR) Update(high, low, closing float64) float64 {
	w.high.push(high)
	w.low.push(-low)
	if w.high.full() {
		w.value = within(closing, -w.low.top(), w.high.top()) - 100
	}
	return w.value
}

// Value returns the oscillator, NaN until Ready.
func (w *WilliamsR) Value() float64 { return w.value }

// Ready reports whether period candles have been seen.
func (w *WilliamsR) Ready() bool { return !math.IsNaN(w.value) }

// MarshalJSON implements json.Marshaler.
func (w WilliamsR) MarshalJSON() ([]byte, error) { return save(w.high, w.low, number(w.value)) }

// UnmarshalJSON implements json.Unmarshaler.
func (w *WilliamsR) UnmarshalJSON(raw []byte) error {
	var s WilliamsR
	if err := load("WilliamsR", raw, func() bool {
		return s.high.period > 0 && s.high.period == s.low.period && s.high.seen == s.low.seen
	}, &s.high, &s.low, f(&s.value)); err != nil {
		return err
	}
	*w = s
	return nil
}

// Awesome is Bill Williams' oscillator, Trading Chaos (1995): the simple average
// of 5 candles' middles less that of 34. Make it with NewAwesome.
type Awesome struct{ fast, slow *SMA }

// NewAwesome returns the oscillator; 5 and 34 are Williams' periods.
func NewAwesome(fast, slow int) *Awesome {
	return &Awesome{NewSMA(min(fast, slow)), NewSMA(max(fast, slow))}
}

// Update takes the next candle and returns the oscillator, NaN until Ready.
func (a *Awesome) Update(high, low float64) float64 {
	middle := (high + low) / 2
	return a.fast.Update(middle) - a.slow.Update(middle)
}

// Value returns the oscillator, NaN until Ready.
func (a *Awesome) Value() float64 { return a.fast.Value() - a.slow.Value() }

// Ready reports whether the slow average is.
func (a *Awesome) Ready() bool { return a.slow.Ready() }

// MarshalJSON implements json.Marshaler.
func (a Awesome) MarshalJSON() ([]byte, error) { return save(a.fast, a.slow) }

// UnmarshalJSON implements json.Unmarshaler.
func (a *Awesome) UnmarshalJSON(raw []byte) error {
	var s Awesome
	if err := load("Awesome", raw, func() bool { return s.fast != nil && s.slow != nil }, &s.fast, &s.slow); err != nil {
		return err
	}
	*a = s
	return nil
}

// Ultimate is Larry Williams' oscillator (1985): the buying pressure as a share
// of the true range, over three periods weighted 4, 2 and 1. Make it with
// NewUltimate.
type Ultimate struct {
	pressure, reach [3]rolling
	last            float64
}

// NewUltimate returns the oscillator; 7, 14 and 28 are Williams' periods.
func NewUltimate(short, middle, long int) *Ultimate {
	u := &Ultimate{last: math.NaN()}
	for i, n := range [3]int{short, middle, long} {
		u.pressure[i], u.reach[i] = newRolling(n), newRolling(n)
	}
	return u
}

// Update takes the next candle and returns the oscillator, NaN until Ready.
func (u *Ultimate) Update(high, low, closing float64) float64 {
	if !math.IsNaN(u.last) {
		bottom := min(low, u.last)
		for i := range u.reach {
			u.pressure[i].push(closing - bottom)
			u.reach[i].push(max(high, u.last) - bottom)
		}
	}
	u.last = closing
	return u.Value()
}

// Value returns the oscillator, from 0 to 100, NaN until Ready. A period without
// a range counts as 50.
func (u *Ultimate) Value() float64 {
	if !u.Ready() {
		return math.NaN()
	}
	sum := 0.0
	for i, weight := range [3]float64{4, 2, 1} {
		share := 0.5
		if reach := u.reach[i].sum; reach > 0 {
			share = u.pressure[i].sum / reach
		}
		sum += float64(weight * share)
	}
	return 100 * (sum / 7)
}

// Ready reports whether a candle more than the longest period has been seen.
func (u *Ultimate) Ready() bool {
	return u.reach[0].ring.full() && u.reach[1].ring.full() && u.reach[2].ring.full()
}

// MarshalJSON implements json.Marshaler.
func (u Ultimate) MarshalJSON() ([]byte, error) { return save(u.pressure, u.reach, number(u.last)) }

// UnmarshalJSON implements json.Unmarshaler.
func (u *Ultimate) UnmarshalJSON(raw []byte) error {
	var s Ultimate
	if err := load("Ultimate", raw, func() bool {
		for i := range s.reach {
			if s.reach[i].ring.values == nil || len(s.reach[i].ring.values) != len(s.pressure[i].ring.values) {
				return false
			}
		}
		return true
	}, &s.pressure, &s.reach, f(&s.last)); err != nil {
		return err
	}
	*u = s
	return nil
}
