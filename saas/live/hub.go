package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/lunobot/lunobot/saas/errs"
)

// Dropped is the type of the update that stands for updates which a watcher was
// too slow for. Its data is {"count": n}.
const Dropped = "dropped"

// subjectPrefix begins every subject: lunobot.live.TENANT.BOT.
const subjectPrefix = "lunobot.live."

// Update is one piece of news of a bot.
type Update struct {
	// BotID is filled in by the Hub.
	BotID string `json:"bot_id"`
	// Type says what Data is.
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	// Data is JSON.
	Data json.RawMessage `json:"data,omitempty"`
}

// HubConfig says how a Hub works.
type HubConfig struct {
	// Buffer is how many updates wait for a watcher at most. Defaults to 256.
	Buffer int
	// Conn carries the updates; it belongs to the caller. Required.
	Conn *nats.Conn
	// Queue is how many updates wait to be sent at most. Defaults to 8192.
	Queue int
}

// Hub sends updates and hands them to watchers. It is safe for concurrent use.
type Hub struct {
	cfg     HubConfig
	out     chan *nats.Msg
	ctx     context.Context
	stop    context.CancelFunc
	unsent  atomic.Int64
	mu      sync.Mutex
	stopped bool
	wg      sync.WaitGroup
}

// NewHub checks cfg, builds a Hub and starts its sender, which Stop ends.
func NewHub(cfg HubConfig) (*Hub, error) {
	if cfg.Conn == nil {
		return nil, errors.New("live: HubConfig.Conn is required")
	}
	if cfg.Buffer <= 0 {
		cfg.Buffer = 256
	}
	if cfg.Queue <= 0 {
		cfg.Queue = 8192
	}
	h := &Hub{cfg: cfg, out: make(chan *nats.Msg, cfg.Queue)}
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.wg.Go(h.send)
	return h, nil
}

// Stop ends the sender and every subscription, and waits for them. Stopping
// twice does nothing.
func (h *Hub) Stop() {
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	h.stop()
	h.wg.Wait()
}

// Publish hands an update to whoever watches the bot. It never waits: if the
// broker is slower than the bots, the update is dropped and counted. An id that
// cannot be part of a subject is an Invalid error.
func (h *Hub) Publish(_ context.Context, tenantID, botID string, u Update) error {
	subject, err := subjectOf(tenantID, botID)
	if err != nil {
		return err
	}
	u.BotID = botID
	raw, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("encoding an update of bot %s: %w", botID, err)
	}
	select {
	case h.out <- &nats.Msg{Subject: subject, Data: raw}:
	default:
		h.unsent.Add(1)
	}
	return nil
}

// Unsent returns how many updates were dropped because the broker was too slow.
func (h *Hub) Unsent() int64 { return h.unsent.Load() }

// send is the only one that waits for the connection.
func (h *Hub) send() {
	for {
		select {
		case <-h.ctx.Done():
			return
		case m := <-h.out:
			if h.cfg.Conn.PublishMsg(m) != nil {
				h.unsent.Add(1)
			}
		}
	}
}

// Subscribe returns the updates of one bot from now on, until ctx ends or Stop;
// then the channel is closed.
func (h *Hub) Subscribe(ctx context.Context, tenantID, botID string) (<-chan Update, error) {
	subject, err := subjectOf(tenantID, botID)
	if err != nil {
		return nil, err
	}
	return h.subscribe(ctx, subject)
}

// SubscribeTenant is Subscribe for all bots of a tenant.
func (h *Hub) SubscribeTenant(ctx context.Context, tenantID string) (<-chan Update, error) {
	if !token(tenantID) {
		return nil, errID(tenantID)
	}
	return h.subscribe(ctx, subjectPrefix+tenantID+".*")
}

func (h *Hub) subscribe(ctx context.Context, subject string) (<-chan Update, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return nil, errs.New(errs.Unavailable, "live_stopped", "live updates have ended")
	}
	box := newMailbox(h.cfg.Buffer)
	sub, err := h.cfg.Conn.Subscribe(subject, func(m *nats.Msg) {
		var u Update
		if json.Unmarshal(m.Data, &u) == nil {
			box.put(u)
		}
	})
	if err != nil {
		return nil, errs.New(errs.Unavailable, "live_down", "live updates are not to be had").Wrap(err)
	}
	// What is published after Subscribe returned must arrive, also over another
	// connection: wait until the broker knows of the subscription.
	if err := flush(ctx, h.cfg.Conn); err != nil {
		return nil, errors.Join(errs.New(errs.Unavailable, "live_down", "live updates are not to be had").Wrap(err), sub.Unsubscribe())
	}
	out := make(chan Update)
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(h.ctx, cancel)
	h.wg.Go(func() {
		defer cancel()
		defer unhook()
		defer close(out)
		defer sub.Unsubscribe() //nolint:errcheck // it fails only where the connection is gone and the subscription with it
		box.deliver(ctx, out)
	})
	return out, nil
}

// flushTimeout bounds the wait for the broker.
const flushTimeout = 5 * time.Second

func flush(ctx context.Context, conn *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return conn.FlushWithContext(ctx)
}

func subjectOf(tenantID, botID string) (string, error) {
	switch {
	case !token(tenantID):
		return "", errID(tenantID)
	case !token(botID):
		return "", errID(botID)
	}
	return subjectPrefix + tenantID + "." + botID, nil
}

func errID(id string) *errs.Error {
	return errs.New(errs.Invalid, "bad_id", "%.40q is not an id", id)
}

// token reports whether an id can be part of a subject: letters, digits, "-"
// and "_" only, so that no id is a wildcard or reaches into another tenant.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 128
}
