package lunostream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxMessage bounds a message: the book of a large market takes 1.1 MB.
	maxMessage = 64 << 20
	// writeTimeout is how long a frame of ours may take.
	writeTimeout = 10 * time.Second
)

// socket is an open stream: it keeps itself alive and gives its messages one by
// one. Only send and close may be called by another goroutine than next.
type socket struct {
	conn    *websocket.Conn
	silence time.Duration
	repeats func(message []byte) bool
	buffer  bytes.Buffer
	end     context.CancelFunc
	work    sync.WaitGroup
}

// newSocket takes a connection over, which ends with ctx.
func newSocket(ctx context.Context, conn *websocket.Conn, d *Dialer) *socket {
	ctx, end := context.WithCancel(ctx)
	s := &socket{conn: conn, silence: d.cfg.Silence, repeats: d.repeats, end: end}
	conn.SetReadLimit(maxMessage)
	conn.SetPongHandler(func(string) error { return s.heard() })
	conn.SetPingHandler(func(data string) error {
		if err := s.heard(); err != nil {
			return err
		}
		// A pong that cannot be sent shows by the next read.
		_ = conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
		return nil
	})
	s.work.Go(func() {
		pings := time.NewTicker(d.cfg.Ping)
		defer pings.Stop()
		for {
			select {
			case <-ctx.Done():
				_ = conn.Close() // ends a read that is under way
				return
			case <-pings.C:
				_ = conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)) // see above
			}
		}
	})
	return s
}

// close ends the connection; it may be called more than once.
func (s *socket) close() {
	s.end()
	s.work.Wait()
}

func (s *socket) send(message []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return s.conn.WriteMessage(websocket.TextMessage, message)
}

// heard puts the end of patience off.
func (s *socket) heard() error { return s.conn.SetReadDeadline(time.Now().Add(s.silence)) }

// next returns the next message that is no keep-alive. It is valid until the
// next call. The error is a *SilentError if nothing came for too long.
func (s *socket) next() ([]byte, error) {
	for {
		if err := s.heard(); err != nil {
			return nil, fmt.Errorf("luno stream: %w", err)
		}
		kind, from, err := s.conn.NextReader()
		if err == nil {
			s.buffer.Reset()
			_, err = s.buffer.ReadFrom(from)
		}
		var timeout net.Error
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return nil, &SilentError{For: s.silence}
		case errors.As(err, &closed):
			return nil, fmt.Errorf("luno stream: closed by the server (%d)", closed.Code)
		case err != nil:
			return nil, fmt.Errorf("luno stream: the connection broke: %w", err)
		case kind != websocket.TextMessage:
			return nil, &MessageError{Reason: "it is no text"}
		}
		// Luno's keep-alive of quiet markets is an empty string.
		if message := bytes.TrimSpace(s.buffer.Bytes()); len(message) > 0 && string(message) != `""` {
			return message, nil
		}
	}
}

// explain makes the error of a message fit to be logged: a server that repeats
// the key is not quoted, and no text is endless.
func (s *socket) explain(err error, message []byte) error {
	var refused *RefusedError
	var told *MessageError
	switch {
	case errors.As(err, &told) && s.repeats(message):
		return &MessageError{Field: told.Field, Offset: told.Offset, Reason: "it is not told here, for the message repeats the key"}
	case errors.As(err, &refused) && s.repeats(message):
		return &RefusedError{Code: "hidden", Text: "the message repeats the key"}
	case refused != nil:
		const most = 200
		return &RefusedError{Code: refused.Code[:min(len(refused.Code), most)], Text: refused.Text[:min(len(refused.Text), most)]}
	}
	return err
}
