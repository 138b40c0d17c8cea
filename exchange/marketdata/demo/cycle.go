package demo

import (
	"fmt"
	"math"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo/internal/pack"
)

// newSegment is the hole in the recording, in milliseconds, from which on the
// days before and after it are joined instead of filled.
const newSegment = 6 * 60 * minute

// volumeDigits is what the recorded volumes are finer by than the steps of the
// demo's markets: 10^-8 against 10^-6.
const volumeDigits = 100

// loadCycle returns one cycle of a market's endless series, scaled so that its
// prices lie around the given one.
func loadCycle(file string, m exchange.Market, around exchange.Ticks) ([]exchange.Candle, error) {
	packed, err := files.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("demo market: %w", err)
	}
	recorded, _, err := pack.Decode(packed)
	if err != nil {
		return nil, fmt.Errorf("demo market: %s of %s: %w", file, m.Pair, err)
	}
	return closeCycle(join(recorded), float64(around)), nil
}

// bar is a candle on the way to its scale. The floats never meet an order: they
// become ticks before anybody sees them.
type bar struct {
	open, high, low, close float64
	volume                 exchange.Steps
}

// join puts the recorded days behind one another: what follows a long hole is
// scaled to open at the last close, a short hole becomes flat bars.
func join(recorded []exchange.Candle) []bar {
	bars := make([]bar, 0, len(recorded)+len(recorded)/64)
	scale := 1.0
	for i, c := range recorded {
		if i > 0 {
			last := bars[len(bars)-1].close
			hole := c.Time - recorded[i-1].Time
			if hole >= newSegment {
				scale = last / c.Open.Float()
				hole = minute
			}
			for ; hole > minute; hole -= minute {
				bars = append(bars, bar{open: last, high: last, low: last, close: last})
			}
		}
		bars = append(bars, bar{
			open: c.Open.Float() * scale, high: c.High.Float() * scale,
			low: c.Low.Float() * scale, close: c.Close.Float() * scale,
			// A traded minute has at least one step for each tick of its path.
			volume: max(PathLength, c.Volume/volumeDigits),
		})
	}
	return bars
}

// closeCycle takes the whole drift out evenly, so that the last bar closes at
// the first one's open, and scales the geometric mean to the given price.
func closeCycle(bars []bar, around float64) []exchange.Candle {
	n := float64(len(bars))
	drift := math.Log(bars[len(bars)-1].close / bars[0].open)
	var logs float64
	for i := range bars {
		logs += math.Log(bars[i].close) - drift*float64(i+1)/n
	}
	scale := around / math.Exp(logs/n)
	at := func(price, position float64) exchange.Ticks {
		return exchange.Ticks(math.Round(price * scale * math.Exp(-drift*position/n)))
	}
	cycle := make([]exchange.Candle, len(bars))
	for i, b := range bars {
		begin, end := float64(i), float64(i+1)
		c := exchange.Candle{Open: at(b.open, begin), Close: at(b.close, end), Volume: b.volume}
		if b.volume == 0 {
			// Flat to the tick: the drift goes into the next candle's open.
			c.Close = c.Open
		}
		middle := (begin + end) / 2
		c.High = max(c.Open, c.Close)
		c.Low = min(c.Open, c.Close)
		if b.volume > 0 {
			c.High = max(c.High, at(b.high, middle))
			c.Low = min(c.Low, at(b.low, middle))
		}
		cycle[i] = c
	}
	return cycle
}
