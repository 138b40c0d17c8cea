package indicator

import (
	"encoding/json"
	"math"
)

// SMA is the simple moving average: the mean of the last values. Of whole
// numbers it is exact to the last bit (see the package), and the order of two
// averages over m and n values is the true one while value × m × n < 2^53. Make
// it with NewSMA.
type SMA struct {
	ring []float64
	next int
	// sum is that of the ring. lap adds up the values since the ring began
	// anew; when it is full again they are the whole window, and lap takes the
	// place of sum and of the errors in it.
	sum, lap float64
	// count is the period, and NaN until the ring is full, so that the mean is
	// NaN without a branch.
	count float64
}

// NewSMA returns the mean of the last period values.
func NewSMA(period int) *SMA {
	return &SMA{ring: make([]float64, clamp(period)), count: math.NaN()}
}

// Update takes the next value and returns the average, NaN until Ready.
func (s *SMA) Update(x float64) float64 {
	old := &s.ring[s.next]
	lap, sum, next := s.lap+x, s.sum+(x-*old), s.next+1
	*old = x
	if next == len(s.ring) {
		sum, lap, next, s.count = lap, 0, 0, float64(next)
	}
	s.sum, s.lap, s.next = sum, lap, next
	return sum / s.count
}

// Value returns the average, NaN until Ready.
func (s *SMA) Value() float64 { return s.sum / s.count }

// Ready reports whether period values have been seen.
func (s *SMA) Ready() bool { return !math.IsNaN(s.count) }

// Period returns the number of values that are averaged.
func (s *SMA) Period() int { return len(s.ring) }

type smaState struct {
	Ring  []number `json:"ring"`
	Next  int      `json:"next"`
	Sum   number   `json:"sum"`
	Lap   number   `json:"lap"`
	Ready bool     `json:"ready"`
}

// MarshalJSON implements json.Marshaler.
func (s SMA) MarshalJSON() ([]byte, error) {
	return json.Marshal(smaState{Ring: numbers(s.ring), Next: s.next, Sum: number(s.sum), Lap: number(s.lap), Ready: s.Ready()})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *SMA) UnmarshalJSON(raw []byte) error {
	var state smaState
	if err := restore("SMA", raw, &state, func() bool {
		return validPeriod(len(state.Ring)) && state.Next >= 0 && state.Next < len(state.Ring)
	}); err != nil {
		return err
	}
	*s = SMA{ring: floats(state.Ring), next: state.Next, sum: float64(state.Sum), lap: float64(state.Lap), count: math.NaN()}
	if state.Ready {
		s.count = float64(len(s.ring))
	}
	return nil
}
