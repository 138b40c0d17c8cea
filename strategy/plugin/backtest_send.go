package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// candleSender sends what the source has, as fast as the plugin takes it:
// through memory if it is shared, else in columns.
type candleSender struct {
	src marketdata.Source
	// companion is the source if it brings more than candles, which are of span
	// milliseconds.
	companion backtest.Companion
	span      int64
	begin     int64 // when trading begins
	stream    grpc.BidiStreamingClient[pluginpb.BacktestInput, pluginpb.BacktestOutput]
	memory    *Memory

	// sent counts the candles that are on their way, past those of them that are of
	// before the run.
	sent, past atomic.Int64
	// free are the slots of the memory that nobody uses, out those that the
	// plugin has, in the order in which it got them.
	free chan int
	out  chan slotUse
	// done is closed when failed may be read.
	done   chan struct{}
	failed error
}

// slotUse is a slot that the plugin has, and how many candles lie in it.
type slotUse struct{ slot, count int }

func newCandleSender(src marketdata.Source, cfg backtest.Config, stream grpc.BidiStreamingClient[pluginpb.BacktestInput, pluginpb.BacktestOutput], memory *Memory) *candleSender {
	s := &candleSender{
		src: src, companion: companionOf(src), span: cfg.Interval.Milliseconds(), begin: cfg.Begin, stream: stream, memory: memory, done: make(chan struct{}),
	}
	if memory != nil {
		s.free, s.out = make(chan int, memorySlots), make(chan slotUse, memorySlots)
		for slot := range memorySlots {
			s.free <- slot
		}
	}
	return s
}

// errGone means that the plugin takes nothing any more; the reader gets the cause.
var errGone = errors.New("the plugin is gone")

// run sends until the source has no more, ctx ends or the plugin is gone.
func (s *candleSender) run(ctx context.Context, cancel context.CancelFunc) {
	defer close(s.done)
	send := s.sendColumns
	if s.memory != nil {
		send = s.sendSegments
	}
	switch err := send(ctx); {
	case errors.Is(err, io.EOF):
		_ = s.stream.CloseSend() // its failures are the reader's, too
	case !errors.Is(err, errGone):
		if ctx.Err() == nil {
			s.failed = err
		}
		cancel()
	}
}

// next returns the source's next block.
func (s *candleSender) next(ctx context.Context) ([]exchange.Candle, error) {
	candles, err := s.src.Next(ctx)
	if err == nil && len(candles) > wire.MaxBlock {
		err = fmt.Errorf("a block of %d candles is above %d", len(candles), wire.MaxBlock)
	}
	n := 0
	for n < len(candles) && candles[n].Time < s.begin {
		n++
	}
	s.past.Add(int64(n))
	return candles, err
}

// sendColumns sends blocks as messages. It returns io.EOF after the last, errGone
// or a failure of the source.
func (s *candleSender) sendColumns(ctx context.Context) error {
	var encoder wire.CandleEncoder
	var block []byte
	for {
		candles, err := s.next(ctx)
		if err != nil {
			return err
		}
		if s.companion != nil && len(candles) > 0 {
			if err := s.sendBeside(ctx, candles[len(candles)-1].Time+s.span); err != nil {
				return err
			}
		}
		block = encoder.Append(block[:0], candles)
		s.sent.Add(int64(len(candles)))
		if s.stream.Send(&pluginpb.BacktestInput{Candles: block}) != nil {
			return errGone
		}
	}
}

// sendSegments puts blocks into the shared memory and sends where they lie; it
// returns what sendColumns does. The first segments are short, so that the
// plugin begins early.
func (s *candleSender) sendSegments(ctx context.Context) error {
	for full := 1; ; full = min(2*full+wire.MaxBlock, segmentCandles-wire.MaxBlock+1) {
		use := slotUse{}
		select {
		case use.slot = <-s.free:
		case <-ctx.Done():
			return ctx.Err()
		}
		room := s.memory.candles(use.slot)
		var err error
		for use.count < full && err == nil {
			var candles []exchange.Candle
			candles, err = s.next(ctx)
			use.count += copy(room[use.count:], candles)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if use.count > 0 {
			s.sent.Add(int64(use.count))
			s.out <- use
			if s.stream.Send(&pluginpb.BacktestInput{Segment: &pluginpb.Segment{Slot: uint32(use.slot), Count: uint32(use.count)}}) != nil {
				return errGone
			}
		}
		if err != nil {
			return err
		}
	}
}

// settle takes the equity curve of a segment that the plugin is done with and
// makes its slot free again.
func (s *candleSender) settle(equity []int64, done *pluginpb.Segment) ([]int64, error) {
	select {
	case use := <-s.out: // nil, and never ready, without shared memory
		if use.slot != int(done.GetSlot()) || use.count != int(done.GetCount()) {
			return equity, fmt.Errorf("%d values in slot %d are of no segment", done.GetCount(), done.GetSlot())
		}
		equity = append(equity, s.memory.equity(use.slot)[:use.count]...)
		s.free <- use.slot
		return equity, nil
	default:
		return equity, fmt.Errorf("slot %d is not in use", done.GetSlot())
	}
}
