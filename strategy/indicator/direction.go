package indicator

import "math"

// ADX is Wilder's average directional index with its two directional indicators
// (1978): how much of the movement goes up and how much down, and how strong the
// difference is, whichever its sign. Make it with NewADX.
type ADX struct {
	plus, minus, reach, index wilder
	// The candle before; NaN before the first.
	high, low, closing float64
}

// Directional are the lines of an ADX, from 0 to 100.
type Directional struct {
	// Plus and Minus are the directional indicators, NaN for the first candles.
	Plus, Minus float64
	// ADX is the index, NaN until Ready.
	ADX float64
}

// NewADX returns the index; 14 is Wilder's period.
func NewADX(period int) *ADX {
	w := newWilder(period)
	return &ADX{plus: w, minus: w, reach: w, index: w, high: math.NaN(), low: math.NaN(), closing: math.NaN()}
}

// Update takes the next candle and returns the lines.
func (a *ADX) Update(high, low, closing float64) Directional {
	if !math.IsNaN(a.closing) {
		up, down := high-a.high, a.low-low
		if up <= down || up <= 0 {
			up = 0
		}
		if down <= high-a.high || down <= 0 {
			down = 0
		}
		a.plus.update(up)
		a.minus.update(down)
		a.reach.update(max(high, a.closing) - min(low, a.closing))
		if a.reach.left == 0 {
			l := a.Lines()
			strength := 0.0
			if sum := l.Plus + l.Minus; sum > 0 {
				strength = 100 * (math.Abs(l.Plus-l.Minus) / sum)
			}
			a.index.update(strength)
		}
	}
	a.high, a.low, a.closing = high, low, closing
	return a.Lines()
}

// Lines returns the lines.
func (a *ADX) Lines() Directional {
	d := Directional{Plus: math.NaN(), Minus: math.NaN(), ADX: math.NaN()}
	if a.reach.left > 0 {
		return d
	}
	d.Plus, d.Minus = 0, 0
	if reach := a.reach.value; reach > 0 {
		d.Plus, d.Minus = 100*(a.plus.value/reach), 100*(a.minus.value/reach)
	}
	if a.index.left == 0 {
		d.ADX = a.index.value
	}
	return d
}

// Value returns the index, NaN until Ready.
func (a *ADX) Value() float64 { return a.Lines().ADX }

// Ready reports whether 2 × period candles have been seen.
func (a *ADX) Ready() bool { return a.index.left == 0 }

// MarshalJSON implements json.Marshaler.
func (a ADX) MarshalJSON() ([]byte, error) {
	return save(a.plus.state(), a.minus.state(), a.reach.state(), a.index.state(), number(a.high), number(a.low), number(a.closing))
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *ADX) UnmarshalJSON(raw []byte) error {
	var s ADX
	var plus, minus, reach, index wilderState
	if err := load("ADX", raw, func() bool {
		return plus.sensible() && minus.sensible() && reach.sensible() && index.sensible() && plus.Left == reach.Left && minus.Left == reach.Left
	}, &plus, &minus, &reach, &index, f(&s.high), f(&s.low), f(&s.closing)); err != nil {
		return err
	}
	s.plus, s.minus, s.reach, s.index = plus.wilder(), minus.wilder(), reach.wilder(), index.wilder()
	*a = s
	return nil
}

// Aroon is Tushar Chande's pair of lines (1995): how recent the highest high and
// the lowest low of the last period candles are, from 0 to 100. Make it with
// NewAroon.
type Aroon struct{ high, low peak }

// AroonLines are the lines of an Aroon, NaN until it is ready.
type AroonLines struct {
	Up, Down float64
	// Oscillator is Up less Down.
	Oscillator float64
}

// NewAroon returns the lines; 25 is Chande's period.
func NewAroon(period int) *Aroon {
	n := min(clamp(period)+1, MaxPeriod)
	return &Aroon{newPeak(n), newPeak(n)}
}

// Update takes the next candle and returns the lines.
func (a *Aroon) Update(high, low float64) AroonLines {
	a.high.push(high)
	a.low.push(-low)
	return a.Lines()
}

// Lines returns the lines.
func (a *Aroon) Lines() AroonLines {
	if !a.high.full() {
		return AroonLines{math.NaN(), math.NaN(), math.NaN()}
	}
	n := float64(max(1, a.high.period-1))
	up, down := 100*((n-float64(a.high.age()))/n), 100*((n-float64(a.low.age()))/n)
	return AroonLines{Up: up, Down: down, Oscillator: up - down}
}

// Value returns the oscillator, NaN until Ready.
func (a *Aroon) Value() float64 { return a.Lines().Oscillator }

// Ready reports whether a candle more than the period has been seen.
func (a *Aroon) Ready() bool { return a.high.full() }

// MarshalJSON implements json.Marshaler.
func (a Aroon) MarshalJSON() ([]byte, error) { return save(a.high, a.low) }

// UnmarshalJSON implements json.Unmarshaler.
func (a *Aroon) UnmarshalJSON(raw []byte) error {
	var s Aroon
	if err := load("Aroon", raw, func() bool {
		return s.high.period > 0 && s.high.period == s.low.period && s.high.seen == s.low.seen
	}, &s.high, &s.low); err != nil {
		return err
	}
	*a = s
	return nil
}

// PSAR is Wilder's parabolic stop and reverse (1978): a stop that follows the
// price faster the longer a trend makes new extremes, and changes sides when it
// is touched. Make it with NewPSAR.
type PSAR struct {
	step, most float64
	side       int // 1 up, -1 down, 0 not begun
	seen       int // candles, up to 2
	stop       float64
	extreme    float64
	speed      float64
	// The candle before and the one before that.
	high, low, high2, low2 float64
}

// NewPSAR returns the stop; 0.02 and 0.2 are Wilder's step and maximum.
func NewPSAR(step, most float64) *PSAR { return &PSAR{step: step, most: max(step, most)} }

// Update takes the next candle and returns the stop for it.
func (p *PSAR) Update(high, low float64) Trend {
	switch p.seen {
	case 0:
		p.high, p.low, p.seen = high, low, 1
		return p.Trend()
	case 1:
		p.seen, p.speed = 2, p.step
		if down := p.low - low; down > 0 && down > high-p.high {
			p.side, p.stop, p.extreme = -1, p.high, low
		} else {
			p.side, p.stop, p.extreme = 1, p.low, high
		}
		p.high2, p.low2 = p.high, p.low
	default:
		p.advance(high, low)
		p.high2, p.low2 = p.high, p.low
	}
	p.high, p.low = high, low
	return p.Trend()
}

// advance moves the stop to the next candle.
func (p *PSAR) advance(high, low float64) {
	p.stop += float64(p.speed * (p.extreme - p.stop))
	if p.side > 0 {
		p.stop = min(p.stop, p.low, p.low2) // never within the last two candles
		if low <= p.stop {
			p.side, p.stop, p.extreme, p.speed = -1, max(p.extreme, high), low, p.step
			return
		}
		if high > p.extreme {
			p.extreme, p.speed = high, min(p.most, p.speed+p.step)
		}
		return
	}
	p.stop = max(p.stop, p.high, p.high2)
	if high >= p.stop {
		p.side, p.stop, p.extreme, p.speed = 1, min(p.extreme, low), high, p.step
		return
	}
	if low < p.extreme {
		p.extreme, p.speed = low, min(p.most, p.speed+p.step)
	}
}

// Trend returns the stop.
func (p *PSAR) Trend() Trend {
	if p.side == 0 {
		return Trend{Line: math.NaN()}
	}
	return Trend{Line: p.stop, Up: p.side > 0}
}

// Value returns the stop, NaN until Ready.
func (p *PSAR) Value() float64 { return p.Trend().Line }

// Ready reports whether two candles have been seen.
func (p *PSAR) Ready() bool { return p.side != 0 }

// MarshalJSON implements json.Marshaler.
func (p PSAR) MarshalJSON() ([]byte, error) {
	return save(number(p.step), number(p.most), p.side, p.seen, number(p.stop), number(p.extreme), number(p.speed),
		number(p.high), number(p.low), number(p.high2), number(p.low2))
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *PSAR) UnmarshalJSON(raw []byte) error {
	var s PSAR
	if err := load("PSAR", raw, func() bool {
		return s.side >= -1 && s.side <= 1 && s.seen >= 0 && s.seen <= 2 && (s.side != 0) == (s.seen == 2)
	},
		f(&s.step), f(&s.most), &s.side, &s.seen, f(&s.stop), f(&s.extreme), f(&s.speed), f(&s.high), f(&s.low), f(&s.high2), f(&s.low2)); err != nil {
		return err
	}
	*p = s
	return nil
}

// Ichimoku is Goichi Hosoda's equilibrium chart (1969): middles of the channels
// of three lengths. Make it with NewIchimoku.
type Ichimoku struct {
	conversion, base, span *Donchian
	// ahead holds the leading lines, which are drawn that many candles later.
	ahead1, ahead2 ring
}

// Cloud are the lines of an Ichimoku, NaN until each is ready. The lagging line
// is the close itself, drawn earlier, and is left to the chart.
type Cloud struct {
	Conversion, Base float64
	// SpanA and SpanB bound the cloud at the present candle: they were computed
	// as many candles ago as Base is long.
	SpanA, SpanB float64
}

// NewIchimoku returns the chart; 9, 26 and 52 are Hosoda's lengths.
func NewIchimoku(conversion, base, span int) *Ichimoku {
	return &Ichimoku{NewDonchian(conversion), NewDonchian(base), NewDonchian(span), newRing(base), newRing(base)}
}

// Update takes the next candle and returns the lines.
func (i *Ichimoku) Update(high, low float64) Cloud {
	conversion, base, span := i.conversion.Update(high, low), i.base.Update(high, low), i.span.Update(high, low)
	i.ahead1.push((conversion.Middle + base.Middle) / 2)
	i.ahead2.push(span.Middle)
	return i.Cloud()
}

// Cloud returns the lines.
func (i *Ichimoku) Cloud() Cloud {
	c := Cloud{Conversion: i.conversion.Value(), Base: i.base.Value(), SpanA: math.NaN(), SpanB: math.NaN()}
	if i.ahead1.full() {
		oldest := len(i.ahead1.values) - 1
		c.SpanA, c.SpanB = i.ahead1.at(oldest), i.ahead2.at(oldest)
	}
	return c
}

// Value returns the base line, NaN until it is ready.
func (i *Ichimoku) Value() float64 { return i.base.Value() }

// Ready reports whether all lines are.
func (i *Ichimoku) Ready() bool {
	c := i.Cloud()
	return !math.IsNaN(c.SpanA) && !math.IsNaN(c.SpanB) && !math.IsNaN(c.Conversion)
}

// MarshalJSON implements json.Marshaler.
func (i Ichimoku) MarshalJSON() ([]byte, error) {
	return save(i.conversion, i.base, i.span, i.ahead1, i.ahead2)
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *Ichimoku) UnmarshalJSON(raw []byte) error {
	var s Ichimoku
	if err := load("Ichimoku", raw, func() bool {
		return s.conversion != nil && s.base != nil && s.span != nil && s.ahead1.values != nil && len(s.ahead1.values) == len(s.ahead2.values)
	}, &s.conversion, &s.base, &s.span, &s.ahead1, &s.ahead2); err != nil {
		return err
	}
	*i = s
	return nil
}
