package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/research"
)

// termsForm is what stands in the form of a backtest about what it begins with
// beside the cash, and what trading costs beside fees and slippage, as texts: the
// fractions in per cent, the latency in seconds. Empty ones mean nothing.
type termsForm struct {
	Holding, Spread, RangeShare, Impact, MaxShare, Latency string
	// AlsoHolding are what is held of the further pairs, in their order.
	AlsoHolding []string
	// Tiers are the fees by traded value; empty ones count for nothing.
	Tiers []tierForm
}

// tierForm is the fees from a traded value on, as texts.
type tierForm struct {
	Volume, Maker, Taker string
	// Fault is what is wrong with it.
	Fault string
}

// Given reports whether something stands in it.
func (t tierForm) Given() bool { return t.Volume+t.Maker+t.Taker != "" }

// tierRows is how many fees by traded value the form asks for: as many as a run may
// have. The first tierShown are there at once, the others are folded away.
const (
	tierRows  = 10
	tierShown = 3
)

func readTermsForm(sent url.Values) termsForm {
	f := termsForm{
		AlsoHolding: sent["also_holding"], Holding: sent.Get("holding"), Spread: sent.Get("spread"), RangeShare: sent.Get("range_share"), Impact: sent.Get("impact"),
		MaxShare: sent.Get("max_share"), Latency: sent.Get("latency"),
	}
	at := func(name string, i int) string {
		if list := sent[name]; i < len(list) {
			return strings.TrimSpace(list[i])
		}
		return ""
	}
	for i := range min(len(sent["tier_volume"]), maxTierRows) {
		f.Tiers = append(f.Tiers, tierForm{Volume: at("tier_volume", i), Maker: at("tier_maker", i), Taker: at("tier_taker", i)})
	}
	return f
}

// maxTierRows bounds the rows that are read.
const maxTierRows = 20

// tierSelects are the rows of the form, with what is wrong with each.
func (f termsForm) tierSelects(bad faults) []tierForm {
	out := slices.Clone(f.Tiers)
	for len(out) < tierRows {
		out = append(out, tierForm{})
	}
	nth := 0
	for i := range out {
		if !out[i].Given() {
			continue
		}
		place := "fee_tiers/" + strconv.Itoa(nth)
		nth++
		for _, part := range []struct{ name, label string }{{"volume", "Traded value"}, {"maker_fee", "Maker fee"}, {"taker_fee", "Taker fee"}} {
			if fault := bad[place+"/"+part.name]; fault != "" && out[i].Fault == "" {
				out[i].Fault = part.label + ": " + strings.ToLower(fault[:1]) + fault[1:]
			}
		}
	}
	return out
}

func termsFormOf(r research.Run) termsForm {
	t := r.Terms
	percent := func(d decimal.Decimal) string { return trimmed(d.Shift(2)) }
	f := termsForm{
		AlsoHolding: textsOf(pairsOf(r.Further), t.Holdings),
		Holding:     trimmed(t.Holding), Spread: percent(t.Spread), RangeShare: percent(t.RangeShare), Impact: percent(t.Impact),
		MaxShare: percent(t.MaxShare), Latency: trimmed(decimal.New(t.Latency.Milliseconds(), -3)),
	}
	for _, tier := range t.FeeTiers {
		f.Tiers = append(f.Tiers, tierForm{Volume: tier.Volume.String(), Maker: percentText(tier.MakerFee), Taker: percentText(tier.TakerFee)})
	}
	return f
}

// ManyTiers reports whether fees by traded value stand in the rows that are folded away
// else.
func (f termsForm) ManyTiers() bool {
	return len(f.Tiers) > tierShown && slices.ContainsFunc(f.Tiers[tierShown:], tierForm.Given)
}

// Open reports whether costs stand in the form that are folded away else.
func (f termsForm) Open() bool {
	return f.Spread+f.RangeShare+f.Impact+f.MaxShare+f.Latency != "" || len(f.Given()) > 0
}

// Given are the fees by traded value that stand in the form.
func (f termsForm) Given() []tierForm {
	return slices.DeleteFunc(slices.Clone(f.Tiers), func(t tierForm) bool { return !t.Given() })
}

// costPlaces are the places of faults of the costs that are folded away, rates those
// of all that are fractions.
func costPlaces() []string {
	return []string{"spread", "range_share", "impact", "max_share", "latency_ms"}
}

func rates() []string {
	return []string{"maker_fee", "taker_fee", "slippage", "spread", "range_share", "impact", "max_share"}
}

// tierPlaces are the places of faults of the fees by traded value.
func (f termsForm) tierPlaces() (out []string) {
	for i := range f.Given() {
		place := "fee_tiers/" + strconv.Itoa(i)
		out = append(out, place+"/maker_fee", place+"/taker_fee")
	}
	return out
}

// terms reads the texts, those of the pairs of a bot's form too, and notes those that
// are no numbers.
func (f termsForm) terms(bad faults, pairs botForm) research.Terms {
	rate := func(text, place string) decimal.Decimal { return bad.number(text, place).Shift(-2) }
	t := research.Terms{
		Holding: bad.number(f.Holding, "holding"), Holdings: pairs.byPair(f.AlsoHolding, holdingPlace, bad), Spread: rate(f.Spread, "spread"), RangeShare: rate(f.RangeShare, "range_share"),
		Impact: rate(f.Impact, "impact"), MaxShare: rate(f.MaxShare, "max_share"),
	}
	for i, tier := range f.Given() {
		place := "fee_tiers/" + strconv.Itoa(i)
		t.FeeTiers = append(t.FeeTiers, research.FeeTier{
			Volume: bad.number(tier.Volume, place+"/volume"), MakerFee: rate(tier.Maker, place+"/maker_fee"), TakerFee: rate(tier.Taker, place+"/taker_fee"),
		})
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
