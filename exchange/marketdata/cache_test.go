package marketdata_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// counted is a venue with candles that counts what it is asked.
type counted struct {
	mu      sync.Mutex
	now     int64
	candles []exchange.Candle
	calls   int
	// page is how many it gives at a time; hold, if set, lets it answer.
	page int
	hold chan struct{}
	err  error
}

func (v *counted) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return time.UnixMilli(v.now)
}

func (v *counted) Markets(context.Context) ([]exchange.Market, error) { return nil, nil }

func (v *counted) Candles(_ context.Context, _ string, interval time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	if v.hold != nil {
		<-v.hold
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	var out []exchange.Candle
	for _, c := range v.candles {
		if c.Time >= since.UnixMilli() && c.Time+interval.Milliseconds() <= v.now && len(out) < min(limit, v.page) {
			out = append(out, c)
		}
	}
	return out, v.err
}

func (v *counted) asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls
}

// Whatever is asked of a cache, in whatever order, while time goes on: it gives all
// that the venue has, each candle once. // proves M1
func TestCacheGivesWhatTheVenueHas(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		const minutes = 400
		v := &counted{now: rapid.Int64Range(1, 60).Draw(t, "now") * 60_000, page: rapid.IntRange(1, 50).Draw(t, "page")}
		for i := range int64(minutes) {
			if rapid.IntRange(0, 4).Draw(t, "there") > 0 { // a minute without a trade has no candle
				v.candles = append(v.candles, exchange.Candle{Time: i * 60_000, Open: 1, High: 1, Low: 1, Close: exchange.Ticks(i + 1)})
			}
		}
		settle := rapid.Int64Range(0, 90_000).Draw(t, "settle")
		c, err := marketdata.NewCache(marketdata.CacheConfig{History: v, Now: v.Now, Settle: time.Duration(settle) * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		both := []*marketdata.Cache{c, c.Through(v)}
		for range rapid.IntRange(1, 12).Draw(t, "times") {
			v.now = min(v.now+rapid.Int64Range(0, 40*60_000).Draw(t, "later"), minutes*60_000)
			since := rapid.Int64Range(0, v.now).Draw(t, "since")
			limit := rapid.IntRange(1, 500).Draw(t, "limit")
			got, err := rapid.SampledFrom(both).Draw(t, "which").Candles(ctx, "XBTMYR", time.Minute, time.UnixMilli(since), limit)
			if err != nil {
				t.Fatal(err)
			}
			v.page, v.now = v.page+minutes, v.now-settle // what is younger may yet change
			want, err := v.Candles(ctx, "XBTMYR", time.Minute, time.UnixMilli(since), limit)
			v.page, v.now = v.page-minutes, v.now+settle
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("since %d: %v, want %v", since, got, want)
			}
		}
	})
}

// Many that want the same ask once, and what is known or cannot be there yet is not
// asked for at all. // proves T10
func TestCacheSpares(t *testing.T) {
	t.Parallel()
	v := &counted{now: 100 * 60_000, page: 1000, hold: make(chan struct{})}
	for i := range int64(200) {
		v.candles = append(v.candles, exchange.Candle{Time: i * 60_000, Open: 1, High: 1, Low: 1, Close: 1})
	}
	c, err := marketdata.NewCache(marketdata.CacheConfig{History: v, Now: v.Now})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(since int64) int {
		t.Helper()
		page, err := c.Candles(t.Context(), "XBTMYR", time.Minute, time.UnixMilli(since), 1000)
		if err != nil {
			t.Fatal(err)
		}
		return len(page)
	}
	var many sync.WaitGroup
	for range 20 {
		many.Go(func() {
			if n := ask(10 * 60_000); n != 90 {
				t.Errorf("%d candles", n)
			}
		})
	}
	close(v.hold)
	many.Wait()
	if n, calls := ask(100*60_000), v.asked(); n != 0 || calls != 1 {
		t.Errorf("%d candles that are not closed; %d calls", n, calls)
	}
	v.mu.Lock()
	v.now += 60_000
	v.mu.Unlock()
	if n, calls := ask(99*60_000+1), v.asked(); n != 1 || calls != 2 {
		t.Errorf("%d new candles; %d calls", n, calls)
	}
	if n, calls := ask(50*60_000), v.asked(); n != 51 || calls != 2 {
		t.Errorf("%d candles; %d calls", n, calls)
	}
	// A venue that fails is asked again by the next one.
	v.now, v.err = v.now+60_000, errors.New("down")
	if _, err := c.Candles(t.Context(), "XBTMYR", time.Minute, time.UnixMilli(101*60_000), 10); err == nil {
		t.Error("no error")
	}
	v.err = nil
	if n := ask(101 * 60_000); n != 1 {
		t.Errorf("%d candles after the failure", n)
	}
	// What the venue did not have is asked for again after a while.
	d, err := marketdata.NewCache(marketdata.CacheConfig{History: v, Now: v.Now, Recheck: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	v.candles, v.calls = v.candles[:50], 0
	none := func(calls int) {
		t.Helper()
		page, err := d.Candles(t.Context(), "XBTMYR", time.Minute, time.UnixMilli(60*60_000), 10)
		if err != nil || len(page) > 0 || v.asked() != calls {
			t.Errorf("%d candles that there are not, %v, after %d calls", len(page), err, v.asked())
		}
	}
	none(1)
	none(1)
	v.now += 5_000
	none(2)
	// One that gives another length than was asked for is found out.
	v.candles = []exchange.Candle{{Time: 30_000}}
	if _, err := c.Candles(t.Context(), "ETHMYR", time.Minute, time.UnixMilli(0), 10); err == nil {
		t.Error("no error for a candle of another length")
	}
	if _, err := c.Candles(t.Context(), "ETHMYR", time.Minute, time.UnixMilli(0), 0); err == nil {
		t.Error("no error for a limit of 0")
	}
	if _, err := marketdata.NewCache(marketdata.CacheConfig{}); err == nil {
		t.Error("no error without a history")
	}
}

// Whoever asks another way, as pages do that are served last, keeps nobody waiting that
// asks the first way, not even for the same candles; it waits for them in its turn.
// proves T10
func TestCacheWaitsForNoLesserWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := &counted{now: 100 * 60_000, page: 1000}
		for i := range int64(100) {
			first.candles = append(first.candles, exchange.Candle{Time: i * 60_000, Open: 1, High: 1, Low: 1, Close: 1})
		}
		lesser := &counted{now: first.now, page: 1000, candles: first.candles, hold: make(chan struct{})}
		bots, err := marketdata.NewCache(marketdata.CacheConfig{History: first, Now: first.Now})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		ask := func(c *marketdata.Cache, pair string) {
			all.Go(func() {
				if page, err := c.Candles(t.Context(), pair, time.Minute, time.UnixMilli(0), 1000); err != nil || len(page) != 100 {
					t.Errorf("%d candles of %s, %v", len(page), pair, err)
				}
			})
			synctest.Wait()
		}
		for range 2 {
			ask(bots.Through(lesser), "XBTMYR") // waits for its turn
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if page, err := bots.Candles(ctx, "XBTMYR", time.Minute, time.UnixMilli(0), 1000); err != nil || len(page) != 100 {
			t.Errorf("behind a page a bot has %d candles, %v", len(page), err)
		}
		close(lesser.hold)
		all.Wait()
		if n, more := first.asked(), lesser.asked(); n != 1 || more != 1 {
			t.Errorf("bots asked %d times, and pages %d times", n, more)
		}
		first.hold = make(chan struct{})
		ask(bots, "ETHMYR")
		ask(bots.Through(lesser), "ETHMYR")
		close(first.hold)
		all.Wait()
		if n, more := first.asked(), lesser.asked(); n != 2 || more != 1 {
			t.Errorf("of another pair bots asked %d times, and pages %d times", n-1, more-1)
		}
	})
}
