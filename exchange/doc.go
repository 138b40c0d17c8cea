// Package exchange holds the nouns of a spot exchange: markets, candles,
// orders, fills and balances, the small interfaces by which a venue is reached,
// and the typed error whose outcome class says whether an order may exist.
//
// It owns exact numbers. Prices are Ticks, volumes are Steps and amounts of the
// counter currency are Units (tick × step), all int64 multiples that a Market
// turns into decimals and back at the edges. Nothing here is a float except the
// view that indicators compute with (Ticks.Float).
//
// It does not own any venue, history or strategy.
//
// Smallest use:
//
//	m := exchange.Market{Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: …, Step: …}
//	price, err := m.Ticks(decimal.RequireFromString("248100.00"), exchange.Exact)
//	value, err := price.Times(volume) // in Units
package exchange
