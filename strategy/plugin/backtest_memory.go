package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// memoryFeed takes candles where they lie in the shared memory and leaves the
// equity curve there.
type memoryFeed struct {
	stream   backtestStream
	memory   *Memory
	segments chan slotUse
	settled  chan settledSegment
	// computed counts the candles that are done.
	computed atomic.Int64
	// failed is why segments was closed before the end; it is set before.
	failed error
	// present is the segment that the engine is at, rest what it has not taken
	// of its candles, and curve where the values that are missing go.
	present slotUse
	rest    []exchange.Candle
	curve   []int64
	// trades are those that were closed for good within it.
	trades []portfolio.Trade
	// expected is how many candles are still to come, as far as the host knows.
	expected int
}

// settledSegment is a segment whose equity curve lies in the memory, how many
// candles are done with it, and the trades that were closed for good since the
// one before.
type settledSegment struct {
	slotUse
	done   int64
	trades []portfolio.Trade
}

// progressInterval is how often the host hears from a run whose segments take
// long.
const progressInterval = 250 * time.Millisecond

var _ candleFeed = (*memoryFeed)(nil)

func newMemoryFeed(expected int, stream backtestStream, memory *Memory) *memoryFeed {
	return &memoryFeed{
		stream: stream, memory: memory, expected: expected,
		segments: make(chan slotUse, memorySlots), settled: make(chan settledSegment, memorySlots),
	}
}

func (f *memoryFeed) receive(ctx context.Context) {
	defer close(f.segments)
	for {
		in, err := f.stream.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			f.failed = fmt.Errorf("receiving candles: %w", err)
			return
		}
		s := in.GetSegment()
		if s.GetSlot() >= memorySlots || s.GetCount() < 1 || s.GetCount() > segmentCandles {
			f.failed = fmt.Errorf("the host names %d candles in slot %d", s.GetCount(), s.GetSlot())
			return
		}
		select {
		case f.segments <- slotUse{slot: int(s.GetSlot()), count: int(s.GetCount())}:
		case <-ctx.Done():
			return
		}
	}
}

// Len implements marketdata.Sized.
func (f *memoryFeed) Len() int { return max(0, f.expected) }

// Next implements marketdata.Source.
func (f *memoryFeed) Next(ctx context.Context) ([]exchange.Candle, error) {
	if len(f.rest) == 0 {
		select {
		case segment, ok := <-f.segments:
			if !ok {
				if f.failed != nil {
					return nil, f.failed
				}
				return nil, io.EOF
			}
			f.present, f.rest = segment, f.memory.candles(segment.slot)[:segment.count]
			f.curve = f.memory.equity(segment.slot)[:segment.count]
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	n := min(len(f.rest), marketdata.BlockSize)
	block := f.rest[:n:n]
	f.rest = f.rest[n:]
	f.expected -= n
	return block, nil
}

// Room implements backtest.Sink.
func (f *memoryFeed) Room(n int) []int64 {
	room := f.curve[:n]
	f.curve = f.curve[n:]
	f.computed.Add(int64(n))
	return room
}

// Done implements backtest.Sink.
func (f *memoryFeed) Done(ctx context.Context, trades []portfolio.Trade) {
	f.trades = append(f.trades, trades...)
	if len(f.rest) > 0 {
		return // the segment is not done yet
	}
	select {
	case f.settled <- settledSegment{slotUse: f.present, done: f.computed.Load(), trades: f.trades}:
		f.trades = nil
	case <-ctx.Done():
	}
}

func (f *memoryFeed) over() { close(f.settled) }

func (f *memoryFeed) send(t *tradeSender) error {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	var failed error
	for said := int64(0); ; {
		out := &pluginpb.BacktestOutput{}
		var trades []portfolio.Trade
		select {
		case s, ok := <-f.settled:
			if !ok {
				return failed
			}
			out.Segment = &pluginpb.Segment{Slot: uint32(s.slot), Count: uint32(s.count)}
			out.Done, trades = s.done, s.trades
		case <-ticker.C:
			out.Done = f.computed.Load()
		}
		if failed == nil && (out.Done > said || out.Segment != nil) {
			said = out.Done
			failed = f.stream.Send(out)
		}
		if failed == nil {
			failed = t.send(trades)
		}
	}
}
