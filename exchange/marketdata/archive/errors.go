package archive

import (
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// DamageError is a file of the archive that is not what was written.
type DamageError struct {
	// Path is the file.
	Path string
	// Reason says what is wrong with it.
	Reason string
}

// Error implements error.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged: %s; restore it from a backup, or remove the series and import it again", e.Path, e.Reason)
}

// ConflictError is a candle that differs from the one that is there for the same
// time.
type ConflictError struct {
	Key
	Market exchange.Market
	// Have is the candle that is there, Got the other one.
	Have, Got exchange.Candle
}

// Error implements error.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s: the candle of %s is %s and would become %s; nothing is replaced unless that is asked for",
		e.Key, e.Have.OpenTime().Format(time.RFC3339), e.text(e.Have), e.text(e.Got))
}

func (e *ConflictError) text(c exchange.Candle) string {
	m := e.Market
	return fmt.Sprintf("open %s high %s low %s close %s volume %s", m.Price(c.Open), m.Price(c.High), m.Price(c.Low), m.Price(c.Close), m.Volume(c.Volume))
}

// MissingError is a series, or a span of one, that is not in the archive.
type MissingError struct {
	Key
	// Reason says what is missing; "" is the series itself.
	Reason string
}

// Error implements error.
func (e *MissingError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: %s", e.Key, e.Reason)
	}
	return fmt.Sprintf("there are no candles of %s", e.Key)
}

// BusyError is a series that another process holds.
type BusyError struct {
	Key
	// Doing is what the other does: "written" or "read".
	Doing string
}

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("%s is being %s by another process; try again when that is done", e.Key, e.Doing)
}

// GridError is candles whose numbers or times do not fit those of the series.
type GridError struct {
	Key
	// Reason says what does not fit.
	Reason string
}

// Error implements error.
func (e *GridError) Error() string { return fmt.Sprintf("%s: %s", e.Key, e.Reason) }
