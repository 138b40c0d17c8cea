package backtestreport

import (
	"fmt"
	"math"
)

// Year is a row of the table of monthly returns.
type Year struct {
	Year   int      `json:"year"`
	Months [12]Cell `json:"months"`
	Total  Cell     `json:"total"`
}

// Cell is a return with the class of its colour, such as "gain-3"; an empty text
// is a month outside the run.
type Cell struct {
	Text  string `json:"text"`
	Class string `json:"class,omitempty"`
}

// shades is how many shades of gain and of loss a cell can have.
const shades = 8

func (r *Report) calendar() []Year {
	var years []Year
	var largest float64
	for _, m := range r.Stats.Months {
		largest = max(largest, math.Abs(m.Return.Float()))
	}
	total := 1.0
	for _, m := range r.Stats.Months {
		if len(years) == 0 || years[len(years)-1].Year != m.Year {
			years = append(years, Year{Year: m.Year})
			total = 1
		}
		y := &years[len(years)-1]
		y.Months[m.Month-1] = newCell(m.Return.Float(), largest)
		total *= 1 + m.Return.Float()
		y.Total = newCell(total-1, 0)
	}
	return years
}

// newCell writes a return and shades it by its share of the largest one.
func newCell(value, largest float64) Cell {
	c := Cell{Text: change(value)}
	if largest > 0 && c.Text != "0.00 %" {
		tone := "gain"
		if value < 0 {
			tone = "loss"
		}
		c.Class = fmt.Sprintf("%s-%d", tone, 1+int((shades-1)*math.Sqrt(math.Abs(value)/largest)))
	}
	return c
}
