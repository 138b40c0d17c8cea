package lunostream_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// wire is a network within the process, so that tests run on a clock of their own.
type wire struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newWire() *wire { return &wire{conns: make(chan net.Conn), done: make(chan struct{})} }

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.done:
		return nil, net.ErrClosed
	}
}
func (w *wire) Close() error   { w.once.Do(func() { close(w.done) }); return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := pipe()
	select {
	case w.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-w.done:
		return nil, errors.New("nobody listens")
	}
}

// buffered is one end of a connection that does not wait for its reader, as TCP
// does not.
type buffered struct {
	net.Conn
	out    chan []byte
	closed chan struct{}
	once   sync.Once
}

// pipe returns the two ends of a connection.
func pipe() (near, far net.Conn) {
	a, b := net.Pipe()
	return buffer(a), buffer(b)
}

func buffer(c net.Conn) *buffered {
	b := &buffered{Conn: c, out: make(chan []byte, 1<<14), closed: make(chan struct{})}
	go func() {
		defer c.Close() //nolint:errcheck // nobody writes any more
		for {
			select {
			case data := <-b.out:
				if _, err := c.Write(data); err != nil {
					return
				}
			case <-b.closed:
				for len(b.out) > 0 {
					if _, err := c.Write(<-b.out); err != nil {
						return
					}
				}
				return
			}
		}
	}()
	return b
}

func (b *buffered) Write(data []byte) (int, error) {
	select {
	case <-b.closed:
		return 0, net.ErrClosed
	case b.out <- bytes.Clone(data):
		return len(data), nil
	}
}

func (b *buffered) Close() error {
	b.once.Do(func() {
		// What was written is still delivered, if anybody reads.
		_ = b.Conn.SetDeadline(time.Now().Add(time.Second))
		close(b.closed)
	})
	return nil
}

func (b *buffered) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is for reading only.
func (b *buffered) SetDeadline(t time.Time) error { return b.SetReadDeadline(t) }
