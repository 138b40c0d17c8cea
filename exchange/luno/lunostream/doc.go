// Package lunostream reads the live streams of the Luno exchange.
//
// It owns the protocol: the first frame with the key, the decoding of messages,
// the order book that they build, and keep-alives. A Book is exact: all orders in
// whole ticks and steps, every message applied to the state before it, and gone
// at the first that does not fit. Source is what a marketdata.Feed takes its live
// candles, trades and top of book from. Account tells what becomes of an account's
// own orders and balances, each thing once.
//
// It does not own REST: what a stream leaves out is asked of a Venue, which
// package luno's client is. It does not decide what is done with what it tells.
//
// # Limits of Luno
//
// A book is exact or there is none: an order or a trade that is finer than the
// market's tick or step, as Luno's list of markets has them, ends the stream with a
// *MessageError. That a trade has the same sequence on the stream and over REST,
// and which right of a key the user stream asks for, is not documented. The user
// stream has no numbers: a message that Luno leaves out is not noticed, so that
// orders must be read over REST as well (rule T6).
//
// Smallest use:
//
//	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{KeyID: id, Secret: secret})
//	source, err := lunostream.NewSource(lunostream.SourceConfig{Dialer: dialer, Venue: client})
//	feed, err := marketdata.NewFeed(marketdata.FeedConfig{History: client, Upstream: source})
package lunostream
