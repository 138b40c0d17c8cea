package backtestreport

import (
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/perf"
)

// SearchInput is what the report of a search is made of.
type SearchInput struct {
	// Best is the best set's run over the same candles; nil if there is no best.
	Best *backtest.Result
	// Closes, Further, Data, Notes, Schema and Source are as in Input.
	Closes  *Closes
	Further []*Closes
	Data    marketdata.CSVReport
	Notes   []string
	Schema  *param.Schema
	Source  string
	// Config is what all sets were run with; required.
	Config backtest.Config
	// Info is the strategy's; required.
	Info strategy.Info
	// Result is the search; required.
	Result *search.Result
}

// Search is a finished search with what it is worth. It is not changed by writing
// it.
type Search struct {
	// Worth says in sentences what the best set is worth, Warnings what a reader
	// should know before trusting it.
	Worth, Warnings []string
	// Orders are the best set's trades in other orders; empty for fewer than two.
	Orders []perf.MonteCarlo

	in   SearchInput
	best *Report // nil without a best set
}

// NewSearch returns the report of a search. The error says what is missing or
// does not fit together.
func NewSearch(in SearchInput) (*Search, error) {
	if in.Result == nil || len(in.Result.Sets) == 0 {
		return nil, errors.New("backtestreport: the result of a search is required")
	}
	if in.Info.Title == "" {
		in.Info.Title = in.Info.Name
	}
	s := &Search{in: in}
	if _, ok := in.Result.Best(); ok != (in.Best != nil) {
		return nil, errors.New("backtestreport: the run of the best set goes with a best set")
	}
	if in.Best != nil {
		var err error
		s.best, err = New(Input{
			Closes: in.Closes, Further: in.Further, Data: in.Data, Notes: in.Notes, Result: in.Best, Schema: in.Schema, Source: in.Source, Title: in.Info.Title,
		})
		if err != nil {
			return nil, err
		}
		if s.Orders, err = orders(in.Best.TradeReturns(), in.Result.Seed); err != nil {
			return nil, err
		}
	}
	s.Worth, s.Warnings = s.worth(), s.warnings()
	return s, nil
}

// Best returns the report of the best set's run; nil without a best set.
func (s *Search) Best() *Report { return s.best }

// Initial returns what the account was worth as the runs began, in the counter
// currency.
func (s *Search) Initial() decimal.Decimal { return s.in.Config.Market.Amount(s.in.Result.Initial) }

// orders puts trades in other orders, of which there are none below two trades.
func orders(returns []float64, seed uint64) ([]perf.MonteCarlo, error) {
	if len(returns) < 2 {
		return nil, nil
	}
	var out []perf.MonteCarlo
	for _, order := range []perf.Order{perf.Reshuffle, perf.Bootstrap} {
		m, err := perf.Resample(returns, perf.MonteCarloConfig{Order: order, Seed: seed})
		if err != nil {
			return nil, fmt.Errorf("backtestreport: %w", err)
		}
		out = append(out, m)
	}
	return out, nil
}

// measureName returns a measure's name for people.
func measureName(m search.Measure) string {
	switch m {
	case search.Sharpe:
		return "Sharpe ratio"
	case search.Sortino:
		return "Sortino ratio"
	case search.Calmar:
		return "Calmar ratio"
	case search.ProfitFactor:
		return "Profit factor"
	case search.Equity:
		return "Final equity"
	}
	return string(m)
}

// score writes a score.
func score(m search.Measure, n perf.Number) string {
	if m == search.Equity && n.Defined() {
		return "×" + figure(n)
	}
	return figure(n)
}

// methodName returns how a space was gone through.
func methodName(m search.Method) string {
	switch m {
	case search.Grid:
		return "grid"
	case search.Random:
		return "random search"
	case search.TPE:
		return "TPE"
	}
	return string(m)
}

// worth says what the best set is worth; nothing without one.
func (s *Search) worth() []string {
	best, ok := s.in.Result.Best()
	if !ok {
		return nil
	}
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	d := s.in.Result.Doubts
	if d.Deflated.Defined() {
		say("Luck: the best of %s without any skill would show a Sharpe ratio of about %s; this one shows %s. The probability that its true ratio is above 0, "+
			"its having been chosen taken into account (deflated Sharpe ratio), is %s; without that it would be %s.",
			count(int64(d.Trials), "set"), figure(d.Luck), figure(d.Sharpe), percent(d.Deflated.Float()), percent(d.Probabilistic.Float()))
	}
	if o := d.Overfitting; o.Probability.Defined() {
		say("Overfitting: the history was halved in %s ways. The set that was best in one half did no better than the median set in the other in %s of them "+
			"(probability of backtest overfitting), and lost money there in %s.", whole(int64(o.Splits)), percent(o.Probability.Float()), percent(o.Loss.Float()))
	}
	if st := s.in.Result.Stability; len(st.Neighbours) > 0 {
		m := s.in.Result.Objective.Measure
		text := fmt.Sprintf("Stability: the %s next to the best score %s in the median, the lowest %s, the best %s.",
			count(int64(len(st.Neighbours)), "set"), score(m, st.Median), score(m, st.Lowest), score(m, best.Score))
		if st.Ratio.Defined() {
			text += fmt.Sprintf(" That is %s of it.", percent(st.Ratio.Float()))
		}
		say("%s", text)
	}
	if d.MinTrack.Defined() {
		days := float64(s.in.Result.To-s.in.Result.From) / float64((24 * time.Hour).Milliseconds())
		say("Length: it takes about %s to tell this Sharpe ratio from 0 with a confidence of 95 %%, if it was not chosen; the history has %s.",
			inDays(d.MinTrack.Float()), inDays(days))
	}
	return append(out, inOrders(s.Orders)...)
}

// inOrders says what trades in other orders give.
func inOrders(all []perf.MonteCarlo) (out []string) {
	for _, o := range all {
		if o.Order == perf.Reshuffle {
			out = append(out, fmt.Sprintf("Order: with the same trades in other orders the largest drawdown is %s in the median and %s in one case of twenty.",
				percent(at(o.Drawdown, 0.5)), percent(at(o.Drawdown, 0.95))))
		} else {
			out = append(out, fmt.Sprintf("Chance: as many trades drawn anew from these end at %s in the median and at %s or less in one case of twenty; %s of the cases end with a loss.",
				change(at(o.Final, 0.5)-1), change(at(o.Final, 0.05)-1), percent(o.Losing.Float())))
		}
	}
	return out
}

// at returns the quantile of a share.
func at(qs []perf.Quantile, share float64) float64 {
	for _, q := range qs {
		if q.Share == share {
			return q.Value
		}
	}
	return 0
}

// inDays writes a number of days.
func inDays(n float64) string {
	const most = 100 * 365
	switch {
	case n > most:
		return "more than 100 years"
	case n < 10:
		return fmt.Sprintf("%.1f days", n)
	}
	return whole(int64(n+0.5)) + " days"
}

const (
	// sure is the probability below which luck explains a result well enough.
	sure = 0.95
	// stable is which share of the best score its neighbours should have.
	stable = 0.5
)

// warnings says what a reader should know, the best run's own warnings last.
func (s *Search) warnings() []string {
	r := s.in.Result
	var out []string
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.best == nil {
		warn("No set has a %s within the bounds asked for: there is no best one. The Sharpe and Sortino ratios and growth take two whole days at least.",
			measureName(r.Objective.Measure))
	} else {
		d := r.Doubts
		switch {
		case r.Sets[0].TotalReturn < 0:
			warn("Even the best set lost money: there is nothing here to choose.")
		case !d.Deflated.Defined():
			warn("Whether the best set is more than lucky cannot be told: its returns are too few or too much alike.")
		case d.Deflated < sure:
			warn("Luck explains the best set well enough: with %s to choose from, the probability that there is anything to it is %s.",
				count(int64(d.Trials), "set"), percent(d.Deflated.Float()))
		}
		if o := d.Overfitting; o.Probability > stable {
			warn("Choosing the best set is overfitting here: elsewhere it does no better than the median in %s of the cases.", percent(o.Probability.Float()))
		}
		if st := r.Stability; st.Ratio < stable {
			warn("The best set stands alone: the ones next to it score %s of it in the median.", percent(st.Ratio.Float()))
		}
		for _, text := range s.edges() {
			warn("%s", text)
		}
	}
	if r.Failed > 0 {
		warn("%s could not be run; the JSON report says why.", count(int64(r.Failed), "set"))
	}
	if r.Excluded > 0 {
		warn("%s left out of the ranking: beyond the bounds asked for, or without a %s.", count(int64(r.Excluded), "set is", "sets are"), measureName(r.Objective.Measure))
	}
	if s.best != nil {
		return append(out, s.best.Warnings...)
	}
	return append(append([]string{}, s.in.Notes...), out...)
}

// edges names the axes at whose end the best set lies.
func (s *Search) edges() []string {
	best, _ := s.in.Result.Best()
	var out []string
	for i, a := range s.in.Result.Axes {
		if !a.Ordered || len(a.Levels) == 1 || len(a.Levels) == 2 {
			continue
		}
		last := 1.0
		if n := len(a.Levels); n > 0 {
			last = float64(n - 1)
		}
		const near = 0.01
		if p := best.Place[i]; p < near || p > last-near {
			out = append(out, fmt.Sprintf("The best %s, %s, is at the end of its range: there may be better ones beyond.", a.Label, withUnit(best.Values[i], param.UnitIn(a.Unit, s.in.Config.Market.Base, s.in.Config.Market.Counter))))
		}
	}
	return out
}

func withUnit(text, unit string) string {
	if unit == "" {
		return text
	}
	return text + " " + unit
}
