package indicator

import "math"

// Highest is the highest of the last values. Make it with NewHighest.
type Highest struct{ peak peak }

// NewHighest returns the highest of the last period values.
func NewHighest(period int) *Highest { return &Highest{newPeak(period)} }

// Update takes the next value and returns the highest, NaN until Ready.
func (h *Highest) Update(x float64) float64 {
	h.peak.push(x)
	return h.peak.top()
}

// Value returns the highest, NaN until Ready.
func (h *Highest) Value() float64 { return h.peak.top() }

// Ready reports whether period values have been seen.
func (h *Highest) Ready() bool { return h.peak.full() }

// MarshalJSON implements json.Marshaler.
func (h Highest) MarshalJSON() ([]byte, error) { return save(h.peak) }

// UnmarshalJSON implements json.Unmarshaler.
func (h *Highest) UnmarshalJSON(raw []byte) error {
	var s Highest
	if err := load("Highest", raw, func() bool { return s.peak.period > 0 }, &s.peak); err != nil {
		return err
	}
	*h = s
	return nil
}

// Lowest is the lowest of the last values. Make it with NewLowest.
type Lowest struct{ peak peak }

// NewLowest returns the lowest of the last period values.
func NewLowest(period int) *Lowest { return &Lowest{newPeak(period)} }

// Update takes the next value and returns the lowest, NaN until Ready.
func (l *Lowest) Update(x float64) float64 {
	l.peak.push(-x)
	return -l.peak.top()
}

// Value returns the lowest, NaN until Ready.
func (l *Lowest) Value() float64 { return -l.peak.top() }

// Ready reports whether period values have been seen.
func (l *Lowest) Ready() bool { return l.peak.full() }

// MarshalJSON implements json.Marshaler.
func (l Lowest) MarshalJSON() ([]byte, error) { return save(l.peak) }

// UnmarshalJSON implements json.Unmarshaler.
func (l *Lowest) UnmarshalJSON(raw []byte) error {
	var s Lowest
	if err := load("Lowest", raw, func() bool { return s.peak.period > 0 }, &s.peak); err != nil {
		return err
	}
	*l = s
	return nil
}

// Donchian is Richard Donchian's channel: the highest high and the lowest low of
// the last candles, and the middle of the two. Make it with NewDonchian.
type Donchian struct{ high, low peak }

// NewDonchian returns the channel of the last period candles; 20 is Donchian's
// four weeks of trading days.
func NewDonchian(period int) *Donchian { return &Donchian{newPeak(period), newPeak(period)} }

// Update takes the next candle and returns the channel.
func (d *Donchian) Update(high, low float64) Bands {
	d.high.push(high)
	d.low.push(-low)
	return d.Bands()
}

// Bands returns the channel, NaN until Ready.
func (d *Donchian) Bands() Bands {
	low, high := -d.low.top(), d.high.top()
	return Bands{Lower: low, Middle: (low + high) / 2, Upper: high}
}

// Value returns the middle line, NaN until Ready.
func (d *Donchian) Value() float64 { return d.Bands().Middle }

// Ready reports whether period candles have been seen.
func (d *Donchian) Ready() bool { return d.high.full() }

// MarshalJSON implements json.Marshaler.
func (d Donchian) MarshalJSON() ([]byte, error) { return save(d.high, d.low) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Donchian) UnmarshalJSON(raw []byte) error {
	var s Donchian
	if err := load("Donchian", raw, func() bool {
		return s.high.period > 0 && s.high.period == s.low.period && s.high.seen == s.low.seen
	}, &s.high, &s.low); err != nil {
		return err
	}
	*d = s
	return nil
}

// Keltner is Chester Keltner's channel in the form of Linda Raschke: an
// exponential average of the closes with bands a number of average true ranges
// away. Make it with NewKeltner.
type Keltner struct {
	mean  *EMA
	reach *ATR
	width float64
}

// NewKeltner returns the channel; 20, 10 and 2 are usual.
func NewKeltner(period, atr int, width float64) *Keltner {
	return &Keltner{mean: NewEMA(period), reach: NewATR(atr), width: width}
}

// Update takes the next candle and returns the channel.
func (k *Keltner) Update(high, low, closing float64) Bands {
	k.mean.Update(closing)
	k.reach.Update(high, low, closing)
	return k.Bands()
}

// Bands returns the channel, NaN until Ready.
func (k *Keltner) Bands() Bands {
	middle, away := k.mean.Value(), float64(k.width*k.reach.Value())
	if math.IsNaN(away) {
		middle = math.NaN()
	}
	return Bands{Lower: middle - away, Middle: middle, Upper: middle + away}
}

// Value returns the middle line, NaN until Ready.
func (k *Keltner) Value() float64 { return k.Bands().Middle }

// Ready reports whether average and range are.
func (k *Keltner) Ready() bool { return k.mean.Ready() && k.reach.Ready() }

// MarshalJSON implements json.Marshaler.
func (k Keltner) MarshalJSON() ([]byte, error) { return save(k.mean, k.reach, number(k.width)) }

// UnmarshalJSON implements json.Unmarshaler.
func (k *Keltner) UnmarshalJSON(raw []byte) error {
	var s Keltner
	if err := load("Keltner", raw, func() bool { return s.mean != nil && s.reach != nil }, &s.mean, &s.reach, f(&s.width)); err != nil {
		return err
	}
	*k = s
	return nil
}

// SuperTrend is Olivier Seban's trailing line: the middle of the candle, an
// average true range times a factor away, which only moves with the trend and
// changes sides when a close crosses it. Make it with NewSuperTrend.
type SuperTrend struct {
	reach        *ATR
	factor       float64
	upper, lower float64
	last         float64
	side         int // 1 up, -1 down, 0 not begun
}

// Trend is a line on one side of the price; the line is NaN until it is ready.
type Trend struct {
	Line float64
	// Up is true while the line lies below the price.
	Up bool
}

// NewSuperTrend returns the line; 10 and 3 are usual.
func NewSuperTrend(atr int, factor float64) *SuperTrend {
	return &SuperTrend{reach: NewATR(atr), factor: factor}
}

// Update takes the next candle and returns the line.
func (s *SuperTrend) Update(high, low, closing float64) Trend {
	away := float64(s.factor * s.reach.Update(high, low, closing))
	middle := (high + low) / 2
	upper, lower := middle+away, middle-away
	switch {
	case math.IsNaN(away):
	case s.side == 0:
		s.upper, s.lower, s.side = upper, lower, 1
		if closing < middle {
			s.side = -1
		}
	default:
		if upper < s.upper || s.last > s.upper {
			s.upper = upper
		}
		if lower > s.lower || s.last < s.lower {
			s.lower = lower
		}
		switch {
		case s.side > 0 && closing < s.lower:
			s.side = -1
		case s.side < 0 && closing > s.upper:
			s.side = 1
		}
	}
	s.last = closing
	return s.Trend()
}

// Trend returns the line.
func (s *SuperTrend) Trend() Trend {
	switch s.side {
	case 1:
		return Trend{Line: s.lower, Up: true}
	case -1:
		return Trend{Line: s.upper}
	}
	return Trend{Line: math.NaN()}
}

// Value returns the line, NaN until Ready.
func (s *SuperTrend) Value() float64 { return s.Trend().Line }

// Ready reports whether the average true range is.
func (s *SuperTrend) Ready() bool { return s.side != 0 }

// MarshalJSON implements json.Marshaler.
func (s SuperTrend) MarshalJSON() ([]byte, error) {
	return save(s.reach, number(s.factor), number(s.upper), number(s.lower), number(s.last), s.side)
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *SuperTrend) UnmarshalJSON(raw []byte) error {
	var t SuperTrend
	if err := load("SuperTrend", raw, func() bool { return t.reach != nil && t.side >= -1 && t.side <= 1 },
		&t.reach, f(&t.factor), f(&t.upper), f(&t.lower), f(&t.last), &t.side); err != nil {
		return err
	}
	*s = t
	return nil
}
