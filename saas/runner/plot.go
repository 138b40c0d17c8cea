package runner

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/journal"
)

const (
	// mostLines is how many lines of a strategy are drawn in a candle.
	mostLines = 16
	// mostDrawn is how many points wait for a commit at most; a bot whose commits
	// fail for so long loses the oldest ones.
	mostDrawn = 2_000
)

// drawn is a point of a strategy's line that is not in the journal yet.
type drawn struct {
	at    int64 // when its candle opened, in epoch milliseconds
	line  string
	ticks float64
}

// Plot implements engine.Narrator.
func (r *recorder) Plot(_ int64, name string, ticks float64) {
	if r.plots == nil {
		r.plots = map[string]float64{}
	}
	if _, known := r.plots[name]; known || len(r.plots) < mostLines {
		r.plots[name] = ticks
	}
}

// plotted returns the lines of the present candle as prices, in texts.
func (r *recorder) plotted() map[string]string {
	list := make(map[string]string, len(r.plots))
	for name, ticks := range r.plots {
		list[name] = r.price(ticks).StringFixed(r.markets[0].PriceScale() + 2)
	}
	return list
}

// price is a value of a line: two decimals finer than a price of the market.
func (r *recorder) price(ticks float64) decimal.Decimal {
	return r.markets[0].Tick.Mul(decimal.NewFromFloat(ticks)).Round(r.markets[0].PriceScale() + 2)
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
	for name, ticks := range r.plots {
		r.drawn = append(r.drawn, drawn{at: opened.UnixMilli(), line: name, ticks: ticks})
	}
	clear(r.plots)
}

// undrawn returns the points that are not in the journal yet.
func (r *recorder) undrawn() []journal.Plot {
	list := make([]journal.Plot, 0, len(r.drawn))
	for _, d := range r.drawn {
		list = append(list, journal.Plot{Line: d.line, Time: time.UnixMilli(d.at).UTC(), Value: r.price(d.ticks).InexactFloat64()})
	}
	return list
}
