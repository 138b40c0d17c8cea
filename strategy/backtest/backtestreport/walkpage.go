package backtestreport

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/strategy/backtest/search"
)

// windowsID is the chart of a walk's windows.
const windowsID = "windows"

// WalkPage is the report of a walk forward as it is shown.
type WalkPage struct {
	Heading
	Headline []Tile    `json:"headline"`
	Tiles    []Tile    `json:"tiles"`
	Worth    []string  `json:"worth,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
	Settings []Setting `json:"settings"`
	Ranges   []Setting `json:"ranges"`
	Drawing
	// Scatter is each window's score against that after it; nil for fewer than two.
	Scatter *Plot `json:"scatter,omitempty"`
	// Columns and Rows are the table of the windows.
	Columns    []string    `json:"columns"`
	Rows       [][]string  `json:"rows"`
	References []Reference `json:"references"`
}

// Page returns what is shown of the report.
func (w *Walk) Page() WalkPage {
	p := WalkPage{
		Heading:  headingOf(w.in.Info, w.in.Config, w.in.Source, w.span()),
		Headline: w.headline(), Tiles: w.tiles(), Worth: w.Worth, Warnings: w.Warnings, Settings: conditions(w.in.Config, int64(w.in.Candles.Len())),
		Drawing: w.drawing(), Scatter: w.scatter(), Columns: w.columns(), Rows: w.rows(), References: w.references(),
	}
	a := w.in.Walk
	for i := range a.Axes {
		p.Ranges = append(p.Ranges, Setting{a.Axes[i].Label, axisText(&a.Axes[i], w.in.Config.Market)})
	}
	p.Ranges = append(p.Ranges, Setting{"Windows", w.walked()})
	if a.Step != a.OutOfSample {
		p.Ranges = append(p.Ranges, Setting{"Step", span(a.Step)})
	}
	if a.Method != search.Grid {
		p.Ranges = append(p.Ranges, Setting{"Seed", strconv.FormatUint(a.Seed, 10)})
	}
	return p
}

// WriteHTML writes the report as one page, as Report.WriteHTML does.
func (w *Walk) WriteHTML(out io.Writer) error { return w.Page().WriteHTML(out) }

// WriteHTML writes the page as Walk.WriteHTML does.
func (p WalkPage) WriteHTML(w io.Writer) error {
	return writeFile(w, frame{
		Heading: p.Heading, Badge: "WALK-FORWARD", Kind: "walk-forward", Body: "walk", Page: p,
		Foot: "Made by Lunobot. Each choice saw the candles of its window and nothing after. Each run is warmed up by the candles before it, in which nothing trades.",
	})
}

func (w *Walk) headline() []Tile {
	a := w.in.Walk
	against := "–"
	if a.Held.Defined() {
		against = change((a.TotalReturn - a.Held).Float())
	}
	return []Tile{
		{"Result after the windows", change(a.TotalReturn.Float()), change(a.CAGR.Float()) + w.aYear(), tone(sign(a.TotalReturn.Float()))},
		{"Buy and hold", change(a.Held.Float()), "over the same times", tone(sign(a.Held.Float()))},
		{"Against holding", against, "the choices' result less the holder's", tone(sign((a.TotalReturn - a.Held).Float()))},
	}
}

func (w *Walk) tiles() []Tile {
	a := w.in.Walk
	gained, traded := w.gained()
	m := w.in.Config.Market
	return []Tile{
		{"Efficiency", percent(a.Efficiency.Float()), "growth after / within", doubtful(a.Efficiency.Defined(), a.Efficiency < stable)},
		{"Windows", whole(int64(len(a.Windows))), whole(int64(gained)) + " of " + whole(int64(traded)) + " gained after", ""},
		{"Sharpe ratio", figure(a.Sharpe), "after the windows", ""},
		{"Chance it is real", percent(a.Probabilistic.Float()), "true Sharpe above 0", doubtful(a.Probabilistic.Defined(), a.Probabilistic.Float() < sure)},
		{"Largest drawdown", change(-a.MaxDrawdown), "after the windows", ""},
		{"Trades", whole(int64(a.Trades)), "after the windows", ""},
		{"Fees in " + m.Counter, amount(m, m.Amount(a.Fees)), "from " + amount(m, m.Amount(w.in.Config.Balance)) + " each", ""},
		{"Choices", whole(int64(w.choices())), "in " + count(int64(traded), "window"), ""},
	}
}

// drawing draws the equity after the windows and how each window did within and
// after.
func (w *Walk) drawing() Drawing {
	a := w.in.Walk
	o := overlay{from: a.Curve[0].Time, to: a.Curve[len(a.Curve)-1].Time}
	charts := []Chart{w.equityChart(o)}
	if w.follows() {
		charts = append(charts, w.exposureChart(o))
	}
	return Drawing{Charts: append(charts, w.windowsChart(o)), Dates: o.dates(), Readings: w.readings(o)}
}

// follows reports whether it is known what the account held.
func (w *Walk) follows() bool {
	return !slices.ContainsFunc(w.in.Walk.Curve, func(p search.WalkPoint) bool { return p.Parts == nil })
}

// mostBands bounds the places at which what the account held is drawn.
const mostBands = 1_500

func (w *Walk) exposureChart(o overlay) Chart {
	curve, markets := w.in.Walk.Curve, w.in.Config.Markets()
	stride := (len(curve) + mostBands - 1) / mostBands
	b := bands{markets: markets, note: "From below: what of the account was held of each pair after the windows, and cash."}
	for i, p := range curve {
		if i%stride == 0 || i == len(curve)-1 {
			b.at, b.shares = append(b.at, o.x(p.Time)), append(b.shares, withCash(p.Parts, len(markets)))
		}
	}
	c := b.chart()
	c.Lines = append(c.Lines, Line{"fold", w.borders(o)})
	return c
}

func (w *Walk) equityChart(o overlay) Chart {
	c := Chart{ID: equityID, Title: "Equity after the windows, from 1", Tall: true, Legend: []Legend{{"equity", "Choices"}, {"held", "Buy and hold"}}}
	var equity, held []point
	for _, p := range w.in.Walk.Curve {
		equity = append(equity, point{o.x(p.Time), p.Value})
		held = append(held, point{o.x(p.Time), p.Held})
	}
	low, high := bounds(equity, held)
	s := newScale(low, high, true)
	c.grid(s, fixed)
	c.Lines = append(c.Lines, Line{"fold", w.borders(o)})
	c.Lines = append(c.Lines, Line{"held", line(held, s)}, Line{"equity", line(equity, s)})
	c.Note = strings.TrimSpace(c.Note + " A dashed line marks where a new choice begins.")
	return c
}

// borders draws where a new choice begins.
func (w *Walk) borders(o overlay) string {
	var p pen
	for _, window := range w.in.Walk.Windows[1:] {
		p.to('M', o.x(window.To.UnixMilli()), 0)
		p.b = append(p.b, "V100"...)
	}
	return p.d()
}

// mostGrowth bounds what the chart of the windows shows of a growth a year, which
// a short window blows up.
const mostGrowth = 5

// growthOf turns the logarithm of a growth into a change.
func growthOf(log float64) float64 { return math.Expm1(min(log, 700)) }

func (w *Walk) windowsChart(o overlay) Chart {
	c := Chart{
		ID: windowsID, Title: "Growth a year within each window and after it",
		Legend: []Legend{{"inside", "Within"}, {"after", "After"}},
	}
	most := 0.1
	for _, window := range w.in.Walk.Windows {
		for _, v := range []float64{window.Inside.Float(), window.After.Float()} {
			if !math.IsNaN(v) {
				most = max(most, min(math.Abs(growthOf(v)), mostGrowth))
			}
		}
	}
	s := newScale(-min(most, 1), most, false)
	clamp := func(log float64) float64 { return min(max(growthOf(log), s.low), s.high) }
	c.grid(s, func(v float64, decimals int32) string { return fixed(100*v, max(0, decimals-2)) + " %" })
	var zero, gains, losses, inside pen
	zero.to('M', 0, s.y(0))
	zero.to('L', width, s.y(0))
	for _, window := range w.in.Walk.Windows {
		from, to := o.x(window.To.UnixMilli()), o.x(window.End.UnixMilli())
		from, to = from+(to-from)*0.12, to-(to-from)*0.12
		if window.After.Defined() {
			bar := &gains
			if window.After < 0 {
				bar = &losses
			}
			bar.to('M', from, s.y(0))
			bar.to('L', from, s.y(clamp(window.After.Float())))
			bar.to('L', to, s.y(clamp(window.After.Float())))
			bar.to('L', to, s.y(0))
			bar.b = append(bar.b, 'Z')
		}
		if window.Inside.Defined() {
			inside.to('M', from, s.y(clamp(window.Inside.Float())))
			inside.to('L', to, s.y(clamp(window.Inside.Float())))
		}
	}
	c.Lines = append(c.Lines, Line{"zero", zero.d()}, Line{"bar-gain", gains.d()}, Line{"bar-loss", losses.d()}, Line{"inside", inside.d()})
	if most >= mostGrowth {
		c.Note = "Growth beyond the axis is drawn at its end."
	}
	return c
}

// readings reads the charts at evenly spread times.
func (w *Walk) readings(o overlay) Readings {
	a := w.in.Walk
	r := Readings{Values: map[string][]string{}}
	follows := w.follows()
	for b := range buckets + 1 {
		t := o.from + int64(b)*(o.to-o.from)/buckets
		at := max(0, sort.Search(len(a.Curve), func(k int) bool { return a.Curve[k].Time > t })-1)
		text := fmt.Sprintf("%.4f · holding %.4f", a.Curve[at].Value, a.Curve[at].Held)
		if markets := w.in.Config.Markets(); follows {
			r.Values[exposureID] = append(r.Values[exposureID], sharesText(withCash(a.Curve[at].Parts, len(markets)), markets))
		}
		window := max(0, sort.Search(len(a.Windows), func(k int) bool { return a.Windows[k].To.UnixMilli() > t })-1)
		r.X = append(r.X, tenth(o.x(t)))
		r.Time = append(r.Time, minute(utc(t)))
		r.Values[equityID] = append(r.Values[equityID], text)
		r.Values[windowsID] = append(r.Values[windowsID], w.choice(window)+": within "+years(a.Windows[window].Inside)+", after "+years(a.Windows[window].After))
	}
	return r
}

// choice names what a window chose.
func (w *Walk) choice(window int) string {
	best := w.in.Walk.Windows[window].Best
	if best == nil {
		return "no choice"
	}
	var parts []string
	for i, a := range w.in.Walk.Axes {
		parts = append(parts, a.Label+" "+best.Values[i])
	}
	return strings.Join(parts, ", ")
}

func (w *Walk) scatter() *Plot {
	var dots []dot
	for _, window := range w.in.Walk.Windows {
		if window.Best != nil && window.Best.Score.Defined() && window.Score.Defined() {
			dots = append(dots, dot{x: window.Best.Score.Float(), y: window.Score.Float(), kind: "top"})
		}
	}
	measure, even := w.in.Walk.Objective.Measure, 0.0
	if measure == search.Equity || measure == search.ProfitFactor {
		even = 1 // nothing gained and nothing lost
	}
	name := measureName(measure)
	return scatter(Chart{
		ID: "scatter", Title: name + " within against after", Tall: true, Note: "Each dot is a window: the score of its choice within and after. On the dashed line they are the same.",
	}, "within the window", "after it", even, dots)
}

func (w *Walk) columns() []string {
	out := []string{"Window", "Traded to"}
	for _, a := range w.in.Walk.Axes {
		out = append(out, a.Label)
	}
	name := measureName(w.in.Walk.Objective.Measure)
	return append(out, name+" within", "after", "Result after", "Holding", "Drawdown", "Trades")
}

func (w *Walk) rows() [][]string {
	a := w.in.Walk
	// Of windows of whole days the hour is the same, and stands above.
	days := a.OutOfSample%(24*time.Hour) == 0 && a.Step%(24*time.Hour) == 0 && a.InSample%(24*time.Hour) == 0
	var out [][]string
	for _, window := range a.Windows {
		row := []string{whenText(window.From, days) + " to " + whenText(window.To, days), whenText(window.End, days)}
		if window.Best == nil {
			for range a.Axes {
				row = append(row, "–")
			}
			out = append(out, append(row, "–", "–", "–", change(window.Held.Float()), "–", "0"))
			continue
		}
		row = append(row, window.Best.Values...)
		m := a.Objective.Measure
		out = append(out, append(row, score(m, window.Best.Score), score(m, window.Score), change(window.Outside.TotalReturn.Float()),
			change(window.Held.Float()), change(-window.Outside.MaxDrawdown), whole(int64(window.Outside.Trades))))
	}
	return out
}
