package exchange

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/shopspring/decimal"
)

// Ticks is a price as a whole number of the market's ticks.
type Ticks int64

// Steps is a volume of the base currency as a whole number of the market's
// steps.
type Steps int64

// Units is an amount of the counter currency as a whole number of tick × step,
// so that a price times a volume is exact.
type Units int64

// Dust is an amount of the base currency as a whole number of billionths of the
// market's step. Only fees taken in the base currency are as fine as that.
type Dust int64

// DustPerStep is how many Dust make one step.
const DustPerStep = 1_000_000_000

// Rate is a fee rate in hundred-millionths: 0.25 % is 250,000.
type Rate int64

// RateOne is the rate of 100 %.
const RateOne Rate = 100_000_000

// Float returns the price in ticks as a float64, which is exact below 2^53
// ticks. Sums of such values are exact too, so running averages do not drift.
func (t Ticks) Float() float64 { return float64(t) }

// Float returns the volume in steps as a float64.
func (s Steps) Float() float64 { return float64(s) }

// Times returns the value of a volume at this price; the error is an overflow.
func (t Ticks) Times(v Steps) (Units, error) {
	if fits(int64(t), int64(v)) {
		return Units(int64(t) * int64(v)), nil
	}
	return t.times(v)
}

// times is Times for numbers that are large or negative.
func (t Ticks) times(v Steps) (Units, error) {
	hi, lo := bits.Mul64(magnitude(int64(t)), magnitude(int64(v)))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, fmt.Errorf("exchange: %d ticks × %d steps: %w", t, v, ErrOverflow)
	}
	if (t < 0) != (v < 0) {
		return -Units(lo), nil
	}
	return Units(lo), nil
}

// MustTimes is Times for a price and a volume of which it is already known that
// their product fits; it panics if it does not.
func (t Ticks) MustTimes(v Steps) Units {
	if u := int64(t) * int64(v); fits(int64(t), int64(v)) {
		return Units(u)
	}
	panic(fmt.Sprintf("exchange: %d ticks × %d steps overflows", t, v))
}

// fits reports whether a·b fits int64; small operands, the usual case, are
// decided without a multiplication.
func fits(a, b int64) bool {
	ma, mb := magnitude(a), magnitude(b)
	if ma|mb < 1<<31 {
		return true
	}
	hi, lo := bits.Mul64(ma, mb)
	return hi == 0 && lo <= math.MaxInt64
}

// Of returns this rate's share of a non-negative amount, rounded up to a whole
// unit: a simulated fee is never less than the real one.
func (r Rate) Of(amount Units) Units {
	if r <= 0 || amount <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(r))
	lo, carry := bits.Add64(lo, uint64(RateOne)-1, 0)
	q, _ := bits.Div64(hi+carry, lo, uint64(RateOne))
	return Units(q)
}

// Affordable returns the largest volume that can be bought at the price so that
// value and fee together do not exceed the amount; 0 if there is none.
func (r Rate) Affordable(amount Units, price Ticks) Steps {
	if amount <= 0 || price <= 0 || r < 0 {
		return 0
	}
	// volume ≤ amount·RateOne / (price·(RateOne+r)); the fee's rounding up can
	// cost one step more, which the loop below takes back.
	nhi, nlo := bits.Mul64(uint64(amount), uint64(RateOne))
	dhi, dlo := bits.Mul64(uint64(price), uint64(RateOne+r))
	var v uint64
	if dhi == 0 && nhi < dlo {
		v, _ = bits.Div64(nhi, nlo, dlo)
	} else {
		v = uint64(decimal.NewFromInt(int64(amount)).Mul(decimal.NewFromInt(int64(RateOne))).
			Div(decimal.NewFromInt(int64(price)).Mul(decimal.NewFromInt(int64(RateOne + r)))).IntPart())
	}
	for ; v > 0; v-- {
		value := Units(v * uint64(price))
		if value+r.Of(value) <= amount {
			break
		}
	}
	return Steps(v)
}

// MulDiv returns a·b/c rounded towards zero with a 128-bit intermediate; c must
// not be 0. The error is an overflow of the result.
func MulDiv(a, b, c int64) (int64, error) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	d := magnitude(c)
	if hi >= d {
		return 0, fmt.Errorf("exchange: %d × %d / %d: %w", a, b, c, ErrOverflow)
	}
	q, _ := bits.Div64(hi, lo, d)
	if q > math.MaxInt64 {
		return 0, fmt.Errorf("exchange: %d × %d / %d: %w", a, b, c, ErrOverflow)
	}
	if (a < 0) != (b < 0) != (c < 0) {
		return -int64(q), nil
	}
	return int64(q), nil
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

// ParseRate reads a fee rate written as a fraction, such as "0.0025". More than
// eight decimals, a negative rate and one of 100 % or more are refused.
func ParseRate(text string) (Rate, error) {
	d, err := decimal.NewFromString(text)
	if err != nil {
		return 0, fmt.Errorf("exchange: %q is not a rate, which is a fraction such as 0.001", text)
	}
	scaled := d.Shift(8)
	if !scaled.IsInteger() || d.IsNegative() || d.GreaterThanOrEqual(decimal.NewFromInt(1)) {
		return 0, fmt.Errorf("exchange: rate %s must be at least 0, below 1 and have at most 8 decimals", text)
	}
	return Rate(scaled.IntPart()), nil
}

// Decimal returns the rate as a fraction.
func (r Rate) Decimal() decimal.Decimal { return decimal.New(int64(r), -8) }
