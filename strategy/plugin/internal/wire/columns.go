package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/exchange"
)

// ErrMalformed means that bytes from the other side do not follow the encoding.
var ErrMalformed = errors.New("malformed message")

// MaxBlock is how many candles or values a block holds at most.
const MaxBlock = 4096

// A block of candles is
//
//	count              uvarint
//	widths             one byte a column
//	time, gap, price   8 bytes each: the first time, the regular distance of
//	                   times and the first open
//	columns            count values of the column's width each
//
// in little-endian order. A value is the zigzag of a small difference:
//
//	time     from the time before plus the gap
//	open     from the close before
//	body     close − open
//	high     from the higher of open and close
//	low      from the lower of open and close, downwards
//	volume   as it is
//
// The width of a column is the least of 0, 1, 2, 4 and 8 bytes that its values
// fit: regular times take nothing and prices a byte or two. Differences wrap, so
// that every int64 survives, sensible or not.
const (
	timeColumn = iota
	openColumn
	bodyColumn
	highColumn
	lowColumn
	volumeColumn
	columnCount
)

// chunk is how many values are unpacked at a time: all columns of a chunk stay
// in the processor's first cache.
const chunk = 256

// CandleEncoder writes blocks of candles. The zero value is ready; it is not
// safe for concurrent use.
type CandleEncoder struct {
	columns [columnCount][MaxBlock]uint64
}

// Append appends a block of at most MaxBlock candles to dst.
func (e *CandleEncoder) Append(dst []byte, candles []exchange.Candle) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(candles)))
	if len(candles) == 0 {
		return dst
	}
	first := candles[0]
	var gap int64
	if len(candles) > 1 {
		gap = candles[1].Time - first.Time
	}
	var seen [columnCount]uint64
	at, last := first.Time-gap, int64(first.Open)
	for i := range candles {
		c := &candles[i]
		open, closing := int64(c.Open), int64(c.Close)
		top, bottom := max(open, closing), min(open, closing)
		t, o, b := zigzag(c.Time-at-gap), zigzag(open-last), zigzag(closing-open)
		h, l, v := zigzag(int64(c.High)-top), zigzag(bottom-int64(c.Low)), zigzag(int64(c.Volume))
		e.columns[timeColumn][i], e.columns[openColumn][i], e.columns[bodyColumn][i] = t, o, b
		e.columns[highColumn][i], e.columns[lowColumn][i], e.columns[volumeColumn][i] = h, l, v
		seen[timeColumn] |= t
		seen[openColumn] |= o
		seen[bodyColumn] |= b
		seen[highColumn] |= h
		seen[lowColumn] |= l
		seen[volumeColumn] |= v
		at, last = c.Time, closing
	}
	for _, all := range seen {
		dst = append(dst, widthOf(all))
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(first.Time))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(gap))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(first.Open))
	for column, all := range seen {
		dst = pack(dst, e.columns[column][:len(candles)], widthOf(all))
	}
	return dst
}

// CandleDecoder reads blocks of candles. The zero value is ready; it is not safe
// for concurrent use.
type CandleDecoder struct {
	columns [columnCount][chunk]int64
}

// Decode reads a block into dst, whose space it uses if it is large enough, and
// returns the candles. The error is ErrMalformed.
func (d *CandleDecoder) Decode(dst []exchange.Candle, block []byte) ([]exchange.Candle, error) {
	count, rest, err := blockCount(block)
	if err != nil || count == 0 {
		return dst[:0], err
	}
	if len(rest) < columnCount+24 {
		return nil, fmt.Errorf("candle block: cut off in its head: %w", ErrMalformed)
	}
	widths, head, body := rest[:columnCount], rest[columnCount:columnCount+24], rest[columnCount+24:]
	var columns [columnCount][]byte
	for i, width := range widths {
		if !validWidth(width) || len(body) < count*int(width) {
			return nil, fmt.Errorf("candle block: column %d of width %d is cut off: %w", i, width, ErrMalformed)
		}
		columns[i], body = body[:count*int(width)], body[count*int(width):]
	}
	if len(body) != 0 {
		return nil, fmt.Errorf("candle block: %d bytes too many: %w", len(body), ErrMalformed)
	}
	gap := int64(binary.LittleEndian.Uint64(head[8:]))
	at := int64(binary.LittleEndian.Uint64(head)) - gap
	last := int64(binary.LittleEndian.Uint64(head[16:]))
	if cap(dst) < count {
		dst = make([]exchange.Candle, count)
	}
	dst = dst[:count]
	for from := 0; from < count; from += chunk {
		n := min(chunk, count-from)
		for i, width := range widths {
			unpack(d.columns[i][:n], columns[i][from*int(width):], width)
		}
		at, last = d.join(dst[from:from+n], at, gap, last)
	}
	return dst, nil
}

// join makes candles of the columns that have been unpacked.
func (d *CandleDecoder) join(dst []exchange.Candle, at, gap, last int64) (newAt, newLast int64) {
	if len(dst) > chunk {
		return at, last
	}
	for i := range dst {
		at += gap + d.columns[timeColumn][i]
		open := last + d.columns[openColumn][i]
		last = open + d.columns[bodyColumn][i]
		c := &dst[i]
		c.Time = at
		c.Open, c.Close = exchange.Ticks(open), exchange.Ticks(last)
		c.High = exchange.Ticks(max(open, last) + d.columns[highColumn][i])
		c.Low = exchange.Ticks(min(open, last) - d.columns[lowColumn][i])
		c.Volume = exchange.Steps(d.columns[volumeColumn][i])
	}
	return at, last
}

// AppendSeries appends a block of at most MaxBlock values to dst: the count, the
// width, the first value and the zigzag of every difference.
func AppendSeries[T ~int64](dst []byte, values []T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	if len(values) == 0 {
		return dst
	}
	var differences [MaxBlock]uint64
	var all uint64
	last := values[0]
	for i, v := range values {
		differences[i] = zigzag(int64(v - last))
		all |= differences[i]
		last = v
	}
	width := widthOf(all)
	dst = append(dst, width)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(values[0]))
	return pack(dst, differences[:len(values)], width)
}

// DecodeSeries appends the values of a block to dst. The error is ErrMalformed.
func DecodeSeries[T ~int64](dst []T, block []byte) ([]T, error) {
	count, rest, err := blockCount(block)
	if err != nil || count == 0 {
		return dst, err
	}
	if len(rest) < 9 || !validWidth(rest[0]) || len(rest) != 9+count*int(rest[0]) {
		return dst, fmt.Errorf("series block: wrong length: %w", ErrMalformed)
	}
	width, last, body := rest[0], int64(binary.LittleEndian.Uint64(rest[1:])), rest[9:]
	var differences [chunk]int64
	for from := 0; from < count; from += chunk {
		n := min(chunk, count-from)
		unpack(differences[:n], body[from*int(width):], width)
		for _, d := range differences[:n] {
			last += d
			dst = append(dst, T(last))
		}
	}
	return dst, nil
}

func blockCount(block []byte) (count int, rest []byte, err error) {
	n, size := binary.Uvarint(block)
	if size <= 0 || n > MaxBlock || (n == 0 && size != len(block)) {
		return 0, nil, fmt.Errorf("block: bad count: %w", ErrMalformed)
	}
	return int(n), block[size:], nil
}

func zigzag(x int64) uint64 { return uint64(x<<1) ^ uint64(x>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// widthOf returns how many bytes hold every value whose bits are in all.
func widthOf(all uint64) byte {
	switch {
	case all == 0:
		return 0
	case all < 1<<8:
		return 1
	case all < 1<<16:
		return 2
	case all < 1<<32:
		return 4
	}
	return 8
}

func validWidth(w byte) bool { return w == 0 || w == 1 || w == 2 || w == 4 || w == 8 }

func pack(dst []byte, values []uint64, width byte) []byte {
	from := len(dst)
	dst = slices.Grow(dst, len(values)*int(width))[:from+len(values)*int(width)]
	out := dst[from:]
	switch width {
	case 1:
		for i, v := range values {
			out[i] = byte(v)
		}
	case 2:
		for i, v := range values {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(v))
		}
	case 4:
		for i, v := range values {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(v))
		}
	case 8:
		for i, v := range values {
			binary.LittleEndian.PutUint64(out[8*i:], v)
		}
	}
	return dst
}

// unpack fills dst from src, which holds at least that many values.
func unpack(dst []int64, src []byte, width byte) {
	switch width {
	case 0:
		clear(dst)
	case 1:
		src = src[:len(dst)]
		for i := range dst {
			dst[i] = unzigzag(uint64(src[i]))
		}
	case 2:
		for i := range dst {
			dst[i] = unzigzag(uint64(binary.LittleEndian.Uint16(src[2*i:])))
		}
	case 4:
		for i := range dst {
			dst[i] = unzigzag(uint64(binary.LittleEndian.Uint32(src[4*i:])))
		}
	case 8:
		for i := range dst {
			dst[i] = unzigzag(binary.LittleEndian.Uint64(src[8*i:]))
		}
	}
}
