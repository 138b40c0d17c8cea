package marketdata

import (
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// CSVConfig says how a CSV file of candles is read.
type CSVConfig struct {
	// Exact refuses numbers that lie between two ticks or steps. Defaults to
	// taking the nearest tick and the step below.
	Exact bool
	// From and To keep the candles that open at From or later and before To.
	// Defaults to all.
	From, To time.Time
	// Interval is the length of the candles. Defaults to the commonest distance
	// between two rows.
	Interval time.Duration
	// KeepHoles leaves intervals without a row out. Defaults to filling each
	// with a flat candle of volume 0 (rule M4).
	KeepHoles bool
	// Layout says where in a row the numbers stand. Defaults to that of WriteCSV.
	Layout Layout
	// Market gives the tick and the step that the numbers are read in.
	// Required.
	Market exchange.Market
}

// CSVReport says what reading a file did to its numbers.
type CSVReport struct {
	// Rows is the number of rows that were kept.
	Rows int
	// Filled is the number of flat candles that stand for missing rows.
	Filled int
	// PricesRounded is the number of prices between two ticks, which became the
	// nearest tick; VolumesRounded that of volumes between two steps, which
	// became the step below.
	PricesRounded, VolumesRounded int
}

// CSVError is a line of a CSV file that cannot be read.
type CSVError struct {
	// Line counts from 1, which is the header.
	Line int
	// Column is the column's name; it is empty if the whole line is meant.
	Column string
	// Reason says what is wrong.
	Reason string
	// OfLayout says that another Layout may read the line.
	OfLayout bool
}

// Error implements error.
func (e *CSVError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d, column %s: %s", e.Line, e.Column, e.Reason)
}
