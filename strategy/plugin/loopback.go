package plugin

import (
	"context"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
)

// Loopback serves a strategy within this process over real gRPC and returns a
// client of it, for tests. Stop ends it and waits; it may be called twice.
func Loopback(def strategy.Definition) (client *Client, stop func(), err error) {
	listener := bufconn.Listen(window)
	server := newGRPCServer(nil)
	pluginpb.RegisterStrategyServer(server, newServer(def))
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	conn, err := grpc.NewClient("passthrough:///loopback", append(DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		server.Stop()
		serving.Wait()
		return nil, nil, fmt.Errorf("connecting to the loopback: %w", err)
	}
	stop = sync.OnceFunc(func() {
		_ = conn.Close()
		server.Stop()
		serving.Wait()
	})
	return NewClient(conn), stop, nil
}
