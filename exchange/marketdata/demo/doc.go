// Package demo is the demo market: XBTMYR and ETHMYR for ever, made of real
// candles of 2016 to 2018 and clearly labelled as a replay.
//
// It owns the market's two pairs, its own clock (market time), its history and
// its live stream. The base series are the real one-minute candles, joined
// without a jump where days are missing between them, holes inside a day filled
// flat, and scaled to ringgit. They repeat without end and without a jump: the
// drift of one whole cycle is taken out evenly, minute by minute, so that a
// cycle ends at the price that it began with. Prices therefore stay in the
// range of one cycle for ever, in both directions of time.
//
// Every candle is a pure function of pair, index and seed. The seed moves the
// start within the cycle and picks the path of the price inside each candle.
//
// It does not own any order; fills come from package paper.
//
// Smallest use:
//
//	market, err := demo.New(demo.Config{})
//	candles, err := market.Candles(ctx, "XBTMYR", time.Minute, since, 500)
package demo

// Texts that pages show beside everything that comes from this market.
const (
	// Name is the market's short name.
	Name = "Demo market"
	// Label says what the prices are and what they are not.
	Label = "Replay of real candles of 2016–2018 (Coinbase BTC-USD, ETH-USD), scaled to ringgit; not live Luno prices"
	// Origin names the data's source and licence.
	Origin = "Data: QuantConnect/Lean, Data/crypto/coinbase, Apache-2.0"
)
