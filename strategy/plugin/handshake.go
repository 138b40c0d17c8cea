package plugin

import (
	"context"
	"errors"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
)

// Protocol is the version of the wire that this release speaks.
const Protocol = 1

// SDKVersion is the semantic version of this package.
const SDKVersion = "0.1.0"

// SetName is the name under which a plugin serves its strategy.
const SetName = "strategy"

// Limits and sizes of the connection, in bytes.
const (
	maxMessage = 64 << 20
	// window is how far one side sends ahead of the other in a backtest.
	window = 1 << 20
	// headers is how much a plugin may say around its messages, such as why a call failed.
	headers = 64 << 10
	buffer  = 128 << 10
)

// Handshake returns what tells a plugin that a host has started it. It is no
// secret and protects nothing.
func Handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{MagicCookieKey: "LUNOBOT_PLUGIN", MagicCookieValue: "strategy"}
}

// ClientSets returns the protocol versions that a host of this release speaks;
// what is dispensed under SetName is a *Client.
func ClientSets() map[int]goplugin.PluginSet { return sets(adapter{}) }

// DialOptions returns the options of a host's connection.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(2 * window),
		grpc.WithReadBufferSize(buffer), grpc.WithWriteBufferSize(buffer), grpc.WithMaxHeaderListSize(headers),
	}
}

func newGRPCServer(options []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(options,
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(2*window),
		grpc.ReadBufferSize(buffer), grpc.WriteBufferSize(buffer),
	)...)
}

// sets returns the protocol versions of one side.
func sets(a adapter) map[int]goplugin.PluginSet {
	return map[int]goplugin.PluginSet{Protocol: {SetName: a}}
}

// adapter is the wire as go-plugin wants it; server is nil on the host's side.
type adapter struct {
	goplugin.NetRPCUnsupportedPlugin
	server *server
}

var _ goplugin.GRPCPlugin = adapter{}

// GRPCServer registers the strategy in its own process.
func (a adapter) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	if a.server == nil {
		return errors.New("plugin: there is no strategy to serve")
	}
	pluginpb.RegisterStrategyServer(s, a.server)
	return nil
}

// GRPCClient returns the *Client of a host's connection.
func (a adapter) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}
