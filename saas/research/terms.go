package research

import (
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
	// first open.
	Holding decimal.Decimal `json:"holding"`
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
}

const (
	maxHolding = 1_000_000_000
	maxLatency = 24 * time.Hour
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
	switch {
	case t.Holding.IsNegative() || t.Holding.GreaterThan(decimal.NewFromInt(maxHolding)):
		f.Add("/holding", "must be from 0 to 1,000,000,000")
	case t.Holding.IsPositive() && r.Kind == WalkForward:
		f.Add("/holding", "must be 0: each window of a walk-forward begins with cash alone")
	case t.Holding.IsPositive() && len(r.Further) > 0:
		f.Add("/holding", "must be 0: a run of several pairs begins with cash alone")
	default:
		market, err := markets.Market(r.Pair)
		if err != nil {
			return // noted
		}
		_, err = market.Steps(t.Holding, exchange.Exact)
		f.Check(err == nil, "/holding", "has more decimals than "+market.Base+" is traded with")
	}
}
