package plugin

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// segments is the host's side of a run through shared memory: it puts candles
// in and takes the equity curve and the trades out.
type segments struct {
	memory *Memory
	// next is the segment that comes next, settled the first whose equity curve
	// has not been taken.
	next, settled uint64
	// first is the run's first one.
	first uint64
	// counts is how many candles are in each slot: what stands in the memory may
	// be changed by the plugin.
	counts [memorySlots]int
	// sent counts the candles that are in the memory or were.
	sent atomic.Int64
	// progress, if not nil, hears how many of them are done, more than said, from
	// one goroutine at a time.
	progress func(done int64)
	telling  sync.Mutex
	said     int64
	// equity takes the curve, of which so many values have come.
	equity func(part []int64)
	valued int64
	// curve is where a part of it is put, out of the plugin's reach.
	curve []int64
	// trades are the first of the run; others, if any, come as messages.
	trades backtest.Trades
}

// newSegments begins a run. Its first segment is one that no run before it had,
// also if that put nothing in.
func newSegments(memory *Memory, equity func(part []int64), progress func(done int64)) *segments {
	memory.published++
	first := memory.published
	memory.header().first.Store(first)
	return &segments{memory: memory, first: first, next: first, settled: first, equity: equity, progress: progress}
}

// room returns the next segment's room for candles, once there is one. While
// there is none it sleeps until half of the slots are free, so that the plugin
// wakes it seldom.
func (s *segments) room(ctx context.Context) ([]exchange.Candle, error) {
	if s.next-s.settled == memorySlots {
		if err := s.settle(ctx, s.next-memorySlots/2); err != nil {
			return nil, err
		}
	}
	return s.memory.candles(s.next), nil
}

// publish hands the next segment over, of which the first candles are filled.
func (s *segments) publish(count int) {
	h, slot := s.memory.header(), s.next%memorySlots
	s.counts[slot] = count
	s.sent.Add(int64(count))
	h.candles[slot].Store(uint32(count))
	s.next++
	s.memory.published = s.next
	h.published.count.Store(s.next)
}

// end says that no other segment comes.
func (s *segments) end(ctx context.Context) error {
	_, err := s.room(ctx)
	if err == nil {
		s.publish(0)
	}
	return err
}

// rest takes what is left of the curve, after the plugin's word that the run is
// complete.
func (s *segments) rest() error {
	err := s.take(s.memory.header().settled.count.Load())
	s.tell(s.valued)
	return err
}

// settle takes the equity curve of what the plugin is done with, which it waits
// for until that is all before a segment.
func (s *segments) settle(ctx context.Context, until uint64) error {
	done, err := s.memory.header().settled.await(ctx, until, s.awake)
	if err != nil {
		return err
	}
	return s.take(done)
}

// take takes the equity curve of all before a segment, which the plugin says it is done
// with. One that takes back what it has said gains nothing.
func (s *segments) take(done uint64) error {
	if done > s.next {
		return fmt.Errorf("%w: it is done with segment %d of %d", ErrGarbage, done, s.next)
	}
	for ; s.settled < done; s.settled++ {
		count := s.counts[s.settled%memorySlots]
		s.curve = append(s.curve[:0], s.memory.equity(s.settled)[:count]...)
		s.valued += int64(count)
		s.equity(s.curve)
		if err := s.takeTrades(s.settled); err != nil {
			return fmt.Errorf("%w: %w", ErrGarbage, err)
		}
	}
	return nil
}

// takeTrades takes the trades of a segment.
func (s *segments) takeTrades(segment uint64) error {
	count := s.memory.header().trades[segment%memorySlots].Load()
	if count > segmentTrades {
		return fmt.Errorf("%d trades in a segment: %w", count, wire.ErrMalformed)
	}
	for i := range int(count) {
		record := s.memory.trades(segment)[i] // out of the plugin's reach
		trade, err := record.trade()
		if err != nil {
			return err
		}
		s.trades.Add(&trade)
	}
	return nil
}

// awake is called after each sleep.
func (s *segments) awake() {
	stepAside(s.memory.header().processor.Load())
	s.tell(s.done())
}

// done is how many candles the plugin is done with, as it says; none as long as it
// is at a run that was given up.
func (s *segments) done() int64 {
	h := s.memory.header()
	if h.begun.Load() != s.first {
		return 0
	}
	return h.done.Load()
}

// progressInterval is how often the progress of a run is told at the least, also
// of one whose candles are all in the memory.
const progressInterval = 100 * time.Millisecond

// watch tells the progress until ctx ends.
func (s *segments) watch(ctx context.Context) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.tell(s.done())
		case <-ctx.Done():
			return
		}
	}
}

// tell tells how many candles are done, as the plugin says.
func (s *segments) tell(done int64) {
	s.telling.Lock()
	defer s.telling.Unlock()
	if done = min(done, s.sent.Load()); s.progress != nil && done > s.said {
		s.said = done
		s.progress(done)
	}
}
