package lookahead

import (
	"context"
	"io"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// detours are the histories of a probe: of each pair that is traded the candles of
// another source up to where the probe is, and then others.
type detours struct {
	probe
	// length is how many candles the run's own pair has.
	length int
	// from is when the candle opens that the probe is at, and end when the last one
	// does, in epoch milliseconds.
	from, end int64
	pairs     map[string]*detour
}

// detours returns what a probe runs over.
func (c Config) detours(p probe) *detours {
	n := p.length(len(c.Whole.Equity))
	opens := func(i int) int64 { return c.Whole.CloseTime(i) - c.Whole.Config.Interval.Milliseconds() }
	return &detours{probe: p, length: n, from: opens(p.at), end: opens(n - 1), pairs: map[string]*detour{}}
}

// through begins the detour of a pair.
func (d *detours) through(pair string, src marketdata.Source) marketdata.Source {
	d.pairs[pair] = &detour{of: d, src: src}
	return d.pairs[pair]
}

// closes are the true closes of markets at the candle that the probe is at; 0 for
// one that has none yet.
func (d *detours) closes(markets []exchange.Market) []exchange.Ticks {
	out := make([]exchange.Ticks, len(markets))
	for i, m := range markets {
		if p, ok := d.pairs[m.Pair]; ok {
			out[i] = p.close
		}
	}
	return out
}

// detour is the history of one pair. It changes nothing of its source.
type detour struct {
	of    *detours
	src   marketdata.Source
	given int
	ended bool
	own   []exchange.Candle
	// close is the true close of the newest candle up to the one that the probe is
	// at.
	close exchange.Ticks
}

var _ marketdata.Sized = (*detour)(nil)

// Len implements marketdata.Sized; of a further pair it is a guess.
func (d *detour) Len() int { return max(0, d.of.length-d.given) }

// Next implements marketdata.Source.
func (d *detour) Next(ctx context.Context) ([]exchange.Candle, error) {
	if d.ended {
		return nil, io.EOF
	}
	block, err := d.src.Next(ctx)
	if err != nil {
		return nil, err
	}
	n := until(block, d.of.end)
	d.ended = n < len(block)
	if block = block[:n]; n == 0 {
		return nil, io.EOF
	}
	d.given += n
	same := until(block, d.of.from)
	if same > 0 {
		d.close = block[same-1].Close
	}
	if block[n-1].Time < d.of.from {
		return block, nil
	}
	d.own = append(d.own[:0], block...)
	if same > 0 && d.of.cut {
		if c := &d.own[same-1]; c.Time == d.of.from {
			c.Close = otherClose(*c)
		}
	}
	if same < n {
		base := d.close
		if base == 0 { // the pair begins later
			base = block[same].Open
		}
		turnRound(d.own[same:], base)
	}
	return d.own, nil
}

// until returns how many candles open at a time or before.
func until(block []exchange.Candle, ms int64) int {
	n, _ := slices.BinarySearchFunc(block, ms+1, func(c exchange.Candle, ms int64) int {
		if c.Time < ms {
			return -1
		}
		return 1
	})
	return n
}
