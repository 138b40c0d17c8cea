package wire_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

const frameLimit = 3 << 20

// hesitant is a reader that is late in between, as one with a deadline is.
type hesitant struct {
	from  io.Reader
	reads int
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.reads++; h.reads%2 == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return h.from.Read(p)
}

func TestFramesArriveWholeHoweverTheyAreCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var sent []wire.Frame
		var stream, room []byte
		for i := range rapid.IntRange(1, 20).Draw(t, "frames") {
			body := bytes.Repeat([]byte{byte(i)}, rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(0, frameLimit)).Draw(t, "size"))
			f := wire.Frame{Sequence: rapid.Uint64().Draw(t, "sequence"), Kind: wire.FrameKind(rapid.IntRange(0, 1).Draw(t, "kind")), Body: body}
			room = append(wire.OpenFrame(room), f.Body...)
			wire.CloseFrame(room, f.Sequence, f.Kind)
			stream, sent = append(stream, room...), append(sent, f)
		}
		var from io.Reader = bytes.NewReader(stream)
		if len(stream) < 10_000 {
			from = rapid.SampledFrom([]io.Reader{from, iotest.OneByteReader(from), iotest.HalfReader(from), iotest.DataErrReader(from)}).Draw(t, "reader")
		}
		r := &wire.FrameReader{From: &hesitant{from: from}, Limit: frameLimit}
		next := func() (f wire.Frame, err error) {
			for err = os.ErrDeadlineExceeded; errors.Is(err, os.ErrDeadlineExceeded); {
				f, err = r.Next()
			}
			return f, err
		}
		for i, want := range sent {
			got, err := next()
			if err != nil || got.Sequence != want.Sequence || got.Kind != want.Kind || !bytes.Equal(got.Body, want.Body) {
				t.Fatalf("frame %d of %d bytes came as one of %d, %v", i, len(want.Body), len(got.Body), err)
			}
		}
		if _, err := next(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last came %v", err)
		}
	})
}

// proves PL5: what a plugin says of a frame's size costs its host no memory.
func TestFramesOfStrangers(t *testing.T) { // not beside others, whose memory would be counted
	header := func(size uint32, kind byte) []byte {
		return []byte{1, 0, 0, 0, 0, 0, 0, 0, byte(size), byte(size >> 8), byte(size >> 16), byte(size >> 24), kind, 0, 0, 0}
	}
	for name, c := range map[string]struct {
		bytes []byte
		want  error
	}{
		"nothing":              {nil, io.EOF},
		"a header cut off":     {header(5, 0)[:15], io.EOF},
		"a body cut off":       {append(header(5, 0), 1, 2, 3, 4), io.EOF},
		"a size above all":     {header(1<<32-1, 0), wire.ErrMalformed},
		"one byte too many":    {header(frameLimit+1, 0), wire.ErrMalformed},
		"a kind that is none":  {header(0, 2), wire.ErrMalformed},
		"the largest, and air": {header(frameLimit, 1), io.EOF},
	} {
		r := &wire.FrameReader{From: bytes.NewReader(c.bytes), Limit: frameLimit}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := r.Next()
		runtime.ReadMemStats(&after)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > frameLimit/2 {
			t.Errorf("%s: it took %d bytes of memory", name, grown)
		}
	}
}

func FuzzFrames(f *testing.F) {
	whole := append(wire.OpenFrame(nil), "body"...)
	wire.CloseFrame(whole, 7, wire.RefusedFrame)
	f.Add(whole)
	f.Add(append(whole, whole[:20]...))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := &wire.FrameReader{From: bytes.NewReader(stream), Limit: 1 << 10}
		var again []byte
		for {
			got, err := r.Next()
			if err != nil {
				break
			}
			one := append(wire.OpenFrame(nil), got.Body...)
			wire.CloseFrame(one, got.Sequence, got.Kind)
			again = append(again, one...)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Errorf("%x was read as %x", stream, again)
		}
	})
}
