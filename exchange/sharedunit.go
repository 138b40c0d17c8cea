package exchange

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/shopspring/decimal"
)

// SharedUnit returns the largest amount of which a unit of each market is a whole
// number, and of how many each unit is made: 0.00000001 and 100, 1 for one market
// whose Units are 0.000001 and another whose are 0.00000001. One balance for all
// of them is exact in it. The markets must have the same counter currency.
func SharedUnit(markets ...Market) (unit decimal.Decimal, per []int64, err error) {
	if len(markets) == 0 {
		return decimal.Zero, nil, errors.New("exchange: no market is given")
	}
	exponent := int32(0)
	for _, m := range markets {
		if m.Counter != markets[0].Counter {
			return decimal.Zero, nil, fmt.Errorf("exchange: %s is paid in %s and %s in %s: one balance needs one currency",
				markets[0].Pair, markets[0].Counter, m.Pair, m.Counter)
		}
		u := m.Tick.Mul(m.Step)
		if !u.IsPositive() {
			return decimal.Zero, nil, fmt.Errorf("exchange: the tick and the step of %s must be above 0", m.Pair)
		}
		exponent = min(exponent, u.Exponent())
	}
	wholes, shared := make([]*big.Int, len(markets)), new(big.Int)
	for i, m := range markets {
		wholes[i] = m.Tick.Mul(m.Step).Shift(-exponent).BigInt()
		shared.GCD(nil, nil, shared, wholes[i])
	}
	per = make([]int64, len(markets))
	for i, n := range wholes {
		if n.Quo(n, shared); !n.IsInt64() {
			return decimal.Zero, nil, fmt.Errorf("exchange: the units of %s and the other markets are too far apart: %w", markets[i].Pair, ErrOverflow)
		}
		per[i] = n.Int64()
	}
	return decimal.NewFromBigInt(shared, exponent), per, nil
}
