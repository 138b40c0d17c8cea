// Command gambler is a plugin that trades by chance, for the tests of what finds
// that out.
package main

import (
	"math/rand/v2"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

type gambler struct{}

// OnCandle implements strategy.CandleHandler.
func (gambler) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	switch {
	case rand.IntN(10) > 0:
	case b.Position() > 0:
		b.SellAll()
	default:
		b.BuyWith(b.FreeCounter())
	}
}

func main() {
	plugin.Serve(strategy.MustDefine(strategy.Info{Name: "gambler", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return gambler{} }))
}
