package ceiling

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// Ceiling bounds all live bots of a tenant in one counter currency.
type Ceiling struct {
	TenantID string
	// Currency is the counter currency of the pairs that it is about, and of its amounts.
	Currency string
	// MaxExposure is the most that positions and open buys may come to; 0 is no bound.
	MaxExposure decimal.Decimal
	// MaxDailyLoss is what may be lost in a day of UTC; 0 is no bound.
	MaxDailyLoss decimal.Decimal
	// Reached is the day on which the loss reached MaxDailyLoss, as its beginning, and
	// Loss what it was then; zero if it did not since the ceiling was set.
	Reached time.Time
	Loss    decimal.Decimal
	// SetBy is who has set it, by their address.
	SetBy string
	SetAt time.Time
	// Version counts the changes, for lost-update checks.
	Version int64
}

// Standing is how the live bots of a tenant stand in a currency.
type Standing struct {
	// Positions are worth that much at the last prices that the bots saw, and Buys may yet
	// be spent by open orders.
	Positions, Buys decimal.Decimal
	// Loss is what was lost since the day began; below 0 if something was gained.
	Loss decimal.Decimal
	// Bots is how many live bots there are.
	Bots int
}

// Exposure is what is at stake.
func (s Standing) Exposure() decimal.Decimal { return s.Positions.Add(s.Buys) }

// Day returns the beginning of the day of UTC that a time is in.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// Over reports whether the day's loss has been reached on the day of a time: then there
// are no entries until it ends.
func (c Ceiling) Over(now time.Time) bool {
	return c.MaxDailyLoss.IsPositive() && !c.Reached.IsZero() && c.Reached.Equal(Day(now))
}

// Reaches reports whether a standing has reached the day's loss.
func (c Ceiling) Reaches(s Standing) bool {
	return c.MaxDailyLoss.IsPositive() && s.Loss.GreaterThanOrEqual(c.MaxDailyLoss)
}

// Denies says why a buy that may spend cost is not placed, with the figures; "" if it may
// be placed (rule T11).
func (c Ceiling) Denies(s Standing, cost decimal.Decimal, now time.Time) string {
	if c.Over(now) {
		return c.Says() + ": no entries until the day ends at 00:00 UTC"
	}
	if !c.MaxExposure.IsPositive() || s.Exposure().Add(cost).LessThanOrEqual(c.MaxExposure) {
		return ""
	}
	return fmt.Sprintf("it may spend %s, all live bots together may have %s at stake, and %s are already: positions of %s and open buys of %s",
		c.amount(cost), c.amount(c.MaxExposure), c.amount(s.Exposure()), c.amount(s.Positions), c.amount(s.Buys))
}

// Says tells of a loss that has reached the ceiling.
func (c Ceiling) Says() string {
	return fmt.Sprintf("all live bots together had lost %s, and may lose %s in a day", c.amount(c.Loss), c.amount(c.MaxDailyLoss))
}

// amount is an amount in words.
func (c Ceiling) amount(d decimal.Decimal) string {
	return exchange.Grouped(d.String()) + " " + c.Currency
}

// Events of ceilings: their types, as package event carries them. The subject is the
// currency.
const (
	EventSet     = "ceiling.set"
	EventRemoved = "ceiling.removed"
	EventReached = "ceiling.reached"
)
