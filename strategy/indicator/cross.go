package indicator

import "encoding/json"

// CrossEvent says whether one line has just crossed another.
type CrossEvent int8

// The events of a Cross.
const (
	// CrossDown means that the fast line has gone below the slow one.
	CrossDown CrossEvent = iota - 1
	// CrossNone means that it is on the side where it was.
	CrossNone
	// CrossUp means that the fast line has gone above the slow one.
	CrossUp
)

// String returns "up", "down" or "none".
func (e CrossEvent) String() string {
	switch e {
	case CrossUp:
		return "up"
	case CrossDown:
		return "down"
	case CrossNone:
	}
	return "none"
}

// Cross tells when a fast line crosses a slow one. The line counts as being on
// its last side while the two are equal, and the first side is not a cross: a
// touch that turns back is no cross, and a cross by way of equality is one, at
// the value that leaves it. NaN changes nothing. The zero value is ready to use.
type Cross struct {
	// side is that of the fast line: 1 above, −1 below, 0 not known.
	side CrossEvent
}

// Update takes the next values of the two lines and returns what happened.
func (c *Cross) Update(fast, slow float64) CrossEvent {
	side := c.side
	if fast > slow {
		c.side = CrossUp
	} else if fast < slow {
		c.side = CrossDown
	}
	if side == CrossNone || side == c.side {
		return CrossNone
	}
	return c.side
}

// Side returns where the fast line is: CrossUp above, CrossDown below, CrossNone
// if it was never off the slow one.
func (c *Cross) Side() CrossEvent { return c.side }

type crossState struct {
	Side CrossEvent `json:"side"`
}

// MarshalJSON implements json.Marshaler.
func (c Cross) MarshalJSON() ([]byte, error) { return json.Marshal(crossState{Side: c.side}) }

// UnmarshalJSON implements json.Unmarshaler.
func (c *Cross) UnmarshalJSON(raw []byte) error {
	var state crossState
	if err := restore("Cross", raw, &state, func() bool {
		return state.Side >= CrossDown && state.Side <= CrossUp
	}); err != nil {
		return err
	}
	c.side = state.Side
	return nil
}
