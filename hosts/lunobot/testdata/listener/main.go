// Command listener is a plugin that looks at more than candles, for the tests of
// what brings it that: it buys where more is bought than sold, and sells where
// the other pair falls.
package main

import (
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// Params are what the test chooses.
type Params struct {
	Trades bool   `param:"trades" label:"Trades"`
	Pair   string `param:"pair" label:"Pair"`
}

type listener struct {
	Params Params `json:"-"`
	Bought exchange.Steps
	Last   exchange.Ticks
}

// Subscribe implements strategy.Subscriber.
func (l *listener) Subscribe() strategy.Subscription {
	sees := strategy.Subscription{Trades: l.Params.Trades}
	if l.Params.Pair != "" {
		sees.Pairs = []string{l.Params.Pair}
	}
	return sees
}

// OnTrades implements strategy.TradesHandler.
func (l *listener) OnTrades(b *strategy.Bot, trades []exchange.Trade) {
	for _, t := range trades {
		if t.Taker != exchange.Sell {
			l.Bought += t.Volume
		}
	}
	if l.Bought > 0 && b.Position() == 0 {
		b.BuyWith(b.FreeCounter())
	}
}

// OnPair implements strategy.PairHandler.
func (l *listener) OnPair(b *strategy.Bot, _ string, c exchange.Candle) {
	if c.Close < l.Last {
		b.SellAll()
	}
	l.Last = c.Close
}

func main() {
	plugin.Serve(strategy.MustDefine(strategy.Info{Name: "listener", Version: "1.0.0"}, Params{}, func(p Params) strategy.Strategy { return &listener{Params: p} }))
}
