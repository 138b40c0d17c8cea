package strategytest

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
)

// Demo returns a backtest over the first n minutes of the demo market, at a fee
// of 0.1 % a side, and their candles: what a strategy's golden file is made of.
func Demo(tb testing.TB, n int) (backtest.Config, []exchange.Candle) {
	tb.Helper()
	m := demoMarket(tb)
	markets, err := m.Markets(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	candles := make([]exchange.Candle, n)
	for i := range candles {
		candles[i] = m.Candle(markets[0].Pair, int64(i))
	}
	return backtest.Config{
		Market: markets[0], Interval: time.Minute, Balance: 1_000_000_000_000, Fees: exchange.Fees{Maker: 100_000, Taker: 100_000},
	}, candles
}

// DemoFeed is Demo for a strategy that looks at other pairs, or trades further ones: source
// opens the same minutes of XBTMYR and of the pairs, such as "ETHMYR", for GoldenOf. A pair
// that the strategy trades is to be put into the configuration's Pairs, with DemoMarket.
func DemoFeed(tb testing.TB, n int, pairs ...string) (cfg backtest.Config, source func() marketdata.Source) {
	tb.Helper()
	cfg, candles := Demo(tb, n)
	others := make([][]exchange.Candle, len(pairs))
	for i, pair := range pairs {
		DemoMarket(tb, pair) // it must be there
		m := demoMarket(tb)
		others[i] = make([]exchange.Candle, n)
		for at := range others[i] {
			others[i][at] = m.Candle(pair, int64(at))
		}
	}
	return cfg, func() marketdata.Source {
		feed := &backtest.Feed{Source: marketdata.NewSliceSource(candles)}
		for i, pair := range pairs {
			feed.Pairs = append(feed.Pairs, backtest.PairSource{Pair: pair, Source: marketdata.NewSliceSource(others[i])})
		}
		return feed
	}
}

// DemoMarket returns the rules of a pair of the demo market.
func DemoMarket(tb testing.TB, pair string) exchange.Market {
	tb.Helper()
	markets, err := demoMarket(tb).Markets(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	i := slices.IndexFunc(markets, func(m exchange.Market) bool { return m.Pair == pair })
	if i < 0 {
		tb.Fatalf("the demo market has no pair %s", pair)
	}
	return markets[i]
}

func demoMarket(tb testing.TB) *demo.Replay {
	tb.Helper()
	m, err := demo.New(demo.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// Walk returns n minutes of a market that no strategy is made for, the same for
// the same seed: calm spells, trends and wild ones follow each other, with
// jumps between candles and candles without a trade. The price begins at
// 250,000 ticks and stays between 1,000 and 100 million.
func Walk(seed uint64, n int) []exchange.Candle {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's own numbers, made again from the seed
	price, drift, width := 250_000.0, 0.0, 0.001
	next := func() exchange.Ticks {
		price = min(max(price*(1+drift+width*r.NormFloat64()), 1_000), 100_000_000)
		return exchange.Ticks(price)
	}
	candles := make([]exchange.Candle, n)
	last := exchange.Ticks(price)
	for i := range candles {
		if r.IntN(50) == 0 {
			drift, width = 0.0005*r.NormFloat64(), []float64{0, 0.0003, 0.001, 0.004, 0.02}[r.IntN(5)]
		}
		c := exchange.Flat(1_700_000_040_000+int64(i)*60_000, last)
		if r.IntN(20) > 0 {
			c.Open = last
			if r.IntN(10) == 0 {
				c.Open = next()
			}
			a, b := next(), next()
			c.Close = next()
			c.High, c.Low = max(c.Open, a, b, c.Close), min(c.Open, a, b, c.Close)
			c.Volume = exchange.Steps(1 + r.IntN(10_000_000))
		}
		candles[i], last = c, c.Close
	}
	return candles
}

// Allocations returns how many allocations a candle takes on average while a
// strategy is not asked to explain itself, over candles in which nothing of its
// account changes. It must not run beside other tests.
func Allocations(tb testing.TB, def strategy.Definition, params string) float64 {
	tb.Helper()
	i, err := def.Open(strategy.OpenInput{Market: Market(), Interval: time.Minute, Params: json.RawMessage(params)})
	if err != nil {
		tb.Fatal(err)
	}
	view := strategy.View{Counter: 1_000_000_000_000, NextRef: 1}
	ev := strategy.Event{Kind: strategy.CandleEvent}
	candles := Walk(1, 4096)
	n := 0
	return testing.AllocsPerRun(2048, func() {
		ev.Candle = candles[n%len(candles)]
		ev.Time = int64(n) * 60_000
		i.Deliver(&view, &ev)
		n++
	})
}
