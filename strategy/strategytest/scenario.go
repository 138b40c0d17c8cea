package strategytest

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// scenarioCandles is how many candles a scenario has after the warm-up.
const scenarioCandles = 120

// scenario is a market that a strategy must get along with.
type scenario struct {
	name   string
	candle func(i int) exchange.Candle
	// idle is true if orders are not carried out, because no account could be
	// kept at such prices.
	idle bool
}

func scenarios() []scenario {
	minute := func(i int) int64 { return 1_700_000_000_000/60_000*60_000 + int64(i)*60_000 }
	wave := func(i int) exchange.Ticks { // up and down, with some noise
		step := exchange.Ticks(i % 60)
		if step > 30 {
			step = 60 - step
		}
		return 250_000 + 40*step + exchange.Ticks(i*7919%97)
	}
	return []scenario{
		{name: "waves", candle: func(i int) exchange.Candle {
			open, closing := wave(i), wave(i+1)
			return exchange.Candle{Time: minute(i), Open: open, High: max(open, closing) + 5, Low: min(open, closing) - 5, Close: closing, Volume: 5_000_000}
		}},
		{name: "flat", candle: func(i int) exchange.Candle { return exchange.Flat(minute(i), 250_000) }},
		{name: "gaps", candle: func(i int) exchange.Candle {
			jump := exchange.Ticks(i%5) * 10_000
			return exchange.Candle{Time: minute(i + i/7*5000), Open: 200_000 + jump, High: 250_000 + jump, Low: 150_000, Close: wave(i), Volume: 1}
		}},
		{name: "extremes", idle: true, candle: func(i int) exchange.Candle {
			price := []exchange.Ticks{1, 1 << 52, 1 << 62, 3, 1 << 40}[i%5]
			return exchange.Candle{Time: minute(i), Open: price, High: price, Low: 1, Close: price, Volume: []exchange.Steps{0, 1 << 62}[i%2]}
		}},
	}
}

// record runs the strategy through a scenario with the engine on paper and
// returns all that went to and fro. A panic fails the test.
func record(t *testing.T, def strategy.Definition, sc scenario) []Step {
	t.Helper()
	p := NewPaper(t, def, PaperConfig{Explain: true, Fees: exchange.Fees{Maker: 100_000, Taker: 100_000}})
	var steps []Step
	warm := min(p.Warmup(), 5000)
	for i := range warm {
		steps = append(steps, p.Warm(sc.candle(i))...)
	}
	steps = append(steps, p.Start()...)
	for i := range scenarioCandles {
		if c := sc.candle(warm + i); sc.idle {
			steps = append(steps, p.Show(c))
		} else {
			steps = append(steps, p.Candle(c)...)
		}
	}
	return steps
}

func openInput(snapshot *strategy.Snapshot) strategy.OpenInput {
	return strategy.OpenInput{Explain: true, Interval: time.Minute, Market: Market(), Snapshot: snapshot}
}
