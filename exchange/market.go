package exchange

import (
	"errors"
	"fmt"

	"github.com/shopspring/decimal"
)

// Market is one tradable pair and its rules.
type Market struct {
	// Pair is the venue's symbol, such as "XBTMYR". Base and Counter are never
	// found by cutting it: currency codes have three letters or more.
	Pair string `json:"pair"`
	// Base is the currency whose volume is traded.
	Base string `json:"base"`
	// Counter is the currency that prices are in.
	Counter string `json:"counter"`
	// Tick is the smallest difference of prices, in Counter per Base.
	Tick decimal.Decimal `json:"tick"`
	// Step is the smallest difference of volumes, in Base.
	Step decimal.Decimal `json:"step"`
	// MinVolume and MaxVolume bound an order's volume; MaxVolume 0 is no bound.
	MinVolume Steps `json:"min_volume"`
	MaxVolume Steps `json:"max_volume"`
	// MinPrice and MaxPrice bound a limit price; MaxPrice 0 is no bound.
	MinPrice Ticks `json:"min_price"`
	MaxPrice Ticks `json:"max_price"`
	// MinValue is the least value of an order; 0 is no bound.
	MinValue Units `json:"min_value"`
	// Status says which orders the market takes.
	Status MarketStatus `json:"status"`
}

// MarketStatus says which orders a market takes.
type MarketStatus string

// The states of a market, as Luno names them.
const (
	MarketActive   MarketStatus = "ACTIVE"
	MarketPostOnly MarketStatus = "POSTONLY"
	MarketDisabled MarketStatus = "DISABLED"
)

// Validate reports everything that is wrong with the market's description.
func (m Market) Validate() error {
	var problems []error
	check := func(ok bool, text string) {
		if !ok {
			problems = append(problems, errors.New(text))
		}
	}
	check(m.Pair != "", "the pair has no symbol")
	check(m.Base != "" && m.Counter != "" && m.Base != m.Counter, "base and counter must be two currencies")
	check(m.Tick.IsPositive(), "the tick must be above 0")
	check(m.Step.IsPositive(), "the step must be above 0")
	check(m.MaxVolume == 0 || m.MinVolume <= m.MaxVolume, "the least volume is above the largest")
	check(m.MaxPrice == 0 || m.MinPrice <= m.MaxPrice, "the least price is above the largest")
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("market %q: %w", m.Pair, err)
	}
	return nil
}

// Price returns a price as a decimal in the counter currency.
func (m Market) Price(t Ticks) decimal.Decimal { return m.Tick.Mul(decimal.NewFromInt(int64(t))) }

// Volume returns a volume as a decimal in the base currency.
func (m Market) Volume(s Steps) decimal.Decimal { return m.Step.Mul(decimal.NewFromInt(int64(s))) }

// Amount returns an amount as a decimal in the counter currency.
func (m Market) Amount(u Units) decimal.Decimal {
	return m.Tick.Mul(m.Step).Mul(decimal.NewFromInt(int64(u)))
}

// DustAmount returns a base amount finer than a step as a decimal.
func (m Market) DustAmount(d Dust) decimal.Decimal {
	return m.Step.Mul(decimal.New(int64(d), -9))
}

// Rounding says what happens to a number that is between two multiples.
type Rounding uint8

// The ways to round.
const (
	// Exact refuses a number that is not a multiple.
	Exact Rounding = iota
	// Down goes to the multiple below: volumes and bid prices (rule T9).
	Down
	// Up goes to the multiple above: ask prices (rule T9).
	Up
	// Nearest goes to the nearest multiple, halves away from zero: prices of
	// history that was recorded with a finer tick.
	Nearest
)

// Ticks returns a decimal price in ticks.
func (m Market) Ticks(price decimal.Decimal, r Rounding) (Ticks, error) {
	n, err := multiples(price, m.Tick, r)
	if err != nil {
		return 0, fmt.Errorf("price %s in %s: %w", price, m.Pair, err)
	}
	return Ticks(n), nil
}

// Steps returns a decimal volume in steps.
func (m Market) Steps(volume decimal.Decimal, r Rounding) (Steps, error) {
	n, err := multiples(volume, m.Step, r)
	if err != nil {
		return 0, fmt.Errorf("volume %s in %s: %w", volume, m.Pair, err)
	}
	return Steps(n), nil
}

// Units returns a decimal amount of the counter currency in units.
func (m Market) Units(amount decimal.Decimal, r Rounding) (Units, error) {
	n, err := multiples(amount, m.Tick.Mul(m.Step), r)
	if err != nil {
		return 0, fmt.Errorf("amount %s %s: %w", amount, m.Counter, err)
	}
	return Units(n), nil
}

// Dust returns a decimal amount of the base currency in billionths of a step.
func (m Market) Dust(amount decimal.Decimal, r Rounding) (Dust, error) {
	n, err := multiples(amount, m.Step.Shift(-9), r)
	if err != nil {
		return 0, fmt.Errorf("amount %s %s: %w", amount, m.Base, err)
	}
	return Dust(n), nil
}

// PriceScale returns how many decimals the market's prices have.
func (m Market) PriceScale() int32 { return max(0, -m.Tick.Exponent()) }

// VolumeScale returns how many decimals the market's volumes have.
func (m Market) VolumeScale() int32 { return max(0, -m.Step.Exponent()) }

// Check reports why the market would refuse the request, as a rejection that
// names the rule; nil if it would take it. Balance is not its matter.
func (m Market) Check(r OrderRequest) error {
	switch {
	case m.Status == MarketDisabled:
		return Rejected("ErrMarketUnavailable", "market %s is suspended", m.Pair)
	case m.Status == MarketPostOnly && !r.PostOnly:
		return Rejected("ErrPostOnlyMode", "market %s takes post-only orders at present", m.Pair)
	case r.Side != Buy && r.Side != Sell:
		return Rejected("ErrInvalidOrderSide", "the side must be buy or sell")
	case m.checkStop(r) != nil:
		return m.checkStop(r)
	case r.Type == LimitOrder && (r.Price <= 0 || r.Price < m.MinPrice):
		return Rejected("ErrPriceTooLow", "price %s is below the least price %s", m.Price(r.Price), m.Price(max(1, m.MinPrice)))
	case r.Type == LimitOrder && m.MaxPrice > 0 && r.Price > m.MaxPrice:
		return Rejected("ErrPriceTooHigh", "price %s is above the highest price %s", m.Price(r.Price), m.Price(m.MaxPrice))
	case r.PostOnly && (r.Type != LimitOrder || r.TimeInForce != GTC):
		return Rejected("ErrPostOnlyNotAllowed", "post-only needs a limit order that is good till cancelled")
	case r.Value > 0 && r.Volume == 0 && r.Type == MarketOrder && r.Side == Buy:
		if r.Value < m.MinValue {
			return Rejected("ErrAmountTooSmall", "value %s is below the least value %s", m.Amount(r.Value), m.Amount(m.MinValue))
		}
		return nil
	case r.Volume <= 0 || r.Volume < m.MinVolume:
		return Rejected("ErrVolumeTooLow", "volume %s is below the least volume %s", m.Volume(r.Volume), m.Volume(max(1, m.MinVolume)))
	case m.MaxVolume > 0 && r.Volume > m.MaxVolume:
		return Rejected("ErrVolumeTooHigh", "volume %s is above the largest volume %s", m.Volume(r.Volume), m.Volume(m.MaxVolume))
	case r.Type == LimitOrder:
		value, err := r.Price.Times(r.Volume)
		if err != nil {
			return Rejected("ErrValueTooHigh", "the value of %s at %s is too large", m.Volume(r.Volume), m.Price(r.Price))
		}
		if value < m.MinValue {
			return Rejected("ErrAmountTooSmall", "value %s is below the least value %s", m.Amount(value), m.Amount(m.MinValue))
		}
	}
	return nil
}

// multiples returns how many times unit goes into x.
func multiples(x, unit decimal.Decimal, r Rounding) (int64, error) {
	if !unit.IsPositive() {
		return 0, fmt.Errorf("the market has no unit for it")
	}
	q, rest := x.QuoRem(unit, 0)
	if !rest.IsZero() {
		one := decimal.NewFromInt(int64(x.Sign()))
		switch r {
		case Exact:
			return 0, fmt.Errorf("not a multiple of %s: %w", unit, ErrPrecision)
		case Down:
			if x.IsNegative() {
				q = q.Add(one)
			}
		case Up:
			if x.IsPositive() {
				q = q.Add(one)
			}
		case Nearest:
			if rest.Abs().Mul(decimal.NewFromInt(2)).GreaterThanOrEqual(unit) {
				q = q.Add(one)
			}
		}
	}
	if !q.BigInt().IsInt64() {
		return 0, fmt.Errorf("%s of %s: %w", q, unit, ErrOverflow)
	}
	return q.IntPart(), nil
}
