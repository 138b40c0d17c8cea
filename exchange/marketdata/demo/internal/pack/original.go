package pack

import (
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// Original returns the market whose tick and step hold every digit of the
// original files: cents, and hundred-millionths of a coin.
func Original() exchange.Market {
	return exchange.Market{
		Pair: "ORIGINAL", Base: "COIN", Counter: "USD",
		Tick: decimal.New(1, -2), Step: decimal.New(1, -8), Status: exchange.MarketActive,
	}
}
