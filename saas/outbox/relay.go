package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	wnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
)

// The pauses of a relay: between two looks for events of other processes, and
// the longest one after errors.
const (
	pollEvery = time.Second
	maxPause  = 30 * time.Second
)

// RelayConfig says how a Relay works.
type RelayConfig struct {
	// Batch is how many events one transaction marks as sent. Defaults to 256.
	Batch int
	// Broker takes the events. Required; started before the Relay.
	Broker *Broker
	// Keep is how long sent events stay in the database. Defaults to 24 h.
	Keep time.Duration
	// Log is told of what fails. Defaults to no log.
	Log *slog.Logger
	// Now is the clock. Required.
	Now func() time.Time
	// PruneEvery is the time between two prunings. Defaults to 10 min.
	PruneEvery time.Duration
	// Resend is how far back events are published once more on start, in case
	// the broker's disk lost them; longer than the broker takes to sync, shorter
	// than its Window. Defaults to 5 min.
	Resend time.Duration
	// Store keeps the outbox. Required.
	Store Store
}

func (c RelayConfig) withDefaults() RelayConfig {
	if c.Batch == 0 {
		c.Batch = 256
	}
	if c.Keep == 0 {
		c.Keep = 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.PruneEvery == 0 {
		c.PruneEvery = 10 * time.Minute
	}
	if c.Resend == 0 {
		c.Resend = 5 * time.Minute
	}
	return c
}

func (c RelayConfig) validate() error {
	var problems []error
	if c.Broker == nil {
		problems = append(problems, errors.New("outbox: RelayConfig.Broker is required"))
	}
	if c.Now == nil {
		problems = append(problems, errors.New("outbox: RelayConfig.Now is required"))
	}
	if c.Store == nil {
		problems = append(problems, errors.New("outbox: RelayConfig.Store is required"))
	}
	if c.Resend > c.Keep {
		problems = append(problems, errors.New("outbox: RelayConfig.Resend must not be longer than Keep"))
	}
	if c.Broker != nil && c.Resend >= c.Broker.cfg.Window {
		problems = append(problems, errors.New("outbox: RelayConfig.Resend must be shorter than BrokerConfig.Window"))
	}
	return errors.Join(problems...)
}

// Relay publishes what is in the outbox. Several processes may run one: they
// take turns.
type Relay struct {
	cfg  RelayConfig
	wake chan struct{}

	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

// NewRelay checks cfg and builds a Relay; the error names every fault.
func NewRelay(cfg RelayConfig) (*Relay, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Relay{cfg: cfg, wake: make(chan struct{}, 1)}, nil
}

// Start begins to publish: first what was not sent or not surely kept, then
// what comes. It goes on until Stop.
func (r *Relay) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		return nil
	}
	if _, err := r.cfg.Store.ResendEvents(ctx, r.cfg.Now().Add(-r.cfg.Resend)); err != nil {
		return fmt.Errorf("starting the relay of events: %w", err)
	}
	conn, err := r.cfg.Broker.connect("lunobot relay")
	if err != nil {
		return fmt.Errorf("starting the relay of events: %w", err)
	}
	pub, err := wnats.NewPublisherWithNatsConn(conn, wnats.PublisherPublishConfig{
		Marshaler: &wnats.NATSMarshaler{}, SubjectCalculator: wnats.DefaultSubjectCalculator,
		JetStream: wnats.JetStreamConfig{TrackMsgId: true},
	}, logger(r.cfg.Log))
	if err != nil {
		conn.Close()
		return fmt.Errorf("starting the relay of events: %w", err)
	}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.done = make(chan struct{})
	go func() {
		defer close(r.done)
		defer pub.Close() //nolint:errcheck // it closes the connection and has no error
		r.run(ctx, pub)
	}()
	return nil
}

// Stop ends publishing and waits for it; what is not sent stays in the outbox.
// Stopping twice does nothing.
func (r *Relay) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel == nil {
		return
	}
	r.cancel()
	<-r.done
	r.cancel = nil
}

// Wake tells the relay that there are events. It never blocks.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Relay) run(ctx context.Context, pub message.Publisher) {
	var pruned time.Time
	pause := pollEvery
	for ctx.Err() == nil {
		n, err := r.cfg.Store.DrainEvents(ctx, r.cfg.Batch, r.cfg.Now(), func(ctx context.Context, m []Message) (int, error) {
			return publish(ctx, pub, m)
		})
		wake := r.wake
		switch {
		case err != nil && ctx.Err() == nil:
			r.cfg.Log.WarnContext(ctx, "events wait in the outbox", "pause", pause, "error", err)
			wake = nil
		case n == r.cfg.Batch:
			continue
		default:
			pause = pollEvery
		}
		if now := r.cfg.Now(); now.Sub(pruned) >= r.cfg.PruneEvery {
			pruned = now
			r.prune(ctx, now)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
		if err != nil {
			pause = min(2*pause, maxPause)
		}
	}
}

// prune deletes old events. Notes of handled ones stay until the broker cannot
// deliver their events any more.
func (r *Relay) prune(ctx context.Context, now time.Time) {
	handled := now.Add(-r.cfg.Keep - r.cfg.Broker.cfg.Keep)
	if _, err := r.cfg.Store.PruneEvents(ctx, now.Add(-r.cfg.Keep), handled); err != nil && ctx.Err() == nil {
		r.cfg.Log.WarnContext(ctx, "old events were not pruned", "error", err)
	}
}

// publish sends messages under their events' ids, so that the broker recognises
// a repeat.
func publish(ctx context.Context, pub message.Publisher, messages []Message) (int, error) {
	for i, m := range messages {
		if err := ctx.Err(); err != nil {
			return i, err
		}
		raw, err := json.Marshal(m.Event)
		if err != nil {
			return i, fmt.Errorf("encoding event %s: %w", m.Event.ID, err)
		}
		msg := message.NewMessage(m.Event.ID, raw)
		msg.Metadata.Set("outbox_id", strconv.FormatInt(m.ID, 10))
		if err := pub.Publish(subject(m.Event), msg); err != nil {
			return i, fmt.Errorf("publishing event %s: %w", m.Event.ID, err)
		}
	}
	return len(messages), nil
}
