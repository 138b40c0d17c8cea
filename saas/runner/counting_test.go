package runner_test

import (
	"math"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// counting is a strategy that gives one order for each candle and counts them,
// so that an order that got lost shows in a checkpoint.
type counting struct {
	Params countingParams `json:"-"`
	Who    string
	Orders uint64
	Bad    float64
	// Heard are the candles that it was given, those of the past too.
	Warm  int
	Heard []exchange.Candle
	// Told is the volume of the trades that it was told of, and Traded that of
	// its candles.
	Told, Traded exchange.Steps
	// Other are the candles of the other pair that it was told, and Late counts
	// its own that came before the other's of the same time.
	Other []exchange.Candle
	Late  int
}

type countingParams struct {
	Who string `param:"who" label:"Who"`
	// Bad makes a state that cannot be saved, from the third candle on.
	Bad bool `param:"bad" label:"Bad"`
	// Trade buys and sells in turns too, and the orders rest where fills are near.
	Trade bool `param:"trade" label:"Trade"`
	Warm  int  `param:"warm" label:"Warm"`
	// Tape subscribes to trades.
	Tape bool `param:"tape" label:"Tape"`
	// Idle does nothing but draw.
	Idle bool `param:"idle" label:"Idle"`
	// Pair is another pair to look at.
	Pair string `param:"pair" label:"Pair"`
}

func (c *counting) Warmup() int { return c.Params.Warm }

func (c *counting) Subscribe() strategy.Subscription {
	sees := strategy.Subscription{Trades: c.Params.Tape, Book: c.Params.Tape}
	if c.Params.Pair != "" {
		sees.Pairs = []string{c.Params.Pair}
	}
	return sees
}

func (c *counting) OnPair(_ *strategy.Bot, _ string, k exchange.Candle) { c.Other = append(c.Other, k) }

func (c *counting) OnTrades(b *strategy.Bot, trades []exchange.Trade) {
	for _, t := range trades {
		if at := b.Now().UnixMilli(); t.Time >= at || t.Time < at-time.Minute.Milliseconds() {
			c.Told = -1 << 60
		}
		c.Told += t.Volume
	}
}

func (c *counting) OnCandle(b *strategy.Bot, k exchange.Candle) {
	if !b.Warming() {
		c.Traded += k.Volume
	}
	if n := len(c.Other); c.Params.Pair != "" && (n == 0 || c.Other[n-1].Time != k.Time) {
		c.Late++
	}
	if c.Params.Trade {
		c.Heard = append(c.Heard, k)
	}
	if b.Warming() {
		c.Warm++
		return
	}
	b.Plot("close", k.Close.Float())
	if c.Params.Idle {
		return
	}
	if c.Params.Trade {
		b.CancelAll()
		if b.SellAll() == (strategy.Order{}) {
			b.Buy(2_000)
		}
		b.Limit(exchange.Buy, (k.Low+3*k.Close)/4, 1_000+c.Told%100+exchange.Steps(len(c.Other)%7))
		return
	}
	c.Who = c.Params.Who
	c.Orders++
	b.Limit(exchange.Buy, k.Close/2, 100)
	if c.Params.Bad && c.Orders >= 3 {
		c.Bad = math.NaN()
	}
}
