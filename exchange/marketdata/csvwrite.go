package marketdata

import (
	"bufio"
	"fmt"
	"io"

	"github.com/lunobot/lunobot/exchange"
)

// WriteCSV writes the candles as ReadCSV reads them: a header, then one row a
// candle with its opening time in milliseconds (before 1974 as a date) and decimals without
// needless zeros.
func WriteCSV(w io.Writer, s Series) error {
	out, err := NewCSVWriter(w, s.Market)
	if err != nil {
		return err
	}
	out.Add(s.Candles)
	return out.Flush()
}

// CSVWriter writes candles as WriteCSV does, piece by piece. It is for one
// goroutine.
type CSVWriter struct {
	out           *bufio.Writer
	price, volume exchange.Grid
	row           []byte
}

// NewCSVWriter returns a writer that has written the header.
func NewCSVWriter(w io.Writer, m exchange.Market) (*CSVWriter, error) {
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("writing candles: %w", err)
	}
	c := &CSVWriter{out: bufio.NewWriterSize(w, 1<<16), price: m.PriceGrid(exchange.Nearest), volume: m.VolumeGrid(exchange.Down), row: make([]byte, 0, 128)}
	for n := range columnCount {
		if n > 0 {
			c.row = append(c.row, ',')
		}
		c.row = append(c.row, n.String()...)
	}
	_, _ = c.out.Write(append(c.row, '\n'))
	return c, nil
}

// Add writes candles. Failures are kept for Flush.
func (w *CSVWriter) Add(candles []exchange.Candle) {
	for i := range candles {
		c := &candles[i]
		row := appendTime(w.row[:0], c.Time)
		row = w.price.Append(append(row, ','), int64(c.Open))
		row = w.price.Append(append(row, ','), int64(c.High))
		row = w.price.Append(append(row, ','), int64(c.Low))
		row = w.price.Append(append(row, ','), int64(c.Close))
		row = w.volume.Append(append(row, ','), int64(c.Volume))
		w.row = append(row, '\n')
		_, _ = w.out.Write(w.row)
	}
}

// Flush writes what is still held back; the error is the first of all.
func (w *CSVWriter) Flush() error {
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("writing candles: %w", err)
	}
	return nil
}
