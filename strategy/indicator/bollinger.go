package indicator

import (
	"encoding/json"
	"math"
)

// Bollinger is the pair of bands that John Bollinger describes in Bollinger on
// Bollinger Bands (2001): the simple moving average plus and minus a number of
// standard deviations of the same values (of the whole population, not of a
// sample). Make it with NewBollinger.
type Bollinger struct {
	ring  []float64
	next  int
	ready bool
	width float64
	// origin is a value of the window; sum and squares are those of the
	// distances to it. They are small, so their squares are exact for ticks and
	// do not cancel for other floats.
	origin, sum, squares float64
}

// Bands are the three lines of a Bollinger, all NaN until it is ready.
type Bands struct {
	Lower, Middle, Upper float64
}

// NewBollinger returns the bands of the last period values, width standard
// deviations away from their mean; 20 and 2 are usual.
func NewBollinger(period int, width float64) *Bollinger {
	return &Bollinger{ring: make([]float64, clamp(period)), width: width}
}

// Update takes the next value and returns the bands.
func (b *Bollinger) Update(x float64) Bands {
	if b.next == 0 && !b.ready {
		b.origin = x
	}
	d := x - b.origin
	b.sum += d
	b.squares += float64(d * d)
	if b.ready {
		old := b.ring[b.next] - b.origin
		b.sum -= old
		b.squares -= float64(old * old)
	}
	b.ring[b.next] = x
	if b.next++; b.next == len(b.ring) {
		b.wrap()
	}
	return b.Bands()
}

// wrap begins the ring anew with an origin near to the present values.
func (b *Bollinger) wrap() {
	b.next, b.ready = 0, true
	b.origin, b.sum, b.squares = b.ring[len(b.ring)-1], 0, 0
	for _, x := range b.ring {
		d := x - b.origin
		b.sum += d
		b.squares += float64(d * d)
	}
}

// Bands returns the bands.
func (b *Bollinger) Bands() Bands {
	middle, deviation := b.moments()
	away := float64(b.width * deviation)
	return Bands{Lower: middle - away, Middle: middle, Upper: middle + away}
}

// moments returns mean and standard deviation, NaN until Ready.
func (b *Bollinger) moments() (mean, deviation float64) {
	if !b.ready {
		return math.NaN(), math.NaN()
	}
	n := float64(len(b.ring))
	mean = b.sum / n
	variance := max(0, (b.squares-float64(b.sum*mean))/n)
	return b.origin + mean, math.Sqrt(variance)
}

// Value returns the middle line, NaN until Ready.
func (b *Bollinger) Value() float64 { return b.Bands().Middle }

// Ready reports whether period values have been seen.
func (b *Bollinger) Ready() bool { return b.ready }

// Period returns the number of values that the bands are made of.
func (b *Bollinger) Period() int { return len(b.ring) }

type bollingerState struct {
	Ring    []number `json:"ring"`
	Next    int      `json:"next"`
	Ready   bool     `json:"ready"`
	Width   number   `json:"width"`
	Origin  number   `json:"origin"`
	Sum     number   `json:"sum"`
	Squares number   `json:"squares"`
}

// MarshalJSON implements json.Marshaler.
func (b Bollinger) MarshalJSON() ([]byte, error) {
	return json.Marshal(bollingerState{
		Ring: numbers(b.ring), Next: b.next, Ready: b.ready, Width: number(b.width),
		Origin: number(b.origin), Sum: number(b.sum), Squares: number(b.squares),
	})
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bollinger) UnmarshalJSON(raw []byte) error {
	var state bollingerState
	if err := restore("Bollinger", raw, &state, func() bool {
		return validPeriod(len(state.Ring)) && state.Next >= 0 && state.Next < len(state.Ring)
	}); err != nil {
		return err
	}
	*b = Bollinger{
		ring: floats(state.Ring), next: state.Next, ready: state.Ready, width: float64(state.Width),
		origin: float64(state.Origin), sum: float64(state.Sum), squares: float64(state.Squares),
	}
	return nil
}
