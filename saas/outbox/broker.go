package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/lunobot/lunobot/saas/errs"
)

// The stream of domain events and its subjects: lunobot.events.TENANT.TYPE.
const (
	streamName    = "LUNOBOT_EVENTS"
	subjectPrefix = "lunobot.events."
)

// BrokerConfig says which broker carries messages: one in this process, or a
// cluster.
type BrokerConfig struct {
	// Dir is the folder of the embedded broker. Required unless URL is set.
	Dir string
	// Keep is how long the broker keeps events. Defaults to 24 h.
	Keep time.Duration
	// Log is told of lost and found connections. Defaults to no log.
	Log *slog.Logger
	// Replicas is how many servers of a cluster keep each event. Defaults to 1.
	Replicas int
	// SyncInterval is how long the embedded broker may keep what it has
	// acknowledged from the disk. Defaults to 10 s.
	SyncInterval time.Duration
	// Timeout bounds starting and connecting. Defaults to 10 s.
	Timeout time.Duration
	// URL is the address of a NATS cluster with JetStream, such as
	// nats://user:password@host:4222; "" embeds a broker that opens no port.
	URL string
	// Window is how long a message id is recognised. Defaults to 10 min. It
	// must be longer than the relay's Resend.
	Window time.Duration
}

func (c BrokerConfig) withDefaults() BrokerConfig {
	if c.Keep == 0 {
		c.Keep = 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.SyncInterval == 0 {
		c.SyncInterval = 10 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Window == 0 {
		c.Window = 10 * time.Minute
	}
	return c
}

func (c BrokerConfig) validate() error {
	if (c.Dir == "") == (c.URL == "") {
		return errors.New("outbox: exactly one of BrokerConfig.Dir and BrokerConfig.URL is required")
	}
	return nil
}

// Broker is the connection to NATS, and the server itself if it is embedded.
type Broker struct {
	cfg BrokerConfig

	mu     sync.Mutex
	server *server.Server
	conn   *nats.Conn
}

// NewBroker checks cfg and builds a Broker, which Start starts.
func NewBroker(cfg BrokerConfig) (*Broker, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Broker{cfg: cfg.withDefaults()}, nil
}

// Start starts or connects to the broker and makes sure that the stream of
// events is there. A folder that cannot be used and a server that does not
// answer are Unavailable errors, code "broker_start".
func (b *Broker) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil {
		return nil
	}
	if err := b.start(ctx); err != nil {
		b.stop()
		return err
	}
	return nil
}

func (b *Broker) start(ctx context.Context) error {
	if b.cfg.URL == "" {
		if err := b.embed(); err != nil {
			return errs.New(errs.Unavailable, "broker_start", "the message broker cannot start in %s", b.cfg.Dir).Wrap(err)
		}
	}
	conn, err := b.connect("lunobot")
	if err != nil {
		return err
	}
	b.conn = conn
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Timeout)
	defer cancel()
	if err := b.provision(ctx); err != nil {
		return errs.New(errs.Unavailable, "broker_start", "the message broker has no stream of events").Wrap(err)
	}
	return nil
}

func (b *Broker) embed() error {
	if err := os.MkdirAll(b.cfg.Dir, 0o700); err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "lunobot", DontListen: true, JetStream: true, StoreDir: b.cfg.Dir, SyncInterval: b.cfg.SyncInterval,
		NoSigs: true, DisableJetStreamBanner: true,
	})
	if err != nil {
		return err
	}
	b.server = s
	s.SetLogger(serverLog{b.cfg.Log}, false, false)
	s.Start()
	if !s.ReadyForConnections(b.cfg.Timeout) {
		return fmt.Errorf("it was not ready within %s", b.cfg.Timeout)
	}
	return nil
}

// connect opens one more connection; the caller closes it.
func (b *Broker) connect(name string) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.Timeout(b.cfg.Timeout),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.cfg.Log.Warn("the message broker is gone", "connection", name, "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { b.cfg.Log.Info("the message broker is back", "connection", name) }),
	}
	if b.server != nil {
		opts = append(opts, nats.InProcessServer(b.server))
	}
	conn, err := nats.Connect(b.cfg.URL, opts...)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "broker_start", "the message broker does not answer").Wrap(err)
	}
	return conn, nil
}

// provision makes the stream of events, or brings it up to date.
func (b *Broker) provision(ctx context.Context) error {
	js, err := b.conn.JetStream()
	if err != nil {
		return err
	}
	cfg := &nats.StreamConfig{
		Name: streamName, Subjects: []string{subjectPrefix + ">"}, Storage: nats.FileStorage, Retention: nats.LimitsPolicy,
		MaxAge: b.cfg.Keep, Duplicates: min(b.cfg.Window, b.cfg.Keep), Replicas: b.cfg.Replicas, Discard: nats.DiscardOld,
	}
	_, err = js.AddStream(cfg, nats.Context(ctx))
	if errors.Is(err, nats.ErrStreamNameAlreadyInUse) {
		_, err = js.UpdateStream(cfg, nats.Context(ctx))
	}
	return err
}

// Conn returns the connection for messages that need no keeping, such as those
// of package live; nil before Start. It belongs to the Broker.
func (b *Broker) Conn() *nats.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conn
}

// Stop closes the connection and stops the embedded broker. Stop relays and
// subscribers first. Stopping twice does nothing.
func (b *Broker) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stop()
}

func (b *Broker) stop() {
	if b.conn != nil {
		b.conn.Close()
		b.conn = nil
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
		b.server = nil
	}
}

// serverLog hands the embedded server's troubles to slog, and nothing else.
type serverLog struct{ log *slog.Logger }

var _ server.Logger = serverLog{}

func (l serverLog) Noticef(string, ...any)            {}
func (l serverLog) Debugf(string, ...any)             {}
func (l serverLog) Tracef(string, ...any)             {}
func (l serverLog) Warnf(format string, args ...any)  { l.tell(slog.LevelWarn, format, args) }
func (l serverLog) Errorf(format string, args ...any) { l.tell(slog.LevelError, format, args) }
func (l serverLog) Fatalf(format string, args ...any) { l.tell(slog.LevelError, format, args) }

func (l serverLog) tell(level slog.Level, format string, args []any) {
	l.log.Log(context.Background(), level, "the embedded message broker is in trouble", "detail", fmt.Sprintf(format, args...))
}
