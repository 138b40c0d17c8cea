package backtestreport

// Drawing is charts that share one time axis, with what the pointer reads on
// them.
type Drawing struct {
	Charts []Chart `json:"charts"`
	// Dates are the labels of the axis.
	Dates []Label `json:"dates"`
	// Folded says that the axis leaves out long times without trades.
	Folded   bool     `json:"folded,omitempty"`
	Readings Readings `json:"readings"`
}

// Chart is one drawn chart. Its paths are in the charts' own coordinates, 1000
// by 100, which the page stretches; texts are placed in percent beside them.
type Chart struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Note  string `json:"note,omitempty"`
	// Tall charts get more room.
	Tall   bool     `json:"tall,omitempty"`
	Lines  []Line   `json:"lines"`
	Labels []Label  `json:"labels"`
	Legend []Legend `json:"legend,omitempty"`
}

// Line is one line, area or row of dots: the d attribute of an SVG path and the
// class that gives it its colour.
type Line struct {
	Class string `json:"class"`
	D     string `json:"d"`
}

// Label is a text at a share of the height or the width, in percent.
type Label struct {
	At   string `json:"at"`
	Text string `json:"text"`
}

// Legend says what lines of a class are.
type Legend struct {
	Class string `json:"class"`
	Text  string `json:"text"`
}

// Readings are the values that the page shows under the pointer: one of each
// for every bucket of the charts. Values are by the chart's ID.
type Readings struct {
	X      []float64           `json:"x"`
	Time   []string            `json:"time"`
	Values map[string][]string `json:"values"`
}
