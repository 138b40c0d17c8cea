package backtestreport

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"time"
)

const (
	// overlayID is the chart of several curves.
	overlayID = "overlay"
	// MostCurves is how many curves an overlay tells apart by colour.
	MostCurves = 4
)

// NamedCurve is a curve with the name that the legend gives it.
type NamedCurve struct {
	Name string
	Curve
}

// Overlay draws curves over each other, each as its change since its own start,
// on one axis of time. Beyond MostCurves the colours repeat; a curve without
// points is left out.
func Overlay(curves []NamedCurve) Drawing {
	from, to := int64(math.MaxInt64), int64(math.MinInt64)
	for _, c := range curves {
		if n := len(c.Times); n > 0 {
			from, to = min(from, c.Times[0]), max(to, c.Times[n-1])
		}
	}
	if from >= to {
		return Drawing{}
	}
	o := overlay{from: from, to: to}
	var lines [][]point
	for _, c := range curves {
		lines = append(lines, o.line(c.Curve))
	}
	low, high := bounds(lines...)
	s := newScale(min(low, 0), max(high, 0), false)
	chart := Chart{ID: overlayID, Title: "Change since the start", Tall: true}
	chart.grid(s, func(v float64, decimals int32) string { return fixed(100*v, max(0, decimals-2)) + " %" })
	for i, l := range lines {
		class := fmt.Sprintf("run-%d", i%MostCurves+1)
		chart.Lines = append(chart.Lines, Line{class, line(l, s)})
		chart.Legend = append(chart.Legend, Legend{class, curves[i].Name})
	}
	return Drawing{Charts: []Chart{chart}, Dates: o.dates(), Readings: o.readings(curves)}
}

// overlay is the axis of time of several curves, in epoch milliseconds.
type overlay struct{ from, to int64 }

func (o overlay) x(ms int64) float64 { return width * float64(ms-o.from) / float64(o.to-o.from) }

func (o overlay) line(c Curve) []point {
	points := make([]point, 0, len(c.Times))
	for i, t := range c.Times {
		points = append(points, point{o.x(t), c.change(i)})
	}
	return points
}

// change returns the change since the start as a share of it.
func (c Curve) change(i int) float64 {
	if c.Values[0] == 0 {
		return 0
	}
	return c.Values[i]/c.Values[0] - 1
}

func (o overlay) dates() []Label {
	const most = 6
	layout := time.DateOnly
	if o.to-o.from < (48 * time.Hour).Milliseconds() {
		layout = "15:04"
	}
	labels := make([]Label, most)
	for i := range labels {
		at := float64(i) / (most - 1)
		labels[i] = Label{percentage(at), utc(o.from + int64(at*float64(o.to-o.from))).Format(layout)}
	}
	return labels
}

// readings reads every curve at evenly spread times; outside of a curve there
// is nothing to read.
func (o overlay) readings(curves []NamedCurve) Readings {
	r := Readings{Values: map[string][]string{}}
	for b := range buckets + 1 {
		t := o.from + int64(b)*(o.to-o.from)/buckets
		texts := make([]string, len(curves))
		for i, c := range curves {
			texts[i] = "–"
			at := sort.Search(len(c.Times), func(k int) bool { return c.Times[k] > t }) - 1
			if n := len(c.Times); at >= 0 && t <= c.Times[n-1] {
				texts[i] = change(c.change(at))
			}
		}
		r.X = append(r.X, tenth(o.x(t)))
		r.Time = append(r.Time, minute(utc(t)))
		r.Values[overlayID] = append(r.Values[overlayID], strings.Join(texts, " · "))
	}
	return r
}
