package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// FrameHeader is the size of a frame's header: the sequence of its round, the
// size of its body and its kind, little-endian.
const FrameHeader = 16

// FrameKind says what a frame holds.
type FrameKind uint32

// The kinds of frames.
const (
	// WholeFrame holds a batch or an answer.
	WholeFrame FrameKind = iota
	// RefusedFrame holds why a batch could not be read.
	RefusedFrame
)

const (
	// leastRead is the room that a read has at least.
	leastRead = 4 << 10
	// KeptFrame is how much room is worth keeping for the frames to come.
	KeptFrame = 1 << 20
)

// OpenFrame begins a frame in the space of dst; its body is appended.
func OpenFrame(dst []byte) []byte { return append(dst[:0], make([]byte, FrameHeader)...) }

// CloseFrame writes the header of a frame that OpenFrame began.
func CloseFrame(frame []byte, sequence uint64, kind FrameKind) {
	binary.LittleEndian.PutUint64(frame, sequence)
	binary.LittleEndian.PutUint32(frame[8:], uint32(len(frame)-FrameHeader))
	binary.LittleEndian.PutUint32(frame[12:], uint32(kind))
}

// Frame is a frame that was read. The body is valid until the next one.
type Frame struct {
	Sequence uint64
	Kind     FrameKind
	Body     []byte
}

// FrameReader reads frames. A read that fails in the midst of one, at a deadline,
// loses nothing: the next call goes on.
type FrameReader struct {
	// From is where the bytes come from.
	From io.Reader
	// Limit is the size of the largest body.
	Limit int

	buffer []byte
	// used counts the bytes at the beginning of the buffer that were the frame
	// before.
	used int
}

// Next returns the next frame: ErrMalformed if what comes is none, or the
// reader's own error, which is io.EOF in the midst of a frame too.
func (r *FrameReader) Next() (Frame, error) {
	r.buffer, r.used = r.buffer[:copy(r.buffer, r.buffer[r.used:])], 0
	if len(r.buffer) == 0 && cap(r.buffer) > KeptFrame {
		r.buffer = nil
	}
	for {
		need := FrameHeader
		if len(r.buffer) >= FrameHeader {
			size := binary.LittleEndian.Uint32(r.buffer[8:])
			kind := FrameKind(binary.LittleEndian.Uint32(r.buffer[12:]))
			if uint64(size) > uint64(r.Limit) || kind > RefusedFrame {
				return Frame{}, fmt.Errorf("a frame of kind %d with %d bytes: %w", kind, size, ErrMalformed)
			}
			if need += int(size); len(r.buffer) >= need {
				r.used = need
				return Frame{Sequence: binary.LittleEndian.Uint64(r.buffer), Kind: kind, Body: r.buffer[FrameHeader:need]}, nil
			}
		}
		// Room is made as the bytes come: a size alone costs no memory.
		r.buffer = slices.Grow(r.buffer, max(leastRead, min(need-len(r.buffer), len(r.buffer))))
		n, err := r.From.Read(r.buffer[len(r.buffer):cap(r.buffer)])
		r.buffer = r.buffer[:len(r.buffer)+n]
		if n == 0 && err != nil {
			return Frame{}, err
		}
	}
}
