// Package nosy is a strategy for tests: it looks at another pair and at its market's
// trades, and trades by them, so that what it is not told shows in its trades.
//
// Smallest use:
//
//	o, err := search.NewLocal(nosy.Definition(), cfg, series).With(library).Run(ctx, params, from, to)
package nosy

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// params are its parameters.
type params struct {
	// Pair is the pair that it looks at, and Tape lets it listen to its market's trades.
	Pair string `param:"pair" label:"Pair" kind:"pair"`
	Tape bool   `param:"tape" label:"Tape"`
	// Size is how many per cent of its cash it buys with.
	Size int `param:"size" label:"Size" validate:"min=1,max=100"`
}

// nosy buys when the other pair rises and, if it listens, trades were heard, and sells
// when that falls.
type nosy struct {
	Params params `json:"-"`
	Last   exchange.Ticks
	Heard  int
}

// Definition returns the strategy, whose name is "nosy".
func Definition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "nosy", Version: "1.0.0", Title: "Nosy"}, params{Size: 100},
		func(p params) strategy.Strategy { return &nosy{Params: p} })
}

// Warmup implements strategy.Warmer.
func (*nosy) Warmup() int { return 30 }

// Subscribe implements strategy.Subscriber.
func (n *nosy) Subscribe() strategy.Subscription {
	s := strategy.Subscription{Trades: n.Params.Tape}
	if n.Params.Pair != "" {
		s.Pairs = []string{n.Params.Pair}
	}
	return s
}

// OnTrades implements strategy.TradesHandler.
func (n *nosy) OnTrades(_ *strategy.Bot, trades []exchange.Trade) { n.Heard += len(trades) }

// OnPair implements strategy.PairHandler.
func (n *nosy) OnPair(b *strategy.Bot, _ string, c exchange.Candle) {
	if c.Close > n.Last && (!n.Params.Tape || n.Heard > 0) {
		b.BuyWith(b.FreeCounter() / 100 * exchange.Units(n.Params.Size))
	} else if c.Close < n.Last {
		b.SellAll()
	}
	n.Last, n.Heard = c.Close, 0
}
