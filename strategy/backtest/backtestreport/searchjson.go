package backtestreport

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/perf"
)

// SearchDocument is the JSON of a search: every set, best first. Amounts are
// decimal strings and ratios numbers, null where they are not defined.
type SearchDocument struct {
	Strategy  documentStrategy  `json:"strategy" doc:"What was searched, with the parameters of the best set."`
	Market    documentMarket    `json:"market" doc:"What was traded."`
	Pairs     []documentPair    `json:"further_pairs,omitempty" doc:"What was traded beside it with the same balance."`
	Config    documentConfig    `json:"config" doc:"The conditions of all runs."`
	Data      documentData      `json:"data" doc:"The history."`
	Search    documentSearch    `json:"search" doc:"How was searched."`
	Worth     []string          `json:"worth" doc:"What the best set is worth, in sentences."`
	Warnings  []string          `json:"warnings" doc:"What to know before trusting the figures."`
	Doubts    documentDoubts    `json:"doubts" doc:"What luck and choice explain of the best set."`
	Stability documentStability `json:"stability" doc:"How the sets next to the best one did."`
	Orders    []documentOrders  `json:"trade_orders" doc:"The best set's trades in other orders."`
	// References name the sources of the figures.
	References []Reference   `json:"references" doc:"The sources of the figures."`
	Sets       []documentSet `json:"sets" doc:"Every set that was tried, best first."`
}

type documentSearch struct {
	Method      search.Method  `json:"method" doc:"How the sets were gone through: grid, random or tpe."`
	Seed        uint64         `json:"seed" doc:"What made the random choices."`
	Objective   search.Measure `json:"objective" doc:"What the sets competed in."`
	MaxDrawdown float64        `json:"max_drawdown,omitempty" doc:"Sets that fell deeper were left out."`
	MinTrades   int            `json:"min_trades,omitempty" doc:"Sets with fewer trades were left out."`
	Axes        []documentAxis `json:"ranges" doc:"The parameters that were varied."`
	Tried       int            `json:"tried" doc:"How many sets were tried."`
	Refused     int            `json:"refused" doc:"How many the strategy does not allow."`
	Refusal     string         `json:"refusal,omitempty" doc:"Why it did not allow the first of them."`
	Failed      int            `json:"failed" doc:"How many could not be run."`
	Excluded    int            `json:"excluded" doc:"How many have no score."`
}

type documentAxis struct {
	Name string `json:"name" doc:"The parameter's name."`
	// Levels are the values that were to be tried; null if any between From and To
	// was.
	Levels []string `json:"levels" doc:"Its values; null if any between from and to was tried."`
	From   string   `json:"from,omitempty" doc:"The lowest value."`
	To     string   `json:"to,omitempty" doc:"The highest value."`
	Log    bool     `json:"log,omitempty" doc:"Whether equal steps are equal ratios."`
}

type documentDoubts struct {
	Trials              int                 `json:"trials" doc:"How many sets had a Sharpe ratio."`
	PeriodSeconds       float64             `json:"period_seconds" doc:"The length of the parts that the ratios here are of."`
	Sharpe              perf.Number         `json:"sharpe" doc:"The best set's Sharpe ratio by parts, made annual."`
	LuckSharpe          perf.Number         `json:"expected_sharpe_by_luck" doc:"The ratio that the best of as many sets without skill would show."`
	ProbabilisticSharpe perf.Number         `json:"probabilistic_sharpe" doc:"The probability that its true ratio is above 0."`
	DeflatedSharpe      perf.Number         `json:"deflated_sharpe" doc:"The same, its having been chosen taken into account."`
	MinTrackDays        perf.Number         `json:"min_track_days" doc:"How long a record must be to tell the ratio from 0."`
	Overfitting         documentOverfitting `json:"overfitting" doc:"Whether choosing the best set is overfitting."`
}

type documentOverfitting struct {
	Probability perf.Number `json:"probability" doc:"In which share of the splits the best set of one half did no better than the median in the other."`
	Loss        perf.Number `json:"loss" doc:"In which share it lost money there."`
	Slope       perf.Number `json:"slope" doc:"Slope of the line through the choices' Sharpe ratios, those of the other half over those of the one."`
	Intercept   perf.Number `json:"intercept" doc:"Where that line begins."`
	Trials      int         `json:"trials" doc:"How many sets there were to choose from."`
	Blocks      int         `json:"blocks" doc:"Into how many parts the history was cut."`
	Splits      int         `json:"splits" doc:"In how many ways those were put in halves."`
}

type documentOrders struct {
	Order    perf.Order         `json:"order" doc:"reshuffle for the same trades in another order, bootstrap for trades drawn anew." example:"bootstrap"`
	Runs     int                `json:"runs" doc:"How often."`
	Seed     uint64             `json:"seed" doc:"What made the random choices."`
	Trades   int                `json:"trades" doc:"How many trades there are."`
	Final    []documentQuantile `json:"final" doc:"Quantiles of the equity at the end as a multiple of that at the start."`
	Drawdown []documentQuantile `json:"drawdown" doc:"Quantiles of the largest drawdown."`
	Losing   perf.Number        `json:"losing" doc:"In which share of the runs the end was below the start."`
}

type documentQuantile struct {
	Share float64 `json:"share" doc:"Share of the runs that are at or below the value."`
	Value float64 `json:"value" doc:"The value."`
}

func ordersDocument(orders []perf.MonteCarlo) []documentOrders {
	quantiles := func(qs []perf.Quantile) []documentQuantile {
		out := make([]documentQuantile, len(qs))
		for i, q := range qs {
			out[i] = documentQuantile(q)
		}
		return out
	}
	out := make([]documentOrders, len(orders))
	for i, o := range orders {
		out[i] = documentOrders{
			Order: o.Order, Runs: o.Runs, Seed: o.Seed, Trades: o.Trades, Final: quantiles(o.Final), Drawdown: quantiles(o.Drawdown), Losing: o.Losing,
		}
	}
	return out
}

type documentStability struct {
	Neighbours []int       `json:"neighbours" doc:"The numbers of the sets next to the best one."`
	Median     perf.Number `json:"median" doc:"The median of their scores."`
	Lowest     perf.Number `json:"lowest" doc:"The lowest of their scores."`
	Ratio      perf.Number `json:"ratio" doc:"The median as a share of the best score."`
}

type documentSet struct {
	Number      int              `json:"number" doc:"Its place in the order of asking."`
	Parameters  json.RawMessage  `json:"parameters" doc:"All parameters."`
	Failed      string           `json:"failed,omitempty" doc:"Why it could not be run; left out if it was."`
	Score       perf.Number      `json:"score" doc:"What the sets compete in; null if it was left out."`
	Metrics     *documentMetrics `json:"metrics,omitempty" doc:"Its figures; left out if it could not be run."`
	Deflated    perf.Number      `json:"deflated_sharpe" doc:"The probability that its true Sharpe ratio is above 0, the choice taken into account."`
	FirstSharpe perf.Number      `json:"sharpe_first_half" doc:"Its Sharpe ratio in the first half of the history."`
	LastSharpe  perf.Number      `json:"sharpe_second_half" doc:"Its Sharpe ratio in the second half."`
}

type documentMetrics struct {
	FinalEquity  decimal.Decimal `json:"final_equity" doc:"What the account was worth at the end."`
	Fees         decimal.Decimal `json:"fees" doc:"All fees that were paid."`
	TotalReturn  perf.Number     `json:"total_return" doc:"Profit as a share of the balance."`
	CAGR         perf.Number     `json:"cagr" doc:"Compound growth a year."`
	Sharpe       perf.Number     `json:"sharpe" doc:"Sharpe ratio of daily returns, made annual."`
	Sortino      perf.Number     `json:"sortino" doc:"Sortino ratio of daily returns, made annual."`
	Calmar       perf.Number     `json:"calmar" doc:"Growth a year divided by the largest drawdown."`
	ProfitFactor perf.Number     `json:"profit_factor" doc:"Sum of the gains divided by that of the losses."`
	WinRate      perf.Number     `json:"win_rate" doc:"Share of the trades that gained."`
	Exposure     perf.Number     `json:"exposure" doc:"Share of the time in which a position was held."`
	MaxDrawdown  float64         `json:"max_drawdown" doc:"The deepest fall below a peak, as a share of it."`
	Trades       int             `json:"trades" doc:"How many trades were closed."`
}

// WriteJSON writes every set with its parameters and figures.
func (s *Search) WriteJSON(w io.Writer) error { return writeIndented(w, s.Document()) }

func writeIndented(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(document); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Document returns the report as the value whose JSON WriteJSON writes.
func (s *Search) Document() SearchDocument {
	r := s.in.Result
	d := SearchDocument{
		Strategy: searchedDocument(s.in.Info),
		Market:   marketDocument(s.in.Config.Market), Pairs: pairsDocument(s.in.Config), Config: configDocument(s.in.Config),
		Data:   dataDocument(s.in.Source, utc(r.From), utc(r.To), r.Candles, s.in.Data),
		Search: searchDocument(r.Method, r.Seed, r.Objective, r.Axes, len(r.Sets)),
		Worth:  append([]string{}, s.Worth...), Warnings: append([]string{}, s.Warnings...),
		Doubts: documentDoubts{
			Trials: r.Doubts.Trials, PeriodSeconds: r.Doubts.Period.Seconds(), Sharpe: r.Doubts.Sharpe, LuckSharpe: r.Doubts.Luck,
			ProbabilisticSharpe: r.Doubts.Probabilistic, DeflatedSharpe: r.Doubts.Deflated, MinTrackDays: r.Doubts.MinTrack,
			Overfitting: documentOverfitting(r.Doubts.Overfitting),
		},
		Stability: documentStability{
			Neighbours: append([]int{}, r.Stability.Neighbours...), Median: r.Stability.Median, Lowest: r.Stability.Lowest, Ratio: r.Stability.Ratio,
		},
		Orders: ordersDocument(s.Orders), References: s.references(), Sets: make([]documentSet, 0, len(r.Sets)),
	}
	d.Search.Refused, d.Search.Refusal, d.Search.Failed, d.Search.Excluded = r.Refused, r.Refusal, r.Failed, r.Excluded
	if best, ok := r.Best(); ok {
		d.Strategy.Parameters = best.Params
	}
	for _, set := range r.Sets {
		out := documentSet{
			Number: set.Number, Parameters: set.Params, Failed: set.Failed, Score: set.Score, Deflated: r.Deflated(set),
			FirstSharpe: set.Inside, LastSharpe: set.Outside,
		}
		if set.Failed == "" {
			out.Metrics = metricsDocument(s.in.Config.Market, set.Metrics)
		}
		d.Sets = append(d.Sets, out)
	}
	return d
}

func metricsDocument(m exchange.Market, v search.Metrics) *documentMetrics {
	return &documentMetrics{
		FinalEquity: m.Amount(v.FinalEquity), Fees: m.Amount(v.Fees), TotalReturn: v.TotalReturn, CAGR: v.CAGR, Sharpe: v.Sharpe, Sortino: v.Sortino,
		Calmar: v.Calmar, ProfitFactor: v.ProfitFactor, WinRate: v.WinRate, Exposure: v.Exposure, MaxDrawdown: v.MaxDrawdown, Trades: v.Trades,
	}
}

// searchedDocument names a strategy whose parameters are not known yet.
func searchedDocument(info strategy.Info) documentStrategy {
	return documentStrategy{Name: info.Name, Version: info.Version, Parameters: json.RawMessage("{}")}
}

func searchDocument(method search.Method, seed uint64, o search.Objective, axes []search.Axis, tried int) documentSearch {
	return documentSearch{
		Method: method, Seed: seed, Objective: o.Measure, MaxDrawdown: o.MaxDrawdown, MinTrades: o.MinTrades, Axes: axesDocument(axes), Tried: tried,
	}
}

func axesDocument(axes []search.Axis) []documentAxis {
	out := make([]documentAxis, 0, len(axes))
	for _, a := range axes {
		axis := documentAxis{Name: a.Name, Levels: a.Levels, Log: a.Log}
		if a.Levels == nil {
			axis.From, axis.To = a.Ends()
		}
		out = append(out, axis)
	}
	return out
}
