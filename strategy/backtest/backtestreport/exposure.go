package backtestreport

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// exposureID is the chart of what a run held over time.
const exposureID = "exposure"

// cashClass is the class of what is not held of any pair.
const cashClass = "asset-cash"

// assetClass is the class of a pair in that chart.
func assetClass(leg int) string { return fmt.Sprintf("asset-%d", leg+1) }

// shares returns what of the account was held of each pair at a sample, and at last the
// cash, as parts of the whole.
func (r *Report) shares(sample int) []float64 {
	e := r.result.Exposures[sample]
	equity := float64(r.result.Equity[e.Index])
	out, cash := make([]float64, 0, len(e.Worth)+1), 1.0
	for _, worth := range e.Worth {
		part := 0.0
		if equity > 0 {
			part = min(max(float64(worth)/equity, 0), max(cash, 0))
		}
		out, cash = append(out, part), cash-part
	}
	return append(out, max(cash, 0))
}

// heldSomething reports whether the account ever held more than cash.
func (r *Report) heldSomething() bool {
	return slices.ContainsFunc(r.result.Exposures, func(e backtest.Exposure) bool {
		return slices.ContainsFunc(e.Worth, func(worth exchange.Units) bool { return worth > 0 })
	})
}

// exposureChart draws the parts of the account over time, one upon the other.
func (r *Report) exposureChart(a axis) Chart {
	b := bands{markets: r.result.Config.Markets(), note: "From below: what of the account was held of each pair at its closes, and cash."}
	for i, e := range r.result.Exposures {
		b.at, b.shares = append(b.at, a.x(min(a.find(e.Index), a.count-1))), append(b.shares, r.shares(i))
	}
	c := b.chart()
	c.fold(a)
	return c
}

// bands are the parts of an account at places across a chart: those of the pairs and at
// last the cash.
type bands struct {
	markets []exchange.Market
	at      []float64
	shares  [][]float64
	note    string
}

// chart draws them one upon the other.
func (b bands) chart() Chart {
	c := Chart{ID: exposureID, Title: "What the account held", Tall: true, Note: b.note}
	s := scale{low: 0, high: 1}
	below := make([]point, len(b.at))
	for i, x := range b.at {
		below[i].x = x
	}
	for leg := range len(b.markets) + 1 {
		above := make([]point, len(below))
		for i := range above {
			above[i] = point{below[i].x, below[i].y + b.shares[i][leg]}
		}
		class := cashClass
		if leg < len(b.markets) {
			class = assetClass(leg)
		}
		c.Lines = append(c.Lines, Line{class, band(above, below, s)})
		c.Legend = append(c.Legend, Legend{class, assetName(b.markets, leg)})
		below = above
	}
	c.grid(s, func(v float64, _ int32) string { return fixed(100*v, 0) + " %" })
	return c
}

// assetName names what a part of an account is of: a pair's base currency, and at last
// the cash.
func assetName(markets []exchange.Market, leg int) string {
	if leg < len(markets) {
		return markets[leg].Base
	}
	return markets[0].Counter
}

// withCash returns the parts of so many pairs, those that are left out 0, and at last the
// cash.
func withCash(parts []float64, pairs int) []float64 {
	out, cash := make([]float64, pairs+1), 1.0
	for leg, part := range parts {
		out[leg], cash = part, cash-part
	}
	out[pairs] = max(cash, 0)
	return out
}

// sharesText tells the parts of an account.
func sharesText(shares []float64, markets []exchange.Market) string {
	parts := make([]string, len(shares))
	for leg, part := range shares {
		parts[leg] = assetName(markets, leg) + " " + percent(part)
	}
	return strings.Join(parts, " · ")
}

// mostExposures is how many closes a document tells of beside the last one.
const mostExposures = 500

// documentExposures are what the account held over time, for the document.
func (r *Report) documentExposures() (out []documentExposure) {
	all, markets := r.result.Exposures, r.result.Config.Markets()
	stride := (len(all) + mostExposures - 1) / mostExposures
	for i, e := range all {
		if i%stride != 0 && i != len(all)-1 {
			continue
		}
		one := documentExposure{Time: utc(r.result.CloseTime(e.Index)), Cash: r.Market.Amount(exchange.Units(r.result.Equity[e.Index]))}
		for leg, worth := range e.Worth {
			held := r.Market.Amount(worth)
			one.Held, one.Cash = append(one.Held, documentWorth{markets[leg].Pair, held}), one.Cash.Sub(held)
		}
		out = append(out, one)
	}
	return out
}

// band is the room between two lines over the same places.
func band(above, below []point, s scale) string {
	var p pen
	for i, at := range above {
		command := byte('L')
		if i == 0 {
			command = 'M'
		}
		p.to(command, at.x, s.y(at.y))
	}
	for i := len(below) - 1; i >= 0; i-- {
		p.to('L', below[i].x, s.y(below[i].y))
	}
	p.b = append(p.b, 'Z')
	return p.d()
}

// heldAt says what the account held at the newest sample of a candle or before.
func (r *Report) heldAt(candle int) string {
	i := sort.Search(len(r.result.Exposures), func(i int) bool { return r.result.Exposures[i].Index > candle }) - 1
	if i < 0 {
		return "–"
	}
	return sharesText(r.shares(i), r.result.Config.Markets())
}
