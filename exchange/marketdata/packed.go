package marketdata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/lunobot/lunobot/exchange"
)

// packSize is how many candles are packed together: their numbers lie near each
// other, and unpacked they fit into a processor's own memory.
const packSize = 1024

// Packed are closed candles in memory, oldest first, in about a quarter of the
// bytes that they take as values: ten million minutes of a market in 120 to 150 MB.
// Nobody changes them, so that any number of runs may read them at once. Nil has
// none.
type Packed struct {
	packs []pack
	// first and end are the part of the packs' candles that is meant.
	first, end int
}

// pack is a few candles. All but the last of a Packed have packSize.
type pack struct {
	// time is when the first one opens, and step is how far the second is from it:
	// a column has what is different.
	time, step int64
	columns    [packColumns]packColumn
}

// The columns of a pack. What is near is told by what is before it: the close as
// its distance from the open, and high and low as theirs from the farther of both.
const (
	packTimes = iota
	packOpens
	packCloses
	packHighs
	packLows
	packVolumes
	packColumns
)

// packColumn is numbers as what they are above the least of them, in units of which
// all of that are whole ones: a market's prices are often multiples of several ticks.
type packColumn struct {
	base, unit int64
	cells      cells // nil if all are the same
}

// cells are numbers, each in as few bytes as the greatest of them needs.
type cells interface {
	// fill writes them in units above a base.
	fill(out []int64, base, unit int64)
	at(i int) int64
}

type narrow[T uint8 | uint16 | uint32 | uint64] []T

func (n narrow[T]) fill(out []int64, base, unit int64) {
	out = out[:len(n)]
	for i, v := range n {
		out[i] = base + int64(v)*unit
	}
}

func (n narrow[T]) at(i int) int64 { return int64(n[i]) }

// columnOf packs numbers, of which there is at least one. Their differences wrap
// around, as adding them up again does.
func columnOf(numbers []int64) packColumn {
	least, most := slices.Min(numbers), slices.Max(numbers)
	above := uint64(most) - uint64(least)
	if above == 0 {
		return packColumn{base: least}
	}
	unit := uint64(0)
	for _, n := range numbers {
		if unit = divisor(uint64(n)-uint64(least), unit); unit == 1 {
			break
		}
	}
	c := packColumn{base: least, unit: int64(unit)}
	switch above /= unit; {
	case above < 1<<8:
		c.cells = narrowed[uint8](numbers, least, unit)
	case above < 1<<16:
		c.cells = narrowed[uint16](numbers, least, unit)
	case above < 1<<32:
		c.cells = narrowed[uint32](numbers, least, unit)
	default:
		c.cells = narrowed[uint64](numbers, least, unit)
	}
	return c
}

// divisor returns the greatest common divisor.
func divisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func narrowed[T uint8 | uint16 | uint32 | uint64](numbers []int64, base int64, unit uint64) narrow[T] {
	out := make(narrow[T], len(numbers))
	for i, n := range numbers {
		out[i] = T((uint64(n) - uint64(base)) / unit)
	}
	return out
}

func (c *packColumn) fill(out []int64) {
	if c.cells != nil {
		c.cells.fill(out, c.base, c.unit)
		return
	}
	for i := range out {
		out[i] = c.base
	}
}

func (c *packColumn) at(i int) int64 {
	if c.cells == nil {
		return c.base
	}
	return c.base + c.cells.at(i)*c.unit
}

// Packer packs candles that come in blocks. The zero value has none yet.
type Packer struct {
	packed  Packed
	waiting []exchange.Candle
	numbers []int64
}

// Add adds candles, which it does not keep.
func (p *Packer) Add(candles []exchange.Candle) {
	for len(candles) > 0 {
		n := min(len(candles), packSize-len(p.waiting))
		p.waiting = append(p.waiting, candles[:n]...)
		if candles = candles[n:]; len(p.waiting) == packSize {
			p.flush()
		}
	}
}

// Packed returns what was added. The packer is empty then.
func (p *Packer) Packed() *Packed {
	p.flush()
	out := p.packed
	p.packed = Packed{}
	return &out
}

// flush packs what waits.
func (p *Packer) flush() {
	list := p.waiting
	if len(list) == 0 {
		return
	}
	k := pack{time: list[0].Time}
	if len(list) > 1 {
		k.step = list[1].Time - k.time
	}
	p.numbers = slices.Grow(p.numbers[:0], len(list))[:len(list)]
	for n := range k.columns {
		for i := range list {
			c := &list[i]
			switch n {
			case packTimes:
				p.numbers[i] = c.Time - k.time - int64(i)*k.step
			case packOpens:
				p.numbers[i] = int64(c.Open)
			case packCloses:
				p.numbers[i] = int64(c.Close - c.Open)
			case packHighs:
				p.numbers[i] = int64(c.High - max(c.Open, c.Close))
			case packLows:
				p.numbers[i] = int64(c.Low - min(c.Open, c.Close))
			case packVolumes:
				p.numbers[i] = int64(c.Volume)
			}
		}
		k.columns[n] = columnOf(p.numbers)
	}
	p.packed.packs = append(p.packed.packs, k)
	p.packed.end += len(list)
	p.waiting = list[:0]
}

// Pack packs what sources have, one after the other.
func Pack(ctx context.Context, sources ...Source) (*Packed, error) {
	var p Packer
	for _, src := range sources {
		for {
			block, err := src.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			p.Add(block)
		}
	}
	return p.Packed(), nil
}

// PackCandles packs candles in memory.
func PackCandles(candles []exchange.Candle) *Packed {
	var p Packer
	p.Add(candles)
	return p.Packed()
}

// Len returns how many candles there are.
func (p *Packed) Len() int {
	if p == nil {
		return 0
	}
	return p.end - p.first
}

// Part returns the candles from an index up to, and without, another.
func (p *Packed) Part(from, to int) *Packed {
	if from < 0 || from > to || to > p.Len() {
		panic(fmt.Sprintf("marketdata: the part from %d to %d of %d candles", from, to, p.Len()))
	}
	if from == to {
		return nil
	}
	return &Packed{packs: p.packs, first: p.first + from, end: p.first + to}
}

// At returns the candle of an index below Len; a Source is faster for many.
func (p *Packed) At(i int) exchange.Candle {
	i += p.first
	k, i := &p.packs[i/packSize], i%packSize
	c := exchange.Candle{Time: k.opens(i), Open: exchange.Ticks(k.columns[packOpens].at(i)), Volume: exchange.Steps(k.columns[packVolumes].at(i))}
	c.Close = c.Open + exchange.Ticks(k.columns[packCloses].at(i))
	c.High = max(c.Open, c.Close) + exchange.Ticks(k.columns[packHighs].at(i))
	c.Low = min(c.Open, c.Close) + exchange.Ticks(k.columns[packLows].at(i))
	return c
}

// Time returns when the candle of an index below Len opens, in epoch milliseconds.
func (p *Packed) Time(i int) int64 {
	i += p.first
	return p.packs[i/packSize].opens(i % packSize)
}

// Run returns when the candle of an index below Len opens, and how many there are
// from it on, it included, that open one step after another: at least one.
func (p *Packed) Run(i int) (opens, step int64, n int) {
	i += p.first
	k, at := &p.packs[i/packSize], i%packSize
	if k.columns[packTimes].cells != nil {
		return k.opens(at), 0, 1
	}
	return k.time + int64(at)*k.step, k.step, min(packSize-at, p.end-i)
}

func (k *pack) opens(i int) int64 { return k.time + int64(i)*k.step + k.columns[packTimes].at(i) }

// Index returns how many candles open before a time in epoch milliseconds.
func (p *Packed) Index(at int64) int {
	return sort.Search(p.Len(), func(i int) bool { return p.Time(i) >= at })
}

// Source returns a source of the candles, for one goroutine.
func (p *Packed) Source() *PackedSource {
	s := &PackedSource{}
	s.Reset(p)
	return s
}

// PackedSource is a Source over packed candles. It is for one goroutine. The zero
// value has none.
type PackedSource struct {
	packed  *Packed
	next    int
	block   []exchange.Candle
	numbers [packColumns][]int64
}

var _ Sized = (*PackedSource)(nil)

// Reset begins anew with candles, in the memory that the source has.
func (s *PackedSource) Reset(p *Packed) { s.packed, s.next = p, 0 }

// Len implements Sized.
func (s *PackedSource) Len() int { return s.packed.Len() - s.next }

// Next implements Source.
func (s *PackedSource) Next(ctx context.Context) ([]exchange.Candle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	left := s.Len()
	if left == 0 {
		return nil, io.EOF
	}
	p := s.packed
	at := p.first + s.next
	skip := at % packSize
	n := min(left, BlockSize-skip)
	s.block = slices.Grow(s.block[:0], skip+n)[:skip+n]
	for done := 0; done < len(s.block); done += packSize {
		s.unpack(&p.packs[(at+done)/packSize], s.block[done:min(done+packSize, len(s.block))])
	}
	s.next += n
	return s.block[skip:], nil
}

// unpack writes the first candles of a pack.
func (s *PackedSource) unpack(k *pack, out []exchange.Candle) {
	for n := range k.columns {
		s.numbers[n] = slices.Grow(s.numbers[n][:0], packSize)[:packSize]
		k.columns[n].fill(s.numbers[n])
	}
	times, opens, closes := s.numbers[packTimes][:len(out)], s.numbers[packOpens][:len(out)], s.numbers[packCloses][:len(out)]
	highs, lows, volumes := s.numbers[packHighs][:len(out)], s.numbers[packLows][:len(out)], s.numbers[packVolumes][:len(out)]
	at := k.time
	for i := range out {
		open, c := opens[i], &out[i]
		end := open + closes[i]
		c.Time = at + times[i]
		c.Open, c.Close = exchange.Ticks(open), exchange.Ticks(end)
		c.High, c.Low = exchange.Ticks(max(open, end)+highs[i]), exchange.Ticks(min(open, end)+lows[i])
		c.Volume = exchange.Steps(volumes[i])
		at += k.step
	}
}
