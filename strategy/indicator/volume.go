package indicator

import "math"

// OBV is Joseph Granville's on-balance volume (1963): the volume of rising
// candles less that of falling ones, from the first candle on. Make it with
// NewOBV.
type OBV struct{ value, last float64 }

// NewOBV returns the balance.
func NewOBV() *OBV { return &OBV{value: math.NaN(), last: math.NaN()} }

// Update takes the next candle and returns the balance. It begins with the first
// candle's volume.
func (o *OBV) Update(closing, volume float64) float64 {
	switch {
	case math.IsNaN(o.last):
		o.value = volume
	case closing > o.last:
		o.value += volume
	case closing < o.last:
		o.value -= volume
	}
	o.last = closing
	return o.value
}

// Value returns the balance, NaN until Ready.
func (o *OBV) Value() float64 { return o.value }

// Ready reports whether a candle has been seen.
func (o *OBV) Ready() bool { return !math.IsNaN(o.value) }

// MarshalJSON implements json.Marshaler.
func (o OBV) MarshalJSON() ([]byte, error) { return save(number(o.value), number(o.last)) }

// UnmarshalJSON implements json.Unmarshaler.
func (o *OBV) UnmarshalJSON(raw []byte) error {
	var s OBV
	if err := load("OBV", raw, func() bool { return true }, f(&s.value), f(&s.last)); err != nil {
		return err
	}
	*o = s
	return nil
}

// MFI is the money flow index of Gene Quong and Avrum Soudack (1989): the share
// of the turnover of rising candles in that of rising and falling ones, from 0 to
// 100. Without any it is 50. Make it with NewMFI.
type MFI struct {
	up, down rolling
	last     float64
}

// NewMFI returns the index; 14 is usual.
func NewMFI(period int) *MFI {
	return &MFI{up: newRolling(period), down: newRolling(period), last: math.NaN()}
}

// Update takes the next candle and returns the index, NaN until Ready.
func (m *MFI) Update(high, low, closing, volume float64) float64 {
	typical := (high + low + closing) / 3
	if !math.IsNaN(m.last) {
		flow := float64(typical * volume)
		up, down := 0.0, 0.0
		switch {
		case typical > m.last:
			up = flow
		case typical < m.last:
			down = flow
		}
		m.up.push(up)
		m.down.push(down)
	}
	m.last = typical
	return m.Value()
}

// Value returns the index, NaN until Ready.
func (m *MFI) Value() float64 {
	if !m.Ready() {
		return math.NaN()
	}
	up, down := max(0, m.up.sum), max(0, m.down.sum)
	return within(up, 0, up+down)
}

// Ready reports whether a candle more than the period has been seen.
func (m *MFI) Ready() bool { return m.up.ring.full() }

// MarshalJSON implements json.Marshaler.
func (m MFI) MarshalJSON() ([]byte, error) { return save(m.up, m.down, number(m.last)) }

// UnmarshalJSON implements json.Unmarshaler.
func (m *MFI) UnmarshalJSON(raw []byte) error {
	var s MFI
	if err := load("MFI", raw, func() bool {
		return s.up.ring.values != nil && len(s.up.ring.values) == len(s.down.ring.values) && s.up.ring.count == s.down.ring.count
	}, &s.up, &s.down, f(&s.last)); err != nil {
		return err
	}
	*m = s
	return nil
}

// multiplier is where the close lies in the candle, from −1 at the low to 1 at
// the high, and 0 without a range.
func multiplier(high, low, closing float64) float64 {
	if high == low {
		return 0
	}
	return ((closing - low) - (high - closing)) / (high - low)
}

// AccumulationDistribution is Marc Chaikin's line: the volume, weighted by where
// the close lies in the candle, from the first candle on. Make it with
// NewAccumulationDistribution.
type AccumulationDistribution struct {
	value float64
	begun bool
}

// NewAccumulationDistribution returns the line.
func NewAccumulationDistribution() *AccumulationDistribution { return &AccumulationDistribution{} }

// Update takes the next candle and returns the line.
func (a *AccumulationDistribution) Update(high, low, closing, volume float64) float64 {
	a.value += float64(multiplier(high, low, closing) * volume)
	a.begun = true
	return a.value
}

// Value returns the line, NaN until Ready.
func (a *AccumulationDistribution) Value() float64 {
	if !a.begun {
		return math.NaN()
	}
	return a.value
}

// Ready reports whether a candle has been seen.
func (a *AccumulationDistribution) Ready() bool { return a.begun }

// MarshalJSON implements json.Marshaler.
func (a AccumulationDistribution) MarshalJSON() ([]byte, error) {
	return save(number(a.value), a.begun)
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *AccumulationDistribution) UnmarshalJSON(raw []byte) error {
	var s AccumulationDistribution
	if err := load("AccumulationDistribution", raw, func() bool { return true }, f(&s.value), &s.begun); err != nil {
		return err
	}
	*a = s
	return nil
}

// ChaikinMoneyFlow is Marc Chaikin's average of the accumulation over the last
// candles as a share of their volume, from −1 to 1. Without volume it is 0. Make
// it with NewChaikinMoneyFlow.
type ChaikinMoneyFlow struct{ flow, volume rolling }

// NewChaikinMoneyFlow returns the average; 20 or 21 are usual.
func NewChaikinMoneyFlow(period int) *ChaikinMoneyFlow {
	return &ChaikinMoneyFlow{newRolling(period), newRolling(period)}
}

// Update takes the next candle and returns the average, NaN until Ready.
func (c *ChaikinMoneyFlow) Update(high, low, closing, volume float64) float64 {
	c.flow.push(float64(multiplier(high, low, closing) * volume))
	c.volume.push(volume)
	return c.Value()
}

// Value returns the average, NaN until Ready.
func (c *ChaikinMoneyFlow) Value() float64 {
	switch {
	case !c.Ready():
		return math.NaN()
	case c.volume.sum <= 0:
		return 0
	}
	return c.flow.sum / c.volume.sum
}

// Ready reports whether period candles have been seen.
func (c *ChaikinMoneyFlow) Ready() bool { return c.volume.ring.full() }

// MarshalJSON implements json.Marshaler.
func (c ChaikinMoneyFlow) MarshalJSON() ([]byte, error) { return save(c.flow, c.volume) }

// UnmarshalJSON implements json.Unmarshaler.
func (c *ChaikinMoneyFlow) UnmarshalJSON(raw []byte) error {
	var s ChaikinMoneyFlow
	if err := load("ChaikinMoneyFlow", raw, func() bool {
		return s.flow.ring.values != nil && len(s.flow.ring.values) == len(s.volume.ring.values) && s.flow.ring.count == s.volume.ring.count
	}, &s.flow, &s.volume); err != nil {
		return err
	}
	*c = s
	return nil
}

// VWMA is the moving average weighted by volume; without volume it is the simple
// one. Make it with NewVWMA.
type VWMA struct{ prices, values, volumes rolling }

// NewVWMA returns the average of the last period candles.
func NewVWMA(period int) *VWMA {
	return &VWMA{newRolling(period), newRolling(period), newRolling(period)}
}

// Update takes the next candle's price, most often the close, and returns the
// average, NaN until Ready.
func (v *VWMA) Update(price, volume float64) float64 {
	v.prices.push(price)
	v.values.push(float64(price * volume))
	v.volumes.push(volume)
	return v.Value()
}

// Value returns the average, NaN until Ready.
func (v *VWMA) Value() float64 {
	if v.Ready() && v.volumes.sum > 0 {
		return v.values.sum / v.volumes.sum
	}
	return v.prices.mean()
}

// Ready reports whether period candles have been seen.
func (v *VWMA) Ready() bool { return v.prices.ring.full() }

// MarshalJSON implements json.Marshaler.
func (v VWMA) MarshalJSON() ([]byte, error) { return save(v.prices, v.values, v.volumes) }

// UnmarshalJSON implements json.Unmarshaler.
func (v *VWMA) UnmarshalJSON(raw []byte) error {
	var s VWMA
	if err := load("VWMA", raw, func() bool {
		n := len(s.prices.ring.values)
		return n > 0 && len(s.values.ring.values) == n && len(s.volumes.ring.values) == n
	}, &s.prices, &s.values, &s.volumes); err != nil {
		return err
	}
	*v = s
	return nil
}

// VWAP is the average price by volume since the beginning of the session: the
// typical price of each candle weighted by its volume. Make it with NewVWAP.
type VWAP struct {
	session       int64
	begin         int64
	value, volume float64
	price         float64
}

// NewVWAP returns the average, which begins anew at each multiple of the session
// since the epoch, in milliseconds; 86,400,000 is a day in UTC. A session below
// 1 never ends.
func NewVWAP(session int64) *VWAP {
	return &VWAP{session: max(0, session), begin: math.MinInt64, price: math.NaN()}
}

// Update takes the next candle, which opened at the time in epoch milliseconds,
// and returns the average.
func (v *VWAP) Update(time int64, high, low, closing, volume float64) float64 {
	begin := int64(0)
	if v.session > 0 {
		begin = time - time%v.session
	}
	if begin != v.begin {
		v.begin, v.value, v.volume = begin, 0, 0
	}
	v.price = (high + low + closing) / 3
	v.value += float64(v.price * volume)
	v.volume += volume
	if v.volume > 0 {
		v.price = v.value / v.volume
	}
	return v.price
}

// Value returns the average, NaN until Ready.
func (v *VWAP) Value() float64 { return v.price }

// Ready reports whether a candle has been seen.
func (v *VWAP) Ready() bool { return !math.IsNaN(v.price) }

// MarshalJSON implements json.Marshaler.
func (v VWAP) MarshalJSON() ([]byte, error) {
	return save(v.session, v.begin, number(v.value), number(v.volume), number(v.price))
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *VWAP) UnmarshalJSON(raw []byte) error {
	var s VWAP
	if err := load("VWAP", raw, func() bool { return s.session >= 0 },
		&s.session, &s.begin, f(&s.value), f(&s.volume), f(&s.price)); err != nil {
		return err
	}
	*v = s
	return nil
}

// ForceIndex is Alexander Elder's index, Trading for a Living (1993): the change
// of the close times the volume, smoothed by an exponential average. Make it with
// NewForceIndex.
type ForceIndex struct {
	mean *EMA
	last float64
}

// NewForceIndex returns the index; 13 is usual.
func NewForceIndex(period int) *ForceIndex { return &ForceIndex{NewEMA(period), math.NaN()} }

// Update takes the next candle and returns the index, NaN until Ready.
func (i *ForceIndex) Update(closing, volume float64) float64 {
	if change := closing - i.last; !math.IsNaN(change) {
		i.mean.Update(float64(change * volume))
	}
	i.last = closing
	return i.mean.Value()
}

// Value returns the index, NaN until Ready.
func (i *ForceIndex) Value() float64 { return i.mean.Value() }

// Ready reports whether a candle more than the period has been seen.
func (i *ForceIndex) Ready() bool { return i.mean.Ready() }

// MarshalJSON implements json.Marshaler.
func (i ForceIndex) MarshalJSON() ([]byte, error) { return save(i.mean, number(i.last)) }

// UnmarshalJSON implements json.Unmarshaler.
func (i *ForceIndex) UnmarshalJSON(raw []byte) error {
	var s ForceIndex
	if err := load("ForceIndex", raw, func() bool { return s.mean != nil }, &s.mean, f(&s.last)); err != nil {
		return err
	}
	*i = s
	return nil
}
