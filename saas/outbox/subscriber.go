package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
)

// ackWait is how long a handler may take before the event is delivered again,
// perhaps to another process; and so how long events may stand still after a
// process was killed while it handled one.
const ackWait = 10 * time.Second

// SubscriberConfig says how a Subscriber works.
type SubscriberConfig struct {
	// Broker delivers the events. Required; started before subscribing.
	Broker *Broker
	// Log is told of handlers that fail. Defaults to no log.
	Log *slog.Logger
	// Now is the clock. Required.
	Now func() time.Time
	// Store notes what has been handled. Required.
	Store Store
}

func (c SubscriberConfig) validate() error {
	var problems []error
	if c.Broker == nil {
		problems = append(problems, errors.New("outbox: SubscriberConfig.Broker is required"))
	}
	if c.Now == nil {
		problems = append(problems, errors.New("outbox: SubscriberConfig.Now is required"))
	}
	if c.Store == nil {
		problems = append(problems, errors.New("outbox: SubscriberConfig.Store is required"))
	}
	return errors.Join(problems...)
}

// Subscriber hands events to handlers. It is safe for concurrent use.
type Subscriber struct {
	cfg SubscriberConfig

	mu      sync.Mutex
	stopped bool
	stop    context.CancelFunc
	ctx     context.Context
	wg      sync.WaitGroup
}

// NewSubscriber checks cfg and builds a Subscriber; the error names every
// fault.
func NewSubscriber(cfg SubscriberConfig) (*Subscriber, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Subscriber{cfg: cfg}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Subscribe calls the handler with every event since the broker began to keep
// them, once for each event and consumer name, one after the other, until ctx
// ends or Stop. Processes that subscribe under the same name share the events.
// The name has letters, digits, "-" and "_".
func (s *Subscriber) Subscribe(ctx context.Context, consumer string, fn Handler) error {
	if !token(consumer, false) {
		return errs.New(errs.Invalid, "consumer_name", "the consumer name %q has other characters than letters, digits, - and _", consumer)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped()
	}
	conn, err := s.cfg.Broker.connect("lunobot " + consumer)
	if err != nil {
		return fmt.Errorf("subscribing %s: %w", consumer, err)
	}
	// The connection's end is what ends the deliveries: once it is drained, no
	// callback of the library can meet its own closed channel.
	closed := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
	flow, cut := context.WithCancel(context.Background())
	messages, err := s.open(flow, conn, consumer)
	if err != nil {
		cut()
		conn.Close()
		<-closed
		return fmt.Errorf("subscribing %s: %w", consumer, err)
	}
	work, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(s.ctx, cancel)
	s.wg.Go(func() {
		<-work.Done()
		unhook()
		if err := conn.Drain(); err != nil {
			conn.Close()
		}
		<-closed
		cut()
	})
	s.wg.Go(func() {
		defer cancel()
		for m := range messages {
			if s.handle(work, consumer, m, fn) {
				m.Ack()
			} else {
				m.Nack()
			}
		}
	})
	return nil
}

// Listen calls the function with events as they are published, in every process that
// listens, until ctx ends or Stop. Nothing is kept for it: what is published while the
// broker is out of reach is missed, and an event that is published again is heard
// again. It is for what is only hurried by it, such as waking who looks now and then by
// itself, and fn must not wait for anything.
func (s *Subscriber) Listen(ctx context.Context, fn func(e event.Event)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped()
	}
	conn := s.cfg.Broker.Conn()
	if conn == nil {
		return errs.New(errs.Conflict, "broker_start", "the message broker has not started")
	}
	heard := make(chan *nats.Msg, 1024)
	sub, err := conn.ChanSubscribe(subjectPrefix+">", heard)
	if err != nil {
		return errs.New(errs.Unavailable, "broker_start", "events cannot be listened to").Wrap(err)
	}
	work, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(s.ctx, cancel)
	s.wg.Go(func() {
		defer cancel()
		defer unhook()
		defer sub.Unsubscribe() //nolint:errcheck // it fails only where the connection is gone and the subscription with it
		for {
			select {
			case <-work.Done():
				return
			case m := <-heard:
				var e event.Event
				if json.Unmarshal(m.Data, &e) == nil {
					fn(e)
				}
			}
		}
	})
	return nil
}

func errStopped() error {
	return errs.New(errs.Conflict, "subscriber_stopped", "the subscriber was stopped")
}

// open makes the durable consumer and its subscription.
func (s *Subscriber) open(ctx context.Context, conn *nats.Conn, consumer string) (<-chan *message.Message, error) {
	js, err := conn.JetStream()
	if err != nil {
		return nil, err
	}
	const all = subjectPrefix + ">"
	cfg := &nats.ConsumerConfig{
		Durable: consumer, FilterSubject: all, DeliverSubject: "lunobot.deliver." + consumer, DeliverGroup: consumer,
		DeliverPolicy: nats.DeliverAllPolicy, AckPolicy: nats.AckExplicitPolicy, AckWait: ackWait,
		MaxAckPending: 1, // one after the other, a repeated one included
	}
	// Made here and not by the subscription, which would delete what it made
	// when it ends.
	_, err = js.AddConsumer(streamName, cfg)
	if errors.Is(err, nats.ErrConsumerNameAlreadyInUse) {
		_, err = js.UpdateConsumer(streamName, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("making the consumer: %w", err)
	}
	sub, err := wnats.NewSubscriberWithNatsConn(conn, wnats.SubscriberSubscriptionConfig{
		Unmarshaler: &wnats.NATSMarshaler{}, AckWaitTimeout: ackWait, QueueGroupPrefix: consumer, NakDelay: backOff{},
		JetStream: wnats.JetStreamConfig{DurableCalculator: func(string, string) string { return consumer }},
	}, logger(s.cfg.Log))
	if err != nil {
		return nil, err
	}
	return sub.Subscribe(ctx, all)
}

// handle reports whether the message is done with.
func (s *Subscriber) handle(ctx context.Context, consumer string, m *message.Message, fn Handler) bool {
	var e event.Event
	if err := json.Unmarshal(m.Payload, &e); err != nil {
		s.cfg.Log.ErrorContext(ctx, "a message is no event and was dropped", "consumer", consumer, "message_id", m.UUID, "error", err)
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	err := s.cfg.Store.HandleEvent(ctx, consumer, e, s.cfg.Now(), guarded(fn))
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.WarnContext(ctx, "an event was not handled and will come again", "consumer", consumer,
			"event_id", e.ID, "type", e.Type, "tenant_id", e.TenantID, "error", err)
	}
	return err == nil
}

// guarded turns a panic of a handler into an error: an event that trips one
// handler must not take the process down with every delivery.
func guarded(fn Handler) Handler {
	return func(ctx context.Context, e event.Event) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the handler panicked: %v\n%s", p, debug.Stack())
			}
		}()
		return fn(ctx, e)
	}
}

// Stop ends all subscriptions and waits for their handlers, whose contexts end.
// Stopping twice does nothing.
func (s *Subscriber) Stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.stop()
	s.wg.Wait()
}

// backOff is the pause before an event is delivered again: 100 ms, doubled
// each time, at most 30 s.
type backOff struct{}

// WaitTime implements the delay of watermill-nats; deliveries counts from 1.
func (backOff) WaitTime(deliveries uint64) time.Duration {
	if deliveries > 9 {
		return maxPause
	}
	return min(100*time.Millisecond<<max(0, int(deliveries)-1), maxPause)
}

// logger hands watermill's messages on. Its errors are no faults of ours: they
// say that something will be delivered again, which is what happens then.
func logger(log *slog.Logger) watermill.LoggerAdapter {
	return watermill.NewSlogLoggerWithLevelMapping(log, map[slog.Level]slog.Level{
		slog.LevelError: slog.LevelDebug, slog.LevelInfo: slog.LevelDebug,
	})
}
