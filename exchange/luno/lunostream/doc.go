// Package lunostream reads the live streams of the Luno exchange.
//
// It owns the protocol: the decoding of messages and the order book that they
// build. A Book is exact: all orders in whole ticks and steps, every message
// applied to the state before it, and gone at the first that does not fit.
//
// It does not own REST.
//
// Smallest use:
//
//	d := lunostream.NewDecoder(market)
//	snapshot, err := d.Snapshot(first)
//	book, err := lunostream.NewBook(market.Pair, snapshot)
//	update, err := d.Update(next)
//	ticks, err := book.Apply(nil, update)
package lunostream
