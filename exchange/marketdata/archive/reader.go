package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// Query asks for candles.
type Query struct {
	// Key names the series; required.
	Key Key
	// From and To keep the candles that open at From or later and before To.
	// Defaults to all.
	From, To time.Time
	// KeepHoles leaves intervals without a candle out. Defaults to filling each
	// with a flat candle of volume 0 (rule M4).
	KeepHoles bool
}

// Reader is a marketdata.Source of a series as it was when it was opened. It
// keeps one file's candles in memory and is for one goroutine; close it.
type Reader struct {
	folder    string
	manifest  *manifest
	locked    *flock.Flock
	keepHoles bool

	// left are the segments that have not been read, from and to the first and
	// the last candle that are wanted.
	left     []segment
	from, to int64
	loader   loader
	// rest is what is left of the segment being read, last the candle before.
	rest  []exchange.Candle
	last  exchange.Candle
	block []exchange.Candle
	// remaining is how many candles are still to be given.
	remaining, filled int64
}

var _ marketdata.Sized = (*Reader)(nil)

// Read opens a series for reading. One that is not there, or has no candle in
// the span, is a *MissingError.
func (a *Archive) Read(ctx context.Context, q Query) (*Reader, error) {
	if _, err := a.manifest(q.Key); err != nil {
		return nil, err // before a lock's file is made
	}
	locked, err := a.lock(ctx, q.Key, readLock, false)
	if err != nil {
		return nil, err
	}
	r := &Reader{folder: a.folder(q.Key), locked: locked, keepHoles: q.KeepHoles}
	if r.manifest, err = a.manifest(q.Key); err == nil {
		err = r.seek(q)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// seek finds the first and the last candle of the span and counts.
func (r *Reader) seek(q Query) error {
	all := r.manifest.Segments
	from, to := all[0].First, all[len(all)-1].Last
	if !q.From.IsZero() {
		from = max(from, q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		to = min(to, q.To.UnixMilli()-1)
	}
	begin := sort.Search(len(all), func(i int) bool { return all[i].Last >= from })
	end := sort.Search(len(all), func(i int) bool { return all[i].First > to })
	none := &MissingError{Key: q.Key, Reason: "there is no candle " + spanText(q)}
	if begin >= end {
		return none
	}
	r.left = all[begin:end]
	r.from, r.to = r.left[0].First, r.left[len(r.left)-1].Last
	var have int64
	for n, s := range r.left {
		have += s.Candles
		if s.First >= from && s.Last <= to {
			continue
		}
		// One of the outermost segments is wanted in part.
		candles, err := r.loader.load(r.folder, r.manifest, s)
		if err != nil {
			return err
		}
		inside := cut(candles, from, to)
		if len(inside) == 0 {
			return none // a hole
		}
		have -= s.Candles - int64(len(inside))
		if n == 0 {
			r.from = inside[0].Time
		}
		if n == len(r.left)-1 {
			r.to = inside[len(inside)-1].Time
		}
	}
	r.remaining = have
	if !r.keepHoles {
		r.remaining = (r.to-r.from)/r.manifest.Interval + 1
		r.filled = r.remaining - have
	}
	return nil
}

// spanText writes the span of a query.
func spanText(q Query) string {
	text := ""
	if !q.From.IsZero() {
		text = "from " + q.From.UTC().Format(time.RFC3339)
	}
	if !q.To.IsZero() {
		text = strings.TrimSpace(text + " before " + q.To.UTC().Format(time.RFC3339))
	}
	return text
}

// cut returns the candles that open from one time to another, both included.
func cut(candles []exchange.Candle, from, to int64) []exchange.Candle {
	begin := sort.Search(len(candles), func(i int) bool { return candles[i].Time >= from })
	end := sort.Search(len(candles), func(i int) bool { return candles[i].Time > to })
	return candles[begin:max(begin, end)]
}

// Market returns what was traded.
func (r *Reader) Market() exchange.Market { return r.manifest.Market }

// Origins say in words where the candles are from, the newest last.
func (r *Reader) Origins() []string { return r.manifest.Origins }

// Span returns when the first candle opens and the last one closes.
func (r *Reader) Span() (from, to time.Time) {
	return time.UnixMilli(r.from).UTC(), time.UnixMilli(r.to + r.manifest.Interval).UTC()
}

// Filled returns how many of the candles of the whole reading are flat ones that
// stand in holes.
func (r *Reader) Filled() int { return int(r.filled) }

// Len implements marketdata.Sized.
func (r *Reader) Len() int { return int(r.remaining) }

// Next implements marketdata.Source. A file that is damaged is a *DamageError.
func (r *Reader) Next(ctx context.Context) ([]exchange.Candle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.block = r.block[:0]
	for len(r.block) < marketdata.BlockSize {
		if len(r.rest) == 0 {
			if len(r.left) == 0 {
				break
			}
			candles, err := r.loader.load(r.folder, r.manifest, r.left[0])
			if err != nil {
				return nil, err
			}
			r.left, r.rest = r.left[1:], cut(candles, r.from, r.to)
		}
		if r.begun() && r.rest[0].Time > r.last.Time+r.manifest.Interval && !r.keepHoles {
			r.last = exchange.Flat(r.last.Time+r.manifest.Interval, r.last.Close)
			r.block = append(r.block, r.last)
			continue
		}
		// All candles up to the next hole at once.
		n := r.run(marketdata.BlockSize - len(r.block))
		r.block = append(r.block, r.rest[:n]...)
		r.last, r.rest = r.rest[n-1], r.rest[n:]
	}
	if len(r.block) == 0 {
		return nil, io.EOF
	}
	r.remaining -= int64(len(r.block))
	return r.block, nil
}

// begun reports whether a candle has been given.
func (r *Reader) begun() bool { return r.last.Time != 0 }

// run returns how many candles of the rest, at most that many, follow each other
// without a hole.
func (r *Reader) run(most int) int {
	most = min(most, len(r.rest))
	if r.keepHoles {
		return most
	}
	if whole := r.rest[most-1].Time - r.rest[0].Time; whole == int64(most-1)*r.manifest.Interval {
		return most
	}
	n := 1
	for n < most && r.rest[n].Time == r.rest[n-1].Time+r.manifest.Interval {
		n++
	}
	return n
}

// Close gives the series back. It may be called more than once.
func (r *Reader) Close() error {
	if r.locked == nil {
		return nil
	}
	locked := r.locked
	r.locked = nil
	if err := locked.Close(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}
