package backtest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"

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
	last  portfolio.Trade
}

// TradesOf returns trades packed.
func TradesOf(trades ...portfolio.Trade) Trades {
	var t Trades
	for _, trade := range trades {
		t.Add(trade)
	}
	return t
}

// Add adds the trade that was closed next.
func (t *Trades) Add(trade portfolio.Trade) {
	before := t.last
	if t.count%pageTrades == 0 {
		before = portfolio.Trade{}
		if n := len(t.pages); n > 0 {
			t.pages[n-1] = bytes.Clone(t.pages[n-1]) // without its spare room
		}
		t.pages = append(t.pages, make([]byte, 0, pageTrades*16))
	}
	page := &t.pages[len(t.pages)-1]
	same := 0
	for same < min(len(before.OrderID), len(trade.OrderID)) && before.OrderID[same] == trade.OrderID[same] {
		same++
	}
	out := binary.AppendUvarint(*page, uint64(same))
	out = binary.AppendUvarint(out, uint64(len(trade.OrderID)-same))
	out = append(out, trade.OrderID[same:]...)
	from := numbersOf(&before)
	for i, number := range numbersOf(&trade) {
		out = binary.AppendVarint(out, *number-*from[i])
	}
	*page = out
	t.last = trade
	t.count++
}

// numbersOf returns the numbers of a trade.
func numbersOf(t *portfolio.Trade) [9]*int64 {
	return [...]*int64{
		&t.EntryTime, &t.ExitTime, (*int64)(&t.Volume), (*int64)(&t.Cost), (*int64)(&t.Proceeds),
		(*int64)(&t.EntryFee), (*int64)(&t.ExitFee), (*int64)(&t.PaidFees), &t.Leg,
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
			page := reader(t.pages[i/pageTrades])
			var trade portfolio.Trade
			for end := min(i+pageTrades, t.count); i < end; i++ {
				page.next(&trade)
				if i >= first && !yield(i, trade) {
					return
				}
			}
		}
	}
}

// reader is what is left of a page.
type reader []byte

// next makes the trade after one out of that.
func (r *reader) next(t *portfolio.Trade) {
	same, more := r.uvarint(), r.uvarint()
	if suffix := (*r)[:more]; uint64(len(t.OrderID)) != same || more > 0 {
		t.OrderID = t.OrderID[:same] + string(suffix)
	}
	*r = (*r)[more:]
	for _, number := range numbersOf(t) {
		change, size := binary.Varint(*r)
		*number += change
		*r = (*r)[size:]
	}
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(*r)
	*r = (*r)[size:]
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
