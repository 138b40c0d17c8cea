package indicator

import "math"

// StdDev is the standard deviation of the last values, of the whole population.
// Make it with NewStdDev.
type StdDev struct{ bands *Bollinger }

// NewStdDev returns the deviation of the last period values.
func NewStdDev(period int) *StdDev { return &StdDev{NewBollinger(period, 1)} }

// Update takes the next value and returns the deviation, NaN until Ready.
func (s *StdDev) Update(x float64) float64 {
	s.bands.Update(x)
	return s.Value()
}

// Value returns the deviation, NaN until Ready.
func (s *StdDev) Value() float64 {
	_, deviation := s.bands.moments()
	return deviation
}

// Ready reports whether period values have been seen.
func (s *StdDev) Ready() bool { return s.bands.Ready() }

// MarshalJSON implements json.Marshaler.
func (s StdDev) MarshalJSON() ([]byte, error) { return save(s.bands) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *StdDev) UnmarshalJSON(raw []byte) error {
	var t StdDev
	if err := load("StdDev", raw, func() bool { return t.bands != nil }, &t.bands); err != nil {
		return err
	}
	*s = t
	return nil
}

// ZScore is how many standard deviations the newest value lies above the mean of
// the last ones; 0 where they do not differ. Make it with NewZScore.
type ZScore struct {
	bands *Bollinger
	last  float64
}

// NewZScore returns the score within the last period values.
func NewZScore(period int) *ZScore { return &ZScore{NewBollinger(period, 1), math.NaN()} }

// Update takes the next value and returns the score, NaN until Ready.
func (z *ZScore) Update(x float64) float64 {
	z.bands.Update(x)
	z.last = x
	return z.Value()
}

// Value returns the score, NaN until Ready.
func (z *ZScore) Value() float64 {
	mean, deviation := z.bands.moments()
	if deviation == 0 {
		return 0
	}
	return (z.last - mean) / deviation
}

// Ready reports whether period values have been seen.
func (z *ZScore) Ready() bool { return z.bands.Ready() }

// MarshalJSON implements json.Marshaler.
func (z ZScore) MarshalJSON() ([]byte, error) { return save(z.bands, number(z.last)) }

// UnmarshalJSON implements json.Unmarshaler.
func (z *ZScore) UnmarshalJSON(raw []byte) error {
	var s ZScore
	if err := load("ZScore", raw, func() bool { return s.bands != nil }, &s.bands, f(&s.last)); err != nil {
		return err
	}
	*z = s
	return nil
}

// LinearRegression is the straight line of least squares through the last
// values. Make it with NewLinearRegression.
type LinearRegression struct {
	mean *WMA
	// bands has the deviation of the values, for the fit.
	bands *Bollinger
}

// Regression is the line's end at the newest value, its slope a value, and the
// share of the variance that it explains; NaN until it is ready.
type Regression struct{ Value, Slope, R2 float64 }

// NewLinearRegression returns the line through the last period values.
func NewLinearRegression(period int) *LinearRegression {
	return &LinearRegression{NewWMA(period), NewBollinger(period, 1)}
}

// Update takes the next value and returns the line.
func (l *LinearRegression) Update(x float64) Regression {
	l.mean.Update(x)
	l.bands.Update(x)
	return l.Line()
}

// Line returns the line.
func (l *LinearRegression) Line() Regression {
	n := float64(len(l.mean.ring.values))
	mean, deviation := l.bands.moments()
	switch {
	case !l.Ready():
		return Regression{math.NaN(), math.NaN(), math.NaN()}
	case n == 1:
		return Regression{Value: mean, R2: 1}
	}
	// The weighted mean lies away from the plain one in proportion to the slope,
	// weighted − mean = slope × (n−1)/6; of whole numbers the difference of the
	// sums is exact.
	away := float64(2*l.mean.weighted) - float64((n+1)*l.mean.sum)
	slope := 6 * (away / (n * (n + 1) * (n - 1)))
	r := Regression{Value: mean + float64(slope*(n-1))/2, Slope: slope, R2: 1}
	if deviation > 0 {
		// The variance of the places 0 … n−1 is (n²−1)/12.
		share := slope * math.Sqrt((float64(n*n)-1)/12) / deviation
		r.R2 = min(1, share*share)
	}
	return r
}

// Value returns the line's end, NaN until Ready.
func (l *LinearRegression) Value() float64 { return l.Line().Value }

// Ready reports whether period values have been seen.
func (l *LinearRegression) Ready() bool { return l.mean.Ready() }

// MarshalJSON implements json.Marshaler.
func (l LinearRegression) MarshalJSON() ([]byte, error) { return save(l.mean, l.bands) }

// UnmarshalJSON implements json.Unmarshaler.
func (l *LinearRegression) UnmarshalJSON(raw []byte) error {
	var s LinearRegression
	if err := load("LinearRegression", raw, func() bool {
		return s.mean != nil && s.bands != nil && len(s.mean.ring.values) == s.bands.Period()
	}, &s.mean, &s.bands); err != nil {
		return err
	}
	*l = s
	return nil
}

// CCI is Donald Lambert's commodity channel index (1980): how far the typical
// price lies from its mean, in units of 0.015 mean absolute deviations. Without
// any deviation it is 0. Make it with NewCCI.
type CCI struct {
	mean *SMA
	tree tree
	last float64
}

// NewCCI returns the index; 20 is usual.
func NewCCI(period int) *CCI {
	return &CCI{mean: NewSMA(period), tree: newTree(clamp(period)), last: math.NaN()}
}

// Update takes the next candle and returns the index, NaN until Ready.
func (c *CCI) Update(high, low, closing float64) float64 {
	c.last = (high + low + closing) / 3
	slot := c.mean.next
	if c.mean.Ready() {
		c.tree.remove(slot)
	}
	c.mean.Update(c.last)
	c.tree.insert(slot, c.last)
	return c.Value()
}

// Value returns the index, NaN until Ready.
func (c *CCI) Value() float64 {
	if !c.Ready() {
		return math.NaN()
	}
	mean := c.mean.Value()
	// Those below the mean lie as far from it, all together, as those above.
	count, sum := c.tree.below(mean)
	deviation := 2 * (float64(mean*float64(count)) - sum) / float64(c.mean.Period())
	if deviation <= 0 {
		return 0
	}
	return (c.last - mean) / float64(0.015*deviation)
}

// Ready reports whether period candles have been seen.
func (c *CCI) Ready() bool { return c.mean.Ready() }

// MarshalJSON implements json.Marshaler.
func (c CCI) MarshalJSON() ([]byte, error) { return save(c.mean, number(c.last)) }

// UnmarshalJSON implements json.Unmarshaler.
func (c *CCI) UnmarshalJSON(raw []byte) error {
	var s CCI
	if err := load("CCI", raw, func() bool { return s.mean != nil }, &s.mean, f(&s.last)); err != nil {
		return err
	}
	s.tree = newTree(s.mean.Period())
	seen := s.mean.next
	if s.mean.Ready() {
		seen = s.mean.Period()
	}
	for slot, x := range s.mean.ring[:seen] {
		s.tree.insert(slot, x)
	}
	*c = s
	return nil
}
