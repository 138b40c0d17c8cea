package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// windowCandles is how many intervals a segment covers, and so how many
	// candles it holds at the most.
	windowCandles = 1 << 16
	// maxSegment bounds the size of a file that is read.
	maxSegment = 16 << 20
)

// The columns of a file, in the order of their names, in which Parquet keeps
// them.
const (
	columnClose = iota
	columnHigh
	columnLow
	columnOpen
	columnTime
	columnVolume
	columns
)

// schema returns the shape of a market's files: times in milliseconds, prices
// and volumes as exact decimals.
func schema(m exchange.Market) (*parquet.Schema, error) {
	price, volume, err := unitsOf(m)
	if err != nil {
		return nil, err
	}
	number := func(u unit) parquet.Node { return packed(parquet.Decimal(int(u.scale), 18, parquet.Int64Type)) }
	return parquet.NewSchema("candle", parquet.Group{
		"close": number(price), "high": number(price), "low": number(price), "open": number(price),
		"time": packed(parquet.Timestamp(parquet.Millisecond)), "volume": number(volume),
	}), nil
}

// packed writes a column as differences, which are small.
func packed(n parquet.Node) parquet.Node {
	return parquet.Compressed(parquet.Encoded(n, &parquet.DeltaBinaryPacked), &parquet.Zstd)
}

// unit is a tick or a step as a whole number of the last decimal of a column.
type unit struct {
	scale int32
	times int64
}

// unitsOf returns the units of a market's prices and volumes.
func unitsOf(m exchange.Market) (price, volume unit, err error) {
	of := func(d decimal.Decimal) (u unit) {
		if d.Coefficient().IsInt64() {
			u = unit{scale: -d.Exponent(), times: d.CoefficientInt64()}
		}
		for ; u.scale > 0 && u.times%10 == 0 && u.times > 0; u.scale-- {
			u.times /= 10
		}
		for ; u.scale < 0 && u.times < 1e15; u.scale++ {
			u.times *= 10
		}
		return u
	}
	price, volume = of(m.Tick), of(m.Step)
	for _, u := range []unit{price, volume} {
		if u.scale < 0 || u.scale > 18 || u.times < 1 || u.times > 1e15 {
			return price, volume, fmt.Errorf("archive: tick %s and step %s of %s cannot be kept: at most 18 decimals", m.Tick, m.Step, m.Pair)
		}
	}
	return price, volume, nil
}

// encode writes the file of some candles: the same candles give the same bytes.
func encode(m exchange.Market, candles []exchange.Candle) ([]byte, error) {
	var b bytes.Buffer
	if err := writeParquet(&b, m, slices.Values([][]exchange.Candle{candles})); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// writeParquet writes candles as one Parquet file, a row group for each block.
func writeParquet(w io.Writer, m exchange.Market, blocks func(yield func([]exchange.Candle) bool)) (err error) {
	price, volume, err := unitsOf(m)
	if err != nil {
		return err
	}
	form, err := schema(m)
	if err != nil {
		return err
	}
	out := parquet.NewWriter(w, form, parquet.CreatedBy("lunobot", "1", ""), parquet.KeyValueMetadata("pair", m.Pair), parquet.DataPageStatistics(false))
	values := make([]parquet.Value, 0, windowCandles)
	for candles := range blocks {
		for c, column := range out.ColumnWriters() {
			values = values[:0]
			for i := range candles {
				v, err := rawValue(&candles[i], c, price.times, volume.times)
				if err != nil {
					return err
				}
				values = append(values, parquet.Int64Value(v))
			}
			if _, err := column.WriteRowValues(values); err != nil {
				return fmt.Errorf("archive: writing candles: %w", err)
			}
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("archive: writing candles: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("archive: writing candles: %w", err)
	}
	return nil
}

// rawValue returns what a file's column keeps of a candle.
func rawValue(c *exchange.Candle, column int, price, volume int64) (int64, error) {
	var v, times int64
	switch column {
	case columnTime:
		return c.Time, nil
	case columnVolume:
		v, times = int64(c.Volume), volume
	case columnOpen:
		v, times = int64(c.Open), price
	case columnHigh:
		v, times = int64(c.High), price
	case columnLow:
		v, times = int64(c.Low), price
	default:
		v, times = int64(c.Close), price
	}
	if const18 := int64(1e18); v >= const18/times {
		return 0, fmt.Errorf("archive: a number of the candle of %s has more than 18 digits: %w", c.OpenTime().Format(time.RFC3339), exchange.ErrOverflow)
	}
	return v * times, nil
}

// loader reads segments into buffers that it uses again.
type loader struct {
	raw     bytes.Buffer
	values  []int64
	candles []exchange.Candle
}

// load reads a segment; the candles are valid until the next call. What is not
// exactly what was written is a *DamageError.
func (l *loader) load(folder string, m *manifest, s segment) ([]exchange.Candle, error) {
	path := filepath.Join(folder, s.File)
	damage := func(format string, args ...any) error {
		return &DamageError{Path: path, Reason: fmt.Sprintf(format, args...)}
	}
	f, err := os.Open(path) //nolint:gosec // its name was checked
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damage("it is not there")
	}
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	l.raw.Reset()
	if _, err := l.raw.ReadFrom(io.LimitReader(f, maxSegment+1)); err != nil {
		return nil, fmt.Errorf("archive: reading %s: %w", path, err)
	}
	if int64(l.raw.Len()) != s.Bytes {
		return nil, damage("it has %d bytes and should have %d", l.raw.Len(), s.Bytes)
	}
	if sum := sha256.Sum256(l.raw.Bytes()); hex.EncodeToString(sum[:]) != s.SHA256 {
		return nil, damage("its SHA-256 is %x… and should be %.16s…", sum[:8], s.SHA256)
	}
	if err := l.decode(m, s); err != nil {
		return nil, damage("%s", err)
	}
	return l.candles, nil
}

// decode turns a file's bytes into candles.
func (l *loader) decode(m *manifest, s segment) error {
	price, volume, err := unitsOf(m.Market)
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(bytes.NewReader(l.raw.Bytes()), int64(l.raw.Len()), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	if file.NumRows() != s.Candles || len(file.RowGroups()) != 1 || len(file.Schema().Columns()) != columns {
		return fmt.Errorf("it has %d rows and should have %d", file.NumRows(), s.Candles)
	}
	l.candles = slices.Grow(l.candles[:0], int(s.Candles))[:s.Candles]
	l.values = slices.Grow(l.values[:0], int(s.Candles))[:s.Candles]
	for c, chunk := range file.RowGroups()[0].ColumnChunks() {
		if err := readInts(chunk, l.values); err != nil {
			return err
		}
		times := price.times
		if c == columnVolume {
			times = volume.times
		}
		set(l.candles, l.values, c, times)
	}
	last := int64(-1)
	for i := range l.candles {
		k := &l.candles[i]
		if k.Time <= last || (k.Time-m.Phase)%m.Interval != 0 || !k.Valid() {
			return fmt.Errorf("row %d is no candle of the series", i+1)
		}
		last = k.Time
	}
	if l.candles[0].Time != s.First || last != s.Last {
		return errors.New("its candles are of another time")
	}
	return nil
}

// set puts a column's values into the candles.
func set(candles []exchange.Candle, values []int64, column int, times int64) {
	if times != 1 && column != columnTime {
		for i := range values {
			values[i] /= times
		}
	}
	candles = candles[:len(values)]
	switch column {
	case columnTime:
		for i, v := range values {
			candles[i].Time = v
		}
	case columnOpen:
		for i, v := range values {
			candles[i].Open = exchange.Ticks(v)
		}
	case columnHigh:
		for i, v := range values {
			candles[i].High = exchange.Ticks(v)
		}
	case columnLow:
		for i, v := range values {
			candles[i].Low = exchange.Ticks(v)
		}
	case columnClose:
		for i, v := range values {
			candles[i].Close = exchange.Ticks(v)
		}
	case columnVolume:
		for i, v := range values {
			candles[i].Volume = exchange.Steps(v)
		}
	}
}

// readInts reads a column of required int64 values that is as long as dst.
func readInts(chunk parquet.ColumnChunk, dst []int64) (err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	n := 0
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		ints, ok := page.Values().(parquet.Int64Reader)
		if !ok {
			return errors.New("a column holds no whole numbers")
		}
		for {
			k, err := ints.ReadInt64s(dst[n:])
			n += k
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if k == 0 {
				return errors.New("a column is too long")
			}
		}
		parquet.Release(page)
	}
	if n != len(dst) {
		return fmt.Errorf("a column has %d values and should have %d", n, len(dst))
	}
	return nil
}

// describe returns the entry of a file.
func describe(m *manifest, candles []exchange.Candle, raw []byte) segment {
	sum := sha256.Sum256(raw)
	first, last := candles[0].Time, candles[len(candles)-1].Time
	start := m.Phase + m.window(first)*m.Interval*windowCandles
	s := segment{
		File:   fmt.Sprintf("%s-%x.parquet", time.UnixMilli(start).UTC().Format("20060102T150405"), sum[:8]),
		SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(raw)), First: first, Last: last, Candles: int64(len(candles)),
	}
	for i := 1; i < len(candles); i++ {
		if gap := (candles[i].Time-candles[i-1].Time)/m.Interval - 1; gap > 0 {
			s.Holes++
			s.Longest = max(s.Longest, gap)
		}
	}
	return s
}
