package backtestreport

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/perf"
)

// WalkDocument is the JSON of a walk forward. Amounts are decimal strings and
// ratios numbers, null where they are not defined.
type WalkDocument struct {
	Strategy documentStrategy `json:"strategy"`
	Market   documentMarket   `json:"market"`
	Config   documentConfig   `json:"config"`
	Data     documentData     `json:"data"`
	Search   documentSearch   `json:"search"`
	Walk     documentWalk     `json:"walk"`
	Worth    []string         `json:"worth"`
	Warnings []string         `json:"warnings"`
	// References name the sources of the figures.
	References []Reference      `json:"references"`
	Windows    []documentWindow `json:"windows"`
	Equity     []documentPoint  `json:"equity"`
}

type documentWalk struct {
	Anchored            bool        `json:"anchored"`
	InSample            string      `json:"in_sample"`
	OutOfSample         string      `json:"out_of_sample"`
	Step                string      `json:"step"`
	TotalReturn         perf.Number `json:"total_return"`
	CAGR                perf.Number `json:"cagr"`
	Sharpe              perf.Number `json:"sharpe"`
	ProbabilisticSharpe perf.Number `json:"probabilistic_sharpe"`
	MaxDrawdown         float64     `json:"max_drawdown"`
	BuyAndHold          perf.Number `json:"buy_and_hold"`
	Efficiency          perf.Number `json:"efficiency"`
	Trades              int         `json:"trades"`
}

type documentWindow struct {
	From       time.Time        `json:"from"`
	To         time.Time        `json:"to"`
	End        time.Time        `json:"traded_to"`
	Tried      int              `json:"tried"`
	Refused    int              `json:"refused"`
	Parameters json.RawMessage  `json:"parameters"`
	InScore    perf.Number      `json:"score_inside"`
	OutScore   perf.Number      `json:"score_outside"`
	InGrowth   perf.Number      `json:"log_growth_inside"`
	OutGrowth  perf.Number      `json:"log_growth_outside"`
	BuyAndHold perf.Number      `json:"buy_and_hold"`
	Inside     *documentMetrics `json:"inside"`
	Outside    *documentMetrics `json:"outside"`
}

type documentPoint struct {
	Time  time.Time `json:"time"`
	Value float64   `json:"value"`
}

// WriteJSON writes the walk with every window and the equity after them.
func (w *Walk) WriteJSON(out io.Writer) error { return writeIndented(out, w.Document()) }

// Document returns the report as the value whose JSON WriteJSON writes.
func (w *Walk) Document() WalkDocument {
	a := w.in.Walk
	d := WalkDocument{
		Strategy: documentStrategy{Name: w.in.Info.Name, Version: w.in.Info.Version, Parameters: json.RawMessage("{}")},
		Market:   marketDocument(w.in.Config.Market), Config: configDocument(w.in.Config),
		Data: documentData{
			Source: w.in.Source, From: w.from().UTC(), To: w.to().UTC(), Candles: int64(len(w.in.Candles)), Filled: w.in.Data.Filled,
			PricesRounded: w.in.Data.PricesRounded, VolumesRounded: w.in.Data.VolumesRounded,
		},
		Search: documentSearch{
			Method: a.Method, Seed: a.Seed, Objective: a.Objective.Measure, MaxDrawdown: a.Objective.MaxDrawdown, MinTrades: a.Objective.MinTrades,
			Axes: axesDocument(a.Axes), Tried: a.Tried,
		},
		Walk: documentWalk{
			Anchored: a.Anchored, InSample: a.InSample.String(), OutOfSample: a.OutOfSample.String(), Step: a.Step.String(), TotalReturn: a.TotalReturn,
			CAGR: a.CAGR, Sharpe: a.Sharpe, ProbabilisticSharpe: a.Probabilistic, MaxDrawdown: a.MaxDrawdown, BuyAndHold: a.Held,
			Efficiency: a.Efficiency, Trades: a.Trades,
		},
		Worth: append([]string{}, w.Worth...), Warnings: append([]string{}, w.Warnings...), References: w.references(),
	}
	for _, window := range a.Windows {
		d.Search.Refused += window.Refused
		d.Windows = append(d.Windows, w.windowDocument(window))
	}
	for _, p := range a.Curve {
		d.Equity = append(d.Equity, documentPoint{utc(p.Time), p.Value})
	}
	return d
}

func (w *Walk) windowDocument(window search.Window) documentWindow {
	d := documentWindow{
		From: window.From.UTC(), To: window.To.UTC(), End: window.End.UTC(), Tried: window.Tried, Refused: window.Refused,
		OutScore: window.Score, InScore: window.Score, InGrowth: window.Inside, OutGrowth: window.After, BuyAndHold: window.Held,
	}
	if window.Best == nil {
		return d
	}
	m := w.in.Config.Market
	d.Parameters, d.InScore = window.Best.Params, window.Best.Score
	d.Inside, d.Outside = metricsDocument(m, window.Best.Metrics), metricsDocument(m, window.Outside)
	return d
}

// WriteTable writes the windows and what came of them for a terminal. Elapsed is
// how long the walk took; 0 leaves that out.
func (w *Walk) WriteTable(out io.Writer, elapsed time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s %s) on %s\n", w.in.Info.Title, w.in.Info.Name, w.in.Info.Version, w.in.Config.Market.Pair)
	fmt.Fprintf(&b, "%s, %s of %s\n", w.span(), count(int64(len(w.in.Candles)), "candle"), span(w.in.Config.Interval))
	fmt.Fprintf(&b, "%s\n\n", w.walked())
	writeGrid(&b, append([][]string{w.columns()}, w.rows()...))
	b.WriteByte('\n')
	a := w.in.Walk
	writeRows(&b, []row{
		{"Result after", change(a.TotalReturn.Float()), change(a.CAGR.Float()) + " a year"},
		{"Buy and hold", change(a.Held.Float()), "over the same times"},
		{"Efficiency", percent(a.Efficiency.Float()), "growth after the windows as a share of that within"},
		{"Sharpe ratio", figure(a.Sharpe), "true one above 0 with a probability of " + percent(a.Probabilistic.Float())},
		{"Largest drawdown", change(-a.MaxDrawdown), ""},
		{"Trades", whole(int64(a.Trades)), ""},
	})
	writeList(&b, "What came of it:", "  - ", w.Worth)
	writeList(&b, "Before you trust this:", "  ! ", w.Warnings)
	writeList(&b, "Sources:", "  ", referenceLines(w.references()))
	if elapsed > 0 {
		fmt.Fprintf(&b, "\nTook %s, %s sets/s\n", took(elapsed), whole(int64(float64(a.Tried)/elapsed.Seconds())))
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}
