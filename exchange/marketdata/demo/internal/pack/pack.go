// Package pack stores a series of candles in few bytes: differences of
// neighbouring numbers as varints, column after column, compressed by gzip.
//
// It owns the format of the demo market's embedded files and nothing else. The
// times are whole intervals and must grow; every number is kept exactly.
package pack

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// maxCandles bounds what Decode allocates on the word of a file.
const maxCandles = 1 << 20

// Encode returns the candles in packed form. Their times must be whole
// intervals apart and their prices in order.
func Encode(candles []exchange.Candle, interval time.Duration) ([]byte, error) {
	step := interval.Milliseconds()
	if step <= 0 {
		return nil, fmt.Errorf("packing candles: interval %s", interval)
	}
	raw := binary.AppendUvarint(nil, uint64(len(candles)))
	raw = binary.AppendUvarint(raw, natural(step))
	var last int64
	for _, c := range candles {
		if c.Time <= last || c.Time%step != 0 || !c.Valid() {
			return nil, fmt.Errorf("packing candles: bad candle at %s", c.OpenTime())
		}
		raw = binary.AppendUvarint(raw, natural((c.Time-last)/step))
		last = c.Time
	}
	var closed exchange.Ticks
	for _, c := range candles {
		raw = binary.AppendVarint(raw, int64(c.Open-closed))
		closed = c.Close
	}
	for _, c := range candles {
		raw = binary.AppendVarint(raw, int64(c.Close-c.Open))
	}
	for _, c := range candles {
		raw = binary.AppendUvarint(raw, natural(int64(c.High-max(c.Open, c.Close))))
	}
	for _, c := range candles {
		raw = binary.AppendUvarint(raw, natural(int64(min(c.Open, c.Close)-c.Low)))
	}
	for _, c := range candles {
		raw = binary.AppendUvarint(raw, natural(int64(c.Volume)))
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("packing candles: %w", err)
	}
	_, err = w.Write(raw)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("packing candles: %w", err)
	}
	return out.Bytes(), nil
}

// natural returns a number that is known not to be negative.
func natural(n int64) uint64 { return uint64(max(n, 0)) }

// Decode returns the candles that Encode packed, and their interval.
func Decode(packed []byte) ([]exchange.Candle, time.Duration, error) {
	gz, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, 0, fmt.Errorf("unpacking candles: %w", err)
	}
	d := decoder{in: bufio.NewReader(gz)}
	count, step := d.unsigned(), d.unsigned()
	if d.err == nil && (count > maxCandles || step == 0) {
		d.err = fmt.Errorf("the head says %d candles of %d ms", count, step)
	}
	if d.err != nil {
		return nil, 0, fmt.Errorf("unpacking candles: %w", d.err)
	}
	candles := make([]exchange.Candle, count)
	var last int64
	for i := range candles {
		last += d.unsigned() * step
		candles[i].Time = last
	}
	for i := range candles {
		candles[i].Open = exchange.Ticks(d.signed())
	}
	var before exchange.Ticks
	for i := range candles {
		c := &candles[i]
		c.Open += before
		c.Close = c.Open + exchange.Ticks(d.signed())
		before = c.Close
	}
	for i := range candles {
		c := &candles[i]
		c.High = max(c.Open, c.Close) + exchange.Ticks(d.unsigned())
	}
	for i := range candles {
		c := &candles[i]
		c.Low = min(c.Open, c.Close) - exchange.Ticks(d.unsigned())
	}
	for i := range candles {
		candles[i].Volume = exchange.Steps(d.unsigned())
	}
	if d.err != nil {
		return nil, 0, fmt.Errorf("unpacking candles: %w", d.err)
	}
	// The end of the stream is where gzip verifies its checksum.
	_, err = d.in.ReadByte()
	if err == nil {
		err = errors.New("bytes after the last candle")
	}
	if !errors.Is(err, io.EOF) {
		return nil, 0, fmt.Errorf("unpacking candles: %w", err)
	}
	return candles, time.Duration(step) * time.Millisecond, nil
}

// decoder reads varints and keeps the first error.
type decoder struct {
	in  *bufio.Reader
	err error
}

func (d *decoder) unsigned() int64 {
	if d.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(d.in)
	if err == nil && n > math.MaxInt64 {
		err = errors.New("a number is too large")
	}
	if err != nil {
		d.err = err
		return 0
	}
	return int64(n) // checked above
}

func (d *decoder) signed() int64 {
	if d.err != nil {
		return 0
	}
	var n int64
	n, d.err = binary.ReadVarint(d.in)
	return n
}
