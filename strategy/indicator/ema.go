package indicator

import (
	"encoding/json"
	"math"
)

// EMA is the exponential moving average with the weight 2/(period+1) for the
// newest value. It begins with the mean of the first period values, as TA-Lib
// does. Make it with NewEMA.
type EMA struct {
	period int
	weight float64
	// left counts the values that the first mean still wants, sum adds them.
	left int
	sum  float64
	// value is NaN until left is 0.
	value float64
}

// NewEMA returns an exponential moving average.
func NewEMA(period int) *EMA {
	n := clamp(period)
	return &EMA{period: n, weight: emaWeight(n), left: n, value: math.NaN()}
}

func emaWeight(period int) float64 { return 2 / float64(period+1) }

// Update takes the next value and returns the average, NaN until Ready.
func (e *EMA) Update(x float64) float64 {
	if e.left > 0 {
		return e.begin(x)
	}
	// The conversion forbids a fused multiply-add, which would round otherwise
	// on other processors.
	e.value += float64((x - e.value) * e.weight)
	return e.value
}

func (e *EMA) begin(x float64) float64 {
	e.sum += x
	if e.left--; e.left == 0 {
		e.value = e.sum / float64(e.period)
	}
	return e.value
}

// Value returns the average, NaN until Ready.
func (e *EMA) Value() float64 { return e.value }

// Ready reports whether period values have been seen.
func (e *EMA) Ready() bool { return e.left == 0 }

// Period returns the average's period.
func (e *EMA) Period() int { return e.period }

type emaState struct {
	Period int    `json:"period"`
	Left   int    `json:"left"`
	Sum    number `json:"sum"`
	Value  number `json:"value"`
}

// MarshalJSON implements json.Marshaler.
func (e EMA) MarshalJSON() ([]byte, error) {
	return json.Marshal(emaState{Period: e.period, Left: e.left, Sum: number(e.sum), Value: number(e.value)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *EMA) UnmarshalJSON(raw []byte) error {
	var state emaState
	if err := restore("EMA", raw, &state, func() bool {
		return validPeriod(state.Period) && state.Left >= 0 && state.Left <= state.Period
	}); err != nil {
		return err
	}
	*e = EMA{
		period: state.Period, weight: emaWeight(state.Period), left: state.Left,
		sum: float64(state.Sum), value: float64(state.Value),
	}
	return nil
}
