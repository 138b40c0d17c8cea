package backtestreport

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/strategy/backtest"
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
	// span is the length of the candles in milliseconds, next when the next one opens
	// if there is no gap, and starts are where there was one; kept if span is.
	span, next int64
	starts     []backtest.Segment
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
		if c.span > 0 && k.Time != c.next {
			c.starts = append(c.starts, backtest.Segment{Index: c.count, Time: k.Time})
		}
		c.next = k.Time + c.span
		if c.count%64 == 0 {
			c.quiet = append(c.quiet, 0)
		}
		if k.IsFlat() {
			c.quiet[c.count/64] |= 1 << (c.count % 64)
		}
		c.count++
	}
}

// Len returns how many there are; none of nil.
func (c *Closes) Len() int {
	if c == nil {
		return 0
	}
	return c.count
}

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

// since returns a function that returns the close of the newest candle that was open
// at a time or before; false if there was none. It is asked for times in their order.
func (c *Closes) since() func(ms int64) (exchange.Ticks, bool) {
	closeOf, starts := c.reader(), c.starts
	return func(ms int64) (exchange.Ticks, bool) {
		for len(starts) > 1 && starts[1].Time <= ms {
			starts = starts[1:]
		}
		if len(starts) == 0 || starts[0].Time > ms {
			return 0, false
		}
		end := c.count
		if len(starts) > 1 {
			end = starts[1].Index
		}
		return closeOf(min(starts[0].Index+int((ms-starts[0].Time)/c.span), end-1)), true
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
// Make it with NewWatch.
type Watch struct {
	interval time.Duration
	pairs    map[string]*Closes
}

// NewWatch returns a watch over candles of a length.
func NewWatch(interval time.Duration) *Watch {
	return &Watch{interval: interval, pairs: map[string]*Closes{}}
}

// Through is a backtest.Through: it returns the source of a pair, watched. Closes that
// it has of the pair are forgotten.
func (w *Watch) Through(pair string, src marketdata.Source) marketdata.Source {
	w.pairs[pair] = &Closes{span: w.interval.Milliseconds()}
	return w.pairs[pair].Watch(src)
}

// Of returns the closes of a pair; nil if none were seen.
func (w *Watch) Of(pair string) *Closes { return w.pairs[pair] }

// Further returns the closes of the further pairs of a run.
func (w *Watch) Further(cfg backtest.Config) (out []*Closes) {
	for _, m := range cfg.Markets()[1:] {
		out = append(out, w.Of(m.Pair))
	}
	return out
}

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
