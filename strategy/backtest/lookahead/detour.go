package lookahead

import (
	"context"
	"io"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// detour is the history of a probe: the candles of another source up to where it
// begins, and then others. It changes nothing of that source.
type detour struct {
	probe
	length int

	src  marketdata.Source
	next int // the index of the candle that comes next
	own  []exchange.Candle
	// close is the true close of the candle that the probe is at.
	close exchange.Ticks
}

var _ marketdata.Sized = (*detour)(nil)

// through begins the detour.
func (d *detour) through(src marketdata.Source) marketdata.Source {
	d.src = src
	return d
}

// Len implements marketdata.Sized.
func (d *detour) Len() int { return d.length - d.next }

// Next implements marketdata.Source.
func (d *detour) Next(ctx context.Context) ([]exchange.Candle, error) {
	if d.next == d.length {
		return nil, io.EOF
	}
	block, err := d.src.Next(ctx)
	if err != nil {
		return nil, err
	}
	block = block[:min(len(block), d.length-d.next)]
	first := d.next
	if d.next += len(block); d.next <= d.at {
		return block, nil
	}
	d.own = append(d.own[:0], block...)
	others := d.own
	if first <= d.at {
		c := &d.own[d.at-first]
		d.close = c.Close
		if d.cut {
			c.Close = otherClose(*c)
		}
		others = d.own[d.at-first+1:]
	}
	turnRound(others, d.close)
	return d.own, nil
}
