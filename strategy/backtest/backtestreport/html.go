package backtestreport

import (
	"bufio"
	_ "embed" // the page's parts
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// maxRows bounds the trades that the page lists.
const maxRows = 1000

//go:embed page/report.html.tmpl
var pageTemplate string

//go:embed page/report.css
var pageStyle string

//go:embed page/report.js
var pageScript string

// page is what the template shows.
type page struct {
	Report   *Report
	Style    template.CSS
	Script   template.JS
	Span     string
	Headline []tile
	Tiles    []tile
	Settings []row
	Charts   []chart
	Dates    []label
	Folded   bool
	Readings readings
	Years    []calendarYear
	Spread   *distribution
	Trades   []tradeRow
	Left     string
	Position string
}

// tile is one figure; Tone is "gain", "loss" or "".
type tile struct{ Name, Value, Note, Tone string }

// tradeRow is a line of the table of trades.
type tradeRow struct {
	Number, Entry, Exit, Held, Volume, EntryPrice, ExitPrice, Fees, Profit, Return, Tone string
}

// WriteHTML writes the report as one page that needs nothing else: styles,
// charts and script are in it. The charts draw fewer points than there are
// candles, but never lose a peak or a trough.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	if err := t.Execute(out, r.page()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (r *Report) page() page {
	a := r.newAxis()
	p := page{
		Report: r, Style: template.CSS(pageStyle), Script: template.JS(pageScript), //nolint:gosec // embedded
		Span: minute(r.From) + " to " + minute(r.To) + " UTC", Headline: r.headline(), Tiles: r.tiles(), Settings: r.settings(),
		Charts: r.charts(a), Dates: r.dates(a), Folded: len(a.folds) > 0, Readings: r.readings(a), Years: r.calendar(), Spread: r.distribution(),
	}
	trades := r.Trades
	if left := len(trades) - maxRows; left > 0 {
		trades = trades[left:]
		p.Left = "The newest " + whole(maxRows) + " of " + whole(int64(len(r.Trades))) + " trades; the JSON report has all."
	}
	for i, t := range trades {
		p.Trades = append(p.Trades, r.tradeRow(len(r.Trades)-len(trades)+i+1, t))
	}
	if o := r.Position; o != nil {
		p.Position = fmt.Sprintf("Still open since %s: %s %s, bought at %s on average, worth %s %s (%s).", minute(o.OpenedAt), o.Volume, r.Market.Base,
			price(r.Market, o.EntryPrice), amount(r.Market, o.Value), r.Market.Counter, signed(r.Market, o.Profit))
	}
	return p
}

func (r *Report) headline() []tile {
	s := r.Stats
	return []tile{
		{"Result", signed(r.Market, r.Profit) + " " + r.Market.Counter, change(s.TotalReturn.Float()), tone(r.Profit.Sign())},
		{"Buy and hold", signed(r.Market, r.Held.Sub(r.Initial)) + " " + r.Market.Counter, change(s.BuyAndHold.Float()), tone(r.Held.Cmp(r.Initial))},
		{"Against holding", signed(r.Market, r.Final.Sub(r.Held)) + " " + r.Market.Counter, "the strategy's result less the holder's", tone(r.Final.Cmp(r.Held))},
	}
}

func (r *Report) tiles() []tile {
	s, t := r.Stats, r.Stats.Trades
	drawdown := tile{Name: "Largest drawdown", Value: "none"}
	if d := s.MaxDrawdown; d != nil {
		drawdown.Value, drawdown.Note = change(-d.Depth), "until "+d.Trough.Format(time.DateOnly)
	}
	return []tile{
		drawdown,
		{"Sharpe ratio", figure(s.Sharpe), "Sortino " + figure(s.Sortino), ""},
		{"Growth a year", change(s.CAGR.Float()), "volatility " + percent(s.Volatility.Float()), ""},
		{"Trades", whole(int64(t.Count)), whole(int64(t.Won)) + " won, " + whole(int64(t.Lost)) + " lost", ""},
		{"Win rate", percent(t.WinRate.Float()), whole(int64(t.LongestLosing)) + " lost in a row", ""},
		{"Profit factor", figure(t.ProfitFactor), "average " + signed(r.Market, r.meanProfit()), ""},
		{"Fees", amount(r.Market, r.Fees), percent(share(r.Fees, r.Initial)) + " of start", ""},
		{"In the market", percent(s.Exposure.Float()), "of the time", ""},
	}
}

// settings are the run's conditions.
func (r *Report) settings() []row {
	cfg := r.result.Config
	rows := []row{
		{Name: "Starting balance", Value: amount(r.Market, r.Initial) + " " + r.Market.Counter},
		{Name: "Maker fee", Value: percent(cfg.Fees.Maker.Decimal().InexactFloat64())},
		{Name: "Taker fee", Value: percent(cfg.Fees.Taker.Decimal().InexactFloat64())},
		{Name: "Slippage", Value: percent(cfg.Slippage.Decimal().InexactFloat64())},
		{Name: "Tick, step", Value: r.Market.Tick.String() + " " + r.Market.Counter + ", " + r.Market.Step.String() + " " + r.Market.Base},
		{Name: "Candles", Value: whole(r.Candles) + " of " + r.intervalText()},
	}
	for _, cost := range []struct {
		name, before string
		rate         exchange.Rate
	}{
		{"Spread", "", cfg.Spread}, {"Slippage by range", "", cfg.Range}, {"Impact", "", cfg.Impact}, {"Share of the volume", "at most ", cfg.MaxShare},
	} {
		if cost.rate > 0 {
			rows = append(rows, row{Name: cost.name, Value: cost.before + percent(cost.rate.Decimal().InexactFloat64())})
		}
	}
	if cfg.Latency > 0 {
		rows = append(rows, row{Name: "Latency", Value: cfg.Latency.String()})
	}
	return append(rows, r.parameters()...)
}

func (r *Report) tradeRow(number int, t Trade) tradeRow {
	return tradeRow{
		Number: whole(int64(number)), Entry: minute(t.EntryTime), Exit: minute(t.ExitTime), Held: span(t.Held()), Volume: group(t.Volume.StringFixed(r.Market.VolumeScale())),
		EntryPrice: price(r.Market, t.EntryPrice), ExitPrice: price(r.Market, t.ExitPrice), Fees: amount(r.Market, t.Fees()),
		Profit: signed(r.Market, t.Profit), Return: change(t.Return), Tone: tone(t.Profit.Sign()),
	}
}

func tone(sign int) string {
	switch {
	case sign > 0:
		return "gain"
	case sign < 0:
		return "loss"
	}
	return ""
}
