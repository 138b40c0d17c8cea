package backtestreport

import (
	"math"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/strategy/perf"
)

const (
	// mostDots bounds the dots of a scatter, mostStrands the lines of parallel
	// coordinates; the best sets are always among them.
	mostDots    = 2_000
	mostStrands = 300
	// top is how many of the best sets stand out.
	top = 10
)

// Plot is a chart whose axis is not time. It is a Chart with labels below.
type Plot struct {
	Chart
	// Below are the labels below, Caption says what is across and up.
	Below   []Label `json:"below"`
	Caption string  `json:"caption"`
	// Crowded labels are left out where there is little room, for the caption has
	// them too.
	Crowded bool `json:"crowded,omitempty"`
}

// dot is one dot of a scatter; special ones are drawn last.
type dot struct {
	x, y float64
	kind string // "", "top" or "best"
}

// scatter draws dots around the value of neither gain nor loss; values that are far
// out lie on the edge. Nil for fewer than two.
func scatter(c Chart, across, up string, even float64, dots []dot) *Plot {
	if len(dots) < 2 {
		return nil
	}
	var xs, ys []float64
	for _, d := range dots {
		xs, ys = append(xs, d.x), append(ys, d.y)
	}
	low, high := spread(xs)
	sx := newScale(min(low, even), max(high, even), false)
	low, high = spread(ys)
	sy := newScale(min(low, even), max(high, even), false)
	x := func(v float64) float64 { return width * (1 - sx.y(min(max(v, sx.low), sx.high))/height) }
	y := func(v float64) float64 { return min(max(v, sy.low), sy.high) }
	p := &Plot{Chart: c, Caption: "Across: " + across + " · up: " + up}
	p.grid(sy, fixed)
	values, decimals := sx.lines()
	var grid, zero, same pen
	for _, v := range values {
		grid.to('M', x(v), 0)
		grid.b = append(grid.b, "V100"...)
		p.Below = append(p.Below, Label{At: percentage(x(v) / width), Text: fixed(v, decimals)})
	}
	zero.to('M', 0, sy.y(even))
	zero.to('L', width, sy.y(even))
	zero.to('M', x(even), 0)
	zero.to('L', x(even), height)
	if from, to := max(sx.low, sy.low), min(sx.high, sy.high); from < to {
		same.to('M', x(from), sy.y(from))
		same.to('L', x(to), sy.y(to))
	}
	p.Lines = append(p.Lines, Line{"grid", grid.d()}, Line{"zero", zero.d()}, Line{"same", same.d()})
	for _, kind := range []string{"", "top", "best"} {
		var marks pen
		for _, d := range dots {
			if d.kind == kind {
				marks.dot(x(d.x), sy.y(y(d.y)))
			}
		}
		class := "dot"
		if kind != "" {
			class += " r-dot-" + kind
		}
		p.Lines = append(p.Lines, Line{class, marks.d()})
	}
	return p
}

// spread returns the ends of values without the outermost hundredth.
func spread(values []float64) (low, high float64) {
	s := slices.Sorted(slices.Values(values))
	cut := len(s) / 100
	return s[cut], s[len(s)-1-cut]
}

// halves draws each set's Sharpe ratio in the first half of the history against
// that in the second.
func (s *Search) halves() *Plot {
	var dots []dot
	sets := s.in.Result.Sets
	for i, set := range sets {
		if !set.Inside.Defined() || !set.Outside.Defined() || i >= top && len(sets) > mostDots && i%(len(sets)/mostDots+1) != 0 {
			continue
		}
		d := dot{x: set.Inside.Float(), y: set.Outside.Float()}
		switch {
		case i == 0 && set.Score.Defined():
			d.kind = "best"
		case i < top && set.Score.Defined():
			d.kind = "top"
		}
		dots = append(dots, d)
	}
	return scatter(Chart{
		ID: "halves", Title: "First half against second half", Tall: true,
		Note:   "Each dot is a set: its Sharpe ratio in the first half of the history and in the second. Skill keeps to the dashed line; luck does not care where it is.",
		Legend: []Legend{{"dot-best", "Best set"}, {"dot-top", "Next nine"}, {"dot", "Others"}},
	}, "first half", "second half", 0, dots)
}

// strands draws sets as lines through all axes and their score, if there are more
// than two axes.
func (s *Search) strands() *Plot {
	r := s.in.Result
	if len(r.Axes) < 3 {
		return nil
	}
	var scores []float64
	for _, set := range r.Sets {
		if set.Score.Defined() {
			scores = append(scores, set.Score.Float())
		}
	}
	if len(scores) < 2 {
		return nil
	}
	low, high := spread(scores)
	p := &Plot{Chart: Chart{
		ID: "strands", Title: "All ranges and the score", Tall: true, Note: "Each line is a set. Where the best ones run together, that value matters.",
		Legend: []Legend{{"strand-best", "Best set"}, {"strand-top", "Next nine"}, {"strand", "Others"}},
	}, Crowded: true}
	n := len(r.Axes)
	var bars pen
	for i := range n + 1 {
		x := width * float64(i) / float64(n)
		bars.to('M', x, 0)
		bars.b = append(bars.b, "V100"...)
		label := Label{At: percentage(x / width)}
		if i < n {
			from, to := r.Axes[i].Ends()
			label.Text = r.Axes[i].Label + " " + from + " … " + to
		} else {
			label.Text = measureName(r.Objective.Measure) + " " + score(r.Objective.Measure, perf.Number(low)) + " … " + score(r.Objective.Measure, perf.Number(high))
		}
		p.Below = append(p.Below, label)
	}
	var names []string
	for _, l := range p.Below {
		names = append(names, l.Text)
	}
	p.Caption = "From the left: " + strings.Join(names, " · ")
	line := func(to *pen, set *search.Set) {
		for i := range n + 1 {
			share := 0.5
			switch {
			case i == n && high > low:
				share = min(max(0, (set.Score.Float()-low)/(high-low)), 1)
			case i < n && r.Axes[i].Levels == nil:
				share = set.Place[i]
			case i < n && len(r.Axes[i].Levels) > 1:
				share = set.Place[i] / float64(len(r.Axes[i].Levels)-1)
			}
			command := byte('L')
			if i == 0 {
				command = 'M'
			}
			to.to(command, width*float64(i)/float64(n), height*(1-share))
		}
	}
	var others, next, best pen
	for i := len(r.Sets) - 1; i >= 0; i-- {
		set := r.Sets[i]
		switch {
		case !set.Score.Defined() || math.IsNaN(set.Score.Float()):
		case i == 0:
			line(&best, set)
		case i < top:
			line(&next, set)
		case len(r.Sets) <= mostStrands || i%(len(r.Sets)/mostStrands+1) == 0:
			line(&others, set)
		}
	}
	p.Lines = []Line{{"strand", others.d()}, {"grid", bars.d()}, {"strand-top", next.d()}, {"strand-best", best.d()}}
	return p
}
