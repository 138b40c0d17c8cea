package backtester

import (
	"errors"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// costsIn returns a run's costs beside the fees as the engine has them, its slippage
// among them. The error is a bug: they were checked.
func costsIn(t research.Terms, slippage decimal.Decimal) (costs paper.Costs, err error) {
	costs.Latency = t.Latency
	for _, r := range []struct {
		from decimal.Decimal
		to   *exchange.Rate
	}{
		{slippage, &costs.Slippage}, {t.Spread, &costs.Spread}, {t.RangeShare, &costs.Range}, {t.Impact, &costs.Impact}, {t.MaxShare, &costs.MaxShare},
	} {
		if *r.to, err = exchange.ParseRate(r.from.String()); err != nil {
			return costs, err
		}
	}
	return costs, nil
}

// tiersIn returns a run's fees by traded value as the engine has them in a market.
func tiersIn(m exchange.Market, t research.Terms) (out []paper.Tier, err error) {
	for _, from := range t.FeeTiers {
		volume, errVolume := m.Units(from.Volume, exchange.Exact)
		maker, errMaker := exchange.ParseRate(from.MakerFee.String())
		taker, errTaker := exchange.ParseRate(from.TakerFee.String())
		out = append(out, paper.Tier{Volume: volume, Fees: exchange.Fees{Maker: maker, Taker: taker}})
		err = errors.Join(err, errVolume, errMaker, errTaker)
	}
	return out, err
}

// pairIn returns a further pair of a run as the engine has it.
func pairIn(m exchange.Market, r research.Run) (backtest.Pair, error) {
	base, err := m.Steps(r.Terms.Holdings[m.Pair], exchange.Exact)
	most, errMost := r.Risk.Largest(m)
	return backtest.Pair{Base: base, Market: m, MaxPosition: most}, errors.Join(err, errMost)
}
