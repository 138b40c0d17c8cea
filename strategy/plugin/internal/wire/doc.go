// Package wire encodes what crosses the boundary of a strategy's process in
// large numbers: blocks of candles and of the equity curve in columns, and the
// live batch of events and commands.
//
// It owns these encodings and refuses whatever does not follow them; both sides
// of the boundary use it. It does not own the calls (package pluginpb) nor what
// a command may ask for (packages engine and risk).
//
// Smallest use:
//
//	block := encoder.Append(nil, candles)
//	candles, err := decoder.Decode(candles[:0], block)
package wire
