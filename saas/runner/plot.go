package runner

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/journal"
)

const (
	// mostLines is how many lines of a strategy are drawn in a candle, on all charts.
	mostLines = 16
	// mostDrawn is how many points wait for a commit at most; a bot whose commits
	// fail for so long loses the oldest ones.
	mostDrawn = 2_000
)

// line is a strategy's line on the chart of a further pair, or of the bot's own, which is
// "".
type line struct{ pair, name string }

// drawn is a point of a strategy's line that is not in the journal yet.
type drawn struct {
	at    int64 // when its candle opened, in epoch milliseconds
	line  line
	ticks float64
}

// Plot implements engine.Narrator.
func (r *recorder) Plot(_ int64, pair, name string, ticks float64) {
	if r.plots == nil {
		r.plots = map[line]float64{}
	}
	of := line{pair, name}
	if _, known := r.plots[of]; known || len(r.plots) < mostLines {
		r.plots[of] = ticks
	}
}

// plotted returns the lines of the present candle as prices, in texts, by pair and name.
func (r *recorder) plotted() map[string]map[string]string {
	list := map[string]map[string]string{}
	for of, ticks := range r.plots {
		if list[of.pair] == nil {
			list[of.pair] = map[string]string{}
		}
		list[of.pair][of.name] = r.price(of.pair, ticks).StringFixed(r.market(of.pair).PriceScale() + 2)
	}
	return list
}

// price is a value of a line: two decimals finer than a price of the market.
func (r *recorder) price(pair string, ticks float64) decimal.Decimal {
	m := r.market(pair)
	return m.Tick.Mul(decimal.NewFromFloat(ticks)).Round(m.PriceScale() + 2)
}

// draw keeps the lines of the present candle, which opened at a time, for the
// journal, and begins the next candle.
func (r *recorder) draw(opened time.Time) {
	if len(r.plots) == 0 {
		return
	}
	if len(r.drawn) >= mostDrawn {
		r.drawn = append(r.drawn[:0], r.drawn[mostDrawn/2:]...)
	}
	for of, ticks := range r.plots {
		r.drawn = append(r.drawn, drawn{at: opened.UnixMilli(), line: of, ticks: ticks})
	}
	clear(r.plots)
}

// undrawn returns the points that are not in the journal yet.
func (r *recorder) undrawn() []journal.Plot {
	list := make([]journal.Plot, 0, len(r.drawn))
	for _, d := range r.drawn {
		list = append(list, journal.Plot{Pair: d.line.pair, Line: d.line.name, Time: time.UnixMilli(d.at).UTC(), Value: r.price(d.line.pair, d.ticks).InexactFloat64()})
	}
	return list
}
