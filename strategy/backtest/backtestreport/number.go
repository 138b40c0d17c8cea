package backtestreport

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/perf"
)

// minus is the sign of numbers for people: as wide as the plus.
const minus = "−"

// amount writes an amount of the counter currency with thousands separators.
func amount(m exchange.Market, d decimal.Decimal) string {
	return exchange.Grouped(d.StringFixed(max(2, m.PriceScale())))
}

// price writes a price with the market's decimals.
func price(m exchange.Market, d decimal.Decimal) string {
	return exchange.Grouped(d.StringFixed(m.PriceScale()))
}

// signed writes an amount with its sign.
func signed(m exchange.Market, d decimal.Decimal) string { return plus(d.Sign(), amount(m, d)) }

// percent writes a share, such as 0.0123, as "1.23 %".
func percent(share float64) string {
	hundredths := 100 * share
	if math.IsNaN(hundredths) || math.IsInf(hundredths, 0) {
		return "–"
	}
	digits := 2
	if math.Abs(share) >= 10 {
		digits = 0
	}
	return exchange.Grouped(decimal.NewFromFloat(hundredths).StringFixed(int32(digits))) + " %"
}

// change writes a share with its sign.
func change(share float64) string {
	text := percent(share)
	if strings.Trim(text, "0.%–"+minus+" ") == "" {
		return strings.TrimPrefix(text, minus)
	}
	return plus(sign(share), text)
}

// figure writes a ratio with two decimals.
func figure(n perf.Number) string {
	if !n.Defined() {
		return "–"
	}
	return exchange.Grouped(decimal.NewFromFloat(n.Float()).StringFixed(2))
}

// whole writes a count with thousands separators.
func whole(n int64) string { return exchange.Grouped(fmt.Sprint(n)) }

// count writes a number and the noun that it counts; the plural is the noun
// with an s unless it is given.
func count(n int64, one string, many ...string) string {
	noun := one
	if n != 1 {
		noun = one + "s"
		if len(many) > 0 {
			noun = many[0]
		}
	}
	return whole(n) + " " + noun
}

// span writes a length of time with its two largest units.
func span(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := fmt.Sprintf("%s %s", whole(int64(d/u.size)), u.name)
		if i+1 < len(units) {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				text += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return text
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// minute writes a time for people, in UTC.
func minute(t time.Time) string {
	if t.Second() != 0 {
		return t.UTC().Format("2006-01-02 15:04:05")
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func sign(f float64) int {
	switch {
	case f > 0:
		return 1
	case f < 0:
		return -1
	}
	return 0
}

// plus puts a sign before a number that has none.
func plus(sign int, text string) string {
	if sign > 0 {
		return "+" + text
	}
	return text
}
