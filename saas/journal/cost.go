package journal

import "github.com/shopspring/decimal"

// Outstanding is the volume of which fills may yet come, in base.
func (o LiveOrder) Outstanding() decimal.Decimal {
	if o.State.Final() {
		return o.Told.Sub(o.Filled)
	}
	return o.Volume.Sub(o.Filled)
}

// Cost is what a buy may yet spend in counter, without fees.
func (o LiveOrder) Cost() decimal.Decimal {
	if o.Volume.IsPositive() {
		return o.Price.Mul(o.Outstanding())
	}
	return o.Value.Sub(o.FilledValue)
}
