package research

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
)

// Terms are what a run begins with beside its cash, and what trading costs beside
// the fees and the slippage. The zero value is nothing and costs nothing. Package
// paper has the models.
type Terms struct {
	// Holding is what is held of the base currency to begin with, valued at the
	// first open, and Holdings is the same of further pairs, by pair.
	Holding  decimal.Decimal            `json:"holding"`
	Holdings map[string]decimal.Decimal `json:"holdings,omitempty"`
	// Spread, RangeShare, Impact and MaxShare are fractions: the distance of bid and
	// ask; the share of a candle's range and, at its whole volume, of the price by
	// which market orders trade worse; and the share of a candle's volume that an
	// order may take, 0 for all.
	Spread     decimal.Decimal `json:"spread"`
	RangeShare decimal.Decimal `json:"range_share"`
	Impact     decimal.Decimal `json:"impact"`
	MaxShare   decimal.Decimal `json:"max_share"`
	// Latency is how long an order takes to the exchange.
	Latency time.Duration `json:"latency"`
	// FeeTiers replace the fees from a value on that was traded in the 30 days before
	// the present one, that of all pairs together; the smallest value first.
	FeeTiers []FeeTier `json:"fee_tiers,omitempty"`
}

// FeeTier is the fees from a traded value on, in the counter currency.
type FeeTier struct {
	Volume   decimal.Decimal `json:"volume"`
	MakerFee decimal.Decimal `json:"maker_fee"`
	TakerFee decimal.Decimal `json:"taker_fee"`
}

// Held reports whether something is held beside the cash to begin with.
func (t Terms) Held() bool {
	for _, amount := range t.Holdings {
		if amount.IsPositive() {
			return true
		}
	}
	return t.Holding.IsPositive()
}

const (
	maxHolding = 1_000_000_000
	maxLatency = 24 * time.Hour
	// maxTiers and maxVolume bound the fees by traded value.
	maxTiers  = 10
	maxVolume = 1_000_000_000_000
)

// rateFault is what is wrong with a rate that is none.
const rateFault = "must be a fraction from 0 to below 1 with at most 8 decimals, such as 0.0025"

// checkTerms notes every faulty field of a run's terms.
func (r Request) checkTerms(f *errs.Fields, markets bot.Markets) {
	t := r.Terms
	for path, rate := range map[string]decimal.Decimal{
		"/spread": t.Spread, "/range_share": t.RangeShare, "/impact": t.Impact, "/max_share": t.MaxShare,
	} {
		_, err := exchange.ParseRate(rate.String())
		f.Check(err == nil, path, rateFault)
	}
	f.Check(t.Latency >= 0 && t.Latency <= maxLatency, "/latency_ms", "must be from 0 to 86,400,000, which is a day")
	checkHolding(f, "/holding", t.Holding, r.Pair, markets)
	if len(t.Holdings) > bot.MaxFurtherPairs {
		f.Add("/holdings", fmt.Sprintf("must be of at most %d pairs", bot.MaxFurtherPairs)) // whatever they are: there may be very many
	} else {
		for pair, amount := range t.Holdings {
			if !slices.ContainsFunc(r.Further, func(m exchange.Market) bool { return m.Pair == pair }) {
				f.Add("/holdings", fmt.Sprintf("names %.32q, which is not one of the further pairs: leave it out, or add the pair", pair))
				continue
			}
			checkHolding(f, "/holdings/"+pair, amount, pair, markets)
		}
	}
	r.checkTiers(f, markets)
}

// checkHolding notes a faulty amount of what is held to begin with.
func checkHolding(f *errs.Fields, path string, amount decimal.Decimal, pair string, markets bot.Markets) {
	if amount.IsNegative() || amount.GreaterThan(decimal.NewFromInt(maxHolding)) {
		f.Add(path, "must be from 0 to 1,000,000,000")
		return
	}
	market, err := markets.Market(pair)
	if err != nil {
		return // noted
	}
	_, err = market.Steps(amount, exchange.Exact)
	f.Check(err == nil, path, "has more decimals than "+market.Base+" is traded with")
}

// checkTiers notes faulty fees by traded value.
func (r Request) checkTiers(f *errs.Fields, markets bot.Markets) {
	tiers := r.Terms.FeeTiers
	if len(tiers) > maxTiers {
		f.Add("/fee_tiers", fmt.Sprintf("must be at most %d", maxTiers)) // there may be very many
		return
	}
	market, err := markets.Market(r.Pair)
	known := err == nil
	for i, tier := range tiers {
		path := fmt.Sprintf("/fee_tiers/%d", i)
		for name, rate := range map[string]decimal.Decimal{"/maker_fee": tier.MakerFee, "/taker_fee": tier.TakerFee} {
			_, err := exchange.ParseRate(rate.String())
			f.Check(err == nil, path+name, rateFault)
		}
		switch {
		case !tier.Volume.IsPositive() || tier.Volume.GreaterThan(decimal.NewFromInt(maxVolume)):
			f.Add(path+"/volume", "must be above 0 and at most 1,000,000,000,000")
		case i > 0 && !tier.Volume.GreaterThan(tiers[i-1].Volume):
			f.Add(path+"/volume", "must be above that of the tier before")
		case known:
			_, err := market.Units(tier.Volume, exchange.Exact)
			f.Check(err == nil, path+"/volume", "has more decimals than "+market.Counter+" is traded with")
		}
	}
}
