package archive_test

import (
	"errors"
	"io"
	"testing"

	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

// BenchmarkRead reads a million candles with their sums checked.
func BenchmarkRead(b *testing.B) {
	const n = 1_000_000
	a := open(b)
	put(b, a, archive.WriterConfig{}, walk(1, begin(), n))
	b.ReportMetric(float64(info(b, a).Bytes)/n, "bytes/candle")
	b.ResetTimer()
	for b.Loop() {
		r, err := a.Read(b.Context(), archive.Query{Key: key()})
		if err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := r.Next(b.Context()); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "Mcandles/s")
	b.ReportMetric(float64(info(b, a).Bytes)/n, "bytes/candle")
}
