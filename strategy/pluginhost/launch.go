package pluginhost

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"time"

	hclog "github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// connection is a plugin's process and all that the host holds of it.
type connection struct {
	child     *child
	client    *goplugin.Client
	conn      *grpc.ClientConn
	rpc       *plugin.Client
	manifest  plugin.Manifest
	wires     *wires
	output    *output
	directory *directory
	// release gives up the connection as such, and asks the process to end if it
	// is the host's.
	release func()
	// before is the number before the first bot's: a process may know the bots of
	// another host.
	before uint64
}

// launch starts a source's process and returns when it serves. On an error
// nothing is left of it.
func launch(ctx context.Context, cfg Config, s Source, checksum []byte, b *box) (*connection, *Error) {
	directory, err := newDirectory(cfg.TempDir)
	if err != nil {
		return nil, &Error{Plugin: s.Key(), Kind: Start, Err: fmt.Errorf("making its directory: %w", err)}
	}
	memory, err := plugin.NewMemory()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		cfg.Logger.Warn("no memory is shared with a plugin; its backtests are slower", "plugin", s.Key(), "error", err)
	}
	line, err := plugin.NewLine()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		cfg.Logger.Warn("a plugin has no line; its live rounds are slower", "plugin", s.Key(), "error", err)
	}
	process, err := newChild(cfg, s, directory.path, memory, line, b)
	if err != nil {
		if memory != nil {
			_ = memory.Close()
		}
		if line != nil {
			line.Close()
		}
		directory.remove()
		return nil, &Error{Plugin: s.Key(), Kind: Start, Err: err}
	}
	c := &connection{
		child: process, directory: directory, wires: &wires{},
		output: &output{logger: cfg.Logger.With("plugin", s.Key()), limit: cfg.LogLine, rate: cfg.LogRate, now: cfg.Now},
	}
	pinned := &goplugin.SecureConfig{Checksum: checksum, Hash: sha256.New()}
	kind := Start
	c.release = func() { c.client.Kill() }
	c.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: plugin.Handshake(), VersionedPlugins: plugin.ClientSets(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true, SkipHostEnv: true, StartTimeout: cfg.StartTimeout,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: directory.path},
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Off, Output: io.Discard}),
		Stderr:           c.output, SyncStdout: c.output, SyncStderr: c.output,
		GRPCDialOptions: append(plugin.DialOptions(), grpc.WithContextDialer(c.wires.dial), grpc.WithStreamInterceptor(unbrokered)),
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, sockets string) (runner.Runner, error) {
			if err := b.own(directory.path, sockets); err != nil {
				return nil, err
			}
			if b == nil { // else the file was checked when it was sealed
				switch same, err := pinned.Check(s.Path); {
				case err != nil:
					return nil, fmt.Errorf("checking the file: %w", err)
				case !same:
					kind = Tampered
					return nil, fmt.Errorf("%s is not the file whose SHA-256 is %x", s.Path, checksum)
				}
			}
			c.child.environ(spec.Env)
			return c.child, nil
		},
	})
	if err := c.connect(ctx, cfg); err != nil {
		wrong := c.diagnose(s, kind, err)
		c.close()
		return nil, wrong
	}
	if err := s.agrees(c.manifest); err != nil {
		c.close()
		return nil, &Error{Plugin: s.Key(), Kind: Garbage, Err: err}
	}
	return c, nil
}

// brokerStream is the stream by which go-plugin hears of further connections.
const brokerStream = "/plugin.GRPCBroker/StartStream"

// unbrokered opens any stream but go-plugin's broker: no strategy has a further
// connection, and the host would keep a place for each that one promises.
func unbrokered(
	ctx context.Context, d *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if method == brokerStream {
		return nil, status.Error(codes.Unimplemented, "this host knows no broker")
	}
	return open(ctx, d, conn, method, opts...)
}

// errStartTimeout means that a plugin did not serve in time.
var errStartTimeout = errors.New("it did not start in time")

// connect starts the process, connects and asks for the manifest. go-plugin
// takes no context, so the process is killed when there is no more time; that
// ends whatever waits for it.
func (c *connection) connect(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.StartTimeout, errStartTimeout)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- c.dispense(ctx) }()
	select {
	case err := <-result:
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	case <-ctx.Done():
	}
	c.kill()
	for {
		select {
		case <-result: //nolint:errcheck // it is an error of the killed process
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
			c.kill() // the process may have been started after the first kill
		}
	}
}

func (c *connection) dispense(ctx context.Context) error {
	address, err := c.client.Start()
	if err != nil {
		return err
	}
	c.wires.aim(address)
	protocol, err := c.client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(plugin.SetName)
	if err != nil {
		return err
	}
	rpc, ok := raw.(*plugin.Client)
	transport, ok2 := protocol.(*goplugin.GRPCClient)
	if !ok || !ok2 {
		return fmt.Errorf("go-plugin dispensed %T over %T", raw, protocol)
	}
	c.rpc, c.conn = rpc, transport.Conn
	if c.manifest, err = c.rpc.Describe(ctx); err != nil {
		return err
	}
	if c.manifest.Can(plugin.SharedMemory) {
		c.rpc.Share(c.child.memory)
	}
	if c.manifest.Can(plugin.LiveLine) {
		c.rpc.Hold(c.child.line)
	}
	return nil
}

// diagnose finds the kind and the best cause of a failed start.
func (c *connection) diagnose(s Source, kind Kind, err error) *Error {
	name := s.Key()
	if c.child.ID() == "" {
		if kind == Start {
			err = unfit(s.Path, err)
		}
		return &Error{Plugin: name, Kind: kind, Err: err}
	}
	if e := c.child.overuse.Load(); e != nil {
		return &Error{Plugin: name, Kind: Overuse, Err: e}
	}
	if kind, wrong := c.child.hello.judge(); wrong != nil {
		return &Error{Plugin: name, Kind: kind, Err: wrong}
	}
	if errors.Is(err, errAddress) {
		return &Error{Plugin: name, Kind: Handshake, Err: err}
	}
	if errors.Is(err, plugin.ErrGarbage) {
		return &Error{Plugin: name, Kind: Garbage, Err: err}
	}
	if errors.Is(err, errStartTimeout) {
		return &Error{Plugin: name, Kind: Timeout, Err: err}
	}
	select {
	case <-c.child.done:
		if c.child.cmd.ProcessState.ExitCode() == sandbox.ExitRefused {
			return &Error{Plugin: name, Kind: Start, Err: unfit(s.Path, c.ending())}
		}
		ended, gaveUp := c.ending(), errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) // the caller did
		if !gaveUp {
			if c.child.failed == nil {
				ended = fmt.Errorf("%w: does its main call plugin.Serve?", ended)
			}
			return &Error{Plugin: name, Kind: Handshake, Err: fmt.Errorf("it ended before it served: %w", ended)}
		}
	case <-time.After(drain):
	}
	return &Error{Plugin: name, Kind: Handshake, Err: err}
}

// ending says how the process ended, with the line that best tells why.
func (c *connection) ending() error {
	select {
	case <-c.child.quiet:
	case <-time.After(drain):
	}
	err := c.child.failed
	if err == nil {
		err = errors.New("exit status 0")
	}
	if why := c.output.why(); why != "" {
		return fmt.Errorf("%w: %s", err, why)
	}
	return err
}

// kill ends the process at once.
func (c *connection) kill() {
	c.wires.cut()
	if c.child.line != nil {
		c.child.line.Cut()
	}
	c.child.end()
}

// close ends what is left of the process and of the connection, and removes the
// directory.
func (c *connection) close() {
	c.kill()
	c.release()
	if c.child.memory != nil {
		_ = c.child.memory.Close()
	}
	if c.child.line != nil {
		c.child.line.Close()
	}
	c.directory.remove()
}

// part asks the process to end and kills it if it does not within the time.
func (c *connection) part(patience time.Duration) {
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		c.release()
	}()
	select {
	case <-asked:
	case <-time.After(patience):
		c.kill()
		<-asked
	}
	c.close()
}

// wires are the sockets of a connection. They are cut when the process is
// killed, so that nothing waits for a stranger that holds the other end.
type wires struct {
	mu      sync.Mutex
	address net.Addr
	open    []net.Conn
	over    bool
}

func (w *wires) aim(a net.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.address = a
}

func (w *wires) dial(ctx context.Context, _ string) (net.Conn, error) {
	w.mu.Lock()
	address, over := w.address, w.over
	w.mu.Unlock()
	if over || address == nil {
		return nil, net.ErrClosed
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, address.Network(), address.String())
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	w.open = append(w.open, conn)
	return conn, nil
}

func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for _, conn := range w.open {
		_ = conn.Close()
	}
	w.open = nil
}
