package backtestreport

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lunobot/lunobot/strategy/backtest/search"
)

// tableSets is how many sets the table for a terminal lists, pageSets how many
// the page does.
const (
	tableSets = 10
	pageSets  = 50
)

// WriteTable writes the best sets and what the best is worth for a terminal.
// Elapsed is how long the search took; 0 leaves that out.
func (s *Search) WriteTable(w io.Writer, elapsed time.Duration) error {
	r := s.in.Result
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s %s) on %s\n", s.in.Info.Title, s.in.Info.Name, s.in.Info.Version, traded(s.in.Config))
	fmt.Fprintf(&b, "%s, %s of %s\n", s.span(), count(r.Candles, "candle"), span(s.in.Config.Interval))
	fmt.Fprintf(&b, "%s\n\n", s.tried())
	writeGrid(&b, append([][]string{s.columns()}, s.rows(tableSets)...))
	writeList(&b, "What the best set is worth:", "  - ", s.Worth)
	writeList(&b, "Before you trust this:", "  ! ", s.Warnings)
	writeList(&b, "Sources:", "  ", referenceLines(s.references()))
	if elapsed > 0 {
		fmt.Fprintf(&b, "\nTook %s, %s sets/s\n", took(elapsed), whole(int64(float64(len(r.Sets))/elapsed.Seconds())))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

func (s *Search) span() string {
	return minute(utc(s.in.Result.From)) + " to " + minute(utc(s.in.Result.To)) + " UTC"
}

// tried says how many sets were tried and how.
func (s *Search) tried() string {
	r := s.in.Result
	text := fmt.Sprintf("%s by %s, best by %s", count(int64(len(r.Sets)), "set"), methodName(r.Method), measureName(r.Objective.Measure))
	if r.Objective.MaxDrawdown > 0 {
		text += ", drawdown up to " + percent(r.Objective.MaxDrawdown)
	}
	if r.Objective.MinTrades > 0 {
		text += fmt.Sprintf(", at least %s", count(int64(r.Objective.MinTrades), "trade"))
	}
	if r.Refused > 0 {
		text += fmt.Sprintf("; %s skipped, which the strategy does not allow", whole(int64(r.Refused)))
	}
	return text
}

// columns are the heads of the table of sets: the axes first.
func (s *Search) columns() []string {
	out := []string{"#"}
	for _, a := range s.in.Result.Axes {
		out = append(out, a.Label)
	}
	if m := s.in.Result.Objective.Measure; m != search.Sharpe {
		out = append(out, measureName(m))
	}
	return append(out, "Sharpe", "Result", "Drawdown", "Trades", "Profit factor", "Deflated", "1st half", "2nd half")
}

// rows are the best sets.
func (s *Search) rows(most int) [][]string {
	r := s.in.Result
	var out [][]string
	for i, set := range r.Sets[:min(most, len(r.Sets))] {
		row := append([]string{whole(int64(i + 1))}, set.Values...)
		if set.Failed != "" {
			out = append(out, append(row, set.Failed))
			continue
		}
		if m := r.Objective.Measure; m != search.Sharpe {
			row = append(row, score(m, set.Score))
		}
		out = append(out, append(row, figure(set.Sharpe), change(set.TotalReturn.Float()), change(-set.MaxDrawdown), whole(int64(set.Trades)),
			figure(set.ProfitFactor), percent(r.Deflated(set).Float()), figure(set.Inside), figure(set.Outside)))
	}
	return out
}

// writeGrid aligns all columns to the right.
func writeGrid(b *strings.Builder, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if len(row) == len(rows[0]) { // a reason for a failure may be long
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = pad(cell, widths[i], true)
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
}

// writeList writes sentences under a head, if there are any.
func writeList(b *strings.Builder, head, mark string, texts []string) {
	if len(texts) > 0 {
		b.WriteString("\n" + head + "\n")
	}
	for _, text := range texts {
		b.WriteString(mark + text + "\n")
	}
}
