package marketdata

import (
	"bufio"
	"fmt"
	"io"
)

// WriteCSV writes the candles as ReadCSV reads them: a header, then one row a
// candle with its opening time in milliseconds (before 1974 as a date) and decimals without
// needless zeros.
func WriteCSV(w io.Writer, s Series) error {
	if err := s.Market.Validate(); err != nil {
		return fmt.Errorf("writing candles: %w", err)
	}
	out := bufio.NewWriter(w)
	price, volume := priceGrid(s.Market), volumeGrid(s.Market)
	row := make([]byte, 0, 128)
	for c := range columnCount {
		if c > 0 {
			row = append(row, ',')
		}
		row = append(row, c.String()...)
	}
	row = append(row, '\n')
	for _, c := range s.Candles {
		// Write keeps its first error, which Flush returns.
		_, _ = out.Write(row)
		row = appendTime(row[:0], c.Time)
		row = price.append(append(row, ','), int64(c.Open))
		row = price.append(append(row, ','), int64(c.High))
		row = price.append(append(row, ','), int64(c.Low))
		row = price.append(append(row, ','), int64(c.Close))
		row = volume.append(append(row, ','), int64(c.Volume))
		row = append(row, '\n')
	}
	_, _ = out.Write(row)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing candles: %w", err)
	}
	return nil
}
