package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/lunobot/lunobot/strategy/plugin"
)

// Attached returns the source of a strategy that a person has started with
// -debug. A host takes it only with Config.Attach.
func Attached(a plugin.Attachment) Source {
	return Source{Name: a.Name, Version: a.Version, Path: a.Socket, attachment: &a}
}

// leisure is how long an attached strategy may take for whatever it does: it may
// stand at a breakpoint.
const leisure = 24 * time.Hour

// unhurried returns the configuration for an attached strategy.
func (c Config) unhurried() Config {
	c.BacktestStall, c.CallTimeout, c.IdleTimeout = leisure, leisure, leisure
	return c
}

// attach connects to a strategy that runs already. Its process is its author's:
// the host neither ends it nor reads what it prints, and it has no sandbox.
func attach(ctx context.Context, cfg Config, s Source) (*connection, *Error) {
	wrong := func(kind Kind, err error) *Error { return &Error{Plugin: s.Key(), Kind: kind, Err: err} }
	if err := s.attachment.Check(); err != nil {
		return nil, wrong(Protocol, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.StartTimeout, errStartTimeout)
	defer cancel()
	c := &connection{
		child: &child{done: make(chan struct{}), quiet: make(chan struct{})}, wires: &wires{}, output: &output{}, before: uint64(cfg.Now().UnixNano()),
	}
	c.wires.aim(&net.UnixAddr{Net: "unix", Name: s.attachment.Socket})
	conn, err := grpc.NewClient("passthrough:///attached", append(plugin.DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(c.wires.dial))...)
	if err != nil {
		return nil, wrong(Start, err)
	}
	c.conn, c.rpc, c.release = conn, plugin.NewClient(conn), func() { _ = conn.Close() }
	if c.manifest, err = c.rpc.Describe(ctx); err == nil {
		err = s.agrees(c.manifest)
	}
	if _, gone := os.Stat(s.attachment.Socket); err != nil && errors.Is(gone, fs.ErrNotExist) {
		err = errors.New("no strategy waits there any more: start it again with -debug")
	}
	if err != nil {
		c.close()
		return nil, wrong(Handshake, fmt.Errorf("attaching to process %d at %s: %w", s.attachment.Process, s.attachment.Socket, err))
	}
	return c, nil
}
