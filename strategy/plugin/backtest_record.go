package plugin

import (
	"fmt"
	"unicode/utf8"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// tradeRecord is a closed trade in the shared memory, without a pointer.
type tradeRecord struct {
	entryTime, exitTime        int64
	volume                     exchange.Steps
	cost, proceeds             exchange.Units
	entryFee, exitFee, allFees exchange.Units
	leg                        int64
	idSize                     int64
	id                         [24]byte
}

// set makes it the record of a trade; false if the order's id is longer than it holds.
func (r *tradeRecord) set(t *portfolio.Trade) bool {
	if len(t.OrderID) > len(r.id) {
		return false
	}
	*r = tradeRecord{
		entryTime: t.EntryTime, exitTime: t.ExitTime, volume: t.Volume, cost: t.Cost, proceeds: t.Proceeds,
		entryFee: t.EntryFee, exitFee: t.ExitFee, allFees: t.PaidFees, leg: t.Leg, idSize: int64(len(t.OrderID)),
	}
	copy(r.id[:], t.OrderID)
	return true
}

// trade returns the trade of a record that was copied out of the memory. The error is
// wire.ErrMalformed.
func (r *tradeRecord) trade() (portfolio.Trade, error) {
	if r.idSize < 0 || r.idSize > int64(len(r.id)) || !utf8.Valid(r.id[:r.idSize]) {
		return portfolio.Trade{}, fmt.Errorf("a trade's order id of %d bytes: %w", r.idSize, wire.ErrMalformed)
	}
	return portfolio.Trade{
		OrderID: string(r.id[:r.idSize]), EntryTime: r.entryTime, ExitTime: r.exitTime, Volume: r.volume, Cost: r.cost, Proceeds: r.proceeds,
		EntryFee: r.entryFee, ExitFee: r.exitFee, PaidFees: r.allFees, Leg: r.leg,
	}, nil
}
