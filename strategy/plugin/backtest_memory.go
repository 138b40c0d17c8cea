package plugin

import (
	"context"
	"fmt"
	"io"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// memoryFeed takes candles where they lie in the shared memory and leaves the
// equity curve there, and the trades as long as there is room.
type memoryFeed struct {
	stream backtestStream
	memory *Memory
	closed chan []portfolio.Trade
	// computed counts the candles that are done.
	computed int64
	// segment is the one that the engine is at, rest what it has not taken of its
	// candles, and curve where the values that are missing go. The run begins with
	// first.
	segment, first uint64
	rest           []exchange.Candle
	curve          []int64
	// placed counts the trades in the segment, left those in all segments. Once one
	// has found no room, spilled, it and all that follow go as messages; trades are
	// those of them that wait for others.
	placed, left int
	spilled      bool
	trades       []portfolio.Trade
	// expected is how many candles are still to come, as far as the host knows.
	expected int
}

var _ candleFeed = (*memoryFeed)(nil)

// newMemoryFeed returns the feed of a run whose first segment has that number.
func newMemoryFeed(expected int, first uint64, stream backtestStream, memory *Memory) *memoryFeed {
	h := memory.header()
	h.done.Store(0)
	h.begun.Store(first)
	return &memoryFeed{stream: stream, memory: memory, expected: expected, segment: first, first: first, closed: make(chan []portfolio.Trade, 2)}
}

// receive has nothing to do: the memory is where candles come.
func (f *memoryFeed) receive(context.Context) {}

// Len implements marketdata.Sized.
func (f *memoryFeed) Len() int { return max(0, f.expected) }

// Next implements marketdata.Source.
func (f *memoryFeed) Next(ctx context.Context) ([]exchange.Candle, error) {
	if len(f.rest) == 0 {
		h := f.memory.header()
		if _, err := h.published.await(ctx, f.segment+1, nil); err != nil {
			return nil, err
		}
		if h.first.Load() != f.first {
			return nil, fmt.Errorf("the host has begun another run: %w", context.Canceled)
		}
		count := h.candles[f.segment%memorySlots].Load()
		if count == 0 {
			return nil, io.EOF
		}
		if count > segmentCandles {
			return nil, fmt.Errorf("the host names %d candles in a segment", count)
		}
		f.rest, f.curve = f.memory.candles(f.segment)[:count], f.memory.equity(f.segment)[:count]
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
	f.computed += int64(n)
	return room
}

// Done implements backtest.Sink.
func (f *memoryFeed) Done(ctx context.Context, trades []portfolio.Trade) {
	f.place(trades)
	h := f.memory.header()
	h.done.Store(f.computed)
	h.processor.Store(presentProcessor())
	if len(f.rest) == 0 {
		h.trades[f.segment%memorySlots].Store(uint32(f.placed))
		f.segment++
		f.placed = 0
		h.settled.count.Store(f.segment)
	}
	if len(f.trades) < fewTrades {
		return
	}
	select {
	case f.closed <- f.trades:
		f.trades = nil
	case <-ctx.Done():
	}
}

// place puts trades into the segment that the engine is at.
func (f *memoryFeed) place(trades []portfolio.Trade) {
	room := f.memory.trades(f.segment)
	for i := range trades {
		if f.spilled = f.spilled || f.placed == len(room) || !room[f.placed].set(&trades[i]); f.spilled {
			f.trades = append(f.trades, trades[i:]...)
			return
		}
		f.placed++
		f.left++
	}
}

// elsewhere implements candleFeed.
func (f *memoryFeed) elsewhere() int { return f.left }

func (f *memoryFeed) over() { close(f.closed) }

func (f *memoryFeed) send(t *tradeSender) error {
	var failed error
	for trades := range f.closed {
		if failed == nil {
			failed = t.send(trades)
		}
	}
	return failed
}
