package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
)

const (
	// backtestGC is the collector's percentage from the first run on.
	backtestGC = 400
	// resultPart is how much of the result's JSON goes into one message.
	resultPart = 1 << 20
)

// backtestTask is what a host asks for first.
type backtestTask struct {
	backtest.Config
	// Candles is how many candles will come; 0 if that is not known.
	Candles int `json:"candles"`
	// Shared says that they come through the shared memory, and that the equity
	// curve goes back through it.
	Shared bool `json:"shared,omitempty"`
	// First is the number of the first segment of these.
	First uint64 `json:"first,omitempty"`
	// Carries is what comes beside the candles.
	Carries strategy.Subscription `json:"carries,omitzero"`
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
	// often for nothing. No live bot shares the process, and so this stays: setting
	// it back would make the collector come after each run.
	s.collecting.Do(func() { debug.SetGCPercent(backtestGC) })
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	columns := newColumnFeed(task.Candles, stream)
	var feed candleFeed = columns
	if task.Carries.Any() {
		feed = &accompanied{columnFeed: columns, carries: task.Carries}
	} else if task.Shared {
		if err := s.enter(ctx); err != nil {
			return err
		}
		defer s.leave()
		feed = newMemoryFeed(task.Candles, task.First, stream, s.memory)
	}
	go feed.receive(ctx)
	trades := &tradeSender{stream: stream}
	result, err := s.run(ctx, task.Config, feed, trades)
	if ended := stream.Context().Err(); ended != nil {
		return status.FromContextError(ended).Err() // the host's doing, not the run's
	}
	if err != nil {
		s.report(err)
		return stream.Send(&pluginpb.BacktestOutput{Error: failure(err)})
	}
	if err := trades.finish(result.Trades, feed.elsewhere()); err != nil {
		return err
	}
	return sendResult(stream, result)
}

// enter waits for the shared memory. A run that its host has given up may still
// be at its last candles.
func (s *server) enter(ctx context.Context) error {
	if s.memory == nil {
		return status.Error(codes.InvalidArgument, "this process has no shared memory")
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (s *server) leave() { <-s.turn }

// run runs the engine and sends the equity curve and the trades on while they
// grow, which tells the progress too.
func (s *server) run(ctx context.Context, cfg backtest.Config, feed candleFeed, trades *tradeSender) (r *backtest.Result, err error) {
	defer recoverInto(&err)
	sent := make(chan error, 1)
	go func() { sent <- feed.send(trades) }()
	defer func() {
		feed.over()
		// A failure to send ends the stream's context, and with it the run.
		err = errors.Join(err, <-sent)
	}()
	return backtest.Stream(ctx, s.def, cfg, feed, feed)
}

// sendResult sends what has not been sent: all but the equity curve and the
// trades, and but those parts of the configuration that may be large. The host has them.
func sendResult(stream backtestStream, r *backtest.Result) error {
	slim := *r
	slim.Trades, slim.Exposures = backtest.Trades{}, nil
	slim.Config.Signals, slim.Config.Params = nil, nil
	raw, err := json.Marshal(&slim)
	if err != nil {
		return status.Errorf(codes.Internal, "writing the result: %v", err)
	}
	out := &pluginpb.BacktestOutput{Exposures: encodeExposures(r.Exposures)}
	for ; len(raw) > resultPart; raw = raw[resultPart:] {
		if err := stream.Send(&pluginpb.BacktestOutput{Result: raw[:resultPart]}); err != nil {
			return err
		}
	}
	out.Result, out.Complete = raw, true
	return stream.Send(out)
}
