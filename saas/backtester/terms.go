package backtester

import (
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/saas/research"
)

// termsIn returns a run's terms as the engine has them in a market, its slippage
// among the costs. The error is a bug: they were checked.
func termsIn(m exchange.Market, t research.Terms, slippage decimal.Decimal) (holding exchange.Steps, costs paper.Costs, err error) {
	if holding, err = m.Steps(t.Holding, exchange.Exact); err != nil {
		return 0, costs, err
	}
	costs.Latency = t.Latency
	for _, r := range []struct {
		from decimal.Decimal
		to   *exchange.Rate
	}{
		{slippage, &costs.Slippage}, {t.Spread, &costs.Spread}, {t.RangeShare, &costs.Range}, {t.Impact, &costs.Impact}, {t.MaxShare, &costs.MaxShare},
	} {
		if *r.to, err = exchange.ParseRate(r.from.String()); err != nil {
			return 0, costs, err
		}
	}
	return holding, costs, nil
}
