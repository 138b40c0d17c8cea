package plugin

import (
	"fmt"
	"unicode/utf8"

	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// tradeRecord is a closed trade in the shared memory, without a pointer.
type tradeRecord struct {
	numbers [9]int64 // wire.TradeNumbers
	idSize  int64
	id      [24]byte
}

// set makes it the record of a trade; false if the order's id is longer than it holds.
func (r *tradeRecord) set(t *portfolio.Trade) bool {
	if len(t.OrderID) > len(r.id) {
		return false
	}
	for i, number := range wire.TradeNumbers(t) {
		r.numbers[i] = *number
	}
	r.idSize = int64(copy(r.id[:], t.OrderID))
	return true
}

// trade returns the trade of a record that was copied out of the memory. The error is
// wire.ErrMalformed.
func (r *tradeRecord) trade() (t portfolio.Trade, err error) {
	if r.idSize < 0 || r.idSize > int64(len(r.id)) || !utf8.Valid(r.id[:r.idSize]) {
		return t, fmt.Errorf("a trade's order id of %d bytes: %w", r.idSize, wire.ErrMalformed)
	}
	t.OrderID = string(r.id[:r.idSize])
	for i, number := range wire.TradeNumbers(&t) {
		*number = r.numbers[i]
	}
	return t, nil
}
