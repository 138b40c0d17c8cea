package paper

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// asset is a currency of an exchange. Balances are whole atoms: the largest
// power of ten of which every step and unit of the currency's markets is a
// multiple, so that all markets share one exact balance.
type asset struct {
	currency string
	// scale is how many decimals an atom has.
	scale int32
	// supply is what was deposited, fees what the exchange has taken of it.
	supply, fees int64
}

// purse is what a member holds of one asset, in atoms.
type purse struct {
	total, reserved int64
}

func (p purse) free() int64 { return p.total - p.reserved }

// feeScale is how many decimals base currencies have at least that fees are taken
// of.
const feeScale = 8

// assetsOf returns the currencies of the markets, sorted by name.
func assetsOf(markets []exchange.Market, baseFees bool) []asset {
	scales := make(map[string]int32)
	need := func(currency string, unit decimal.Decimal) {
		// The exponent of the shortest way to write the unit.
		scale := -unit.Exponent()
		for scale > 0 && unit.Shift(scale-1).IsInteger() {
			scale--
		}
		scales[currency] = max(scales[currency], scale)
	}
	for _, m := range markets {
		need(m.Base, m.Step)
		if baseFees {
			scales[m.Base] = max(scales[m.Base], feeScale)
		}
		need(m.Counter, m.Tick.Mul(m.Step))
	}
	assets := make([]asset, 0, len(scales))
	for currency, scale := range scales {
		assets = append(assets, asset{currency: currency, scale: scale})
	}
	slices.SortFunc(assets, func(a, b asset) int {
		if a.currency < b.currency {
			return -1
		}
		return 1
	})
	return assets
}

func assetIndex(assets []asset, currency string) int {
	return slices.IndexFunc(assets, func(a asset) bool { return a.currency == currency })
}

func (a asset) decimal(atoms int64) decimal.Decimal { return decimal.New(atoms, -a.scale) }

// atoms returns an amount in atoms; it must be a whole number of them.
func (a asset) atoms(amount decimal.Decimal) (int64, error) {
	scaled := amount.Shift(a.scale)
	if !scaled.IsInteger() {
		return 0, fmt.Errorf("%s %s: %w", amount, a.currency, exchange.ErrPrecision)
	}
	if !scaled.BigInt().IsInt64() {
		return 0, fmt.Errorf("%s %s: %w", amount, a.currency, exchange.ErrOverflow)
	}
	return scaled.IntPart(), nil
}

// feeMeter adds up the exact fees of one order and charges whole units of them,
// rounded up over all fills so far. For fees of the base currency its units are
// atoms.
type feeMeter struct {
	// whole and rest are the exact sum: rest is in fractions of RateOne.
	whole exchange.Units
	rest  int64
}

// plus returns the meter after one more fill.
func (m feeMeter) plus(value exchange.Units, rate exchange.Rate) feeMeter {
	// rate is below RateOne, so that the quotient fits.
	whole, _ := exchange.MulDiv(int64(value), int64(rate), int64(exchange.RateOne))
	rest := m.rest + remainder(int64(value), int64(rate))
	return feeMeter{
		whole: m.whole + exchange.Units(whole+rest/int64(exchange.RateOne)),
		rest:  rest % int64(exchange.RateOne),
	}
}

// total returns the whole units that are due.
func (m feeMeter) total() exchange.Units {
	if m.rest > 0 {
		return m.whole + 1
	}
	return m.whole
}

// dust returns atoms of the base asset in dust of the market, rounded up.
func (b *book) dust(atoms int64) exchange.Dust {
	d, _ := exchange.MulDiv(atoms, exchange.DustPerStep, b.stepAtoms) // atoms of a fee are few
	if back, _ := exchange.MulDiv(d, b.stepAtoms, exchange.DustPerStep); back < atoms {
		d++
	}
	return exchange.Dust(d)
}

// remainder returns a·b mod RateOne of numbers that are not negative.
func remainder(a, b int64) int64 {
	const one = int64(exchange.RateOne)
	return a % one * (b % one) % one
}
