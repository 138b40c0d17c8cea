// Package pluginpb is the generated form of strategy.proto, the wire between a
// host and a strategy's process.
//
// It owns the messages and the gRPC stubs. It does not own their meaning in Go
// types, which is package plugin's, nor the hand-written encoding of the live
// batch and of candle columns, which is package wire's.
//
// After a change of strategy.proto run go generate with protoc 3.21,
// protoc-gen-go 1.36.12 and protoc-gen-go-grpc 1.6.2 on the path.
package pluginpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative strategy.proto
