package lunostream

import (
	"context"
	"fmt"
	"net/url"

	"github.com/lunobot/lunobot/exchange"
)

// Market is the open stream of one market. It is for one goroutine; Close may be
// called by another.
type Market struct {
	socket  *socket
	decoder *Decoder
	book    *Book
	pair    string
}

// Change is what one message of a market's stream changed.
type Change struct {
	// Time is the venue's, in epoch milliseconds.
	Time int64
	// Ticks are the trades; they belong to the caller.
	Ticks []exchange.Tick
	// Top is the top of the book after it.
	Top exchange.Top
	// Status is the market's new state; empty if it did not change.
	Status exchange.MarketStatus
}

// Market opens the stream of a market and reads its book. The stream ends with
// ctx. The error is a *RefusedError if Luno gives a reason.
func (d *Dialer) Market(ctx context.Context, m exchange.Market) (*Market, error) {
	s, err := d.open(ctx, "/api/1/stream/"+url.PathEscape(m.Pair))
	if err != nil {
		return nil, fmt.Errorf("opening the stream of %s: %w", m.Pair, err)
	}
	stream := &Market{socket: s, decoder: NewDecoder(m), pair: m.Pair}
	if err := stream.begin(); err != nil {
		s.close()
		return nil, fmt.Errorf("opening the stream of %s: %w", m.Pair, err)
	}
	return stream, nil
}

func (m *Market) begin() error {
	message, err := m.socket.next()
	if err != nil {
		return err
	}
	snapshot, err := m.decoder.Snapshot(message)
	if err == nil {
		m.book, err = NewBook(m.pair, snapshot)
	}
	if err != nil {
		return m.socket.explain(err, message)
	}
	return nil
}

// Book returns the book as of the last change.
func (m *Market) Book() *Book { return m.book }

// Next waits for the next change. After an error the stream is of no use and is
// to be closed: a *GapError, *MessageError, *RefusedError, *SilentError, or that
// of the connection.
func (m *Market) Next() (Change, error) {
	for {
		message, err := m.socket.next()
		if err != nil {
			return Change{}, fmt.Errorf("stream of %s: %w", m.pair, err)
		}
		before := m.book.Sequence()
		u, err := m.decoder.Update(message)
		var ticks []exchange.Tick
		if err == nil {
			ticks, err = m.book.Apply(nil, u)
		}
		switch {
		case err != nil:
			return Change{}, fmt.Errorf("stream of %s: %w", m.pair, m.socket.explain(err, message))
		case m.book.Sequence() == before: // told before
			continue
		}
		return Change{Time: u.Time, Ticks: ticks, Top: m.book.Top(), Status: u.Status}, nil
	}
}

// Close ends the stream. It may be called more than once.
func (m *Market) Close() { m.socket.close() }
