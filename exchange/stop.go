package exchange

import "fmt"

// StopDirection says from which side the price must come to a stop.
type StopDirection uint8

// The directions; the zero value is none.
const (
	// StopRelative is StopAbove if the last trade was below the stop, else
	// StopBelow. What became of it is what the venue tells of the order afterwards.
	StopRelative StopDirection = iota + 1
	// StopAbove waits for a trade at the price or above.
	StopAbove
	// StopBelow waits for a trade at the price or below.
	StopBelow
)

// String returns "relative", "above" or "below".
func (d StopDirection) String() string {
	switch d {
	case StopRelative:
		return "relative"
	case StopAbove:
		return "above"
	case StopBelow:
		return "below"
	}
	return fmt.Sprintf("direction-%d", uint8(d))
}

// Stop is the price that a stop-limit order waits for, Pending and outside the book.
// The zero value is none.
type Stop struct {
	Price     Ticks
	Direction StopDirection
}

// checkStop reports why the market would refuse what an order waits for; nil if it
// would take it, or if the order waits for nothing.
func (m Market) checkStop(r OrderRequest) error {
	s := r.Stop
	switch {
	case s == Stop{}:
	case r.Type != LimitOrder:
		return Rejected("ErrInvalidArguments", "a stop order is a limit order, with the price that it may trade at")
	case s.Price <= 0:
		return Rejected("ErrInvalidStopPrice", "the stop price must be above 0")
	case s.Direction < StopRelative || s.Direction > StopBelow:
		return Rejected("ErrInvalidStopDirection", "the stop has no direction from which the price comes to it")
	case s.Price < m.MinPrice:
		return Rejected("ErrStopPriceTooLow", "the stop price %s is below the least price %s", m.Price(s.Price), m.Price(m.MinPrice))
	case m.MaxPrice > 0 && s.Price > m.MaxPrice:
		return Rejected("ErrStopPriceTooHigh", "the stop price %s is above the highest price %s", m.Price(s.Price), m.Price(m.MaxPrice))
	}
	return nil
}
