package lunosim

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxFrame bounds what a client may send on a stream.
	maxFrame = 4 << 10
	// writeWait is how long a client may take to accept a message.
	writeWait = 10 * time.Second
)

// session is one websocket of a client.
type session struct {
	conn *websocket.Conn
	// path and key say what it hears and whose it is.
	path string
	key  *key
	// pair is the market that it hears; "" for a user stream.
	pair string
	// mute is set while a fault has it answer nothing.
	mute atomic.Bool
	// held is a message that goes out after the next.
	held []byte
	// ctx ends when the client is gone or is sent away.
	ctx  context.Context //nolint:containedctx // a session is a connection and lives as long
	stop context.CancelFunc
}

// sessions are the streams that are open.
type sessions struct {
	mu   sync.Mutex
	open map[*session]struct{}
	ctx  context.Context //nolint:containedctx // ends all sessions
	stop context.CancelFunc
	done sync.WaitGroup
}

func (s *sessions) begin() {
	s.open = map[*session]struct{}{}
	s.ctx, s.stop = context.WithCancel(context.Background())
}

// end ends all sessions and waits for them; there will be no others.
func (s *sessions) end() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.done.Wait()
}

// begun counts a connection that end has to wait for; false if it is over.
func (s *sessions) begun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.done.Add(1)
	return true
}

// enter counts a session in; false if its account has as many as it may.
func (s *sessions) enter(x *session, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for other := range s.open {
		if other.key.account == x.key.account {
			count++
		}
	}
	if count >= most {
		return false
	}
	s.open[x] = struct{}{}
	return true
}

// expel ends the sessions that a test picks.
func (s *sessions) expel(pick func(*session) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.open {
		if pick(x) {
			x.stop()
		}
	}
}

func (s *sessions) leave(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, x)
}

// streamError is a message that ends a stream.
type streamError struct {
	Code string `json:"error_code"`
	Text string `json:"error"`
}

// stream upgrades a call to a session, lets the client say who it is, and runs it.
// A fault that is known before is told first.
func (s *Sim) stream(w http.ResponseWriter, r *http.Request, fault *streamError, run func(*session)) {
	if !s.sessions.begun() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer s.sessions.done.Done()
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it was answered
	}
	x := &session{conn: conn, path: r.URL.Path, pair: r.PathValue("pair")}
	x.ctx, x.stop = context.WithCancel(s.sessions.ctx)
	defer x.stop()
	defer context.AfterFunc(x.ctx, func() { _ = conn.Close() })()
	defer conn.Close() //nolint:errcheck // it is over
	if fault == nil {
		fault = s.welcome(x)
	}
	if fault != nil {
		x.refuse(*fault)
		return
	}
	defer s.sessions.leave(x)
	go x.listen()
	run(x)
}

// welcome reads the credentials and counts the session in.
func (s *Sim) welcome(x *session) *streamError {
	x.conn.SetReadLimit(maxFrame)
	_ = x.conn.SetReadDeadline(time.Now().Add(s.cfg.Streams.Credentials)) // a socket that fails does so at the read
	_, frame, err := x.conn.ReadMessage()
	if err != nil {
		return &streamError{"auth_timeout", "No credentials were sent in time"}
	}
	_ = x.conn.SetReadDeadline(time.Time{})
	var told struct {
		ID     string `json:"api_key_id"`
		Secret string `json:"api_key_secret"`
	}
	if json.Unmarshal(frame, &told) != nil {
		return &streamError{"invalid_credentials", "The credentials cannot be read"}
	}
	if x.key, err = s.authorise(told.ID, told.Secret); err != nil {
		return &streamError{"invalid_credentials", refusalOf(err).Text}
	}
	if !s.sessions.enter(x, s.cfg.Streams.Sessions) {
		return &streamError{"session_limit_exceeded", "session limit exceeded"}
	}
	return nil
}

// refuse tells why and closes.
func (x *session) refuse(fault streamError) {
	_ = x.send(fault)
	_ = x.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	// The client answers the close; what it had sent before must not turn it into a
	// reset that swallows the message.
	_ = x.conn.SetReadDeadline(time.Now().Add(time.Second))
	for {
		if _, _, err := x.conn.ReadMessage(); err != nil {
			return
		}
	}
}

// listen reads the socket all the time, so that pings are answered and a client
// that leaves is noticed.
func (x *session) listen() {
	defer x.stop()
	x.conn.SetPingHandler(func(payload string) error {
		if x.mute.Load() {
			return nil
		}
		return x.conn.WriteControl(websocket.PongMessage, []byte(payload), time.Now().Add(writeWait))
	})
	x.conn.SetPongHandler(func(payload string) error {
		if sent, err := strconv.ParseInt(payload, 10, 64); err == nil {
			x.key.confirm(sent)
		}
		return nil
	})
	for {
		if _, _, err := x.conn.ReadMessage(); err != nil {
			return
		}
	}
}

// send writes one message as JSON.
func (x *session) send(message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return x.write(body)
}

func (x *session) write(body []byte) error {
	if err := x.conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	return x.conn.WriteMessage(websocket.TextMessage, body)
}

// pulse keeps a session alive: pings, and empty messages while it is quiet.
type pulse struct {
	x           *session
	ping, quiet *time.Ticker
	every       time.Duration
}

func (s *Sim) pulse(x *session) *pulse {
	return &pulse{x: x, ping: time.NewTicker(s.cfg.Streams.Ping), quiet: time.NewTicker(s.cfg.Streams.Quiet), every: s.cfg.Streams.Quiet}
}

func (p *pulse) stop() {
	p.ping.Stop()
	p.quiet.Stop()
}

// sendPing and sendQuiet send what is due.
func (p *pulse) sendPing(payload string) error {
	return p.x.conn.WriteControl(websocket.PingMessage, []byte(payload), time.Now().Add(writeWait))
}

func (p *pulse) sendQuiet() error { return p.x.write([]byte(`""`)) }

// spoke says that a message went out.
func (p *pulse) spoke() { p.quiet.Reset(p.every) }
