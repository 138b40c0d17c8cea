package backtestreport

import (
	"context"
	"encoding/binary"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// pageBytes is how many bytes one page of Closes has at the most.
const pageBytes = 1 << 16

// Closes are the closes of a run's candles and whether these were traded, which
// is all that the charts draw of them, in two or three bytes for each. The zero
// value has none.
type Closes struct {
	// pages hold the differences of the closes.
	pages [][]byte
	// quiet has a bit for each candle, set for one without a trade.
	quiet []uint64
	count int
	last  exchange.Ticks
}

// ClosesOf returns the closes of candles.
func ClosesOf(candles []exchange.Candle) *Closes {
	c := &Closes{}
	c.Add(candles)
	return c
}

// Add adds candles, which it does not keep.
func (c *Closes) Add(candles []exchange.Candle) {
	for i := range candles {
		k := &candles[i]
		n := len(c.pages)
		if n == 0 || len(c.pages[n-1]) > pageBytes-binary.MaxVarintLen64 {
			c.pages = append(c.pages, make([]byte, 0, pageBytes))
			n++
		}
		c.pages[n-1] = binary.AppendVarint(c.pages[n-1], int64(k.Close-c.last))
		c.last = k.Close
		if c.count%64 == 0 {
			c.quiet = append(c.quiet, 0)
		}
		if k.IsFlat() {
			c.quiet[c.count/64] |= 1 << (c.count % 64)
		}
		c.count++
	}
}

// Len returns how many there are.
func (c *Closes) Len() int { return c.count }

// flat reports whether the candle of an index was without a trade.
func (c *Closes) flat(i int) bool { return c.quiet[i/64]>>(i%64)&1 != 0 }

// reader returns a function that returns the close of a candle. It is asked for
// candles in their order, of which it may be asked for some only.
func (c *Closes) reader() func(i int) exchange.Ticks {
	next, pages := 0, c.pages
	var page []byte
	var at exchange.Ticks
	return func(i int) exchange.Ticks {
		for next <= i {
			if len(page) == 0 {
				page, pages = pages[0], pages[1:]
			}
			change, size := binary.Varint(page)
			page = page[size:]
			at += exchange.Ticks(change)
			next++
		}
		return at
	}
}

// Watch returns a source of what another has, whose candles are added to the
// closes on their way.
func (c *Closes) Watch(src marketdata.Source) marketdata.Source {
	if sized, ok := src.(marketdata.Sized); ok {
		return watchedSized{watched{src, c}, sized}
	}
	return watched{src, c}
}

// Watch keeps the closes of the pairs that a run trades, on the way of their candles.
// The zero value has none.
type Watch struct{ pairs map[string]*Closes }

// Through is a backtest.Through: it returns the source of a pair, watched. Closes that
// it has of the pair are forgotten.
func (w *Watch) Through(pair string, src marketdata.Source) marketdata.Source {
	if w.pairs == nil {
		w.pairs = map[string]*Closes{}
	}
	w.pairs[pair] = &Closes{}
	return w.pairs[pair].Watch(src)
}

// Of returns the closes of a pair; nil if none were seen.
func (w *Watch) Of(pair string) *Closes { return w.pairs[pair] }

type watched struct {
	marketdata.Source
	closes *Closes
}

// Next implements marketdata.Source.
func (w watched) Next(ctx context.Context) ([]exchange.Candle, error) {
	block, err := w.Source.Next(ctx)
	w.closes.Add(block)
	return block, err
}

type watchedSized struct {
	watched
	sized marketdata.Sized
}

// Len implements marketdata.Sized.
func (w watchedSized) Len() int { return w.sized.Len() }
