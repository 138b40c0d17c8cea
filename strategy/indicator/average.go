package indicator

import "math"

// WMA is the linearly weighted moving average: the newest value counts period
// times, the oldest once. Make it with NewWMA.
type WMA struct {
	ring          ring
	sum, weighted float64
}

// NewWMA returns the weighted average of the last period values.
func NewWMA(period int) *WMA { return &WMA{ring: newRing(period)} }

// Update takes the next value and returns the average, NaN until Ready.
func (w *WMA) Update(x float64) float64 {
	before := w.sum
	w.sum += x - w.ring.push(x)
	// Every value counts once less, and the newest as often as there are values.
	if n := float64(w.ring.count); w.ring.wrapped() {
		w.remake()
	} else if w.ring.full() {
		w.weighted += float64(n*x) - before
	} else {
		w.weighted += float64(n * x)
	}
	return w.Value()
}

// remake sums anew, so that errors of floats do not pile up.
func (w *WMA) remake() {
	w.sum, w.weighted = 0, 0
	for i, x := range w.ring.values {
		w.sum += x
		w.weighted += float64(float64(i+1) * x)
	}
}

// Value returns the average, NaN until Ready.
func (w *WMA) Value() float64 {
	if !w.ring.full() {
		return math.NaN()
	}
	n := float64(len(w.ring.values))
	return w.weighted / (n * (n + 1) / 2)
}

// Ready reports whether period values have been seen.
func (w *WMA) Ready() bool { return w.ring.full() }

// MarshalJSON implements json.Marshaler.
func (w WMA) MarshalJSON() ([]byte, error) { return save(w.ring, number(w.sum), number(w.weighted)) }

// UnmarshalJSON implements json.Unmarshaler.
func (w *WMA) UnmarshalJSON(raw []byte) error {
	var s WMA
	if err := load("WMA", raw, func() bool { return s.ring.values != nil }, &s.ring, f(&s.sum), f(&s.weighted)); err != nil {
		return err
	}
	*w = s
	return nil
}

// chain is exponential averages of each other, each of which begins with the
// first value of the one before.
type chain []*EMA

func newChain(period, n int) chain {
	c := make(chain, n)
	for i := range c {
		c[i] = NewEMA(period)
	}
	return c
}

func (c chain) update(x float64) {
	for _, e := range c {
		if x = e.Update(x); math.IsNaN(x) {
			return
		}
	}
}

func (c chain) ready() bool { return c[len(c)-1].Ready() }

func (c chain) whole(n int) bool {
	for _, e := range c {
		if e == nil {
			return false
		}
	}
	return len(c) == n
}

// DEMA is the double exponential moving average of Patrick Mulloy, Smoothing
// Data with Faster Moving Averages (1994): twice the average less the average of
// the average. Make it with NewDEMA.
type DEMA struct{ chain chain }

// NewDEMA returns the average.
func NewDEMA(period int) *DEMA { return &DEMA{newChain(period, 2)} }

// Update takes the next value and returns the average, NaN until Ready.
func (d *DEMA) Update(x float64) float64 {
	d.chain.update(x)
	return d.Value()
}

// Value returns the average, NaN until Ready.
func (d *DEMA) Value() float64 { return float64(2*d.chain[0].Value()) - d.chain[1].Value() }

// Ready reports whether 2 × period − 1 values have been seen.
func (d *DEMA) Ready() bool { return d.chain.ready() }

// MarshalJSON implements json.Marshaler.
func (d DEMA) MarshalJSON() ([]byte, error) { return save(d.chain) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *DEMA) UnmarshalJSON(raw []byte) error {
	var s DEMA
	if err := load("DEMA", raw, func() bool { return s.chain.whole(2) }, &s.chain); err != nil {
		return err
	}
	*d = s
	return nil
}

// TEMA is the triple exponential moving average of Patrick Mulloy (1994). Make
// it with NewTEMA.
type TEMA struct{ chain chain }

// NewTEMA returns the average.
func NewTEMA(period int) *TEMA { return &TEMA{newChain(period, 3)} }

// Update takes the next value and returns the average, NaN until Ready.
func (t *TEMA) Update(x float64) float64 {
	t.chain.update(x)
	return t.Value()
}

// Value returns the average, NaN until Ready.
func (t *TEMA) Value() float64 {
	return float64(3*t.chain[0].Value()) - float64(3*t.chain[1].Value()) + t.chain[2].Value()
}

// Ready reports whether 3 × period − 2 values have been seen.
func (t *TEMA) Ready() bool { return t.chain.ready() }

// MarshalJSON implements json.Marshaler.
func (t TEMA) MarshalJSON() ([]byte, error) { return save(t.chain) }

// UnmarshalJSON implements json.Unmarshaler.
func (t *TEMA) UnmarshalJSON(raw []byte) error {
	var s TEMA
	if err := load("TEMA", raw, func() bool { return s.chain.whole(3) }, &s.chain); err != nil {
		return err
	}
	*t = s
	return nil
}

// TRIX is Jack Hutson's rate of change, in percent, of a triply smoothed
// exponential average (1983). Make it with NewTRIX.
type TRIX struct {
	chain       chain
	last, value float64
}

// NewTRIX returns the oscillator; 15 is usual.
func NewTRIX(period int) *TRIX {
	return &TRIX{chain: newChain(period, 3), last: math.NaN(), value: math.NaN()}
}

// Update takes the next value and returns the oscillator, NaN until Ready.
func (t *TRIX) Update(x float64) float64 {
	t.chain.update(x)
	now := t.chain[2].Value()
	t.value = 100 * ((now - t.last) / t.last)
	t.last = now
	return t.value
}

// Value returns the oscillator, NaN until Ready.
func (t *TRIX) Value() float64 { return t.value }

// Ready reports whether 3 × period − 1 values have been seen.
func (t *TRIX) Ready() bool { return !math.IsNaN(t.value) }

// MarshalJSON implements json.Marshaler.
func (t TRIX) MarshalJSON() ([]byte, error) { return save(t.chain, number(t.last), number(t.value)) }

// UnmarshalJSON implements json.Unmarshaler.
func (t *TRIX) UnmarshalJSON(raw []byte) error {
	var s TRIX
	if err := load("TRIX", raw, func() bool { return s.chain.whole(3) }, &s.chain, f(&s.last), f(&s.value)); err != nil {
		return err
	}
	*t = s
	return nil
}

// HMA is the moving average of Alan Hull (2005): the weighted average, over the
// root of the period, of twice the weighted average of half of the period less
// that of the whole. Make it with NewHMA.
type HMA struct{ half, whole, smooth *WMA }

// NewHMA returns the average.
func NewHMA(period int) *HMA {
	n := clamp(period)
	return &HMA{half: NewWMA(n / 2), whole: NewWMA(n), smooth: NewWMA(int(math.Sqrt(float64(n))))}
}

// Update takes the next value and returns the average, NaN until Ready.
func (h *HMA) Update(x float64) float64 {
	half, whole := h.half.Update(x), h.whole.Update(x)
	if h.whole.Ready() {
		h.smooth.Update(float64(2*half) - whole)
	}
	return h.Value()
}

// Value returns the average, NaN until Ready.
func (h *HMA) Value() float64 { return h.smooth.Value() }

// Ready reports whether the smoothing average is.
func (h *HMA) Ready() bool { return h.smooth.Ready() }

// MarshalJSON implements json.Marshaler.
func (h HMA) MarshalJSON() ([]byte, error) { return save(h.half, h.whole, h.smooth) }

// UnmarshalJSON implements json.Unmarshaler.
func (h *HMA) UnmarshalJSON(raw []byte) error {
	var s HMA
	if err := load("HMA", raw, func() bool { return s.half != nil && s.whole != nil && s.smooth != nil }, &s.half, &s.whole, &s.smooth); err != nil {
		return err
	}
	*h = s
	return nil
}

// KAMA is the adaptive moving average of Perry Kaufman, Trading Systems and
// Methods (1998): an exponential average whose weight lies between those of 2
// and 30 values, by how straight the way of the last period values was. Make it
// with NewKAMA.
type KAMA struct {
	prices ring
	moves  rolling
	last   float64
	value  float64
}

// NewKAMA returns the average; 10 is Kaufman's period.
func NewKAMA(period int) *KAMA {
	n := clamp(period)
	return &KAMA{prices: newRing(n), moves: newRolling(n), last: math.NaN(), value: math.NaN()}
}

// Update takes the next value and returns the average, NaN until Ready.
func (k *KAMA) Update(x float64) float64 {
	if math.IsNaN(k.last) {
		k.prices.push(x)
		k.last = x
		return k.value
	}
	k.moves.push(math.Abs(x - k.last))
	ready := k.moves.ring.full()
	old := k.prices.push(x)
	if ready {
		if math.IsNaN(k.value) {
			k.value = k.last
		}
		straight := 1.0
		if way := k.moves.sum; way > 0 {
			straight = min(1, math.Abs(x-old)/way)
		}
		const fast, slow = 2.0 / 3, 2.0 / 31
		weight := float64(straight*(fast-slow)) + slow
		weight *= weight
		k.value += float64(weight * (x - k.value))
	}
	k.last = x
	return k.value
}

// Value returns the average, NaN until Ready.
func (k *KAMA) Value() float64 { return k.value }

// Ready reports whether a value more than the period has been seen.
func (k *KAMA) Ready() bool { return !math.IsNaN(k.value) }

// MarshalJSON implements json.Marshaler.
func (k KAMA) MarshalJSON() ([]byte, error) {
	return save(k.prices, k.moves, number(k.last), number(k.value))
}

// UnmarshalJSON implements json.Unmarshaler.
func (k *KAMA) UnmarshalJSON(raw []byte) error {
	var s KAMA
	if err := load("KAMA", raw, func() bool {
		return s.prices.values != nil && len(s.prices.values) == len(s.moves.ring.values)
	}, &s.prices, &s.moves, f(&s.last), f(&s.value)); err != nil {
		return err
	}
	*k = s
	return nil
}

// RMA is the smoothing of J. Welles Wilder (1978) as an average of its own: the
// exponential average whose weight is one by the period. Make it with NewRMA.
type RMA struct{ mean wilder }

// NewRMA returns the average.
func NewRMA(period int) *RMA { return &RMA{newWilder(period)} }

// Update takes the next value and returns the average, NaN until Ready.
func (r *RMA) Update(x float64) float64 {
	r.mean.update(x)
	return r.Value()
}

// Value returns the average, NaN until Ready.
func (r *RMA) Value() float64 {
	if r.mean.left > 0 {
		return math.NaN()
	}
	return r.mean.value
}

// Ready reports whether period values have been seen.
func (r *RMA) Ready() bool { return r.mean.left == 0 }

// MarshalJSON implements json.Marshaler.
func (r RMA) MarshalJSON() ([]byte, error) { return save(r.mean.state()) }

// UnmarshalJSON implements json.Unmarshaler.
func (r *RMA) UnmarshalJSON(raw []byte) error {
	var s wilderState
	if err := load("RMA", raw, func() bool { return s.sensible() }, &s); err != nil {
		return err
	}
	r.mean = s.wilder()
	return nil
}
