package backtestreport

import (
	"fmt"
	"html/template"
	"math"
)

// calendarYear is a row of the table of monthly returns.
type calendarYear struct {
	Year   int
	Months [12]cell
	Total  cell
}

// cell is a return with its colour; an empty text is a month outside the run.
type cell struct {
	Text  string
	Style template.CSS
}

func (r *Report) calendar() []calendarYear {
	var years []calendarYear
	var largest float64
	for _, m := range r.Stats.Months {
		largest = max(largest, math.Abs(m.Return.Float()))
	}
	total := 1.0
	for _, m := range r.Stats.Months {
		if len(years) == 0 || years[len(years)-1].Year != m.Year {
			years = append(years, calendarYear{Year: m.Year})
			total = 1
		}
		y := &years[len(years)-1]
		y.Months[m.Month-1] = newCell(m.Return.Float(), largest)
		total *= 1 + m.Return.Float()
		y.Total = newCell(total-1, 0)
	}
	return years
}

// newCell writes a return and colours it by its share of the largest one.
func newCell(value, largest float64) cell {
	c := cell{Text: change(value)}
	if largest > 0 && c.Text != "0.00 %" {
		tone := "gain"
		if value < 0 {
			tone = "loss"
		}
		depth := int(8 + 42*math.Sqrt(math.Abs(value)/largest))
		c.Style = template.CSS(fmt.Sprintf("background:color-mix(in srgb,var(--%s) %d%%,transparent)", tone, depth)) //nolint:gosec // made of numbers
	}
	return c
}
