package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/tenancy"
)

// Live announces what bots, or backtests, do.
type Live interface {
	// Subscribe delivers the updates of one of them until ctx ends; then, or when it can no
	// longer deliver, it closes the channel.
	Subscribe(ctx context.Context, tenantID, id string) (<-chan live.Update, error)
}

const (
	// eventSnapshot is the first event of a stream: the bot as it is.
	eventSnapshot = "snapshot"
	// eventEnd is the last event of a stream that the server ends.
	eventEnd = "end"
	// writeTime is how long a client may take to take one event.
	writeTime = 10 * time.Second
)

// streams ends all open streams when the server stops.
type streams struct {
	done chan struct{}
	once sync.Once
}

func newStreams() *streams { return &streams{done: make(chan struct{})} }

func (s *streams) stop() { s.once.Do(func() { close(s.done) }) }

func (a *API) streamRoute() {
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/trading/bots/{bot_id}/stream", id: "stream-bot", tag: tagHistory,
		media: "text/event-stream", fails: []errs.Kind{errs.RateLimited},
		summary: "Follow a bot",
		description: "Server-sent events with JSON as data. The first is `snapshot`, the bot as GET shows it; then come `tick` and `candle` (the markets of its pairs), " +
			"`status`, `order`, `fill`, `decision`, `summary` and `plot` (the bot), and `dropped` with a count if the client was too slow: load the bot anew then. " +
			"Those of a market, an order and a fill name their `pair`. Comments keep the connection awake. When the token expires or the session ends, the last event is `end`, with a code: refresh the token and connect again. " +
			"It is also the last when the bot is deleted, with the code `deleted`. " +
			"Nothing is replayed: what was missed is in the lists.",
	}, a.stream)
}

func (a *API) stream(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*huma.StreamResponse, error) {
	if _, err := a.cfg.Bots.Bot(ctx, who, in.ID); err != nil {
		return nil, err
	}
	return a.open(ctx, who, stream{
		id: in.ID, live: a.cfg.Live, last: func(live.Update) bool { return false },
		read: func(ctx context.Context) (any, bool, error) {
			b, err := a.getBot(ctx, who, in)
			if err != nil {
				return nil, false, err
			}
			return b.Body, false, nil
		},
	})
}

// stream is something to follow.
type stream struct {
	id   string
	live Live
	// read returns the thing as it is, and whether nothing more will come.
	read func(ctx context.Context) (now any, over bool, err error)
	// last reports whether nothing comes after an update.
	last func(u live.Update) bool
}

// open opens a stream. What can go wrong goes wrong here, as a problem; after
// that the status is sent.
func (a *API) open(ctx context.Context, who tenancy.Principal, what stream) (*huma.StreamResponse, error) {
	free, err := a.cfg.Streams.Enter(who.TenantID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	leave := func() { cancel(); free() }
	updates, err := what.live.Subscribe(ctx, who.TenantID, what.id)
	if err != nil {
		leave()
		return nil, err
	}
	// Read after subscribing, so that nothing falls between the two.
	now, over, err := what.read(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer leave()
		r, w := humachi.Unwrap(hc)
		s := newEventStream(w)
		if r.Method == http.MethodHead {
			return
		}
		err := s.json(eventSnapshot, a.cfg.Now(), now)
		switch {
		case err != nil:
		case over:
			err = s.over(a.cfg.Now())
		default:
			err = a.follow(ctx, s, updates, what)
		}
		if err != nil && ctx.Err() == nil {
			a.cfg.Logger.DebugContext(ctx, "a stream broke", "tenant_id", who.TenantID, "id", what.id, "error", err)
		}
	}}, nil
}

// follow passes updates on until the last one, the client goes, the updates
// end, the token is no longer good, the thing is deleted or the server stops. The
// token and the thing are looked at again with each heartbeat.
func (a *API) follow(ctx context.Context, s *eventStream, updates <-chan live.Update, what stream) error {
	beat := time.NewTicker(a.cfg.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.streams.done:
			return s.end(a.cfg.Now(), "server_stopping", "the server is stopping; connect again")
		case u, ok := <-updates:
			if !ok {
				return s.end(a.cfg.Now(), "updates_ended", "there are no more updates; connect again")
			}
			if err := s.send(u.Type, u.Time, eventData(u)); err != nil {
				return err
			}
			if what.last(u) {
				return s.over(a.cfg.Now())
			}
		case <-beat.C:
			_, err := a.cfg.Tenancy.Authenticate(ctx, requestOf(ctx).token)
			var refused *errs.Error
			if errors.As(err, &refused) && refused.Kind == errs.Unauthenticated {
				return s.end(a.cfg.Now(), refused.Code, refused.Message)
			}
			if err != nil {
				return s.end(a.cfg.Now(), "unavailable", "the session cannot be checked at present; connect again")
			}
			if _, _, err := what.read(ctx); err != nil && errs.KindOf(err) == errs.NotFound {
				return s.end(a.cfg.Now(), "deleted", "it was deleted; nothing more will come")
			}
			if err := s.comment("awake"); err != nil {
				return err
			}
		}
	}
}

// eventData puts an update's data into the form of the API: times are texts,
// and what an order and a fill have is called as in the lists.
func eventData(u live.Update) []byte {
	var data map[string]json.RawMessage
	if json.Unmarshal(u.Data, &data) != nil || data == nil {
		return []byte("{}") // an event without data would not be delivered
	}
	var ms int64
	if json.Unmarshal(data["time"], &ms) == nil {
		data["time"] = []byte(time.UnixMilli(ms).UTC().Format(`"` + time.RFC3339Nano + `"`))
	}
	rename := func(typ, from, to string) {
		if v, ok := data[from]; ok && u.Type == typ {
			data[to] = v
			delete(data, from)
		}
	}
	rename("order", "client_id", "id")
	rename("fill", "fee", "fee_counter")
	raw, err := json.Marshal(data)
	if err != nil {
		return []byte("{}")
	}
	return raw
}

// eventStream writes server-sent events.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	count   int64
}

func newEventStream(w http.ResponseWriter) *eventStream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // lets proxies pass each event on
	w.WriteHeader(http.StatusOK)
	return &eventStream{w: w, control: http.NewResponseController(w)}
}

// send writes one event; data is JSON in one line. Its id holds the time and
// grows within the stream.
func (s *eventStream) send(name string, at time.Time, data []byte) error {
	s.count++
	var b bytes.Buffer
	b.WriteString("id: " + strconv.FormatInt(at.UnixMilli(), 10) + "-" + strconv.FormatInt(s.count, 10) + "\n")
	b.WriteString("event: " + strings.NewReplacer("\r", "", "\n", "").Replace(name) + "\n")
	b.WriteString("data: ")
	b.Write(data)
	b.WriteByte('\n')
	b.WriteByte('\n')
	return s.flush(b.Bytes())
}

func (s *eventStream) json(name string, at time.Time, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.send(name, at, raw)
}

func (s *eventStream) end(at time.Time, code, detail string) error {
	return s.json(eventEnd, at, map[string]string{"code": code, "detail": detail})
}

// over ends the stream of something of which no more will come.
func (s *eventStream) over(at time.Time) error {
	return s.end(at, "over", "nothing more will come")
}

func (s *eventStream) comment(text string) error { return s.flush([]byte(": " + text + "\n\n")) }

// flush writes within a time of its own: the server's time for a whole answer
// is not meant for one that has no end.
func (s *eventStream) flush(b []byte) error {
	err := s.control.SetWriteDeadline(time.Now().Add(writeTime)) // a deadline of the network, not of the business
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.control.Flush()
}
