// Package marketdata brings candles to whoever trades on them: history from CSV
// files, candles built from trades, larger intervals folded from smaller ones,
// and the Feed that shares one live subscription per pair among many bots.
//
// It owns the completeness of candles: every interval appears once and in
// order, an interval without a trade is a flat candle of volume 0, and an
// interval that has not ended is never a candle (rules M1, M3, M4).
//
// Between candles it tells what was traded at, as one range however many trades there were,
// without bad prints (Subscription.Prints).
//
// It does not own a venue; history and live events come through
// exchange.MarketData and exchange.Streamer. Package demo below it holds the
// built-in demo market.
//
// Smallest use:
//
//	series, report, err := marketdata.ReadCSV(ctx, file, marketdata.CSVConfig{Market: market})
package marketdata
