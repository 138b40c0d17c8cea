package backtestreport

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lunobot/lunobot/strategy/param"
)

// row is a figure with its name and, in a further column, what belongs to it.
type row struct{ Name, Value, Note string }

// WriteTable writes the figures as an aligned table for a terminal. Elapsed is
// how long the run took, which it is told beside the candles a second; 0 leaves
// that out.
func (r *Report) WriteTable(w io.Writer, elapsed time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s %s) on %s\n", r.Title, r.Strategy, r.Version, r.traded())
	fmt.Fprintf(&b, "%s to %s UTC, %s of %s", minute(r.From), minute(r.To), count(r.Candles, "candle"), r.intervalText())
	if decide := r.result.Config.Decide; decide > r.Interval {
		fmt.Fprintf(&b, ", decides on candles of %s", span(decide))
	}
	b.WriteByte('\n')
	if ps := r.parameters(); len(ps) > 0 {
		texts := make([]string, len(ps))
		for i, p := range ps {
			texts[i] = p.Name + " = " + p.Value
		}
		b.WriteString(strings.Join(texts, ", ") + "\n")
	}
	for _, section := range [][]row{r.resultRows(), r.riskRows(), append(r.tradeRows(), r.checkRows()...)} {
		b.WriteByte('\n')
		writeRows(&b, section)
	}
	if elapsed > 0 {
		fmt.Fprintf(&b, "\nTook %s, %s candles/s\n", took(elapsed), whole(int64(float64(r.Candles)/elapsed.Seconds())))
	}
	writeList(&b, "The trades in other orders:", "  - ", inOrders(r.Orders))
	writeList(&b, "Before you trust this:", "  ! ", r.Warnings)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

func (r *Report) resultRows() []row {
	s, c := r.Stats, " "+r.Market.Counter
	return []row{
		{"Start", amount(r.Market, r.Initial) + c, ""},
		{"Result", amount(r.Market, r.Final) + c, change(s.TotalReturn.Float())},
		{r.holding(), amount(r.Market, r.Held) + c, change(s.BuyAndHold.Float())},
		{"Difference", signed(r.Market, r.Final.Sub(r.Held)) + c, change(s.Excess.Float())},
		{"Fees", amount(r.Market, r.Fees) + c, percent(share(r.Fees, r.Initial))},
	}
}

func (r *Report) riskRows() []row {
	s := r.Stats
	drawdown, amountDown := "none", ""
	if s.MaxDrawdown != nil {
		drawdown = change(-s.MaxDrawdown.Depth)
		amountDown = minute(s.MaxDrawdown.Peak) + " to " + minute(s.MaxDrawdown.Trough)
	}
	return []row{
		{"Largest drawdown", drawdown, amountDown},
		{"Sharpe ratio", figure(s.Sharpe), "Sortino " + figure(s.Sortino) + ", Calmar " + figure(s.Calmar)},
		{"Growth a year", change(s.CAGR.Float()), "volatility " + percent(s.Volatility.Float())},
		{"Time in the market", percent(s.Exposure.Float()), ""},
	}
}

func (r *Report) tradeRows() []row {
	t := r.Stats.Trades
	rows := []row{
		{"Trades", whole(int64(t.Count)), fmt.Sprintf("%s won, %s lost", whole(int64(t.Won)), whole(int64(t.Lost)))},
		{"Win rate", percent(t.WinRate.Float()), ""},
		{"Profit factor", figure(t.ProfitFactor), ""},
	}
	if t.Count > 0 {
		rows = append(rows,
			row{"Average trade", signed(r.Market, r.meanProfit()) + " " + r.Market.Counter, "held " + span(time.Duration(t.AverageSeconds.Float()*float64(time.Second)))})
	}
	return rows
}

// writeRows aligns names to the left and values to the right.
func writeRows(b *strings.Builder, rows []row) {
	const names, values = 20, 22
	for _, r := range rows {
		line := pad(r.Name, names, false) + pad(r.Value, values, true) + "   " + r.Note
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func pad(text string, width int, right bool) string {
	fill := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
	if right {
		return fill + text
	}
	return text + fill
}

// parameters lists the strategy's parameters: by the schema if there is one,
// else in the order in which they are written.
func (r *Report) parameters() []row {
	if r.schema != nil {
		return r.named()
	}
	var rows []row
	d := json.NewDecoder(strings.NewReader(string(r.Params)))
	d.UseNumber()
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return rows
		}
		name, isText := token.(string)
		if !isText {
			if depth++; depth > 1 {
				return rows
			}
			continue
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return rows
		}
		rows = append(rows, row{Name: name, Value: fmt.Sprint(value)})
	}
}

// named lists the parameters as the schema names them.
func (r *Report) named() []row {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(r.Params, &given); err != nil {
		return nil
	}
	var rows []row
	for _, f := range r.schema.Fields() {
		raw, ok := given[f.Name]
		if !ok {
			continue
		}
		value := f.Text(raw)
		switch {
		case f.Type == param.Bool && value == "true":
			value = "yes"
		case f.Type == param.Bool:
			value = "no"
		}
		for _, o := range f.Options {
			if o.Value == value {
				value = o.Label
			}
		}
		if value == "" {
			rows = append(rows, row{Name: f.Label, Value: "none"})
			continue
		}
		rows = append(rows, row{Name: f.Label, Value: strings.TrimSpace(value + " " + param.UnitIn(f.Unit, r.Market.Base, r.Market.Counter))})
	}
	return rows
}

// intervalText writes the length of a candle, such as "1 min".
func (r *Report) intervalText() string { return span(r.Interval) }

// took writes a short time with three digits.
func took(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}
