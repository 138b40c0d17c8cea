package lunosim

import (
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// none is how Luno writes a number that is not there.
const none = "0.00"

// priceText writes a price with the market's decimals.
func (m *market) priceText(t exchange.Ticks) string {
	if t == 0 {
		return none
	}
	return m.Price(t).StringFixed(m.PriceScale())
}

// volumeText writes a volume with the market's decimals.
func (m *market) volumeText(v exchange.Steps) string {
	if v == 0 {
		return none
	}
	return m.Volume(v).StringFixed(m.VolumeScale())
}

// amountText writes an amount of the counter currency.
func (m *market) amountText(u exchange.Units) string { return plain(m.Amount(u)) }

// dustText writes an amount of the base currency that may be finer than a step.
func (m *market) dustText(d exchange.Dust) string { return plain(m.DustAmount(d)) }

// plain writes a decimal without an exponent.
func plain(d decimal.Decimal) string {
	if d.IsZero() {
		return none
	}
	return d.String()
}

// sideOf writes a side as limit orders have it.
func sideOf(s exchange.Side) string {
	if s == exchange.Buy {
		return "BID"
	}
	return "ASK"
}

// takerOf writes a side as market orders have it.
func takerOf(s exchange.Side) string {
	if s == exchange.Buy {
		return "BUY"
	}
	return "SELL"
}
