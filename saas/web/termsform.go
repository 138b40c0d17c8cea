package web

import (
	"net/url"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/research"
)

// termsForm is what stands in the form of a backtest about what it begins with
// beside the cash, and what trading costs beside fees and slippage, as texts: the
// fractions in per cent, the latency in seconds. Empty ones mean nothing.
type termsForm struct {
	Holding, Spread, RangeShare, Impact, MaxShare, Latency string
}

func readTermsForm(sent url.Values) termsForm {
	return termsForm{
		Holding: sent.Get("holding"), Spread: sent.Get("spread"), RangeShare: sent.Get("range_share"), Impact: sent.Get("impact"),
		MaxShare: sent.Get("max_share"), Latency: sent.Get("latency"),
	}
}

func termsFormOf(t research.Terms) termsForm {
	percent := func(d decimal.Decimal) string { return trimmed(d.Shift(2)) }
	return termsForm{
		Holding: trimmed(t.Holding), Spread: percent(t.Spread), RangeShare: percent(t.RangeShare), Impact: percent(t.Impact),
		MaxShare: percent(t.MaxShare), Latency: trimmed(decimal.New(t.Latency.Milliseconds(), -3)),
	}
}

// Open reports whether costs stand in the form that are folded away else.
func (f termsForm) Open() bool {
	return f.Spread+f.RangeShare+f.Impact+f.MaxShare+f.Latency != ""
}

// costPlaces are the places of faults of the costs that are folded away, rates those
// of all that are fractions.
func costPlaces() []string {
	return []string{"spread", "range_share", "impact", "max_share", "latency_ms"}
}

func rates() []string {
	return []string{"maker_fee", "taker_fee", "slippage", "spread", "range_share", "impact", "max_share"}
}

// terms reads the texts and notes those that are no numbers.
func (f termsForm) terms(bad faults) research.Terms {
	rate := func(text, place string) decimal.Decimal { return bad.number(text, place).Shift(-2) }
	t := research.Terms{
		Holding: bad.number(f.Holding, "holding"), Spread: rate(f.Spread, "spread"), RangeShare: rate(f.RangeShare, "range_share"),
		Impact: rate(f.Impact, "impact"), MaxShare: rate(f.MaxShare, "max_share"),
	}
	ms := bad.number(f.Latency, "latency_ms").Shift(3)
	if _, faulty := bad["latency_ms"]; !faulty {
		if ms.IsNegative() || ms.GreaterThan(decimal.NewFromInt(24*3_600_000)) || !ms.IsInteger() {
			bad["latency_ms"] = "Must be from 0 to 86,400 seconds, with at most 3 decimals."
		} else {
			t.Latency = time.Duration(ms.IntPart()) * time.Millisecond
		}
	}
	return t
}
