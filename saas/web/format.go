package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// amount writes a number with a fixed count of decimals.
func amount(d decimal.Decimal, scale int32) string { return exchange.Grouped(d.StringFixed(scale)) }

// signed is amount with a plus before gains.
func signed(d decimal.Decimal, scale int32) string {
	d = d.Round(scale)
	if d.IsPositive() {
		return "+" + amount(d, scale)
	}
	return amount(d, scale)
}

// tone is the class of a gain, a loss or neither.
func tone(d decimal.Decimal) string {
	switch d.Sign() {
	case 1:
		return "gain"
	case -1:
		return "loss"
	}
	return "flat"
}

// arrow says the same without a colour.
func arrow(d decimal.Decimal) string {
	switch d.Sign() {
	case 1:
		return "▲"
	case -1:
		return "▼"
	}
	return ""
}

// percent is part of whole in per cent; zero if there is no whole.
func percent(part, whole decimal.Decimal) decimal.Decimal {
	if whole.IsZero() {
		return decimal.Zero
	}
	return part.Mul(decimal.NewFromInt(100)).DivRound(whole, 6)
}

// grouped sets the thousands of a number apart that somebody typed; what is none
// stays as it is.
func grouped(text string) string {
	plain := plainNumber(text)
	if _, err := decimal.NewFromString(plain); err != nil || strings.ContainsAny(plain, "eE") {
		return text
	}
	return exchange.Grouped(plain)
}

// plainNumber takes out of a typed number what only parts its digits.
func plainNumber(text string) string {
	return strings.NewReplacer(",", "", " ", "", "\u00a0", "").Replace(text)
}

// trimmed writes a number without trailing zeros, for form controls.
func trimmed(d decimal.Decimal) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// moment is an instant as templates show it.
type moment struct{ time.Time }

// ISO is the form for machines.
func (m moment) ISO() string { return m.UTC().Format(time.RFC3339) }

// Exact is the form that is shown on hover.
func (m moment) Exact() string { return m.UTC().Format("2 January 2006, 15:04:05 UTC") }

// Date is the day alone.
func (m moment) Date() string { return m.UTC().Format("2 Jan 2006") }

// Clock is the form for tables of the market's events.
func (m moment) Clock() string { return m.UTC().Format("15:04:05") }

// Day stands beside Clock.
func (m moment) Day() string { return m.UTC().Format("2 Jan") }

// Millis is the form that charts use.
func (m moment) Millis() int64 { return m.UnixMilli() }

// ago says how long ago a time was, or how long it is until then.
func ago(now time.Time, t moment) string {
	d := now.Sub(t.Time)
	if d < 0 {
		return "in " + length(-d)
	}
	if d < 10*time.Second {
		return "just now"
	}
	return length(d) + " ago"
}

// length writes a duration with its one or two largest units.
func length(d time.Duration) string {
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0 && hours > 0 && days < 10:
		return fmt.Sprintf("%d d %d h", days, hours)
	case days > 0:
		return fmt.Sprintf("%d d", days)
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%d h", hours)
	case minutes > 0:
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}

// market is a market with what pages need to write its numbers.
type market struct {
	exchange.Market
}

// PriceDecimals, VolumeDecimals and MoneyDecimals are how many decimals prices,
// volumes and amounts have. Amounts have at least two, and no more than an
// amount of money is read with.
func (m market) PriceDecimals() int32  { return m.PriceScale() }
func (m market) VolumeDecimals() int32 { return m.VolumeScale() }
func (m market) MoneyDecimals() int32  { return min(max(2, m.PriceScale()), 8) }

// TickText is the tick as a plain number.
func (m market) TickText() string { return m.Tick.String() }

// Price, Volume and Money write a number of their kind.
func (m market) PriceText(d decimal.Decimal) string  { return amount(d, m.PriceDecimals()) }
func (m market) VolumeText(d decimal.Decimal) string { return amount(d, m.VolumeDecimals()) }
func (m market) MoneyText(d decimal.Decimal) string  { return amount(d, m.MoneyDecimals()) }

// spark draws a line through the values as the points of an SVG polyline in a
// box of 100 × 28.
func spark(values []float64) string {
	if len(values) < 2 {
		return ""
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	var out strings.Builder
	for i, v := range values {
		y := 14.0
		if high > low {
			y = 26 - (v-low)/(high-low)*24
		}
		if i > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(strconv.FormatFloat(float64(i)*100/float64(len(values)-1), 'f', 1, 64))
		out.WriteByte(',')
		out.WriteString(strconv.FormatFloat(y, 'f', 1, 64))
	}
	return out.String()
}

// capital begins a text with a capital letter.
func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// sentence turns a reason such as "must be above 0" into "Must be above 0.".
func sentence(reason string) string {
	text := capital(reason)
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
