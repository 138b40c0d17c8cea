package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/perf"
)

// comparePage shows backtests side by side.
type comparePage struct {
	Runs    []comparedRun
	Chart   template.HTML
	Figures []comparedRow
	Setups  []comparedRow
}

// comparedRun is one column of the page.
type comparedRun struct {
	backtestRow
	// Number is the run's colour.
	Number int
	// Without leads to the page without the run; "" if two are left.
	Without string
}

// comparedRow is one line of a table, with a cell for each run.
type comparedRow struct {
	Label string
	Cells []comparedCell
	// Differs says that the cells are not all the same.
	Differs bool
}

// comparedCell is one cell; Best says that no other is better.
type comparedCell struct {
	Text, Tone string
	Best       bool
}

// compareBacktests shows the runs that the address names, two at least.
func (w *Web) compareBacktests(rq *request) error {
	var ids []string
	for _, id := range rq.URL.Query()["id"] {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) < 2 || len(ids) > backtestreport.MostCurves {
		return errs.New(errs.Malformed, "compare_count", "Choose two to %d backtests that are done, and compare them.", backtestreport.MostCurves)
	}
	var runs []research.Run
	var curves []backtestreport.NamedCurve
	for _, id := range ids {
		r, err := w.cfg.Research.Run(rq.Context(), rq.who, id)
		if err != nil {
			return err
		}
		if r.Kind != research.Backtest {
			return errs.New(errs.Malformed, "compare_kind", "Choose backtests of one set of parameters: %s is none.", r.Name)
		}
		kept, err := w.keptPage(rq, id)
		if err != nil {
			return err
		}
		runs, curves = append(runs, r), append(curves, backtestreport.NamedCurve{Name: r.Name, Curve: kept.Curve})
	}
	rows, err := w.backtestRowsOf(rq, runs)
	if err != nil {
		return err
	}
	p := comparePage{Figures: comparedFigures(rows), Setups: w.comparedSetups(rows)}
	for i, r := range rows {
		p.Runs = append(p.Runs, comparedRun{backtestRow: r, Number: i + 1, Without: without(ids, i)})
	}
	if p.Chart, err = parts(backtestreport.Overlay(curves)); err != nil {
		return err
	}
	return w.page(rq, http.StatusOK, "backtests/compare", view{Title: "Compare backtests", Nav: "backtests", MarketNotice: w.cfg.MarketNotice, D: p})
}

// without is the address of the page without one of the runs.
func without(ids []string, i int) string {
	if len(ids) <= 2 {
		return ""
	}
	address := "/backtests/compare?"
	for k, id := range ids {
		if k != i {
			address += "id=" + id + "&"
		}
	}
	return address[:len(address)-1]
}

// comparedFigures lists the figures of the runs; of most of them more is better. A run
// that never held anything is the best in nothing: it had no drawdown and paid no fees.
func comparedFigures(rows []backtestRow) []comparedRow {
	type figure struct {
		label string
		value func(f research.Figures) perf.Number
		text  func(n perf.Number) string
		// better is 1 if more is, -1 if less is and 0 if neither.
		better int
		tone   bool
	}
	var out []comparedRow
	for _, f := range []figure{
		{"Result", func(f research.Figures) perf.Number { return f.Return }, change, 1, true},
		{"Buy and hold", func(f research.Figures) perf.Number { return f.HoldReturn }, change, 0, true},
		{"Against holding", func(f research.Figures) perf.Number { return f.Return - f.HoldReturn }, change, 1, true},
		{"Growth a year", func(f research.Figures) perf.Number { return f.CAGR }, change, 1, true},
		{"Largest drawdown", func(f research.Figures) perf.Number { return -f.Drawdown }, change, 1, false},
		{"Volatility", func(f research.Figures) perf.Number { return f.Volatility }, share, -1, false},
		{"Sharpe ratio", func(f research.Figures) perf.Number { return f.Sharpe }, ratio, 1, false},
		{"Sortino ratio", func(f research.Figures) perf.Number { return f.Sortino }, ratio, 1, false},
		{"Calmar ratio", func(f research.Figures) perf.Number { return f.Calmar }, ratio, 1, false},
		{"Trades", func(f research.Figures) perf.Number { return perf.Number(f.Trades) }, count, 0, false},
		{"Win rate", func(f research.Figures) perf.Number { return f.WinRate }, share, 1, false},
		{"Profit factor", func(f research.Figures) perf.Number { return f.ProfitFactor }, ratio, 1, false},
		{"In the market", func(f research.Figures) perf.Number { return f.Exposure }, share, 0, false},
		{"Fees of the start", func(f research.Figures) perf.Number { return fraction(f.Fees, f.Initial) }, share, -1, false},
	} {
		row := comparedRow{Label: f.label}
		best, defined := 0.0, 0
		counts := func(r backtestRow, v perf.Number) bool {
			return v.Defined() && (r.Figures.Trades > 0 || r.Figures.Exposure > 0)
		}
		for _, r := range rows {
			if v := f.value(*r.Figures); counts(r, v) {
				if scaled := v.Float() * float64(f.better); defined == 0 || scaled > best {
					best = scaled
				}
				defined++
			}
		}
		for _, r := range rows {
			v := f.value(*r.Figures)
			cell := comparedCell{Text: f.text(v), Best: f.better != 0 && defined > 1 && counts(r, v) && v.Float()*float64(f.better) == best}
			if f.tone {
				cell.Tone = toneOf(v)
			}
			row.add(cell)
		}
		out = append(out, row)
	}
	return out
}

// fraction is a as a fraction of b.
func fraction(a, b decimal.Decimal) perf.Number {
	if b.IsZero() {
		return 0
	}
	return perf.Number(a.Div(b).InexactFloat64())
}

// add adds a cell and notes whether it differs from the first.
func (r *comparedRow) add(c comparedCell) {
	if len(r.Cells) > 0 && r.Cells[0].Text != c.Text {
		r.Differs = true
	}
	r.Cells = append(r.Cells, c)
}

// comparedSetups lists the conditions and the parameters of the runs, those of
// all strategies that are among them.
func (w *Web) comparedSetups(rows []backtestRow) []comparedRow {
	var out []comparedRow
	line := func(label string, text func(r backtestRow) string) {
		row := comparedRow{Label: label}
		for _, r := range rows {
			row.add(comparedCell{Text: text(r)})
		}
		out = append(out, row)
	}
	line("Strategy", func(r backtestRow) string { return strings.TrimSpace(r.Title + " " + r.StrategyVersion) })
	line("Market", backtestRow.Traded)
	line("History", func(r backtestRow) string {
		if r.Source == research.FromStore {
			return "stored, " + lengthName(r.Recorded)
		}
		return "market"
	})
	line("Candles", func(r backtestRow) string { return r.Candle })
	line("Time", func(r backtestRow) string { return r.Span() })
	line("Starting balance", func(r backtestRow) string {
		text := r.Market.MoneyText(r.Balance) + " " + r.Market.Counter
		if r.Terms.Holding.IsPositive() {
			text += " and " + exchange.Grouped(r.Terms.Holding.String()) + " " + r.Market.Base
		}
		for _, m := range r.Further {
			if held := r.Terms.Holdings[m.Pair]; held.IsPositive() {
				text += " and " + exchange.Grouped(held.String()) + " " + m.Base
			}
		}
		return text
	})
	line("Maker fee", func(r backtestRow) string { return percentText(r.MakerFee) + " %" })
	line("Taker fee", func(r backtestRow) string { return percentText(r.TakerFee) + " %" })
	line("Slippage", func(r backtestRow) string { return percentText(r.Slippage) + " %" })
	bound := func(d decimal.Decimal, unit string) string {
		if d.IsZero() {
			return "none"
		}
		return exchange.Grouped(d.String()) + " " + unit
	}
	if slices.ContainsFunc(rows, func(r backtestRow) bool { return len(r.Terms.FeeTiers) > 0 }) {
		line("Fees by traded value", func(r backtestRow) string {
			var tiers []string
			for _, t := range r.Terms.FeeTiers {
				tiers = append(tiers, fmt.Sprintf("from %s %s: %s %% maker, %s %% taker", exchange.Grouped(t.Volume.String()), r.Market.Counter, percentText(t.MakerFee), percentText(t.TakerFee)))
			}
			return cmp.Or(strings.Join(tiers, "; "), "none")
		})
	}
	for _, cost := range []struct {
		label, unit string
		of          func(research.Terms) decimal.Decimal
	}{
		{"Spread", "%", func(t research.Terms) decimal.Decimal { return t.Spread.Shift(2) }},
		{"Slippage by range", "%", func(t research.Terms) decimal.Decimal { return t.RangeShare.Shift(2) }},
		{"Impact", "%", func(t research.Terms) decimal.Decimal { return t.Impact.Shift(2) }},
		{"Share of the volume", "%", func(t research.Terms) decimal.Decimal { return t.MaxShare.Shift(2) }},
		{"Latency", "s", func(t research.Terms) decimal.Decimal { return decimal.New(t.Latency.Milliseconds(), -3) }},
	} {
		if slices.ContainsFunc(rows, func(r backtestRow) bool { return cost.of(r.Terms).IsPositive() }) {
			line(cost.label, func(r backtestRow) string { return bound(cost.of(r.Terms), cost.unit) })
		}
	}
	for _, s := range boundSets() {
		for _, k := range s.Kinds {
			if k.Unit != "" && (k.Name == "stop_loss" || k.Name == "take_profit" || slices.ContainsFunc(rows, func(r backtestRow) bool { return k.of(r.Risk).IsPositive() })) {
				line(k.Label, func(r backtestRow) string { return bound(k.of(r.Risk), k.Unit) })
			}
		}
	}
	line("Largest position", func(r backtestRow) string {
		var bounds []string
		for _, m := range append([]exchange.Market{r.Market.Market}, r.Further...) {
			most := r.Risk.MaxPositions[m.Pair]
			if m.Pair == r.Market.Pair {
				most = r.Risk.MaxPosition
			}
			if most.IsPositive() {
				bounds = append(bounds, bound(most, m.Base))
			}
		}
		return cmp.Or(strings.Join(bounds, ", "), "none")
	})

	cells := map[string][]comparedCell{}
	var labels []string
	for i, r := range rows {
		for _, p := range w.parameterRows(r.Strategy, r.StrategyVersion, r.Parameters, r.Market) {
			if _, known := cells[p.Label]; !known {
				labels = append(labels, p.Label)
				cells[p.Label] = slices.Repeat([]comparedCell{{Text: "–"}}, len(rows))
			}
			cells[p.Label][i] = comparedCell{Text: p.Value + unitText(p.Unit)}
		}
	}
	for _, label := range labels {
		row := comparedRow{Label: label}
		for _, c := range cells[label] {
			row.add(c)
		}
		out = append(out, row)
	}
	return out
}

func unitText(unit string) string {
	if unit == "" {
		return ""
	}
	return " " + unit
}

// change, share, ratio and count write a figure of a run; one that is not defined, or is
// beyond all numbers in percent, is a dash.
func change(n perf.Number) string {
	if n *= 100; !n.Defined() {
		return "–"
	}
	return signed(decimal.NewFromFloat(n.Float()), 2) + " %"
}

func share(n perf.Number) string {
	if n *= 100; !n.Defined() {
		return "–"
	}
	return amount(decimal.NewFromFloat(n.Float()), 2) + " %"
}

func ratio(n perf.Number) string {
	if !n.Defined() {
		return "–"
	}
	return amount(decimal.NewFromFloat(n.Float()), 2)
}

func count(n perf.Number) string { return exchange.Grouped(strconv.FormatFloat(n.Float(), 'f', 0, 64)) }

// toneOf is the class of a gain, a loss or neither, as far as it is written.
func toneOf(n perf.Number) string {
	if n *= 100; !n.Defined() {
		return "flat"
	}
	return tone(decimal.NewFromFloat(n.Float()).Round(2))
}

// parameterRows lists parameters by the labels of their strategy's schema; of a
// strategy that is no longer installed, by their plain names.
func (w *Web) parameterRows(strategy, pin string, parameters json.RawMessage, m market) []paramRow {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(parameters, &given); err != nil {
		return nil
	}
	s, ok := w.pinned(strategy, pin)
	if !ok {
		return []paramRow{{Label: "Parameters", Value: string(parameters)}}
	}
	var rows []paramRow
	for _, f := range s.Schema.Fields() {
		raw, ok := given[f.Name]
		if !ok || f.Bound != "" && f.Text(raw) == f.DefaultText() {
			continue // it is the bot's bound that counts
		}
		rows = append(rows, paramRow{Label: f.Label, Value: field{Field: f, Text: f.Text(raw)}.Shown(), Unit: param.UnitIn(f.Unit, m.Base, m.Counter), Help: f.Help})
	}
	return rows
}
