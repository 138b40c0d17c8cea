package marketdata

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	// cachePage is how many candles are asked of a venue at a time, however few
	// are wanted.
	cachePage = 1000
	// cacheKept is how many candles are kept of each pair and interval, the newest
	// ones, and cacheSeries of how many pairs and intervals.
	cacheKept   = 10_000
	cacheSeries = 500
)

// CacheConfig describes a cache of candles.
type CacheConfig struct {
	// History is asked for what is not known. Required.
	History exchange.MarketData
	// Now is the venue's clock. Defaults to time.Now.
	Now func() time.Time
	// Recheck is after how long it is asked again for candles that the venue did not
	// have. Defaults to 0.
	Recheck time.Duration
	// Settle is how old a venue's answers may be: a candle is believed only when it
	// was closed for so long. Defaults to 0.
	Settle time.Duration
}

// Cache is a venue's candles, each asked of it once, however many want it: venues
// count calls. Several that want the same at once share a call, a candle that
// cannot have closed yet is not asked for, and a closed one that was told is not
// asked for again, so that corrections of the venue do not show. It is safe for
// concurrent use.
type Cache struct {
	cfg   CacheConfig
	known *known
	// behind is set of one that Through returned.
	behind bool
}

var _ exchange.MarketData = (*Cache)(nil)

// known is what caches of one venue share.
type known struct {
	mu     sync.Mutex
	series map[seriesKey]*span
	// asks counts the questions, to know which series was not asked for longest.
	asks int64
}

type seriesKey struct {
	pair     string
	interval time.Duration
}

// span is a run of candles that are known: all that there are from one time to
// another.
type span struct {
	// asking is held by the one that asks the venue, and behind by the one that does so
	// Through another way: it may wait there for long, and nobody else for it.
	asking, behind chan struct{}
	// from and to bound it, in milliseconds; to is left out.
	from, to int64
	candles  []exchange.Candle
	// none is from when on the venue had no candle, at the time of noneAt.
	none, noneAt int64
	// used is the number of the last question.
	used int64
}

// NewCache returns a cache that knows nothing yet.
func NewCache(cfg CacheConfig) (*Cache, error) {
	if cfg.History == nil {
		return nil, errors.New("cache of candles: a history is required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Cache{cfg: cfg, known: &known{series: make(map[seriesKey]*span)}}, nil
}

// Through returns a cache that knows the same and learns for both, but asks another
// way, such as one with a later place in the queue of calls. It waits for what the first
// cache asks for already, and the first one never for it: it rather asks itself.
func (c *Cache) Through(h exchange.MarketData) *Cache {
	cfg := c.cfg
	cfg.History = h
	return &Cache{cfg: cfg, known: c.known, behind: true}
}

// Markets implements exchange.MarketData; they are not kept.
func (c *Cache) Markets(ctx context.Context) ([]exchange.Market, error) {
	return c.cfg.History.Markets(ctx)
}

// Candles implements exchange.MarketData. Where the venue fails after some that are
// known, these are returned; the next call tells why there are no more.
func (c *Cache) Candles(ctx context.Context, pair string, interval time.Duration, since time.Time, limit int) (out []exchange.Candle, err error) {
	if interval < time.Millisecond || limit <= 0 {
		return nil, exchange.Rejected("ErrInvalidArguments", "candles of %s, at most %d of them: both must be above 0", interval, limit)
	}
	length := interval.Milliseconds()
	first := -floor(-since.UnixMilli(), length)
	s := c.known.of(seriesKey{pair, interval})
	for len(out) < limit {
		found, next := c.known.read(s, first, limit-len(out))
		if len(found) == 0 {
			first = next
			if found, err = c.ask(ctx, s, pair, first, interval); len(found) == 0 {
				break
			}
			found = found[:min(len(found), limit-len(out))]
		}
		out = append(out, found...)
		first = found[len(found)-1].Time + length
	}
	if err != nil && len(out) == 0 {
		return nil, fmt.Errorf("candles of %s: %w", pair, err)
	}
	return out, nil
}

// ask asks the venue for candles from first on, unless there can be none yet or
// another one has asked meanwhile. None are all that there are at present.
func (c *Cache) ask(ctx context.Context, s *span, pair string, first int64, interval time.Duration) ([]exchange.Candle, error) {
	length := interval.Milliseconds()
	settled := func() int64 { return c.cfg.Now().UnixMilli() - c.cfg.Settle.Milliseconds() }
	if settled() < first+length {
		return nil, nil
	}
	done, err := c.turn(ctx, s)
	if err != nil {
		return nil, err
	}
	defer done()
	if found, _ := c.known.read(s, first, cachePage); len(found) > 0 {
		return found, nil
	}
	now, until := c.cfg.Now().UnixMilli(), settled()
	if c.known.lacks(s, first, now-c.cfg.Recheck.Milliseconds()) {
		return nil, nil
	}
	page, err := c.cfg.History.Candles(ctx, pair, interval, time.UnixMilli(first).UTC(), cachePage)
	if err != nil {
		return nil, err
	}
	if page = slices.DeleteFunc(page, func(k exchange.Candle) bool { return k.Time+length > until }); len(page) == 0 {
		c.known.miss(s, first, now)
	}
	if err := c.known.keep(s, first, length, page); err != nil {
		return nil, err
	}
	return page, nil
}

// turn returns when nobody else asks the same way, nor the first way if this is another
// one; done lets the next one ask.
func (c *Cache) turn(ctx context.Context, s *span) (done func(), err error) {
	own := s.asking
	if c.behind {
		own = s.behind
	}
	select {
	case own <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.behind {
		select {
		case s.asking <- struct{}{}:
			<-s.asking
		case <-ctx.Done():
			<-own
			return nil, ctx.Err()
		}
	}
	return func() { <-own }, nil
}

// lacks reports whether the venue had no candle from first on, at a time after since.
func (k *known) lacks(s *span, first, since int64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return s.none == first && s.noneAt > since
}

// miss keeps in mind that the venue had no candle from first on.
func (k *known) miss(s *span, first, now int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.none, s.noneAt = first, now
}

// of returns the span of a series; that which was not asked for longest makes room.
func (k *known) of(key seriesKey) *span {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asks++
	s := k.series[key]
	if s == nil {
		if len(k.series) >= cacheSeries {
			oldest, at := seriesKey{}, k.asks
			for other, x := range k.series {
				if x.used < at {
					oldest, at = other, x.used
				}
			}
			delete(k.series, oldest)
		}
		s = &span{asking: make(chan struct{}, 1), behind: make(chan struct{}, 1)}
		k.series[key] = s
	}
	s.used = k.asks
	return s
}

// read returns known candles that open at first or later, and from when on nothing
// is known if there are none.
func (k *known) read(s *span, first int64, limit int) (found []exchange.Candle, next int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if first < s.from || first >= s.to {
		return nil, first
	}
	i, _ := slices.BinarySearchFunc(s.candles, first, func(c exchange.Candle, t int64) int { return cmp.Compare(c.Time, t) })
	if i == len(s.candles) {
		return nil, s.to
	}
	return slices.Clone(s.candles[i:min(len(s.candles), i+limit)]), first
}

// keep adds the candles that a venue has from first on. Nothing is known after the
// last of them: one that has closed may not have been told yet.
func (k *known) keep(s *span, first, length int64, page []exchange.Candle) error {
	last := first - 1
	for _, c := range page {
		if c.Time <= last || c.Time%length != 0 {
			return fmt.Errorf("the venue gave one of %s for those of %s from %s on", c.OpenTime().Format(time.RFC3339),
				time.Duration(length)*time.Millisecond, time.UnixMilli(first).UTC().Format(time.RFC3339))
		}
		last = c.Time
	}
	if len(page) == 0 {
		return nil
	}
	end := last + length
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case len(s.candles) == 0 || first > s.to && end > s.to:
		s.from, s.to, s.candles = first, end, slices.Clone(page) // the newer one is worth more
	case first >= s.from && first <= s.to && end > s.to:
		i, _ := slices.BinarySearchFunc(s.candles, first, func(c exchange.Candle, t int64) int { return cmp.Compare(c.Time, t) })
		s.candles, s.to = append(s.candles[:i], page...), end
	case first < s.from && end >= s.from:
		i, _ := slices.BinarySearchFunc(s.candles, end, func(c exchange.Candle, t int64) int { return cmp.Compare(c.Time, t) })
		s.candles, s.from, s.to = slices.Concat(page, s.candles[i:]), first, max(s.to, end)
	}
	if more := len(s.candles) - cacheKept; more > 0 {
		s.candles = slices.Clone(s.candles[more:])
		s.from = s.candles[0].Time
	}
	return nil
}
