package backtestreport

// documentLookAhead is the outcome of a check for knowledge of the future.
type documentLookAhead struct {
	Depth   string `json:"depth" doc:"How closely was looked: cheap or full." example:"cheap"`
	Probes  int    `json:"probes" doc:"Other futures that were tried." example:"6"`
	Candles int64  `json:"candles" doc:"Candles that those ran over." example:"60000"`
	Passed  bool   `json:"passed" doc:"Whether the strategy did the same in all of them until they began."`
	Within  int    `json:"within,omitempty" doc:"How many of the first candles were looked at, if that was bounded because there are very many." example:"16666"`
	Finding string `json:"finding,omitempty" doc:"What it did otherwise."`
}

// checkRows tell the outcome of the check for knowledge of the future; nothing if
// there was none.
func (r *Report) checkRows() []row {
	l := r.LookAhead
	if l == nil {
		return nil
	}
	c := row{"Look-ahead check", "passed", string(l.Depth) + ", " + count(int64(l.Probes), "other future") + " tried"}
	if l.Within > 0 {
		c.Note += " in the first " + count(int64(l.Within), "candle")
	}
	switch {
	case l.Finding != nil && l.Finding.Unsteady:
		c.Value = "FAILED"
		c.Note = "it does not always decide alike"
	case l.Finding != nil:
		c.Value = "FAILED"
		c.Note = "it knows the future"
	}
	return []row{c}
}
