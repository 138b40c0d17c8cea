package indicator

import (
	"encoding/json"
	"math"
)

// wilder is the smoothing of J. Welles Wilder, New Concepts in Technical Trading
// Systems (1978): the mean of the first period values, then
// (previous × (period−1) + newest) / period.
type wilder struct {
	period int
	left   int
	// value is the sum of the first values until left is 0.
	value float64
}

func newWilder(period int) wilder {
	n := clamp(period)
	return wilder{period: n, left: n}
}

func (w *wilder) update(x float64) {
	n := float64(w.period)
	if w.left == 0 {
		w.value = (float64(w.value*(n-1)) + x) / n
		return
	}
	w.value += x
	if w.left--; w.left == 0 {
		w.value /= n
	}
}

type wilderState struct {
	Period int    `json:"period"`
	Left   int    `json:"left"`
	Value  number `json:"value"`
}

func (w wilder) state() wilderState {
	return wilderState{Period: w.period, Left: w.left, Value: number(w.value)}
}

func (s wilderState) sensible() bool {
	return validPeriod(s.Period) && s.Left >= 0 && s.Left <= s.Period
}

func (s wilderState) wilder() wilder {
	return wilder{period: s.Period, left: s.Left, value: float64(s.Value)}
}

// RSI is the relative strength index of Wilder (1978), from 0 to 100: the share
// of the gains in all movement, both smoothed. Without any movement it is 50.
// Make it with NewRSI.
type RSI struct {
	gain, loss wilder
	// last is the previous value, NaN before the first.
	last float64
}

// NewRSI returns a relative strength index; 14 is Wilder's period.
func NewRSI(period int) *RSI {
	return &RSI{gain: newWilder(period), loss: newWilder(period), last: math.NaN()}
}

// Update takes the next value and returns the index, NaN until Ready.
func (r *RSI) Update(x float64) float64 {
	change := x - r.last
	r.last = x
	if math.IsNaN(change) {
		return r.Value()
	}
	r.gain.update(max(change, 0))
	r.loss.update(max(-change, 0))
	return r.Value()
}

// Value returns the index, NaN until Ready.
func (r *RSI) Value() float64 {
	switch movement := r.gain.value + r.loss.value; {
	case r.gain.left > 0:
		return math.NaN()
	case movement == 0:
		return 50
	default:
		return 100 * (r.gain.value / movement)
	}
}

// Ready reports whether period changes, one value more, have been seen.
func (r *RSI) Ready() bool { return r.gain.left == 0 }

// Period returns the index's period.
func (r *RSI) Period() int { return r.gain.period }

type rsiState struct {
	Gain wilderState `json:"gain"`
	Loss wilderState `json:"loss"`
	Last number      `json:"last"`
}

// MarshalJSON implements json.Marshaler.
func (r RSI) MarshalJSON() ([]byte, error) {
	return json.Marshal(rsiState{Gain: r.gain.state(), Loss: r.loss.state(), Last: number(r.last)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *RSI) UnmarshalJSON(raw []byte) error {
	var state rsiState
	if err := restore("RSI", raw, &state, func() bool {
		return state.Gain.sensible() && state.Loss.sensible() && state.Gain.Left == state.Loss.Left
	}); err != nil {
		return err
	}
	*r = RSI{gain: state.Gain.wilder(), loss: state.Loss.wilder(), last: float64(state.Last)}
	return nil
}

// ATR is the average true range of Wilder (1978), in the unit of the prices.
// The true range of a candle reaches from its low to its high and on to the
// close before it; the first candle, which has none, only gives its close. Make
// it with NewATR.
type ATR struct {
	mean wilder
	// last is the previous close, NaN before the first.
	last float64
}

// NewATR returns an average true range; 14 is Wilder's period.
func NewATR(period int) *ATR { return &ATR{mean: newWilder(period), last: math.NaN()} }

// Update takes the next candle and returns the average, NaN until Ready.
func (a *ATR) Update(high, low, closing float64) float64 {
	previous := a.last
	a.last = closing
	if !math.IsNaN(previous) {
		a.mean.update(max(high, previous) - min(low, previous))
	}
	return a.Value()
}

// Value returns the average, NaN until Ready.
func (a *ATR) Value() float64 {
	if a.mean.left > 0 {
		return math.NaN()
	}
	return a.mean.value
}

// Ready reports whether period candles after the first have been seen.
func (a *ATR) Ready() bool { return a.mean.left == 0 }

// Period returns the average's period.
func (a *ATR) Period() int { return a.mean.period }

type atrState struct {
	Mean wilderState `json:"mean"`
	Last number      `json:"last"`
}

// MarshalJSON implements json.Marshaler.
func (a ATR) MarshalJSON() ([]byte, error) {
	return json.Marshal(atrState{Mean: a.mean.state(), Last: number(a.last)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *ATR) UnmarshalJSON(raw []byte) error {
	var state atrState
	if err := restore("ATR", raw, &state, func() bool { return state.Mean.sensible() }); err != nil {
		return err
	}
	*a = ATR{mean: state.Mean.wilder(), last: float64(state.Last)}
	return nil
}
