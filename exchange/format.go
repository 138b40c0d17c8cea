package exchange

import (
	"math"
	"strings"

	"github.com/shopspring/decimal"
)

// Grouped writes a plain decimal number for people: with commas between its
// thousands and a minus as wide as a plus.
func Grouped(text string) string {
	const minus = "−"
	var out strings.Builder
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		text = rest
		out.WriteString(minus)
	}
	whole, fraction, point := strings.Cut(text, ".")
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(digit)
	}
	if point {
		out.WriteString("." + fraction)
	}
	return out.String()
}

// FormatPrice writes a price, or an average of prices, given in ticks with the
// market's decimals. NaN and infinities are written as a dash.
func (m Market) FormatPrice(ticks float64) string {
	if math.IsNaN(ticks) || math.IsInf(ticks, 0) {
		return "–"
	}
	return Grouped(m.Tick.Mul(decimal.NewFromFloat(ticks)).StringFixed(m.PriceScale()))
}

// FormatAmount writes an amount of the counter currency for a sentence: cut, never
// rounded up, to six digits or two decimals, whichever is longer.
func (m Market) FormatAmount(u Units) string {
	const digits, least = 6, 2
	d := m.Amount(u)
	places := int32(max(least, digits-len(d.Abs().Truncate(0).String())))
	return Grouped(d.Truncate(places).String())
}
