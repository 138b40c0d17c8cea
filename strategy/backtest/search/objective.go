package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/strategy/perf"
)

// Measure is what sets compete in; more is better.
type Measure string

// The measures.
const (
	// Equity is the equity at the end as a multiple of that at the start.
	Equity Measure = "equity"
	// Sharpe, Sortino, Calmar and ProfitFactor are those of package perf.
	Sharpe       Measure = "sharpe"
	Sortino      Measure = "sortino"
	Calmar       Measure = "calmar"
	ProfitFactor Measure = "profit-factor"
)

// Measures returns all measures.
func Measures() []Measure { return []Measure{Sharpe, Sortino, Calmar, ProfitFactor, Equity} }

// Objective says which set is best.
type Objective struct {
	// Measure is what the sets compete in. Defaults to Sharpe.
	Measure Measure
	// MaxDrawdown rules out sets that fell deeper below a peak, as a share of it.
	// Defaults to no bound.
	MaxDrawdown float64
	// MinTrades rules out sets with fewer closed trades. Defaults to no bound.
	MinTrades int
}

func (o Objective) validate() error {
	var problems []error
	if !slices.Contains(Measures(), o.Measure) {
		var names []string
		for _, m := range Measures() {
			names = append(names, string(m))
		}
		problems = append(problems, fmt.Errorf("search: there is no measure %q; there is: %s", o.Measure, strings.Join(names, ", ")))
	}
	if !(o.MaxDrawdown >= 0 && o.MaxDrawdown <= 1) {
		problems = append(problems, errors.New("search: MaxDrawdown must be from 0 to 1"))
	}
	if o.MinTrades < 0 {
		problems = append(problems, errors.New("search: MinTrades must be at least 0"))
	}
	return errors.Join(problems...)
}

// Score returns what a run is worth; undefined if it is ruled out or the measure
// is not defined, which is worse than any number.
func (o Objective) Score(m Metrics) perf.Number {
	if m.Trades < o.MinTrades || o.MaxDrawdown > 0 && m.MaxDrawdown > o.MaxDrawdown {
		return perf.Number(math.NaN())
	}
	switch o.Measure {
	case Equity:
		return 1 + m.TotalReturn
	case Sharpe:
		return m.Sharpe
	case Sortino:
		return m.Sortino
	case Calmar:
		return m.Calmar
	case ProfitFactor:
		return m.ProfitFactor
	}
	return perf.Number(math.NaN())
}

// compare puts the better set first: by score, then by the smaller drawdown, then
// by who was asked for first, so that no two are equal.
func compare(a, b *Set) int {
	switch {
	case a.Score.Defined() != b.Score.Defined():
		if a.Score.Defined() {
			return -1
		}
		return 1
	case a.Score.Defined() && a.Score != b.Score:
		if a.Score > b.Score {
			return -1
		}
		return 1
	case a.MaxDrawdown != b.MaxDrawdown:
		if a.MaxDrawdown < b.MaxDrawdown {
			return -1
		}
		return 1
	}
	return a.Number - b.Number
}
