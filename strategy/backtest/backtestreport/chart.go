package backtestreport

import (
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// maxMarkers bounds the trades that are marked on the price; above
	// manyMarkers the marks are small.
	maxMarkers  = 1500
	manyMarkers = 120
	// below is how far a mark is from its price.
	below = 3.0
)

// The charts of a report.
const (
	equityID   = "equity"
	drawdownID = "drawdown"
	priceID    = "price"
)

// pen writes the d attribute of an SVG path.
type pen struct{ b []byte }

func (p *pen) to(command byte, x, y float64) {
	p.b = append(p.b, command)
	p.b = strconv.AppendFloat(p.b, x, 'f', 1, 64)
	p.b = append(p.b, ' ')
	p.b = strconv.AppendFloat(p.b, y, 'f', 2, 64)
}

// dot draws a line of no length, which a round cap makes a dot that stays round
// however the chart is stretched.
func (p *pen) dot(x, y float64) {
	p.to('M', x, y)
	p.b = append(p.b, "h0"...)
}

// d returns the path as an attribute's value; it is made of numbers alone.
func (p *pen) d() string { return string(p.b) }

func line(points []point, s scale) string {
	var p pen
	for i, at := range points {
		command := byte('L')
		if i == 0 {
			command = 'M'
		}
		p.to(command, at.x, s.y(at.y))
	}
	return p.d()
}

// area is line with the room between it and a value filled.
func area(points []point, s scale, base float64) string {
	if len(points) == 0 {
		return ""
	}
	var p pen
	p.to('M', points[0].x, s.y(base))
	for _, at := range points {
		p.to('L', at.x, s.y(at.y))
	}
	p.to('L', points[len(points)-1].x, s.y(base))
	p.b = append(p.b, 'Z')
	return p.d()
}

// grid adds the lines of a scale and their labels.
func (c *Chart) grid(s scale, text func(v float64, decimals int32) string) {
	var p pen
	values, decimals := s.lines()
	for _, v := range values {
		p.to('M', 0, s.y(v))
		p.b = append(p.b, "H1000"...)
		c.Labels = append(c.Labels, Label{At: percentage(s.y(v) / height), Text: text(v, decimals)})
	}
	c.Lines = append(c.Lines, Line{Class: "grid", D: p.d()})
	if s.log {
		c.Note = "Logarithmic: equal heights are equal percentages."
	}
}

// fold adds the places where time was left out.
func (c *Chart) fold(a axis) {
	if len(a.folds) == 0 {
		return
	}
	var p pen
	for _, x := range a.folds {
		p.to('M', x, 0)
		p.b = append(p.b, "V100"...)
	}
	c.Lines = append(c.Lines, Line{Class: "fold", D: p.d()})
}

func (r *Report) charts(a axis) []Chart {
	charts := []Chart{r.equityChart(a)}
	if r.Stats.MaxDrawdown != nil {
		charts = append(charts, r.drawdownChart(a))
	}
	if r.heldSomething() {
		charts = append(charts, r.exposureChart(a))
	}
	if r.closes != nil {
		charts = append(charts, r.priceChart(a))
	}
	for i, closes := range r.further {
		if closes.Len() > 0 {
			charts = append(charts, r.furtherChart(a, int64(i+1)))
		}
	}
	return charts
}

func (r *Report) equityChart(a axis) Chart {
	c := Chart{ID: equityID, Title: "Equity in " + r.Market.Counter, Tall: true}
	unit := r.unit()
	equity := a.thin(func(i int) float64 { return float64(r.result.Equity[i]) * unit })
	lines := [][]point{equity}
	if held := r.held(); held != nil {
		lines = append(lines, a.thin(func(i int) float64 { return float64(held(i)) * unit }))
		c.Legend = []Legend{{"equity", "Strategy"}, {"held", r.holding()}}
	}
	low, high := bounds(lines...)
	s := newScale(low, high, true)
	c.grid(s, fixed)
	c.fold(a)
	if len(lines) > 1 {
		c.Lines = append(c.Lines, Line{"held", line(lines[1], s)})
	}
	c.Lines = append(c.Lines, Line{"equity", line(equity, s)})
	return c
}

func (r *Report) drawdownChart(a axis) Chart {
	c := Chart{ID: drawdownID, Title: "Below the last peak"}
	points := a.thin(r.falls())
	low, _ := bounds(points)
	s := scale{low: min(low*1.06, -1e-4), high: 0}
	c.grid(s, func(v float64, decimals int32) string { return fixed(100*v, max(0, decimals-2)) + " %" })
	c.fold(a)
	c.Lines = append(c.Lines, Line{"drawdown-area", area(points, s, 0)}, Line{"drawdown", line(points, s)})
	return c
}

// priceChart draws the price of the run's own pair and its trades.
func (r *Report) priceChart(a axis) Chart {
	return r.tradedChart(a, 0, priceID, a.thin(r.prices()))
}

// furtherChart draws the price of a further pair since its first candle, and its
// trades.
func (r *Report) furtherChart(a axis, leg int64) Chart {
	points := a.thin(r.furtherPrices(leg))
	for len(points) > 1 && points[0].y == 0 {
		points = points[1:]
	}
	return r.tradedChart(a, leg, furtherID(leg), points)
}

func furtherID(leg int64) string { return priceID + "-" + strconv.FormatInt(leg, 10) }

func (r *Report) tradedChart(a axis, leg int64, id string, points []point) Chart {
	m := r.result.Config.MarketOf(leg)
	c := Chart{ID: id, Title: m.Pair + " and the trades", Tall: true, Legend: []Legend{{"buy", "Bought"}, {"sell", "Sold"}}}
	low, high := bounds(points)
	s := newScale(low, high, true)
	c.grid(s, fixed)
	c.fold(a)
	c.Lines = append(c.Lines, Line{"price", line(points, s)})
	all := r.tradesOf(leg)
	marked := min(all, maxMarkers)
	if marked < all {
		c.Note += " Of " + whole(int64(all)) + " trades, " + whole(maxMarkers) + " evenly chosen ones are marked."
	}
	var buys, sells pen
	// Buys are marked below the price and sales above it, so that neither hides
	// the other or the line.
	mark := func(p *pen, ms int64, price decimal.Decimal, away float64) {
		k := a.find(r.result.IndexAt(ms))
		value := min(max(price.InexactFloat64(), s.low), s.high)
		p.dot(a.x(min(k, a.count-1)), s.y(value)+away)
	}
	seen, next := 0, 0
	for _, closed := range r.result.Trades.All() {
		if closed.Leg != leg {
			continue
		}
		if next < marked && seen == next*all/marked {
			t := r.trade(closed)
			mark(&buys, t.EntryTime.UnixMilli(), t.EntryPrice, below)
			mark(&sells, t.ExitTime.UnixMilli(), t.ExitPrice, -below)
			next++
		}
		seen++
	}
	for _, p := range r.open() {
		if p.Market.Pair == m.Pair {
			mark(&buys, p.OpenedAt.UnixMilli(), p.EntryPrice, below)
		}
	}
	dense := ""
	if marked > manyMarkers {
		dense = " dense"
	}
	c.Lines = append(c.Lines, Line{"buy" + dense, buys.d()}, Line{"sell" + dense, sells.d()}, Line{"sell-core" + dense, sells.d()})
	return c
}

// prices returns the closes as floats, for drawing only. It is asked for candles in
// their order.
func (r *Report) prices() func(i int) float64 {
	closeOf, tick := r.closes.reader(), r.Market.Tick.InexactFloat64()
	return func(i int) float64 { return closeOf(i).Float() * tick }
}

// furtherPrices is prices for a further pair: its newest close at the time of a
// candle of the run's own, 0 before its first.
func (r *Report) furtherPrices(leg int64) func(i int) float64 {
	closeOf, tick, span := r.further[leg-1].since(), r.result.Config.MarketOf(leg).Tick.InexactFloat64(), r.result.Config.Interval.Milliseconds()
	return func(i int) float64 {
		last, _ := closeOf(r.result.CloseTime(i) - span)
		return last.Float() * tick
	}
}

func (r *Report) unit() float64 { return r.Market.Tick.Mul(r.Market.Step).InexactFloat64() }

// falls returns a function that returns how far the equity is below its last peak
// at a candle, as a share of the peak, 0 or less. It is asked for candles in
// their order.
func (r *Report) falls() func(i int) float64 {
	peak, next := int64(r.result.Initial()), 0
	return func(i int) float64 {
		for ; next <= i; next++ {
			peak = max(peak, r.result.Equity[next])
		}
		return float64(r.result.Equity[i])/float64(peak) - 1
	}
}

// dates returns the labels of the time axis.
func (r *Report) dates(a axis) []Label {
	const most = 6
	layout := "2006-01-02"
	if r.To.Sub(r.From) < 48*3600e9 {
		layout = "15:04"
	}
	var out []Label
	for i := range most {
		k := i * (a.count - 1) / (most - 1)
		out = append(out, Label{At: percentage(a.x(k) / width), Text: utc(r.result.CloseTime(a.candle(k))).Format(layout)})
	}
	return slices.CompactFunc(out, func(a, b Label) bool { return a.Text == b.Text })
}

// fixed writes a value of an axis.
func fixed(v float64, decimals int32) string {
	return exchange.Grouped(decimal.NewFromFloat(v).StringFixed(decimals))
}

// percentage writes a share for CSS.
func percentage(share float64) string { return strconv.FormatFloat(100*share, 'f', 2, 64) + "%" }
