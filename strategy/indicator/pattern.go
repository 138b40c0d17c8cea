package indicator

import "math"

// HeikinAshi are averaged candles, as Munehisa Homma is said to have drawn them
// and Dan Valcu wrote of them (2004): they show a trend and hide prices. Make it
// with NewHeikinAshi.
type HeikinAshi struct{ bar Bar }

// Bar is a candle of an indicator's own making; all NaN before the first.
type Bar struct{ Open, High, Low, Close float64 }

// NewHeikinAshi returns the candles.
func NewHeikinAshi() *HeikinAshi {
	nan := math.NaN()
	return &HeikinAshi{Bar{nan, nan, nan, nan}}
}

// Update takes the next candle and returns the averaged one.
func (h *HeikinAshi) Update(open, high, low, closing float64) Bar {
	begin := (h.bar.Open + h.bar.Close) / 2
	if math.IsNaN(begin) {
		begin = (open + closing) / 2
	}
	end := (open + high + low + closing) / 4
	h.bar = Bar{Open: begin, High: max(high, begin, end), Low: min(low, begin, end), Close: end}
	return h.bar
}

// Bar returns the newest candle.
func (h *HeikinAshi) Bar() Bar { return h.bar }

// Value returns the newest candle's close, NaN until Ready.
func (h *HeikinAshi) Value() float64 { return h.bar.Close }

// Ready reports whether a candle has been seen.
func (h *HeikinAshi) Ready() bool { return !math.IsNaN(h.bar.Close) }

// MarshalJSON implements json.Marshaler.
func (h HeikinAshi) MarshalJSON() ([]byte, error) {
	return save(number(h.bar.Open), number(h.bar.High), number(h.bar.Low), number(h.bar.Close))
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *HeikinAshi) UnmarshalJSON(raw []byte) error {
	var s HeikinAshi
	if err := load("HeikinAshi", raw, func() bool { return true }, f(&s.bar.Open), f(&s.bar.High), f(&s.bar.Low), f(&s.bar.Close)); err != nil {
		return err
	}
	*h = s
	return nil
}

// Pivots are the floor traders' pivot points: levels of support and resistance
// from the high, low and close of the session before. Make it with NewPivots.
type Pivots struct {
	session            int64
	begin              int64
	begun              bool
	high, low, closing float64
	levels             PivotLevels
}

// PivotLevels are the levels of a session, all NaN before the second.
type PivotLevels struct{ Pivot, R1, R2, R3, S1, S2, S3 float64 }

// NewPivots returns the levels; a session lasts from one multiple of it since
// the epoch, in milliseconds, to the next. 86,400,000 is a day in UTC.
func NewPivots(session int64) *Pivots {
	nan := math.NaN()
	return &Pivots{session: max(1, session), levels: PivotLevels{nan, nan, nan, nan, nan, nan, nan}}
}

// Update takes the next candle, which opened at the time in epoch milliseconds,
// and returns the levels of its session.
func (p *Pivots) Update(time int64, high, low, closing float64) PivotLevels {
	begin := time - time%p.session
	switch {
	case !p.begun:
		p.begun, p.begin, p.high, p.low = true, begin, high, low
	case begin != p.begin:
		pivot := (p.high + p.low + p.closing) / 3
		reach := p.high - p.low
		p.levels = PivotLevels{
			Pivot: pivot, R1: float64(2*pivot) - p.low, R2: pivot + reach, R3: p.high + float64(2*(pivot-p.low)),
			S1: float64(2*pivot) - p.high, S2: pivot - reach, S3: p.low - float64(2*(p.high-pivot)),
		}
		p.begin, p.high, p.low = begin, high, low
	default:
		p.high, p.low = max(p.high, high), min(p.low, low)
	}
	p.closing = closing
	return p.levels
}

// Levels returns the levels.
func (p *Pivots) Levels() PivotLevels { return p.levels }

// Value returns the pivot, NaN until Ready.
func (p *Pivots) Value() float64 { return p.levels.Pivot }

// Ready reports whether a session has ended.
func (p *Pivots) Ready() bool { return !math.IsNaN(p.levels.Pivot) }

// MarshalJSON implements json.Marshaler.
func (p Pivots) MarshalJSON() ([]byte, error) {
	l := p.levels
	return save(p.session, p.begin, p.begun, number(p.high), number(p.low), number(p.closing), number(l.Pivot),
		number(l.R1), number(l.R2), number(l.R3), number(l.S1), number(l.S2), number(l.S3))
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Pivots) UnmarshalJSON(raw []byte) error {
	var s Pivots
	l := &s.levels
	if err := load("Pivots", raw, func() bool { return s.session >= 1 }, &s.session, &s.begin, &s.begun, f(&s.high), f(&s.low), f(&s.closing),
		f(&l.Pivot), f(&l.R1), f(&l.R2), f(&l.R3), f(&l.S1), f(&l.S2), f(&l.S3)); err != nil {
		return err
	}
	*p = s
	return nil
}

// Choppiness is Bill Dreiss' index: how much of the way of the last candles lead
// nowhere, from 0 in a straight trend to 100. Make it with NewChoppiness.
type Choppiness struct {
	way       rolling
	high, low peak
	last      float64
}

// NewChoppiness returns the index; 14 is usual. A period below 2 counts as 2.
func NewChoppiness(period int) *Choppiness {
	n := max(2, clamp(period))
	return &Choppiness{way: newRolling(n), high: newPeak(n), low: newPeak(n), last: math.NaN()}
}

// Update takes the next candle and returns the index, NaN until Ready.
func (c *Choppiness) Update(high, low, closing float64) float64 {
	reach := high - low
	if !math.IsNaN(c.last) {
		reach = max(high, c.last) - min(low, c.last)
	}
	c.way.push(reach)
	c.high.push(high)
	c.low.push(-low)
	c.last = closing
	return c.Value()
}

// Value returns the index, NaN until Ready; 100 where nothing moves.
func (c *Choppiness) Value() float64 {
	if !c.Ready() {
		return math.NaN()
	}
	straight := c.high.top() + c.low.top()
	if straight <= 0 || c.way.sum <= straight {
		if straight > 0 {
			return 0
		}
		return 100
	}
	return min(100, 100*(math.Log(c.way.sum/straight)/math.Log(float64(c.high.period))))
}

// Ready reports whether period candles have been seen.
func (c *Choppiness) Ready() bool { return c.high.full() }

// MarshalJSON implements json.Marshaler.
func (c Choppiness) MarshalJSON() ([]byte, error) { return save(c.way, c.high, c.low, number(c.last)) }

// UnmarshalJSON implements json.Unmarshaler.
func (c *Choppiness) UnmarshalJSON(raw []byte) error {
	var s Choppiness
	if err := load("Choppiness", raw, func() bool {
		n := len(s.way.ring.values)
		return n > 1 && s.high.period == n && s.low.period == n && s.high.seen == s.low.seen
	}, &s.way, &s.high, &s.low, f(&s.last)); err != nil {
		return err
	}
	*c = s
	return nil
}
