package plugin

import (
	"cmp"
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
	segments  *segments // nil without shared memory

	// sent counts the candles that are on their way, past those of them that are of
	// before the run.
	sent, past atomic.Int64
	// first is when the first candle of the run opened, last when the last one did, if
	// there are any.
	first, last int64
	began       bool
	// done is closed when these and failed may be read.
	done   chan struct{}
	failed error
}

func newCandleSender(src marketdata.Source, cfg backtest.Config, stream grpc.BidiStreamingClient[pluginpb.BacktestInput, pluginpb.BacktestOutput], shared *segments) *candleSender {
	return &candleSender{
		src: src, companion: companionOf(src), span: cfg.Interval.Milliseconds(), begin: cfg.Begin, stream: stream, segments: shared, done: make(chan struct{}),
	}
}

// errGone means that the plugin takes nothing any more; the reader gets the cause.
var errGone = errors.New("the plugin is gone")

// run sends until the source has no more, ctx ends or the plugin is gone.
func (s *candleSender) run(ctx context.Context, cancel context.CancelFunc) {
	defer close(s.done)
	send := s.sendColumns
	if s.segments != nil {
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
	if n < len(candles) {
		if s.last = candles[len(candles)-1].Time; !s.began {
			s.first, s.began = candles[n].Time, true
		}
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

// sendSegments puts blocks into the shared memory; it returns what sendColumns
// does. The first segments are short, so that the plugin begins early.
func (s *candleSender) sendSegments(ctx context.Context) error {
	for full := 1; ; full = min(2*full+wire.MaxBlock, segmentCandles-wire.MaxBlock+1) {
		room, err := s.segments.room(ctx)
		if err != nil {
			return err
		}
		count := 0
		for count < full && err == nil {
			var candles []exchange.Candle
			candles, err = s.next(ctx)
			count += copy(room[count:], candles)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if count > 0 {
			s.sent.Add(int64(count))
			s.segments.publish(count)
		}
		if err == nil {
			continue
		}
		return cmp.Or(s.segments.end(ctx), err)
	}
}
