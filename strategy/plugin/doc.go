// Package plugin lets a strategy run as a process of its own, reached by gRPC.
//
// It owns the author's main (Serve), the bundle of strategies that a host
// contains and starts by re-executing itself (Bundle), the manifest, and both
// ends of the wire in Go types: the server in the strategy's process and the
// Client that a host holds. It does not own the process: starting, watching and
// restarting it is package pluginhost's. The protobuf beneath is private.
//
// The whole main of a plugin:
//
//	func main() { plugin.Serve(basic.Definition()) }
//
// # Versions
//
// Two numbers keep sides apart that would misread each other. Protocol is the
// version of the wire; a side serves its own and the one before, and the two
// agree on the highest that both know. SDKVersion is the release of this
// package, which the manifest tells together with the capabilities.
//
// # Beside gRPC
//
// Everything can go by gRPC. Where system and plugin can, the host hands over two
// descriptors that make two things faster: Memory, in which the candles, the equity
// curve and the trades of a backtest lie, and a Line, by which live rounds go. Whether the
// process has taken them, its manifest says; one that was built before there were
// any is served without.
package plugin
