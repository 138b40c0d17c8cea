package indicator

import (
	"encoding/json"
	"math"
)

// MACD is the moving average convergence/divergence of Gerald Appel (1979): the
// difference of a fast and a slow EMA, and an EMA of that difference, the signal.
// Each average begins with the mean of its first values. Make it with NewMACD.
type MACD struct {
	fast, slow, signal *EMA
}

// MACDLines are the lines of a MACD. Line is NaN until the slow average is
// ready, the others until the MACD is.
type MACDLines struct {
	// Line is the fast average less the slow one.
	Line float64
	// Signal is the average of Line.
	Signal float64
	// Histogram is Line less Signal.
	Histogram float64
}

// NewMACD returns a MACD; 12, 26 and 9 are usual. If fast is above slow the two
// are exchanged.
func NewMACD(fast, slow, signal int) *MACD {
	return &MACD{fast: NewEMA(min(fast, slow)), slow: NewEMA(max(fast, slow)), signal: NewEMA(signal)}
}

// Update takes the next value and returns the lines.
func (m *MACD) Update(x float64) MACDLines {
	if line := m.fast.Update(x) - m.slow.Update(x); !math.IsNaN(line) {
		m.signal.Update(line)
	}
	return m.Lines()
}

// Lines returns the lines.
func (m *MACD) Lines() MACDLines {
	line, signal := m.fast.Value()-m.slow.Value(), m.signal.Value()
	return MACDLines{Line: line, Signal: signal, Histogram: line - signal}
}

// Value returns the line: the fast average less the slow one.
func (m *MACD) Value() float64 { return m.fast.Value() - m.slow.Value() }

// Ready reports whether all three averages are ready, which takes slow + signal
// − 1 values.
func (m *MACD) Ready() bool { return m.signal.Ready() }

type macdState struct {
	Fast   *EMA `json:"fast"`
	Slow   *EMA `json:"slow"`
	Signal *EMA `json:"signal"`
}

// MarshalJSON implements json.Marshaler.
func (m MACD) MarshalJSON() ([]byte, error) {
	return json.Marshal(macdState{Fast: m.fast, Slow: m.slow, Signal: m.signal})
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *MACD) UnmarshalJSON(raw []byte) error {
	var state macdState
	if err := restore("MACD", raw, &state, func() bool {
		return state.Fast != nil && state.Slow != nil && state.Signal != nil
	}); err != nil {
		return err
	}
	*m = MACD{fast: state.Fast, slow: state.Slow, signal: state.Signal}
	return nil
}
