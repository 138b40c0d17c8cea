package demo

import (
	"context"
	"embed"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

//go:embed data/btcusd-1m.bin.gz data/ethusd-1m.bin.gz data/NOTICE
var files embed.FS

// The pairs of the demo market.
const (
	XBTMYR = "XBTMYR"
	ETHMYR = "ETHMYR"
)

// The price that each pair's cycle is scaled around, in ticks.
const (
	xbtPrice = 400_000
	ethPrice = 12_000_00
)

// The cycles, which all demo markets of a process share: reading and scaling them
// takes longer than all else that a market does when it begins.
//
//nolint:gochecknoglobals // immutable tables, made of the embedded files when they are first wanted
var (
	xbtCycle = sync.OnceValues(func() ([]exchange.Candle, error) { return loadCycle("data/btcusd-1m.bin.gz", xbtMarket(), xbtPrice) })
	ethCycle = sync.OnceValues(func() ([]exchange.Candle, error) { return loadCycle("data/ethusd-1m.bin.gz", ethMarket(), ethPrice) })
)

// Replay is the demo market. It is safe for concurrent use.
type Replay struct {
	cfg   Config
	pairs []pair
	// newest is the latest market time that was told, in milliseconds: a wall
	// clock that is set back must not open a closed candle again.
	newest atomic.Int64
}

var (
	_ exchange.MarketData   = (*Replay)(nil)
	_ exchange.Streamer     = (*Replay)(nil)
	_ exchange.TradeHistory = (*Replay)(nil)
)

// pair is one market with its endless series.
type pair struct {
	market exchange.Market
	// cycle holds the candles of one cycle; their Time is not set. Nobody changes it.
	cycle []exchange.Candle
	// offset is the place in the cycle of index 0.
	offset int64
	// seed drives the paths inside the candles.
	seed uint64
}

// New returns a demo market that runs from now on. It starts nothing.
func New(cfg Config) (*Replay, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := &Replay{cfg: cfg}
	r.newest.Store(startMillis - maxIndex*minute)
	for i, p := range []struct {
		market exchange.Market
		cycle  func() ([]exchange.Candle, error)
	}{
		{xbtMarket(), xbtCycle},
		{ethMarket(), ethCycle},
	} {
		cycle, err := p.cycle()
		if err != nil {
			return nil, err
		}
		seed := mix(cfg.Seed + uint64(i))
		r.pairs = append(r.pairs, pair{
			market: p.market, cycle: cycle, seed: seed,
			offset: int64(seed % uint64(len(cycle))), // below the length
		})
	}
	return r, nil
}

// Anchor returns what ties market time to the wall clock, to be stored and
// given to New after a restart.
func (r *Replay) Anchor() Anchor { return r.cfg.Anchor }

// Speed returns how many times faster than the wall clock market time runs.
func (r *Replay) Speed() float64 { return r.cfg.Speed }

// Markets lists the two markets.
func (r *Replay) Markets(context.Context) ([]exchange.Market, error) {
	markets := make([]exchange.Market, len(r.pairs))
	for i := range r.pairs {
		markets[i] = r.pairs[i].market
	}
	return markets, nil
}

// Candle returns the candle of any minute, past or future: index 0 opens at
// Start and negative indices come before it. A pair that the market does not
// have gives the zero Candle, which is not Valid.
func (r *Replay) Candle(pair string, index int64) exchange.Candle {
	p := r.find(pair)
	if p == nil {
		return exchange.Candle{}
	}
	return p.candle(index)
}

func (r *Replay) find(name string) *pair {
	for i := range r.pairs {
		if r.pairs[i].market.Pair == name {
			return &r.pairs[i]
		}
	}
	return nil
}

func (r *Replay) lookup(name string) (*pair, error) {
	p := r.find(name)
	if p == nil {
		return nil, exchange.Rejected("ErrInvalidMarketPair", "the demo market has no pair %q", name)
	}
	return p, nil
}

func (p *pair) candle(index int64) exchange.Candle {
	n := int64(len(p.cycle))
	at := (index%n + p.offset) % n
	if at < 0 {
		at += n
	}
	c := p.cycle[at]
	c.Time = startMillis + index*minute
	return c
}

func xbtMarket() exchange.Market {
	return exchange.Market{
		Pair: XBTMYR, Base: "XBT", Counter: "MYR",
		Tick: decimal.New(1, 0), Step: decimal.New(1, -6),
		MinVolume: 100, MaxVolume: 100_000_000, // 0.0001 and 100 XBT
		MinPrice: 1_000, MaxPrice: 100_000_000,
		MinValue: 10_000_000, // 10 MYR
		Status:   exchange.MarketActive,
	}
}

func ethMarket() exchange.Market {
	return exchange.Market{
		Pair: ETHMYR, Base: "ETH", Counter: "MYR",
		Tick: decimal.New(1, -2), Step: decimal.New(1, -6),
		MinVolume: 1_000, MaxVolume: 1_000_000_000, // 0.001 and 1,000 ETH
		MinPrice: 1_000, MaxPrice: 1_000_000_000, // 10 and 10,000,000 MYR
		MinValue: 1_000_000_000, // 10 MYR
		Status:   exchange.MarketActive,
	}
}

// Start is when the candle of index 0 opens, in market time.
func Start() time.Time { return time.UnixMilli(startMillis).UTC() }
