package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// LineVariable is the variable of a plugin's environment that names the
// descriptor of its end of the line to its host.
const LineVariable = "LUNOBOT_PLUGIN_LINE"

// Line is a pair of connected sockets by which a host tells one plugin's process
// its live rounds. They have no name, so that nobody else can reach them, and a
// frame wakes one thread on its way instead of the four or five of a gRPC call.
// What comes back is a stranger's word. It takes one round at a time.
type Line struct {
	ours, theirs *os.File

	turn sync.Mutex // guards what follows
	in   wire.FrameReader
	// sent and answered count the rounds.
	sent, answered uint64
	// cut is true once a round was not sent whole, so that no other can follow.
	cut bool
}

func newLine(ours, theirs *os.File) *Line {
	return &Line{ours: ours, theirs: theirs, in: wire.FrameReader{From: ours, Limit: maxMessage}}
}

// File returns what the plugin's process is to inherit. It belongs to the Line.
func (l *Line) File() *os.File { return l.theirs }

// Inherited tells that the process has its end: here it is closed, so that the
// line ends with the process.
func (l *Line) Inherited() { _ = l.theirs.Close() }

// Cut ends the line, and with it the round that is on its way. A process that is
// being started may still inherit its end.
func (l *Line) Cut() { _ = l.ours.Close() }

// Close gives up both ends; nobody may be starting the process meanwhile. It may
// be called after the others.
func (l *Line) Close() {
	l.Cut()
	l.Inherited()
}

// acquire takes the line for a round, if it is free and whole.
func (l *Line) acquire() bool {
	if l == nil || !l.turn.TryLock() {
		return false
	}
	if l.cut {
		l.turn.Unlock()
		return false
	}
	return true
}

func (l *Line) release() { l.turn.Unlock() }

// call sends a batch in the frame that was opened for it and returns the answer,
// which is valid until the line is released. Errors are as the Client's.
func (l *Line) call(ctx context.Context, batch []byte) ([]byte, error) {
	late := make(chan struct{})
	inTime := context.AfterFunc(ctx, func() {
		defer close(late)
		_ = l.ours.SetDeadline(time.Unix(1, 0))
	})
	defer func() {
		if !inTime() {
			<-late
			_ = l.ours.SetDeadline(time.Time{})
		}
	}()
	wire.CloseFrame(batch, l.sent+1, wire.WholeFrame)
	n, err := l.ours.Write(batch)
	if n > 0 {
		l.sent++
		l.cut = n < len(batch)
	}
	var answer []byte
	if err == nil {
		answer, err = l.receive()
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, status.FromContextError(ctx.Err()).Err()
	case errors.Is(err, ErrGarbage) || status.Code(err) == codes.InvalidArgument:
		return nil, err
	case err != nil:
		return nil, status.Error(codes.Unavailable, "the line is lost: "+err.Error())
	}
	return answer, nil
}

// receive returns the answer to the round that was sent last. Those to rounds
// whose callers gave up come before it and are passed over.
func (l *Line) receive() ([]byte, error) {
	for {
		answer, err := l.in.Next()
		switch {
		case errors.Is(err, wire.ErrMalformed):
			return nil, fmt.Errorf("%w: %w", ErrGarbage, err)
		case err != nil:
			return nil, err
		case answer.Sequence != l.answered+1:
			return nil, fmt.Errorf("%w: it is of round %d and not %d", ErrGarbage, answer.Sequence, l.answered+1)
		}
		l.answered++
		switch {
		case l.answered < l.sent:
		case answer.Kind == wire.RefusedFrame:
			return nil, status.Error(codes.InvalidArgument, cut(string(answer.Body), wire.MaxText))
		default:
			return answer.Body, nil
		}
	}
}

// inheritedLine returns the end of the line that the host has handed to this
// process; nil if there is none.
func inheritedLine() (*os.File, error) {
	text := os.Getenv(LineVariable)
	if text == "" {
		return nil, nil
	}
	fd, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("plugin: %s=%q is no descriptor", LineVariable, text)
	}
	return openLine(int(fd))
}

// serveLine answers the rounds that come by the line until the host ends it.
func (s *server) serveLine(line *os.File) error {
	defer func() { _ = line.Close() }()
	in := wire.FrameReader{From: line, Limit: maxMessage}
	var out []byte
	for {
		batch, err := in.Next()
		if err != nil {
			return err
		}
		kind := wire.WholeFrame
		if out, err = s.round(wire.OpenFrame(out), batch.Body); err != nil {
			out, kind = append(wire.OpenFrame(out), failure(err)...), wire.RefusedFrame
		}
		wire.CloseFrame(out, batch.Sequence, kind)
		if _, err := line.Write(out); err != nil {
			return err
		}
		if cap(out) > wire.KeptFrame {
			out = nil
		}
	}
}
