package backtestreport

import (
	"io"
	"strconv"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/param"
)

// SearchPage is the report of a search as it is shown.
type SearchPage struct {
	Heading
	Headline []Tile    `json:"headline"`
	Tiles    []Tile    `json:"tiles"`
	Worth    []string  `json:"worth,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
	Settings []Setting `json:"settings"`
	// Ranges are the parameters that were varied.
	Ranges []Setting `json:"ranges"`
	// Columns and Rows are the table of the best sets; Left says that there are
	// more.
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	Left    string     `json:"left,omitempty"`
	// Heat is over the first two ranges. Strands is nil for fewer than three, Halves
	// where the history is too short.
	Heat       *Heat       `json:"heat,omitempty"`
	Strands    *Plot       `json:"strands,omitempty"`
	Halves     *Plot       `json:"halves,omitempty"`
	References []Reference `json:"references"`
	// Drawing are the charts of the best run; nil without one.
	Drawing *Drawing `json:"drawing,omitempty"`
}

// Page returns what is shown of the report.
func (s *Search) Page() SearchPage {
	r := s.in.Result
	p := SearchPage{
		Heading:  headingOf(s.in.Info, s.in.Config, s.in.Source, s.span()),
		Headline: s.headline(), Tiles: s.tiles(), Worth: s.Worth, Warnings: s.Warnings, Ranges: s.ranges(),
		Columns: s.columns(), Rows: s.rows(pageSets), Heat: s.heat(), Strands: s.strands(), Halves: s.halves(), References: s.references(),
	}
	if left := len(r.Sets) - pageSets; left > 0 {
		p.Left = "The best " + whole(pageSets) + " of " + whole(int64(len(r.Sets))) + " sets; the JSON report has all."
	}
	if s.best != nil {
		page := s.best.Page()
		p.Drawing, p.Settings = &page.Drawing, page.Settings
	} else {
		p.Settings = conditions(s.in.Config, r.Candles)
	}
	return p
}

// headingOf returns the heading of a search or a walk.
func headingOf(info strategy.Info, cfg backtest.Config, source, span string) Heading {
	return Heading{Title: info.Title, Strategy: info.Name, Version: info.Version, Pair: traded(cfg), Source: source, Span: span}
}

// WriteHTML writes the report as one page, as Report.WriteHTML does.
func (s *Search) WriteHTML(w io.Writer) error { return s.Page().WriteHTML(w) }

// WriteHTML writes the page as Search.WriteHTML does.
func (p SearchPage) WriteHTML(w io.Writer) error {
	return writeFile(w, frame{
		Heading: p.Heading, Badge: "SWEEP", Kind: "search of parameters", Body: "search", Page: p,
		Foot: "Made by Lunobot. The best of many is partly the luckiest: walk it forward before you trust it.",
	})
}

func (s *Search) headline() []Tile {
	r := s.in.Result
	best, ok := r.Best()
	if !ok {
		return []Tile{{Name: "Best set", Value: "none", Note: s.tried()}}
	}
	m := s.in.Config.Market
	return []Tile{
		{"Best " + measureName(r.Objective.Measure), score(r.Objective.Measure, best.Score), s.nameOf(best), ""},
		{"Its result", signed(m, s.best.Profit) + " " + m.Counter, change(best.TotalReturn.Float()), tone(s.best.Profit.Sign())},
		{"Buy and hold", signed(m, s.best.Held.Sub(s.best.Initial)) + " " + m.Counter, change(s.best.Stats.BuyAndHold.Float()), tone(s.best.Held.Cmp(s.best.Initial))},
	}
}

func (s *Search) tiles() []Tile {
	r := s.in.Result
	best, ok := r.Best()
	if !ok {
		return nil
	}
	d := r.Doubts
	return []Tile{
		{"Sets tried", whole(int64(len(r.Sets))), "by " + methodName(r.Method), ""},
		{"Deflated Sharpe", percent(d.Deflated.Float()), "chance that it is real", doubtful(d.Deflated.Defined(), d.Deflated.Float() < sure)},
		{"By luck alone", figure(d.Luck), "best Sharpe; here " + figure(d.Sharpe), ""},
		{"Overfitting", percent(d.Overfitting.Probability.Float()), "no better elsewhere", doubtful(d.Overfitting.Probability.Defined(), d.Overfitting.Probability > stable)},
		{"Neighbours", percent(r.Stability.Ratio.Float()), "of the best score", doubtful(r.Stability.Ratio.Defined(), r.Stability.Ratio < stable)},
		{"Largest drawdown", change(-best.MaxDrawdown), "", ""},
		{"Trades", whole(int64(best.Trades)), percent(best.WinRate.Float()) + " won", ""},
		{"Growth a year", change(best.CAGR.Float()), "", ""},
	}
}

// doubtful gives a figure that speaks against the best set the tone of a loss.
func doubtful(known, bad bool) string {
	if known && bad {
		return "loss"
	}
	return ""
}

// ranges are the axes with the best value of each.
func (s *Search) ranges() []Setting {
	r := s.in.Result
	best, ok := r.Best()
	var out []Setting
	for i := range r.Axes {
		text := axisText(&r.Axes[i], s.in.Config.Market)
		if ok {
			text += "; best " + best.Values[i]
		}
		out = append(out, Setting{r.Axes[i].Label, text})
	}
	out = append(out, Setting{"Method", methodName(r.Method)})
	if r.Method != search.Grid {
		out = append(out, Setting{"Seed", strconv.FormatUint(r.Seed, 10)})
	}
	if r.Refused > 0 {
		out = append(out, Setting{"Not allowed", count(int64(r.Refused), "set")})
	}
	return out
}

// axisText writes the values of an axis, amounts in the currencies of the market.
func axisText(a *search.Axis, m exchange.Market) string {
	unit := param.UnitIn(a.Unit, m.Base, m.Counter)
	from, to := a.Ends()
	text := from + " to " + to
	switch n := len(a.Levels); {
	case !a.Ordered || n == 1 || n == 2:
		text = ""
		for i, l := range a.Levels {
			if i > 0 {
				text += ", "
			}
			text += l
		}
		text = withUnit(text, unit)
	case n > 0:
		text = withUnit(text, unit) + " in " + count(int64(n), "value")
	default:
		text = withUnit(text, unit)
	}
	if a.Log {
		text += ", in equal ratios"
	}
	return text
}

// whenText writes a day, with the hour if a walk's windows are shorter than days.
func whenText(t time.Time, days bool) string {
	if days {
		return t.UTC().Format(time.DateOnly)
	}
	return minute(t)
}
