package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"google.golang.org/grpc"

	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// What a result may take at most, in bytes: so much, and so much for each
// candle; and what a trade takes.
const (
	resultBytes    = 64 << 20
	bytesPerCandle = 256
	bytesPerTrade  = 128
)

// RunError is why a backtest failed in the plugin: bad parameters, no candles,
// a panic of the strategy.
type RunError struct{ Text string }

// Error implements error.
func (e *RunError) Error() string { return e.Text }

// Refused reports whether an error of a run is about what was asked of it, as a
// RunError and a BotError are, and not about the process: another run may do.
func Refused(err error) bool {
	var failed *RunError
	var refused *BotError
	return errors.As(err, &failed) || errors.As(err, &refused)
}

// Backtest runs the engine in the plugin's process over the source's candles,
// as backtest.Run does in this one. It is Stream with the equity curve kept as a
// whole, in the result.
func (c *Client) Backtest(ctx context.Context, cfg backtest.Config, src marketdata.Source, progress func(done int64)) (*backtest.Result, error) {
	expected := lengthOf(src)
	var equity []int64
	r, err := c.Stream(ctx, cfg, src, func(part []int64) {
		if equity == nil {
			// Now, and not before the first candles are on their way: clearing the room
			// takes as long as the plugin takes for tens of thousands of them.
			equity = make([]int64, 0, expected)
		}
		equity = append(equity, part...)
	}, progress)
	if err != nil {
		return nil, err
	}
	r.Equity = equity[r.Past:]
	return r, nil
}

// lengthOf returns how many candles a source has, 0 if it does not know.
func lengthOf(src marketdata.Source) int {
	if sized, ok := src.(marketdata.Sized); ok {
		return sized.Len()
	}
	return 0
}

// Stream is Backtest for somebody who takes the equity curve while it grows, as
// backtest.Stream is Run: the result is without it. Equity is called with each part
// of the curve in order, from one goroutine at a time and before Stream returns; the
// part is valid until it returns. What it was given of a run that fails is to be
// thrown away. At candles of the past, which the result counts, it is the balance.
//
// The source is read from another goroutine, ahead of the engine by what the
// connection takes; a backtest.Companion is read for all that it carries, and its
// candles go in columns. Progress, if not nil, is called from time to time. A plugin
// that is given candles of the past must have the capability Past. A failure of the
// run is a *RunError, one of the source is that error, an unreadable result is
// ErrGarbage; others are gRPC statuses.
func (c *Client) Stream(
	ctx context.Context, cfg backtest.Config, src marketdata.Source, equity func(part []int64), progress func(done int64),
) (*backtest.Result, error) {
	task := backtestTask{Config: cfg, Candles: lengthOf(src)}
	var shared *segments
	companion := companionOf(src)
	if companion == nil && c.memory.acquire() {
		defer c.memory.release()
		shared = newSegments(c.memory, equity, progress)
		task.Shared, task.First, progress = true, shared.next, nil
	}
	if companion != nil {
		task.Carries = companion.Carries()
	}
	config, err := json.Marshal(task)
	if err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.Backtest(ctx)
	if err != nil {
		return nil, fmt.Errorf("starting the backtest: %w", err)
	}
	if err := stream.Send(&pluginpb.BacktestInput{Config: config}); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("starting the backtest: %w", err)
	}
	// Either the one or the other tells the curve and the progress.
	sender := newCandleSender(src, cfg, stream, shared)
	in := &resultReader{equity: equity, progress: progress, sender: sender, asked: int64(len(config))}
	if shared != nil {
		in.equity = nil
	}
	go sender.run(ctx, cancel)
	var watching sync.WaitGroup
	if shared != nil {
		watching.Go(func() { shared.watch(ctx) })
	}
	err = in.read(stream)
	cancel()
	<-sender.done
	watching.Wait()
	switch {
	case errors.Is(sender.failed, ErrGarbage):
		return nil, sender.failed
	case sender.failed != nil:
		return nil, fmt.Errorf("reading candles: %w", sender.failed)
	case err != nil:
		return nil, err
	}
	if shared != nil {
		if err := shared.rest(); err != nil {
			return nil, err
		}
		in.valued = shared.valued
		in.follow(shared.trades)
	}
	return in.finish(cfg)
}

// resultReader gathers a result. It is input from a stranger: what it takes is
// bounded by what was asked for.
type resultReader struct {
	// equity takes the curve, of which so many values have come; nil if it comes through
	// shared memory, where another goroutine takes it.
	equity func(part []int64)
	valued int64
	// progress, if not nil, hears how many candles are done, more than said.
	progress func(done int64)
	said     int64
	sender   *candleSender
	// asked is how many bytes the configuration has that the plugin was sent, and may tell again.
	asked  int64
	taken  int64
	json   []byte
	result backtest.Result
	// exposures are the columns of what was held; none from an SDK that has them in the JSON.
	exposures [][]byte
	// part and trades are of one message.
	part   []int64
	trades []portfolio.Trade
}

func (r *resultReader) read(stream grpc.BidiStreamingClient[pluginpb.BacktestInput, pluginpb.BacktestOutput]) error {
	for {
		out, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: the result is cut off", ErrGarbage)
		}
		if err != nil {
			return fmt.Errorf("running the backtest: %w", err)
		}
		if out.GetError() != "" {
			return &RunError{Text: cut(out.GetError(), wire.MaxText)}
		}
		if err := r.take(out); err != nil {
			return fmt.Errorf("%w: %w", ErrGarbage, err)
		}
		if out.GetComplete() {
			return nil
		}
	}
}

func (r *resultReader) take(out *pluginpb.BacktestOutput) (err error) {
	sent := r.sender.sent.Load()
	// One that says the same again and again makes no progress.
	if done := out.GetDone(); done > r.said && done <= sent && r.progress != nil {
		r.said = done
		r.progress(done)
	}
	if block := out.GetEquity(); len(block) > 0 {
		if r.equity == nil {
			return errors.New("an equity curve comes beside the one in the shared memory")
		}
		if r.part, err = wire.DecodeSeries(r.part[:0], block); err != nil {
			return err
		}
		if r.valued += int64(len(r.part)); r.valued > sent {
			return errors.New("the equity curve has more values than there are candles")
		}
		r.equity(r.part)
	}
	if trades := out.GetTrades(); trades != nil {
		r.taken += int64(bytesPerTrade * len(trades.GetOrderIds()))
		if r.trades, err = wire.DecodeTrades(r.trades[:0], trades.GetColumns(), trades.GetOrderIds()); err != nil {
			return err
		}
		for i := range r.trades {
			r.taken += int64(len(r.trades[i].OrderID))
			r.result.Trades.Add(&r.trades[i])
		}
	}
	r.taken += int64(len(out.GetResult()))
	r.json = append(r.json, out.GetResult()...)
	for _, column := range out.GetExposures() { // each with its header
		r.taken += int64(24 + len(column))
		r.exposures = append(r.exposures, column)
	}
	if r.taken > resultBytes+r.asked+sent*bytesPerCandle {
		return errors.New("the result is too large")
	}
	return nil
}

// follow puts trades before those that have come as messages.
func (r *resultReader) follow(first backtest.Trades) {
	for _, trade := range r.result.Trades.All() {
		first.Add(&trade)
	}
	r.result.Trades = first
}

// finish puts the parts together. The configuration is the one that was asked
// for, whatever the plugin says.
func (r *resultReader) finish(cfg backtest.Config) (*backtest.Result, error) {
	sent, past := r.sender.sent.Load(), r.sender.past.Load()
	out := r.result // a result that outlives the reader keeps nothing of the source
	trades := out.Trades
	if err := readResult(r.json, 1+len(cfg.Pairs), sent, r.asked, &out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGarbage, err)
	}
	out.Strategy, out.Version = cut(out.Strategy, wire.MaxName), cut(out.Version, wire.MaxName)
	for _, text := range []*string{&out.Breaker.Reason, &out.Refused.Reason, &out.Waits} {
		*text = cut(*text, wire.MaxText)
	}
	if len(out.Pairs) != len(cfg.Pairs) {
		return nil, &RunError{Text: "the plugin trades one pair only: it was built with an SDK that does not know of several"}
	}
	if !out.Holds(cfg) {
		return nil, &RunError{Text: "the plugin begins with cash alone: it was built with an SDK that does not know of holdings"}
	}
	if out.Config.Risk != cfg.Risk {
		return nil, &RunError{Text: "the plugin does not keep all bounds of the run: it was built with an SDK that does not know of some of them"}
	}
	out.Config, out.Trades = cfg, trades
	if out.Candles != sent-past || out.Past != past || r.valued != sent {
		return nil, fmt.Errorf("%w: %d candles, %d of the past and an equity curve of %d for %d candles, %d of the past", ErrGarbage,
			out.Candles, out.Past, r.valued, sent, past)
	}
	if len(r.exposures) > 0 {
		var err error
		if out.Exposures, err = decodeExposures(r.exposures, 1+len(cfg.Pairs)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrGarbage, err)
		}
	}
	if err := errors.Join(out.CheckSegments(r.sender.first, r.sender.last), out.CheckExposures()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGarbage, err)
	}
	return &out, nil
}

// What a result's JSON may hold at most: so many parts, and so many bytes in each for each
// pair, or for each candle in the one that grows with the gaps between them. The same
// holds for its configuration, but for what that was sent with.
const (
	resultParts  = 64
	partBytes    = 256 << 10
	segmentBytes = 64
)

// toldResult is a result as it is read. Signals, of which there may be many, are not
// taken apart: the host knows them.
type toldResult struct {
	*backtest.Result
	Config struct {
		backtest.Config
		Signals json.RawMessage `json:"signals"`
	} `json:"config"`
}

// readResult reads the JSON of a run of so many pairs and candles, whose configuration was
// sent in so many bytes. A few bytes of a list can become hundreds in memory, so its parts
// are measured before they are read.
func readResult(raw []byte, pairs int, candles, asked int64, out *backtest.Result) error {
	bound := func(part string, size int, most int64) error {
		if int64(size) > most {
			return fmt.Errorf("%.80q of the result has %d bytes, at most %d: %w", part, size, most, wire.ErrMalformed)
		}
		return nil
	}
	each := int64(partBytes * pairs)
	configured := func(name string, part json.RawMessage) error {
		if strings.EqualFold(name, "signals") || strings.EqualFold(name, "params") {
			return bound("config."+name, len(part), partBytes+asked)
		}
		return bound("config."+name, len(part), each)
	}
	err := eachPart(raw, func(name string, part json.RawMessage) error {
		switch {
		case strings.EqualFold(name, "config"): // SDKs of before tell it with its signals
			return eachPart(part, configured)
		case strings.EqualFold(name, "segments"):
			return bound(name, len(part), segmentBytes*(1+candles))
		}
		return bound(name, len(part), each)
	})
	if err != nil {
		return err
	}
	told := toldResult{Result: out}
	if err := json.Unmarshal(raw, &told); err != nil {
		return err
	}
	out.Config = told.Config.Config
	return nil
}

// eachPart checks the parts of a JSON object, of which there may be resultParts.
func eachPart(raw []byte, check func(name string, part json.RawMessage) error) error {
	in := json.NewDecoder(bytes.NewReader(raw))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return fmt.Errorf("the result is no object: %w", errors.Join(wire.ErrMalformed, err))
	}
	for n := 1; in.More(); n++ {
		token, err := in.Token()
		if err != nil {
			return fmt.Errorf("reading the result: %w", err)
		}
		var part json.RawMessage
		if err := in.Decode(&part); err != nil {
			return fmt.Errorf("reading the result: %w", err)
		}
		if n > resultParts {
			return fmt.Errorf("the result has more than %d parts: %w", resultParts, wire.ErrMalformed)
		}
		name, _ := token.(string) // what is no name, no object can be read with
		if err := check(name, part); err != nil {
			return err
		}
	}
	return nil
}
