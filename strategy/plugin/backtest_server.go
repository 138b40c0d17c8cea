package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

const (
	// aheadBlocks is how many blocks are decoded ahead of the engine.
	aheadBlocks = 8
	// backtestGC is the collector's percentage during a run.
	backtestGC = 400
	// resultPart is how much of the result's JSON goes into one message.
	resultPart = 1 << 20
)

// backtestTask is what a host asks for first.
type backtestTask struct {
	backtest.Config
	// Candles is how many candles will come; 0 if that is not known.
	Candles int `json:"candles"`
}

type backtestStream = grpc.BidiStreamingServer[pluginpb.BacktestInput, pluginpb.BacktestOutput]

// Backtest runs the engine over the candles that the host sends.
func (s *server) Backtest(stream backtestStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	var task backtestTask
	if err := json.Unmarshal(first.GetConfig(), &task); err != nil {
		return status.Errorf(codes.InvalidArgument, "reading the configuration: %v", err)
	}
	// Little of a run's memory stays in use, so that the collector would come
	// often for nothing. No live bot shares the process.
	defer debug.SetGCPercent(debug.SetGCPercent(backtestGC))
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	source := newColumnSource(task.Candles)
	go source.receive(ctx, stream)
	result, err := s.run(ctx, task.Config, source, stream)
	if ended := stream.Context().Err(); ended != nil {
		return status.FromContextError(ended).Err() // the host's doing, not the run's
	}
	if err != nil {
		s.report(err)
		return stream.Send(&pluginpb.BacktestOutput{Error: failure(err)})
	}
	return sendResult(stream, result)
}

func (s *server) run(ctx context.Context, cfg backtest.Config, source marketdata.Source, stream backtestStream) (r *backtest.Result, err error) {
	defer recoverInto(&err)
	curve := make(chan []int64, aheadBlocks)
	sent := make(chan error, 1)
	go func() { sent <- sendCurve(stream, curve) }()
	r, err = watched(ctx, s.def, cfg, source, curve)
	// A failure to send ends the stream's context, and with it the run.
	return r, errors.Join(err, <-sent)
}

// watched runs the engine and hands the equity curve on while it grows; curve
// is closed at the end, however that comes.
func watched(ctx context.Context, def strategy.Definition, cfg backtest.Config, source marketdata.Source, curve chan<- []int64) (*backtest.Result, error) {
	defer close(curve)
	return backtest.Watch(ctx, def, cfg, source, func(equity []int64) {
		select {
		case curve <- equity:
		case <-ctx.Done():
		}
	})
}

// sendCurve sends the equity curve as it grows, which tells the progress too.
func sendCurve(stream backtestStream, curve <-chan []int64) error {
	done := 0
	var block []byte
	var failed error
	for equity := range curve {
		for failed == nil && done < len(equity) {
			n := min(len(equity)-done, wire.MaxBlock)
			block = wire.AppendSeries(block[:0], equity[done:done+n])
			done += n
			failed = stream.Send(&pluginpb.BacktestOutput{Equity: block, Done: int64(done)})
		}
	}
	return failed
}

// sendResult sends the trades in columns beside the JSON of the rest; the equity
// curve has been sent.
func sendResult(stream backtestStream, r *backtest.Result) error {
	for rest := r.Trades; len(rest) > 0; {
		n := min(len(rest), wire.MaxBlock)
		columns, ids := wire.EncodeTrades(rest[:n])
		if err := stream.Send(&pluginpb.BacktestOutput{Trades: &pluginpb.Trades{Columns: columns, OrderIds: ids}}); err != nil {
			return err
		}
		rest = rest[n:]
	}
	slim := *r
	slim.Trades = nil
	raw, err := json.Marshal(&slim)
	if err != nil {
		return status.Errorf(codes.Internal, "writing the result: %v", err)
	}
	for len(raw) > 0 {
		n := min(len(raw), resultPart)
		if err := stream.Send(&pluginpb.BacktestOutput{Result: raw[:n]}); err != nil {
			return err
		}
		raw = raw[n:]
	}
	return stream.Send(&pluginpb.BacktestOutput{Complete: true})
}

// columnSource is the candles that come from the host, decoded ahead of the
// engine in a goroutine of their own.
type columnSource struct {
	blocks chan []exchange.Candle
	free   chan []exchange.Candle
	// failed is why blocks was closed before the end; it is set before.
	failed  error
	present []exchange.Candle
	// expected is how many candles are still to come, as far as the host knows.
	expected int
}

var _ marketdata.Sized = (*columnSource)(nil)

func newColumnSource(expected int) *columnSource {
	s := &columnSource{
		expected: expected,
		blocks:   make(chan []exchange.Candle, aheadBlocks),
		// One block is with the engine and one with the decoder.
		free: make(chan []exchange.Candle, aheadBlocks+2),
	}
	for range aheadBlocks + 2 {
		s.free <- nil
	}
	return s
}

// receive decodes blocks until the host has no more, or ctx ends.
func (s *columnSource) receive(ctx context.Context, stream backtestStream) {
	defer close(s.blocks)
	var decoder wire.CandleDecoder
	for {
		in, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.failed = fmt.Errorf("receiving candles: %w", err)
			return
		}
		var block []exchange.Candle
		select {
		case block = <-s.free:
		case <-ctx.Done():
			return
		}
		if block, err = decoder.Decode(block, in.GetCandles()); err != nil {
			s.failed = err
			return
		}
		if len(block) == 0 {
			s.free <- block
			continue
		}
		select {
		case s.blocks <- block:
		case <-ctx.Done():
			return
		}
	}
}

// Len implements marketdata.Sized.
func (s *columnSource) Len() int { return max(0, s.expected) }

// Next implements marketdata.Source.
func (s *columnSource) Next(ctx context.Context) ([]exchange.Candle, error) {
	if s.present != nil {
		s.free <- s.present
		s.present = nil
	}
	select {
	case block, ok := <-s.blocks:
		if !ok {
			if s.failed != nil {
				return nil, s.failed
			}
			return nil, io.EOF
		}
		s.present = block
		s.expected -= len(block)
		return block, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
