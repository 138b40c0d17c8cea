package search

import (
	"context"
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// followed returns what was held at the points of the curve.
func (g *gauge) followed(ctx context.Context, r *backtest.Result, lib backtest.Library) ([]Followed, error) {
	columns := []*marketdata.Packed{g.candles}
	for _, p := range r.Config.Pairs {
		list, err := lib.Candles(ctx, p.Market.Pair)
		if err != nil {
			return nil, fmt.Errorf("reading candles of %s: %w", p.Market.Pair, err)
		}
		columns = append(columns, list.Part(list.Index(g.candles.Time(0)), list.Len()))
	}
	holding, prices := r.Holding(), make([]exchange.Ticks, len(columns))
	out := make([]Followed, len(g.curve))
	parts, next := g.firstParts(r), 0
	for i, p := range g.curve {
		closed := 0 // how many candles of the run have
		for leg, list := range columns {
			n := list.Index(p.Time - g.span + 1)
			if prices[leg] = 0; n > 0 {
				prices[leg] = list.At(n - 1).Close
			}
			if leg == 0 {
				closed = n
			}
		}
		for ; next < len(r.Exposures) && r.Exposures[next].Index < closed; next++ {
			parts = sharesOf(r.Exposures[next].Worth, exchange.Units(g.equity[r.Exposures[next].Index]))
		}
		out[i] = Followed{Held: holding.Worth(prices...), Parts: parts}
	}
	return out, nil
}

// firstParts returns what the run held as it began; nil if it does not tell what it held.
func (g *gauge) firstParts(r *backtest.Result) []float64 {
	if len(r.Exposures) == 0 {
		return nil
	}
	opens := r.Opens()
	worth := make([]exchange.Units, len(opens))
	for leg, open := range opens {
		held, err := open.Times(r.Config.BaseOf(int64(leg)))
		if err == nil { // no account gets so far
			worth[leg] = r.Config.InUnits(int64(leg), held)
		}
	}
	return sharesOf(worth, g.curve[0].Equity)
}

// sharesOf returns amounts as parts of an equity, together at most all of it; they are
// rounded in units of several markets.
func sharesOf(worth []exchange.Units, equity exchange.Units) []float64 {
	out, rest := make([]float64, len(worth)), 1.0
	for i, w := range worth {
		if equity > 0 {
			out[i] = min(max(float64(w)/float64(equity), 0), rest)
		}
		rest -= out[i]
	}
	return out
}
