package plugin

import (
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/plugin/internal/wire"
)

// encodeExposures returns the columns of what a run held over time: the indexes, and
// the worth of each pair. As JSON they took longer than tens of thousands of candles.
func encodeExposures(all []backtest.Exposure) [][]byte {
	if len(all) == 0 {
		return nil
	}
	values := make([]int64, len(all))
	for i, e := range all {
		values[i] = int64(e.Index)
	}
	columns := [][]byte{wire.AppendSeries(nil, values)}
	for pair := range all[0].Worth {
		for i, e := range all {
			values[i] = int64(e.Worth[pair])
		}
		columns = append(columns, wire.AppendSeries(nil, values))
	}
	return columns
}

// decodeExposures takes the columns of a run of so many pairs apart. Whether they fit the
// run is for Result.CheckExposures to say.
func decodeExposures(columns [][]byte, pairs int) ([]backtest.Exposure, error) {
	if len(columns) != 1+pairs {
		return nil, fmt.Errorf("what was held over time has %d columns for %d pairs: %w", len(columns), pairs, wire.ErrMalformed)
	}
	indexes, err := wire.DecodeSeries[int64](nil, columns[0])
	if err != nil {
		return nil, fmt.Errorf("what was held over time: %w", err)
	}
	out := make([]backtest.Exposure, len(indexes))
	room := make([]exchange.Units, len(indexes)*pairs)
	for i, index := range indexes {
		out[i] = backtest.Exposure{Index: int(index), Worth: room[i*pairs : (i+1)*pairs : (i+1)*pairs]}
	}
	var values []exchange.Units
	for pair, column := range columns[1:] {
		if values, err = wire.DecodeSeries(values[:0], column); err != nil {
			return nil, fmt.Errorf("what was held over time: %w", err)
		}
		if len(values) != len(out) {
			return nil, fmt.Errorf("what was held over time has %d values at %d closes: %w", len(values), len(out), wire.ErrMalformed)
		}
		for i, worth := range values {
			out[i].Worth[pair] = worth
		}
	}
	return out, nil
}
