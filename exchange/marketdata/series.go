package marketdata

import (
	"context"
	"io"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// BlockSize is the largest number of candles in one block of a Source.
const BlockSize = 4096

// Series is a run of closed candles of one market, oldest first.
type Series struct {
	Market exchange.Market
	// Interval is the length of each candle.
	Interval time.Duration
	// Candles opens at strictly growing times, each a whole number of intervals
	// after the one before.
	Candles []exchange.Candle
}

// Source delivers a run of candles in blocks, so that a long history need not
// lie in memory at once.
type Source interface {
	// Next returns the next candles, at least one and at most BlockSize, oldest
	// first, and io.EOF after the last. The block belongs to the source and is
	// valid until the next call.
	Next(ctx context.Context) ([]exchange.Candle, error)
}

// Sized is a Source that knows how much it still has.
type Sized interface {
	Source
	// Len returns how many candles are left.
	Len() int
}

// SliceSource is a Source over candles in memory. It is for one goroutine.
type SliceSource struct {
	rest []exchange.Candle
}

var _ Sized = (*SliceSource)(nil)

// NewSliceSource returns a source of the candles, which it reads and never
// changes.
func NewSliceSource(candles []exchange.Candle) *SliceSource {
	return &SliceSource{rest: candles}
}

// Source returns a source of the series' candles.
func (s Series) Source() *SliceSource { return NewSliceSource(s.Candles) }

// Len returns how many candles are left.
func (s *SliceSource) Len() int { return len(s.rest) }

// Next returns the next block without copying it.
func (s *SliceSource) Next(ctx context.Context) ([]exchange.Candle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(s.rest) == 0 {
		return nil, io.EOF
	}
	n := min(BlockSize, len(s.rest))
	block := s.rest[:n:n]
	s.rest = s.rest[n:]
	return block, nil
}

// Packed returns the series' candles packed.
func (s Series) Packed() *Packed { return PackCandles(s.Candles) }
