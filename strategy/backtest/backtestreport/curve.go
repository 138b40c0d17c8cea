package backtestreport

// Curve is an equity curve, thinned for drawing: the equity in the counter
// currency at the start and at the closes of candles.
type Curve struct {
	// Times are epoch milliseconds.
	Times  []int64   `json:"times"`
	Values []float64 `json:"values"`
}

// Curve returns the equity curve with at most that many points, at least two:
// the start, and the last candle of each part of equal length.
func (r *Report) Curve(points int) Curve {
	n := len(r.result.Equity)
	parts := min(max(points-1, 1), n)
	unit := r.unit()
	c := Curve{Times: []int64{r.result.From}, Values: []float64{float64(r.result.Initial()) * unit}}
	for p := range parts {
		i := (p+1)*n/parts - 1
		c.Times = append(c.Times, r.result.CloseTime(i))
		c.Values = append(c.Values, float64(r.result.Equity[i])*unit)
	}
	return c
}
