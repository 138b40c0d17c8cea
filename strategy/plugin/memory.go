package plugin

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"unsafe"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// MemoryVariable is the variable of a plugin's environment that names the
// descriptor of the memory that its host shares with it.
const MemoryVariable = "LUNOBOT_PLUGIN_MEMORY"

// The memory is a ring of slots: in each the candles of a segment, and behind
// them the equity curve of these. It is as large as is needed to keep both sides
// busy with few messages, and takes no memory until a backtest uses it.
const (
	memorySlots    = 4
	segmentCandles = 8 * wire.MaxBlock
	candleBytes    = int(unsafe.Sizeof(exchange.Candle{}))
	valueBytes     = int(unsafe.Sizeof(int64(0)))
	slotBytes      = segmentCandles * (candleBytes + valueBytes)
	memoryBytes    = memorySlots * slotBytes
)

// Memory is memory that a host shares with one plugin's process, through which
// the candles and the equity curve of a backtest go without being copied into
// messages. Its size is sealed: neither side can make the other one touch what
// is not there. What a plugin wrote into it is a stranger's word. One run uses
// it at a time.
type Memory struct {
	file  *os.File
	bytes []byte

	mu           sync.Mutex
	busy, closed bool
}

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

// candles returns a slot's room for candles.
func (m *Memory) candles(slot int) []exchange.Candle {
	// The mapping is aligned to pages, and a slot's size to eight bytes.
	at := unsafe.Pointer(&m.bytes[slot*slotBytes])              //nolint:gosec // the type has no pointers, and both sides have the same layout
	return unsafe.Slice((*exchange.Candle)(at), segmentCandles) //nolint:gosec // a slot has that much room
}

// equity returns a slot's room for the equity curve.
func (m *Memory) equity(slot int) []int64 {
	at := unsafe.Pointer(&m.bytes[slot*slotBytes+segmentCandles*candleBytes]) //nolint:gosec // as above
	return unsafe.Slice((*int64)(at), segmentCandles)                         //nolint:gosec // as above
}

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
