package wire

import (
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// TradeNumbers returns where the numbers of a trade are, in the order of the columns.
// New ones are added at the end.
func TradeNumbers(t *portfolio.Trade) [9]*int64 {
	return [...]*int64{
		&t.EntryTime, &t.ExitTime, (*int64)(&t.Volume), (*int64)(&t.Cost), (*int64)(&t.Proceeds),
		(*int64)(&t.EntryFee), (*int64)(&t.ExitFee), (*int64)(&t.PaidFees), &t.Leg,
	}
}

// maxColumns is how many columns a block of trades may have: a few bytes of each are
// MaxBlock values.
const maxColumns = 64

// EncodeTrades returns the columns of at most MaxBlock trades and the ids of
// their orders.
func EncodeTrades(trades []portfolio.Trade) (columns [][]byte, orderIDs []string) {
	orderIDs = make([]string, len(trades))
	var values [][]int64
	for i := range trades {
		orderIDs[i] = trades[i].OrderID
		for n, number := range TradeNumbers(&trades[i]) {
			if n == len(values) {
				values = append(values, make([]int64, len(trades)))
			}
			values[n][i] = *number
		}
	}
	for _, column := range values {
		columns = append(columns, AppendSeries(nil, column))
	}
	return columns, orderIDs
}

// DecodeTrades appends the trades of a block to dst. Columns that this side does
// not know are left out and those that it lacks are 0. The error is
// ErrMalformed.
func DecodeTrades(dst []portfolio.Trade, columns [][]byte, orderIDs []string) ([]portfolio.Trade, error) {
	if len(orderIDs) > MaxBlock || len(columns) > maxColumns {
		return dst, fmt.Errorf("trade block: %d trades in %d columns: %w", len(orderIDs), len(columns), ErrMalformed)
	}
	from := len(dst)
	for _, id := range orderIDs {
		if len(id) > MaxText {
			return dst, fmt.Errorf("trade block: an order id of %d bytes: %w", len(id), ErrMalformed)
		}
		dst = append(dst, portfolio.Trade{OrderID: id})
	}
	var values []exchange.Units
	for n, column := range columns {
		var err error
		if values, err = DecodeSeries(values[:0], column); err != nil {
			return dst, fmt.Errorf("trade block: %w", err)
		}
		if len(values) != len(orderIDs) {
			return dst, fmt.Errorf("trade block: %d values for %d trades: %w", len(values), len(orderIDs), ErrMalformed)
		}
		for i, v := range values {
			if numbers := TradeNumbers(&dst[from+i]); n < len(numbers) {
				*numbers[n] = int64(v)
			}
		}
	}
	return dst, nil
}
