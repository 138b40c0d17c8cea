package journal

import "time"

// KeptPlots is how many candles' plots a bot keeps at least; older ones go when
// its journal is cut.
const KeptPlots = 1_000

// Plot is a point of a line that a strategy draws on its bot's chart, such as an
// average. It is a view for a chart and never part of an order.
type Plot struct {
	// Pair is the further pair on whose chart the line is; "" is the bot's own.
	Pair string
	// Line is the name of the line.
	Line string
	// Time is when the candle opened that the point is of, in market time.
	Time time.Time
	// Value is a price in the counter currency.
	Value float64
}
