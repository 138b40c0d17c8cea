package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// MemoryVariable is the variable of a plugin's environment that names the
// descriptor of the memory that its host shares with it.
const MemoryVariable = "LUNOBOT_PLUGIN_MEMORY"

// The memory is a ring of slots: in each the candles of a segment, behind them the
// equity curve of these and the trades that were closed for good meanwhile. Before
// the first lies the header. It takes no memory until a backtest uses it.
const (
	memorySlots    = 8
	segmentCandles = 4 * wire.MaxBlock
	segmentTrades  = 1024
	candleBytes    = int(unsafe.Sizeof(exchange.Candle{}))
	valueBytes     = int(unsafe.Sizeof(int64(0)))
	tradeBytes     = int(unsafe.Sizeof(tradeRecord{}))
	slotBytes      = segmentCandles*(candleBytes+valueBytes) + segmentTrades*tradeBytes
	headerBytes    = 4096
	memoryBytes    = headerBytes + memorySlots*slotBytes
)

// header is how the two sides tell each other how far they are. Segments are
// numbered from the first that the memory ever had; one lies in the slot of its
// number modulo memorySlots.
type header struct {
	// published counts the segments that the host has put in, settled those that
	// the plugin is done with.
	published, settled tally
	// first is the first segment of the run that the host is at. A run that it has
	// given up sees by this that what comes is not for it.
	first atomic.Uint64
	// begun is the first segment of the run that the plugin is at.
	begun atomic.Uint64
	// processor is 1 more than the number of the one that the engine was on last; 0
	// if that is not known.
	processor atomic.Uint32
	// done is how many candles of its run the plugin is done with, also within a
	// segment.
	done atomic.Int64
	// candles is how many candles lie in each slot. A segment without any is the
	// end of a run.
	candles [memorySlots]atomic.Uint32
	// trades is how many trades lie in each slot.
	trades [memorySlots]atomic.Uint32
}

// tally is a count that one side raises and the other looks at from time to
// time: a side that woke the other one would often be made to share its processor
// with it. What the other side stores in it is a stranger's word.
type tally struct {
	count atomic.Uint64
	_     [56]byte // a line of the cache for each
}

// How long a side sleeps before it looks again: longer from one time to the
// next, and less than the other takes for half of the memory at full speed.
const (
	shortestSleep = 100 * time.Microsecond
	longestSleep  = time.Millisecond
)

// await returns the count once it is at least as large as wanted. It calls
// meanwhile, if that is not nil, after each sleep.
func (t *tally) await(ctx context.Context, wanted uint64, meanwhile func()) (uint64, error) {
	for pause := shortestSleep; ; pause = min(2*pause, longestSleep) {
		if count := t.count.Load(); count >= wanted {
			return count, nil
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		time.Sleep(pause)
		if meanwhile != nil {
			meanwhile()
		}
	}
}

// Memory is memory that a host shares with one plugin's process, through which
// the candles, the equity curve and the trades of a backtest go without being
// copied into messages. Its size is sealed: neither side can make the other one touch what
// is not there. What a plugin wrote into it is a stranger's word. One run uses
// it at a time.
type Memory struct {
	file  *os.File
	bytes []byte

	mu           sync.Mutex
	busy, closed bool

	// published counts the segments of all runs. It belongs to the run that has
	// acquired the memory.
	published uint64
}

// MemorySize is how much memory a host shares with a plugin's process at most, in bytes.
func MemorySize() int64 { return int64(memoryBytes) }

// File returns what the plugin's process is to inherit. It belongs to the
// Memory.
func (m *Memory) File() *os.File { return m.file }

// Close gives the memory back, at the end of the run that uses it if there is
// one. The plugin's process keeps what it has.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	return errors.Join(m.file.Close(), m.vacate())
}

// acquire takes the memory for a run, if it is to be had.
func (m *Memory) acquire() bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy || m.closed {
		return false
	}
	m.busy = true
	return true
}

// release ends what acquire began.
func (m *Memory) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy = false
	_ = m.vacate() // it can only fail for memory that is not mapped
}

// vacate unmaps the memory once nobody uses it and nobody will.
func (m *Memory) vacate() error {
	if m.busy || !m.closed {
		return nil
	}
	return unmapMemory(m.bytes)
}

func (m *Memory) header() *header {
	return (*header)(unsafe.Pointer(&m.bytes[0])) //nolint:gosec // the mapping is aligned to pages, and both sides have the same layout
}

// candles returns a segment's room for candles.
func (m *Memory) candles(segment uint64) []exchange.Candle {
	// A slot's size is aligned to eight bytes.
	at := unsafe.Pointer(&m.bytes[slotOf(segment)])             //nolint:gosec // the type has no pointers, and both sides have the same layout
	return unsafe.Slice((*exchange.Candle)(at), segmentCandles) //nolint:gosec // a slot has that much room
}

// equity returns a segment's room for the equity curve.
func (m *Memory) equity(segment uint64) []int64 {
	at := unsafe.Pointer(&m.bytes[slotOf(segment)+segmentCandles*candleBytes]) //nolint:gosec // as above
	return unsafe.Slice((*int64)(at), segmentCandles)                          //nolint:gosec // as above
}

// trades returns a segment's room for trades.
func (m *Memory) trades(segment uint64) []tradeRecord {
	at := unsafe.Pointer(&m.bytes[slotOf(segment)+segmentCandles*(candleBytes+valueBytes)]) //nolint:gosec // as above
	return unsafe.Slice((*tradeRecord)(at), segmentTrades)                                  //nolint:gosec // as above
}

func slotOf(segment uint64) int { return headerBytes + int(segment%memorySlots)*slotBytes }

// inheritedMemory maps the memory that the host has handed to this process; nil
// if there is none.
func inheritedMemory() (*Memory, error) {
	text := os.Getenv(MemoryVariable)
	if text == "" {
		return nil, nil
	}
	fd, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("plugin: %s=%q is no descriptor", MemoryVariable, text)
	}
	return mapMemory(os.NewFile(uintptr(fd), "memory"))
}
