package plugin

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/plugin/internal/pluginpb"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// sharing returns memory for a test.
func sharing(t *testing.T) *Memory {
	t.Helper()
	memory, err := NewMemory()
	if errors.Is(err, errors.ErrUnsupported) {
		machine.Missing(t, "memory to share with a plugin", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = memory.Close() })
	return memory
}

// put hands a segment of candles over that open at the times.
func put(t *testing.T, s *segments, times ...int64) {
	t.Helper()
	room, err := s.room(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range times {
		room[i] = exchange.Candle{Time: at}
	}
	s.publish(len(times))
}

// proves PL5: what a plugin stores in the header is a stranger's word. A count of
// segments that there are not is garbage, one that goes back is none.
func TestCountsOfAStranger(t *testing.T) {
	t.Parallel()
	memory := sharing(t)
	told := 0
	var curve []int64
	take := func(part []int64) { curve = append(curve, part...) }
	s := newSegments(memory, take, func(done int64) {
		if told++; done != 3 {
			t.Errorf("%d of 3 candles are done", done)
		}
	})
	put(t, s, 1, 2, 3)
	h := memory.header()
	h.done.Store(1 << 40) // of a run before this one
	s.awake()
	if told != 0 {
		t.Error("the progress of another run is told")
	}
	h.begun.Store(s.first)
	h.processor.Store(1 << 31)
	s.awake()
	if told != 1 {
		t.Errorf("the progress is told %d times", told)
	}
	h.settled.count.Store(s.next)
	memory.equity(s.settled)[2] = 7
	h.candles[s.settled%memorySlots].Store(1 << 30) // the host knows how many there are
	if err := s.rest(); err != nil || len(curve) != 3 || curve[2] != 7 {
		t.Errorf("the curve is %v (%v)", curve, err)
	}
	h.settled.count.Store(0)
	if err := s.settle(t.Context(), 0); err != nil || len(curve) != 3 {
		t.Errorf("a count that goes back gives %v and %d values", err, len(curve))
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.settle(ended, s.next); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for what does not come ends with %v", err)
	}
	h.settled.count.Store(s.next + 1)
	if err := s.settle(t.Context(), s.next); !errors.Is(err, ErrGarbage) {
		t.Errorf("a segment that was not put in is done: %v", err)
	}
}

// proves PL5: a curve that comes as messages is a stranger's word too: it has no more
// values than there were candles, and what is above that is told to nobody.
func TestCurveOfAStranger(t *testing.T) {
	t.Parallel()
	told := 0
	in := &resultReader{sender: &candleSender{}, equity: func(part []int64) { told += len(part) }}
	in.sender.sent.Store(5)
	block := wire.AppendSeries(nil, []int64{1, 2, 3})
	if err := in.take(&pluginpb.BacktestOutput{Equity: block}); err != nil || told != 3 {
		t.Errorf("of 3 values %d are told (%v)", told, err)
	}
	if err := in.take(&pluginpb.BacktestOutput{Equity: block}); err == nil || told != 3 {
		t.Errorf("of 6 values for 5 candles %d are told", told)
	}
}

// proves PL1: a run that the host has given up, and that does not know yet, takes
// nothing of the next one, also if neither got as far as a candle before.
func TestGivenUpRunTakesNothing(t *testing.T) {
	t.Parallel()
	memory := sharing(t)
	feedOf := func(s *segments) *memoryFeed { return newMemoryFeed(0, s.next, nil, memory) }
	var curve []int64
	take := func(part []int64) { curve = append(curve, part...) }
	old := feedOf(newSegments(memory, take, nil))
	s := newSegments(memory, take, nil)
	present := feedOf(s)
	put(t, s, 5, 6)
	if err := s.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := old.Next(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("the run before takes candles: %v", err)
	}
	block, err := present.Next(t.Context())
	if err != nil || len(block) != 2 || block[1].Time != 6 {
		t.Fatalf("it takes %v (%v)", block, err)
	}
	copy(present.Room(2), []int64{8, 9})
	present.Done(t.Context(), nil)
	if _, err := present.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after the last candle comes %v", err)
	}
	if err := s.rest(); err != nil || len(curve) != 2 || curve[1] != 9 {
		t.Errorf("the curve is %v (%v)", curve, err)
	}
}

// A thread that wakes where the engine is goes elsewhere, and stays free to come
// back.
func TestStepAside(t *testing.T) {
	t.Parallel()
	if runtime.NumCPU() < 2 || presentProcessor() == 0 {
		machine.Missing(t, "a second processor", errors.New("it has one, or does not say which it is on"))
	}
	runtime.LockOSThread() // and the thread ends with the test
	moved := 0
	for range 20 {
		before := presentProcessor()
		stepAside(before)
		if presentProcessor() != before {
			moved++
		}
	}
	if moved == 0 {
		t.Error("it has never moved")
	}
}
