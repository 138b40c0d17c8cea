package demo

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

const (
	// historyIndex is where the history that Candles serves begins: two years
	// before Start, at 2024-01-01.
	historyIndex = -731 * 24 * 60
	// maxLimit bounds one answer of Candles.
	maxLimit = 10_000
	// maxSeries bounds a Past to nineteen years.
	maxSeries = 10_000_000
)

// Intervals lists the intervals that the market has candles of, ascending.
func Intervals() []time.Duration {
	return []time.Duration{
		time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour,
	}
}

// Candles returns closed candles as exchange.MarketData says: at most limit and
// at most 10,000. The history begins two years before Start.
func (r *Replay) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := r.lookup(pair)
	if err != nil {
		return nil, err
	}
	size, err := minutes(interval)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, exchange.Rejected("ErrInvalidArguments", "the limit %d must be above 0", limit)
	}
	first := int64(historyIndex)
	if t := since.UnixMilli(); t > startMillis+historyIndex*minute {
		first = -floorDiv(startMillis-t, minute)
	}
	// Both round up, so that no candle opens before since.
	first = -floorDiv(-first, size) * size
	closed := indexOf(r.now())
	count := min(int64(limit), maxLimit, (closed-first)/size)
	if count <= 0 {
		return nil, nil
	}
	return p.fold(make([]exchange.Candle, 0, count), first, size, count), nil
}

// TradesBetween returns trades as exchange.TradeHistory says, of the candles that
// are closed: the ticks that the stream told. Who took is not known.
func (r *Replay) TradesBetween(ctx context.Context, pair string, from, to time.Time) ([]exchange.Trade, error) {
	p, err := r.lookup(pair)
	if err != nil {
		return nil, err
	}
	first, last := max(indexOf(from.UnixMilli()), historyIndex), min(indexOf(to.UnixMilli()-1), indexOf(r.now())-1)
	return p.trades(ctx, nil, first, last, from.UnixMilli(), to.UnixMilli())
}

// Tape is the trades of a span of a pair, whatever the market's clock says: it is
// for backtests. It is for one goroutine.
type Tape struct {
	pair     *pair
	next     int64 // a candle's index
	from, to int64
	block    []exchange.Trade
}

// tapeMinutes is how many minutes of a Tape come in a block.
const tapeMinutes = 512

// Tape returns the trades at from or later and before to.
func (r *Replay) Tape(pair string, from, to time.Time) (*Tape, error) {
	p, err := r.lookup(pair)
	if err != nil {
		return nil, err
	}
	t := &Tape{pair: p, from: from.UnixMilli(), to: to.UnixMilli()}
	t.next = max(indexOf(t.from), -maxIndex)
	return t, nil
}

// Next returns the next trades, oldest first, and io.EOF after the last. They are
// valid until the next call.
func (t *Tape) Next(ctx context.Context) (block []exchange.Trade, err error) {
	last := min(indexOf(t.to-1), maxIndex)
	for len(block) == 0 && t.next <= last {
		end := min(t.next+tapeMinutes-1, last)
		if block, err = t.pair.trades(ctx, t.block[:0], t.next, end, t.from, t.to); err != nil {
			return nil, err
		}
		t.next, t.block = end+1, block
	}
	if len(block) == 0 {
		return nil, io.EOF
	}
	return block, nil
}

// trades appends the trades of the candles from index first to last, as far as
// they are at from or later and before to.
func (p *pair) trades(ctx context.Context, dst []exchange.Trade, first, last, from, to int64) ([]exchange.Trade, error) {
	for index := first; index <= last; index++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ticks, n := p.path(index)
		for _, t := range ticks[:n] {
			if t.Time >= from && t.Time < to {
				dst = append(dst, t.Trade(p.market.Pair))
			}
		}
	}
	return dst, nil
}

// Past is the one-minute candles of a span of a pair, whatever the market's clock
// says: it is for backtests. They are made block by block. It is for one
// goroutine.
type Past struct {
	pair        *pair
	first, left int64
	block       []exchange.Candle
}

var _ marketdata.Sized = (*Past)(nil)

// Past returns the candles that open at from or later and before to.
func (r *Replay) Past(pair string, from, to time.Time) (*Past, error) {
	p, err := r.lookup(pair)
	if err != nil {
		return nil, err
	}
	first := -floorDiv(startMillis-from.UnixMilli(), minute)
	count := -floorDiv(startMillis-to.UnixMilli(), minute) - first
	if count <= 0 || count > maxSeries || first < -maxIndex || first > maxIndex {
		return nil, fmt.Errorf("demo market: from %s to %s must be between one minute and %d",
			from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), maxSeries)
	}
	return &Past{pair: p, first: first, left: count}, nil
}

// Market returns what was traded.
func (p *Past) Market() exchange.Market { return p.pair.market }

// Span returns when the first candle that is left opens and the last one closes.
func (p *Past) Span() (from, to time.Time) {
	return time.UnixMilli(startMillis + p.first*minute).UTC(), time.UnixMilli(startMillis + (p.first+p.left)*minute).UTC()
}

// Len implements marketdata.Sized.
func (p *Past) Len() int { return int(p.left) }

// Next implements marketdata.Source.
func (p *Past) Next(ctx context.Context) ([]exchange.Candle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.left == 0 {
		return nil, io.EOF
	}
	p.block = p.take(p.block[:0], min(p.left, marketdata.BlockSize))
	return p.block, nil
}

// take appends the next candles.
func (p *Past) take(dst []exchange.Candle, count int64) []exchange.Candle {
	dst = p.pair.fold(dst, p.first, 1, count)
	p.first, p.left = p.first+count, p.left-count
	return dst
}

// Series returns the candles of Past at once.
func (r *Replay) Series(pair string, from, to time.Time) (marketdata.Series, error) {
	p, err := r.Past(pair, from, to)
	if err != nil {
		return marketdata.Series{}, err
	}
	return marketdata.Series{
		Market: p.Market(), Interval: time.Minute, Candles: p.take(make([]exchange.Candle, 0, p.left), p.left),
	}, nil
}

// fold appends count candles of size minutes each, from index first on.
func (p *pair) fold(dst []exchange.Candle, first, size, count int64) []exchange.Candle {
	for ; count > 0; count-- {
		c := p.candle(first)
		for i := int64(1); i < size; i++ {
			c = exchange.Merge(c, p.candle(first+i))
		}
		dst = append(dst, c)
		first += size
	}
	return dst
}

// minutes returns an interval's length in base candles.
func minutes(interval time.Duration) (int64, error) {
	for _, known := range Intervals() {
		if interval == known {
			return int64(interval / time.Minute), nil
		}
	}
	return 0, exchange.Rejected("ErrInvalidArguments", "the demo market has no candles of %s", interval)
}
