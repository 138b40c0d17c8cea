package backtest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// pageTrades is how many trades lie in one page of Trades: the first of a page
// is written whole, the others as what differs from the one before.
const pageTrades = 256

// Trades are closed trades in the order of their closing, packed: one takes about
// forty bytes, a third of what it takes as a value. The zero value has none. It
// is not safe for use while trades are added. It travels as a JSON array.
type Trades struct {
	pages [][]byte
	count int
	// id and numbers are those of the last.
	id      string
	numbers numbers
}

// numbers are the numbers of a trade.
type numbers [9]int64

// packed is the most that a trade takes without its order's id: two lengths and,
// in as few bytes as each needs, its numbers less those of the one before. How
// many bytes that are stands in front, in half a byte each.
const packed = 2*binary.MaxVarintLen64 + 8 + 8*len(numbers{})

// sizeBytes is how many bytes tell how many bytes the numbers take.
const sizeBytes = (len(numbers{}) + 1) / 2

// TradesOf returns trades packed.
func TradesOf(trades ...portfolio.Trade) Trades {
	var t Trades
	for i := range trades {
		t.Add(&trades[i])
	}
	return t
}

// Add adds the trade that was closed next, which it does not keep.
func (t *Trades) Add(trade *portfolio.Trade) {
	n := len(t.pages)
	if t.count%pageTrades == 0 {
		t.id, t.numbers = "", numbers{}
		if n > 0 {
			t.pages[n-1] = bytes.Clone(t.pages[n-1]) // without its spare room
		}
		t.pages = append(t.pages, make([]byte, 0, pageTrades*32))
		n++
	}
	same := 0
	for same < min(len(t.id), len(trade.OrderID)) && t.id[same] == trade.OrderID[same] {
		same++
	}
	page := slices.Grow(t.pages[n-1], packed+len(trade.OrderID)-same)
	page = binary.AppendUvarint(page, uint64(same))
	page = binary.AppendUvarint(page, uint64(len(trade.OrderID)-same))
	page = append(page, trade.OrderID[same:]...)
	sizes := len(page)
	out := page[:cap(page)]
	at, all := sizes+sizeBytes, uint64(0)
	now := numbersOf(trade)
	for i, number := range now {
		d := number - t.numbers[i]
		folded := uint64(d<<1) ^ uint64(d>>63) // small ones stay small, below 0 too
		size := (bits.Len64(folded) + 7) / 8
		binary.LittleEndian.PutUint64(out[at:], folded)
		at += size
		all |= uint64(size) << (4 * i)
	}
	for i := range sizeBytes {
		out[sizes+i] = byte(all >> (8 * i))
	}
	t.pages[n-1] = out[:at]
	t.id, t.numbers = trade.OrderID, now
	t.count++
}

func numbersOf(t *portfolio.Trade) numbers {
	return numbers{
		t.EntryTime, t.ExitTime, int64(t.Volume), int64(t.Cost), int64(t.Proceeds), int64(t.EntryFee), int64(t.ExitFee), int64(t.PaidFees),
		t.Leg,
	}
}

// tradeOf returns the trade of an order that has the numbers.
func tradeOf(id string, n *numbers) portfolio.Trade {
	return portfolio.Trade{
		OrderID: id, EntryTime: n[0], ExitTime: n[1], Volume: exchange.Steps(n[2]), Cost: exchange.Units(n[3]), Proceeds: exchange.Units(n[4]),
		EntryFee: exchange.Units(n[5]), ExitFee: exchange.Units(n[6]), PaidFees: exchange.Units(n[7]), Leg: n[8],
	}
}

// Len returns how many trades there are.
func (t Trades) Len() int { return t.count }

// At returns the trade of an index below Len; All is faster for many.
func (t Trades) At(i int) portfolio.Trade {
	for _, trade := range t.from(i) {
		return trade
	}
	panic(fmt.Sprintf("backtest: trade %d of %d", i, t.count))
}

// All goes over the trades and their indexes.
func (t Trades) All() iter.Seq2[int, portfolio.Trade] { return t.from(0) }

// From goes over the trades from an index on.
func (t Trades) From(i int) iter.Seq2[int, portfolio.Trade] { return t.from(max(0, i)) }

func (t Trades) from(first int) iter.Seq2[int, portfolio.Trade] {
	return func(yield func(int, portfolio.Trade) bool) {
		i := first - first%pageTrades
		for i < t.count {
			page := reader{rest: t.pages[i/pageTrades]}
			for end := min(i+pageTrades, t.count); i < end; i++ {
				page.next()
				if i >= first && !yield(i, tradeOf(page.id, &page.numbers)) {
					return
				}
			}
		}
	}
}

// reader is a place in a page: what is left of it, and the trade before.
type reader struct {
	rest    []byte
	id      string
	numbers numbers
}

// next goes to the next trade.
func (r *reader) next() {
	same, more := r.uvarint(), r.uvarint()
	if uint64(len(r.id)) != same || more > 0 {
		r.id = r.id[:same] + string(r.rest[:more])
	}
	r.rest = r.rest[more:]
	all := r.uint(sizeBytes)
	for i := range r.numbers {
		folded := r.uint(int(all >> (4 * i) & 15))
		r.numbers[i] += int64(folded>>1) ^ -int64(folded&1)
	}
}

// uint reads a number of so many bytes.
func (r *reader) uint(size int) uint64 {
	var raw [8]byte
	copy(raw[:], r.rest[:size])
	r.rest = r.rest[size:]
	return binary.LittleEndian.Uint64(raw[:])
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	r.rest = r.rest[size:]
	return n
}

// MarshalJSON implements json.Marshaler; no trades are null.
func (t Trades) MarshalJSON() ([]byte, error) {
	if t.count == 0 {
		return []byte("null"), nil
	}
	var out bytes.Buffer
	for i, trade := range t.All() {
		raw, err := json.Marshal(trade)
		if err != nil {
			return nil, fmt.Errorf("backtest: writing a trade: %w", err)
		}
		separator := byte(',')
		if i == 0 {
			separator = '['
		}
		out.WriteByte(separator)
		out.Write(raw)
	}
	out.WriteByte(']')
	return out.Bytes(), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Trades) UnmarshalJSON(raw []byte) error {
	var list []portfolio.Trade
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("backtest: reading trades: %w", err)
	}
	*t = TradesOf(list...)
	return nil
}
