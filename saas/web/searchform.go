package web

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest/search"
)

// searchForm is what stands in the part of the form of a backtest that sweeps and
// walk-forwards have, as texts.
type searchForm struct {
	// Kind is a research.Kind.
	Kind string
	// Ranges are those of the parameters, by name.
	Ranges            map[string]rangeForm
	Method, Objective string
	Trials, MinTrades string
	// Drawdown is in per cent.
	Drawdown string
	// Inside and Outside are the days of a walk-forward's windows.
	Inside, Outside string
	Anchored        bool
}

// choice is one of several to choose from.
type choice struct{ Name, Text string }

// kindChoices are the kinds of runs.
func kindChoices() []choice {
	return []choice{{string(research.Backtest), "Backtest"}, {string(research.Sweep), "Sweep"}, {string(research.WalkForward), "Walk-forward"}}
}

// Methods are the ways to go through the sets.
func (searchForm) Methods() []choice {
	return []choice{{string(search.Grid), "Grid: every set"}, {string(search.Random), "Random"}, {string(search.TPE), "TPE: more where the good ones lie"}}
}

// Objectives are what sets can compete in.
func (searchForm) Objectives() []choice {
	return []choice{
		{string(search.Sharpe), "Sharpe ratio"}, {string(search.Sortino), "Sortino ratio"}, {string(search.Calmar), "Calmar ratio"},
		{string(search.ProfitFactor), "Profit factor"}, {string(search.Equity), "Final equity"},
	}
}

// newSearchForm is the part that nobody has touched.
func newSearchForm() searchForm {
	return searchForm{Kind: string(research.Backtest), Method: string(search.Grid), Objective: string(search.Sharpe), Trials: "200"}
}

// readSearchForm takes the part out of what was sent.
func readSearchForm(sent url.Values, s Strategy) searchForm {
	get := sent.Get
	f := searchForm{
		Kind: get("kind"), Ranges: readRanges(sent, s), Method: get("method"), Objective: get("objective"), Trials: get("trials"), MinTrades: get("min_trades"),
		Drawdown: get("max_drawdown"), Inside: get("inside"), Outside: get("outside"), Anchored: get("anchored") != "",
	}
	if f.Kind == "" {
		f.Kind = string(research.Backtest)
	}
	return f
}

// inDays is a length in days; "" for none.
func inDays(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return decimal.NewFromInt(int64(d)).DivRound(decimal.NewFromInt(int64(24*time.Hour)), 6).String()
}

// searchFormOf fills the part with a run.
func searchFormOf(r research.Run) searchForm {
	f := newSearchForm()
	if r.Search == nil {
		return f
	}
	count := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	f = searchForm{
		Kind: string(r.Kind), Ranges: rangesOf(r.Search.Ranges), Method: string(r.Search.Method), Objective: string(r.Search.Measure),
		Trials: count(r.Search.Trials), MinTrades: count(r.Search.MinTrades), Inside: inDays(r.Search.InSample), Outside: inDays(r.Search.OutOfSample),
		Anchored: r.Search.Anchored,
	}
	if r.Search.MaxDrawdown > 0 {
		f.Drawdown = decimal.NewFromFloat(r.Search.MaxDrawdown).Shift(2).String()
	}
	return f
}

// into puts the texts into what the service takes.
func (f searchForm) into(in *research.CreateInput, s Strategy, bad faults) {
	interval := in.Interval
	in.Kind = research.Kind(f.Kind)
	if in.Kind != research.Sweep && in.Kind != research.WalkForward {
		return
	}
	whole := func(text, place string, least, most int64) int {
		n := bad.number(text, place)
		if bad[place] != "" || strings.TrimSpace(text) == "" {
			return 0
		}
		if !n.IsInteger() || n.LessThan(decimal.NewFromInt(least)) || n.GreaterThan(decimal.NewFromInt(most)) {
			bad[place] = fmt.Sprintf("Must be a whole number from %d to %s.", least, grouping(int(most)))
			return 0
		}
		return int(n.IntPart())
	}
	days := func(text, place string) time.Duration {
		n := bad.number(text, place)
		if n.IsNegative() || n.GreaterThan(decimal.NewFromInt(10_000)) {
			bad[place] = "Must be a number of days up to 10,000."
			return 0
		}
		length := time.Duration(n.Mul(decimal.NewFromInt(int64(24 * time.Hour))).IntPart())
		if interval > 0 {
			return length.Round(interval)
		}
		return length
	}
	in.Search = &research.Search{
		Method: search.Method(f.Method), Measure: search.Measure(f.Objective), Trials: whole(f.Trials, "search/trials", 1, research.MaxSets), MinTrades: whole(f.MinTrades, "search/min_trades", 0, 1_000_000),
		MaxDrawdown: bad.number(f.Drawdown, "search/max_drawdown").Shift(-2).InexactFloat64(), Anchored: f.Anchored,
	}
	in.Search.Ranges = texts(f.Ranges, s, bad)
	if in.Kind == research.WalkForward {
		in.Search.InSample, in.Search.OutOfSample = days(f.Inside, "search/in_sample_hours"), days(f.Outside, "search/out_of_sample_hours")
	}
}
