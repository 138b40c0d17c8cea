// Package paper simulates venues.
//
// It owns two of them. Venue is one account in one market whose orders meet
// recorded candles: paper bots and backtests use it. Exchange is a matching
// engine of many accounts and markets with price-time priority: the Luno
// simulator uses it. It does not own market data.
//
// How Venue fills, in one candle and in this order (rule PL4):
//
//  1. Market orders of before trade at the open, made worse by the costs: a
//     fixed slippage, half of the spread, a share of the candle's range, and the
//     order's own impact.
//  2. Limit orders that the open reaches as they arrive trade there, as taker, made
//     worse by the costs up to their price; those that the candle trades through
//     (not merely touches) trade at their price, as maker.
//  3. A protective exit that the candle reaches trades at its trigger, or at the
//     open where the candle opened beyond it, made worse by the costs; where
//     a candle reaches stop and target, the stop counts. It acts once a candle:
//     what the volume does not take goes on as a market order.
//
// Inside a candle the path is not known, so the worse one is taken: a stop comes
// before a resting sale unless the open reaches that sale, and a target counts
// only from the candle after the one in which a resting buy filled. A market buy
// by volume may draw on free cash where the price has risen since it was placed.
//
// A share of the candle's volume bounds what trades in it; the rest waits. With a
// latency an order meets no candle that opened while it was under way. Fees are
// those of the tier that the last 30 days' trading has reached, taken in the
// counter currency and rounded up.
//
// Smallest use:
//
//	v, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: cash})
//	order, err := v.Place(exchange.OrderRequest{…})
//	for _, report := range v.Candle(&c) { … }
package paper
