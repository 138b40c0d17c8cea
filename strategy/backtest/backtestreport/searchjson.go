package backtestreport

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/perf"
)

// SearchDocument is the JSON of a search: every set, best first. Amounts are
// decimal strings and ratios numbers, null where they are not defined.
type SearchDocument struct {
	Strategy  documentStrategy  `json:"strategy"`
	Market    documentMarket    `json:"market"`
	Config    documentConfig    `json:"config"`
	Data      documentData      `json:"data"`
	Search    documentSearch    `json:"search"`
	Worth     []string          `json:"worth"`
	Warnings  []string          `json:"warnings"`
	Doubts    documentDoubts    `json:"doubts"`
	Stability documentStability `json:"stability"`
	Orders    []perf.MonteCarlo `json:"trade_orders"`
	// References name the sources of the figures.
	References []Reference   `json:"references"`
	Sets       []documentSet `json:"sets"`
}

type documentSearch struct {
	Method      search.Method  `json:"method"`
	Seed        uint64         `json:"seed"`
	Objective   search.Measure `json:"objective"`
	MaxDrawdown float64        `json:"max_drawdown,omitempty"`
	MinTrades   int            `json:"min_trades,omitempty"`
	Axes        []documentAxis `json:"ranges"`
	Tried       int            `json:"tried"`
	Refused     int            `json:"refused"`
	Refusal     string         `json:"refusal,omitempty"`
	Failed      int            `json:"failed"`
	Excluded    int            `json:"excluded"`
}

type documentAxis struct {
	Name string `json:"name"`
	// Levels are the values that were to be tried; null if any between From and To
	// was.
	Levels []string `json:"levels"`
	From   string   `json:"from,omitempty"`
	To     string   `json:"to,omitempty"`
	Log    bool     `json:"log,omitempty"`
}

type documentDoubts struct {
	Trials              int              `json:"trials"`
	PeriodSeconds       float64          `json:"period_seconds"`
	Sharpe              perf.Number      `json:"sharpe"`
	LuckSharpe          perf.Number      `json:"expected_sharpe_by_luck"`
	ProbabilisticSharpe perf.Number      `json:"probabilistic_sharpe"`
	DeflatedSharpe      perf.Number      `json:"deflated_sharpe"`
	MinTrackDays        perf.Number      `json:"min_track_days"`
	Overfitting         perf.Overfitting `json:"overfitting"`
}

type documentStability struct {
	Neighbours []int       `json:"neighbours"`
	Median     perf.Number `json:"median"`
	Lowest     perf.Number `json:"lowest"`
	Ratio      perf.Number `json:"ratio"`
}

type documentSet struct {
	Number      int              `json:"number"`
	Parameters  json.RawMessage  `json:"parameters"`
	Failed      string           `json:"failed,omitempty"`
	Score       perf.Number      `json:"score"`
	Metrics     *documentMetrics `json:"metrics,omitempty"`
	Deflated    perf.Number      `json:"deflated_sharpe"`
	FirstSharpe perf.Number      `json:"sharpe_first_half"`
	LastSharpe  perf.Number      `json:"sharpe_second_half"`
}

type documentMetrics struct {
	FinalEquity  decimal.Decimal `json:"final_equity"`
	Fees         decimal.Decimal `json:"fees"`
	TotalReturn  perf.Number     `json:"total_return"`
	CAGR         perf.Number     `json:"cagr"`
	Sharpe       perf.Number     `json:"sharpe"`
	Sortino      perf.Number     `json:"sortino"`
	Calmar       perf.Number     `json:"calmar"`
	ProfitFactor perf.Number     `json:"profit_factor"`
	WinRate      perf.Number     `json:"win_rate"`
	Exposure     perf.Number     `json:"exposure"`
	MaxDrawdown  float64         `json:"max_drawdown"`
	Trades       int             `json:"trades"`
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
		Strategy: documentStrategy{Name: s.in.Info.Name, Version: s.in.Info.Version, Parameters: json.RawMessage("{}")},
		Market:   marketDocument(s.in.Config.Market), Config: configDocument(s.in.Config),
		Data: documentData{
			Source: s.in.Source, From: utc(r.From), To: utc(r.To), Candles: r.Candles, Filled: s.in.Data.Filled,
			PricesRounded: s.in.Data.PricesRounded, VolumesRounded: s.in.Data.VolumesRounded,
		},
		Search: documentSearch{
			Method: r.Method, Seed: r.Seed, Objective: r.Objective.Measure, MaxDrawdown: r.Objective.MaxDrawdown, MinTrades: r.Objective.MinTrades,
			Axes: axesDocument(r.Axes), Tried: len(r.Sets), Refused: r.Refused, Refusal: r.Refusal, Failed: r.Failed, Excluded: r.Excluded,
		},
		Worth: append([]string{}, s.Worth...), Warnings: append([]string{}, s.Warnings...),
		Doubts: documentDoubts{
			Trials: r.Doubts.Trials, PeriodSeconds: r.Doubts.Period.Seconds(), Sharpe: r.Doubts.Sharpe, LuckSharpe: r.Doubts.Luck,
			ProbabilisticSharpe: r.Doubts.Probabilistic, DeflatedSharpe: r.Doubts.Deflated, MinTrackDays: r.Doubts.MinTrack,
			Overfitting: r.Doubts.Overfitting,
		},
		Stability: documentStability{
			Neighbours: append([]int{}, r.Stability.Neighbours...), Median: r.Stability.Median, Lowest: r.Stability.Lowest, Ratio: r.Stability.Ratio,
		},
		Orders: append([]perf.MonteCarlo{}, s.Orders...), References: s.references(), Sets: make([]documentSet, 0, len(r.Sets)),
	}
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
