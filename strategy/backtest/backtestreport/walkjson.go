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
	Strategy documentStrategy `json:"strategy" doc:"What was walked forward."`
	Market   documentMarket   `json:"market" doc:"What was traded."`
	Pairs    []documentPair   `json:"further_pairs,omitempty" doc:"What was traded beside it with the same balance."`
	Config   documentConfig   `json:"config" doc:"The conditions of all runs."`
	Data     documentData     `json:"data" doc:"The history."`
	Search   documentSearch   `json:"search" doc:"How was searched in each window."`
	Walk     documentWalk     `json:"walk" doc:"What came of it."`
	Worth    []string         `json:"worth" doc:"What came of it, in sentences."`
	Warnings []string         `json:"warnings" doc:"What to know before trusting the figures."`
	// References name the sources of the figures.
	References []Reference      `json:"references" doc:"The sources of the figures."`
	Windows    []documentWindow `json:"windows" doc:"The windows in order."`
	Equity     []documentPoint  `json:"equity" doc:"The equity after the windows, one put to the end of the other, from 1 on."`
}

type documentWalk struct {
	Anchored            bool        `json:"anchored" doc:"Whether every window begins where the history does."`
	InSample            string      `json:"in_sample" doc:"The length of the first window."`
	OutOfSample         string      `json:"out_of_sample" doc:"How long its choice was traded."`
	Step                string      `json:"step" doc:"From one window to the next."`
	TotalReturn         perf.Number `json:"total_return" doc:"What was gained after the windows."`
	CAGR                perf.Number `json:"cagr" doc:"The same a year of the times that were traded."`
	Sharpe              perf.Number `json:"sharpe" doc:"The Sharpe ratio after the windows, made annual."`
	ProbabilisticSharpe perf.Number `json:"probabilistic_sharpe" doc:"The probability that the true ratio is above 0."`
	MaxDrawdown         float64     `json:"max_drawdown" doc:"The deepest fall after the windows."`
	BuyAndHold          perf.Number `json:"buy_and_hold" doc:"What holding gave in the same times."`
	Efficiency          perf.Number `json:"efficiency" doc:"The growth after the windows as a share of that within them."`
	Trades              int         `json:"trades" doc:"How many trades were closed after the windows."`
}

type documentWindow struct {
	From       time.Time        `json:"from" doc:"When the window begins."`
	To         time.Time        `json:"to" doc:"When it ends and its choice begins to trade."`
	End        time.Time        `json:"traded_to" doc:"When its choice ends."`
	Tried      int              `json:"tried" doc:"How many sets were tried."`
	Refused    int              `json:"refused" doc:"How many the strategy does not allow."`
	Parameters json.RawMessage  `json:"parameters" doc:"The choice; null if there is none."`
	InScore    perf.Number      `json:"score_inside" doc:"Its score in the window."`
	OutScore   perf.Number      `json:"score_outside" doc:"Its score after it."`
	InGrowth   perf.Number      `json:"log_growth_inside" doc:"The logarithm of its growth a year in the window."`
	OutGrowth  perf.Number      `json:"log_growth_outside" doc:"The same after it."`
	BuyAndHold perf.Number      `json:"buy_and_hold" doc:"What holding gave after the window."`
	Inside     *documentMetrics `json:"inside" doc:"Its figures in the window; null without a choice."`
	Outside    *documentMetrics `json:"outside" doc:"Its figures after it."`
}

type documentPoint struct {
	Time  time.Time `json:"time" doc:"When."`
	Value float64   `json:"value" doc:"The equity as a multiple of that at the start."`
	Held  float64   `json:"buy_and_hold" doc:"What holding in the same times was worth, as a multiple of that at the start."`
	// Shares are in the order of the pairs.
	Shares []documentShare `json:"held,omitempty" doc:"What of the account was held of each pair; left out where nothing was, or it is not known."`
}

// documentShare is what of the account was held of a pair.
type documentShare struct {
	Pair  string  `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	Share float64 `json:"share" doc:"The part of the account; the rest is other pairs and cash." example:"0.5"`
}

// WriteJSON writes the walk with every window and the equity after them.
func (w *Walk) WriteJSON(out io.Writer) error { return writeIndented(out, w.Document()) }

// Document returns the report as the value whose JSON WriteJSON writes.
func (w *Walk) Document() WalkDocument {
	a := w.in.Walk
	d := WalkDocument{
		Strategy: searchedDocument(w.in.Info),
		Market:   marketDocument(w.in.Config.Market), Pairs: pairsDocument(w.in.Config), Config: configDocument(w.in.Config),
		Data:   dataDocument(w.in.Source, w.from().UTC(), w.to().UTC(), int64(w.in.Candles.Len()), w.in.Data),
		Search: searchDocument(a.Method, a.Seed, a.Objective, a.Axes, a.Tried),
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
		one := documentPoint{Time: utc(p.Time), Value: p.Value, Held: p.Held}
		for leg, part := range p.Parts {
			if part > 0 {
				one.Shares = append(one.Shares, documentShare{w.in.Config.MarketOf(int64(leg)).Pair, part})
			}
		}
		d.Equity = append(d.Equity, one)
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
	fmt.Fprintf(&b, "%s (%s %s) on %s\n", w.in.Info.Title, w.in.Info.Name, w.in.Info.Version, traded(w.in.Config))
	fmt.Fprintf(&b, "%s, %s of %s\n", w.span(), count(int64(w.in.Candles.Len()), "candle"), span(w.in.Config.Interval))
	fmt.Fprintf(&b, "%s\n\n", w.walked())
	writeGrid(&b, append([][]string{w.columns()}, w.rows()...))
	b.WriteByte('\n')
	a := w.in.Walk
	writeRows(&b, []row{
		{"Result after", change(a.TotalReturn.Float()), change(a.CAGR.Float()) + w.aYear()},
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
