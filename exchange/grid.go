package exchange

import (
	"errors"
	"math"
	"math/bits"
	"strconv"

	"github.com/shopspring/decimal"
)

// ErrNumber means that a text is not a decimal number.
var ErrNumber = errors.New("not a number")

const (
	// fastDigits is how many digits always fit an int64.
	fastDigits = 18
	// maxExponent bounds the exponents that are read, so that no text can ask
	// for a number of a million digits.
	maxExponent = 40
	// maxNumber bounds the length of a number's text.
	maxNumber = 64
)

// Grid turns decimal texts into whole multiples of a unit and back, by integer
// arithmetic only. It is made by a Market, never changes, and may be shared.
type Grid struct {
	// The unit is coef × 10^exp.
	unit  decimal.Decimal
	coef  uint64
	exp   int32
	round Rounding
	// slow converts what has too many digits for the fast path.
	slow func(decimal.Decimal, Rounding) (int64, error)
}

// PriceGrid returns the grid of the market's ticks.
func (m Market) PriceGrid(r Rounding) Grid {
	return newGrid(m.Tick, r, func(d decimal.Decimal, r Rounding) (int64, error) {
		n, err := m.Ticks(d, r)
		return int64(n), err
	})
}

// VolumeGrid returns the grid of the market's steps.
func (m Market) VolumeGrid(r Rounding) Grid {
	return newGrid(m.Step, r, func(d decimal.Decimal, r Rounding) (int64, error) {
		n, err := m.Steps(d, r)
		return int64(n), err
	})
}

func newGrid(unit decimal.Decimal, round Rounding, slow func(decimal.Decimal, Rounding) (int64, error)) Grid {
	g := Grid{unit: unit, exp: unit.Exponent(), round: round, slow: slow}
	if c := unit.Coefficient(); c.IsUint64() {
		g.coef = c.Uint64()
	}
	for g.coef != 0 && g.coef%10 == 0 {
		g.coef /= 10
		g.exp++
	}
	return g
}

// Parse returns the number of units and whether the text was a whole multiple;
// with Exact one that is none is an ErrPrecision. A text that is no number is an
// ErrNumber, and one that is too large an ErrOverflow.
func (g Grid) Parse(text []byte) (n int64, exact bool, err error) {
	var mantissa uint64
	digits, point := 0, -1
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9':
			mantissa = mantissa*10 + uint64(c-'0')
			digits++
		case c == '.' && point < 0:
			point = i
		default:
			return g.parseSlowly(text)
		}
		if digits > fastDigits {
			return g.parseSlowly(text)
		}
	}
	if digits == 0 {
		return 0, false, ErrNumber
	}
	decimals := 0
	if point >= 0 {
		decimals = len(text) - point - 1
	}
	num, den := mantissa, g.coef
	ok := den != 0
	if shift := -int32(decimals) - g.exp; shift >= 0 {
		num, ok = timesPower(num, shift, ok)
	} else {
		den, ok = timesPower(den, -shift, ok)
	}
	if !ok {
		return g.parseSlowly(text)
	}
	if den == 1 {
		return int64(num), true, nil
	}
	q, rest := num/den, num%den
	switch {
	case rest == 0 || g.round == Down:
	case g.round == Exact:
		return 0, false, ErrPrecision
	case g.round == Up || rest >= den-rest:
		q++
	}
	return int64(q), rest == 0, nil // below 10^18 or checked by timesPower
}

// parseSlowly reads signs, exponents and long numbers with the decimal library.
func (g Grid) parseSlowly(text []byte) (int64, bool, error) {
	if len(text) > maxNumber {
		return 0, false, ErrNumber
	}
	d, err := decimal.NewFromString(string(text))
	if err != nil || d.Exponent() > maxExponent || d.Exponent() < -maxExponent {
		return 0, false, ErrNumber
	}
	n, err := g.slow(d, g.round)
	if err != nil {
		return 0, false, err
	}
	return n, g.unit.Mul(decimal.NewFromInt(n)).Equal(d), nil
}

// Append writes n units as a decimal without needless zeros.
func (g Grid) Append(dst []byte, n int64) []byte {
	hi, lo := bits.Mul64(uint64(max(n, 0)), g.coef)
	if n < 0 || hi != 0 || lo > math.MaxInt64 || g.coef == 0 || g.exp > 0 || g.exp < -fastDigits {
		return append(dst, g.unit.Mul(decimal.NewFromInt(n)).String()...)
	}
	scale := powers[-g.exp]
	dst = strconv.AppendUint(dst, lo/scale, 10)
	rest := lo % scale
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for rest != 0 {
		scale /= 10
		dst = append(dst, "0123456789"[rest/scale])
		rest %= scale
	}
	return dst
}

// timesPower returns n × 10^exp and whether it fits an int64.
func timesPower(n uint64, exp int32, ok bool) (uint64, bool) {
	if !ok || int(exp) >= len(powers) {
		return 0, false
	}
	hi, lo := bits.Mul64(n, powers[exp])
	return lo, hi == 0 && lo <= math.MaxInt64
}

//nolint:gochecknoglobals // an immutable table
var powers = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}
