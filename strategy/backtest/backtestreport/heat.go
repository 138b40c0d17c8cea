package backtestreport

import (
	"fmt"
	"math"

	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/perf"
)

// mostCells is how many cells a heatmap has along an axis at the most; further
// levels share them. An axis without levels has fewCells, and so has one of which
// a search tries some levels only.
const (
	mostCells = 40
	fewCells  = 20
)

// Heat is a map of the scores over two axes, or over one, in coordinates of 100
// by 100. The best set of a cell gives its colour.
type Heat struct {
	Title string     `json:"title"`
	Note  string     `json:"note"`
	Cells []HeatCell `json:"cells"`
	// Best is the cell of the best set.
	Best *HeatCell `json:"best,omitempty"`
	// Across and Down are the names of the axes, Columns and Rows their labels.
	Across  string  `json:"across"`
	Down    string  `json:"down,omitempty"`
	Columns []Label `json:"columns"`
	Rows    []Label `json:"rows"`
	// Flat maps have one row.
	Flat bool `json:"flat,omitempty"`
}

// HeatCell is a rectangle with the class of its colour.
type HeatCell struct {
	X      string `json:"x"`
	Y      string `json:"y"`
	Width  string `json:"width"`
	Height string `json:"height"`
	Class  string `json:"class"`
	Title  string `json:"title"`
}

// cells are the cells along an axis.
type cells struct {
	axis  search.Axis
	count int
}

func newCells(a search.Axis, m search.Method) cells {
	switch {
	case a.Levels == nil:
		return cells{a, fewCells}
	case m == search.Grid:
		return cells{a, min(mostCells, len(a.Levels))}
	}
	return cells{a, min(fewCells, len(a.Levels))}
}

// shared reports whether several values share a cell.
func (c cells) shared() bool { return c.axis.Levels == nil || c.count < len(c.axis.Levels) }

// of returns the cell of a place on the axis.
func (c cells) of(place float64) int {
	share := place
	if n := len(c.axis.Levels); n > 0 {
		share = place / float64(n)
	}
	return min(int(share*float64(c.count)), c.count-1)
}

// labels names at most so many cells, at their middles.
func (c cells) labels(most int) []Label {
	var out []Label
	every := (c.count + most - 1) / most
	for i := 0; i < c.count; i += every {
		at := (float64(i) + 0.5) / float64(c.count)
		text := c.axis.Text(at)
		if n := len(c.axis.Levels); n > 0 {
			text = c.axis.Levels[min((i*n+c.count-1)/c.count, n-1)]
		}
		out = append(out, Label{At: percentage(at), Text: text})
	}
	return out
}

// heat draws the scores over the first two axes.
func (s *Search) heat() *Heat {
	r := s.in.Result
	across := newCells(r.Axes[0], r.Method)
	down := cells{count: 1}
	h := &Heat{Title: measureName(r.Objective.Measure), Across: r.Axes[0].Label, Columns: across.labels(12), Flat: true}
	if len(r.Axes) > 1 {
		down = newCells(r.Axes[1], r.Method)
		h.Title += " by " + r.Axes[0].Label + " and " + r.Axes[1].Label
		h.Down, h.Rows, h.Flat = r.Axes[1].Label, down.labels(10), false
	} else {
		h.Title += " by " + r.Axes[0].Label
	}
	best := make(map[[2]int]*search.Set)
	var order [][2]int
	for _, set := range r.Sets { // the best first
		at := [2]int{across.of(set.Place[0]), 0}
		if len(r.Axes) > 1 {
			at[1] = down.of(set.Place[1])
		}
		if best[at] == nil {
			best[at] = set
			order = append(order, at)
		}
	}
	shade := newShade(r)
	for i, at := range order {
		set := best[at]
		wide, tall := 100/float64(across.count), 100/float64(down.count)
		cell := HeatCell{
			X: fixed(float64(at[0])*wide, 2), Y: fixed(float64(at[1])*tall, 2), Width: fixed(wide, 2), Height: fixed(tall, 2),
			Class: shade.class(set.Score), Title: s.nameOf(set) + ": " + score(r.Objective.Measure, set.Score),
		}
		h.Cells = append(h.Cells, cell)
		if i == 0 && set.Score.Defined() {
			h.Best = &cell
		}
	}
	h.Note = "Stronger colours are farther from " + shade.neutralText() + ", green above and red below. The frame is the best set."
	if len(r.Axes) > 2 || across.shared() || len(r.Axes) == 2 && down.shared() {
		h.Note += " A cell shows the best of the sets that share it."
	}
	return h
}

// nameOf names a set by its values.
func (s *Search) nameOf(set *search.Set) string {
	text := ""
	for i, a := range s.in.Result.Axes {
		if i > 0 {
			text += ", "
		}
		text += a.Label + " " + set.Values[i]
	}
	return text
}

// shade gives scores a class of gain or loss.
type shade struct {
	neutral, most float64
	measure       search.Measure
}

func newShade(r *search.Result) shade {
	s := shade{measure: r.Objective.Measure}
	if s.measure == search.Equity || s.measure == search.ProfitFactor {
		s.neutral = 1
	}
	for _, set := range r.Sets {
		if set.Score.Defined() {
			s.most = max(s.most, math.Abs(set.Score.Float()-s.neutral))
		}
	}
	return s
}

func (s shade) neutralText() string { return score(s.measure, perf.Number(s.neutral)) }

func (s shade) class(n perf.Number) string {
	if !n.Defined() {
		return "none"
	}
	v := n.Float() - s.neutral
	tone := "gain"
	if v < 0 {
		tone = "loss"
	}
	if s.most == 0 {
		return tone + "-1"
	}
	return fmt.Sprintf("%s-%d", tone, 1+int((shades-1)*math.Abs(v)/s.most))
}
