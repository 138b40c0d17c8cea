package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

const (
	// aheadBlocks is how many blocks wait on either side of the engine.
	aheadBlocks = 8
	// fewTrades is below how many trades a message waits for more of them.
	fewTrades = wire.MaxBlock
)

// candleFeed is how a run's candles come from the host and how its equity curve
// and trades go back.
type candleFeed interface {
	marketdata.Sized
	backtest.Sink
	// receive takes candles until the host has no more, or ctx ends.
	receive(ctx context.Context)
	// over is called after the last Done.
	over()
	// send sends curve and trades while they grow, until over.
	send(t *tradeSender) error
	// elsewhere is how many of the first trades went another way, after over.
	elsewhere() int
}

// tradeSender sends closed trades in columns.
type tradeSender struct {
	stream backtestStream
	// waiting are those that have not been sent, sent counts those that have.
	waiting []portfolio.Trade
	sent    int
}

// send sends more of a run's trades. They may wait for others if they are few,
// because a message costs more than a trade.
func (t *tradeSender) send(trades []portfolio.Trade) error {
	t.waiting = append(t.waiting, trades...)
	if len(t.waiting) < fewTrades {
		return nil
	}
	return t.flush()
}

// finish sends those of a result that have not been sent and went no other way.
func (t *tradeSender) finish(all backtest.Trades, elsewhere int) error {
	for _, trade := range all.From(elsewhere + t.sent + len(t.waiting)) {
		t.waiting = append(t.waiting, trade)
	}
	return t.flush()
}

func (t *tradeSender) flush() error {
	for part := range slices.Chunk(t.waiting, wire.MaxBlock) {
		columns, ids := wire.EncodeTrades(part)
		if err := t.stream.Send(&pluginpb.BacktestOutput{Trades: &pluginpb.Trades{Columns: columns, OrderIds: ids}}); err != nil {
			return err
		}
		t.sent += len(part)
	}
	t.waiting = t.waiting[:0]
	return nil
}

// columnFeed takes candles in columns, which are decoded ahead of the engine in
// a goroutine of their own.
type columnFeed struct {
	stream backtestStream
	blocks chan inBlock
	free   chan []exchange.Candle
	curve  chan portion
	// room is what of the curve the engine is at, spent what has been sent.
	room  []int64
	spent chan []int64
	// failed is why blocks was closed before the end; it is set before.
	failed  error
	present []exchange.Candle
	// beside is what came beside it.
	beside backtest.Beside
	// expected is how many candles are still to come, as far as the host knows.
	expected int
}

// inBlock is a block of candles and what came beside it.
type inBlock struct {
	candles []exchange.Candle
	beside  backtest.Beside
}

// portion is the equity curve of a block, and the trades that were closed for
// good since the one before.
type portion struct {
	equity []int64
	trades []portfolio.Trade
}

var _ candleFeed = (*columnFeed)(nil)

func newColumnFeed(expected int, stream backtestStream) *columnFeed {
	f := &columnFeed{
		stream: stream, expected: expected,
		blocks: make(chan inBlock, aheadBlocks), curve: make(chan portion, aheadBlocks),
		// One block is with the engine and one with the decoder or the encoder.
		free: make(chan []exchange.Candle, aheadBlocks+2), spent: make(chan []int64, aheadBlocks+2),
	}
	for range aheadBlocks + 2 {
		f.free <- nil
		f.spent <- nil
	}
	return f
}

func (f *columnFeed) receive(ctx context.Context) {
	defer close(f.blocks)
	var decoder wire.CandleDecoder
	var beside besideReader
	for {
		in, err := f.stream.Recv()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			f.failed = fmt.Errorf("receiving candles: %w", err)
			return
		}
		if err := beside.add(in); err != nil {
			f.failed = err
			return
		}
		if len(in.GetCandles()) == 0 {
			continue
		}
		var block []exchange.Candle
		select {
		case block = <-f.free:
		case <-ctx.Done():
			return
		}
		if block, err = decoder.Decode(block, in.GetCandles()); err != nil {
			f.failed = err
			return
		}
		if len(block) == 0 {
			f.free <- block
			continue
		}
		select {
		case f.blocks <- inBlock{block, beside.take()}:
		case <-ctx.Done():
			return
		}
	}
}

// Len implements marketdata.Sized.
func (f *columnFeed) Len() int { return max(0, f.expected) }

// Next implements marketdata.Source.
func (f *columnFeed) Next(ctx context.Context) ([]exchange.Candle, error) {
	if f.present != nil {
		f.free <- f.present
		f.present = nil
	}
	select {
	case block, ok := <-f.blocks:
		if !ok {
			if f.failed != nil {
				return nil, f.failed
			}
			return nil, io.EOF
		}
		f.present, f.beside = block.candles, block.beside
		f.expected -= len(f.present)
		return f.present, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Room implements backtest.Sink.
func (f *columnFeed) Room(n int) []int64 {
	f.room = slices.Grow(<-f.spent, n)[:n]
	return f.room
}

// Done implements backtest.Sink.
func (f *columnFeed) Done(ctx context.Context, trades []portfolio.Trade) {
	select {
	case f.curve <- portion{f.room, slices.Clone(trades)}:
	case <-ctx.Done():
		f.spent <- f.room[:0]
	}
}

func (f *columnFeed) over() { close(f.curve) }

// elsewhere implements candleFeed.
func (f *columnFeed) elsewhere() int { return 0 }

func (f *columnFeed) send(t *tradeSender) error {
	done := 0
	var block []byte
	var failed error
	for p := range f.curve {
		if failed == nil {
			block = wire.AppendSeries(block[:0], p.equity)
			done += len(p.equity)
			failed = f.stream.Send(&pluginpb.BacktestOutput{Equity: block, Done: int64(done)})
		}
		f.spent <- p.equity[:0]
		if failed == nil {
			failed = t.send(p.trades)
		}
	}
	return failed
}
