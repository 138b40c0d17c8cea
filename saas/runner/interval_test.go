package runner_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/runner"
)

// midnight is when the market of a paced world begins.
func midnight() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// paced is a world whose market goes on when the test says so.
type paced struct {
	*world
	wall atomic.Int64 // in nanoseconds
}

// pacedSpeed is how many market minutes pass in one of the wall's.
const pacedSpeed = 6_000

func newPaced(t *testing.T) *paced {
	t.Helper()
	p := &paced{}
	p.wall.Store(midnight().UnixNano())
	p.world = newWorldOf(t, demo.Config{
		Speed: pacedSpeed, Anchor: demo.Anchor{Wall: midnight()}, Now: func() time.Time { return time.Unix(0, p.wall.Load()) },
	})
	return p
}

// candlesOnly leaves out the trades between candles, on which exits act when they are heard:
// what a bot does is the same in each run then.
func (p *paced) candlesOnly() {
	p.feed.Stop()
	feed, err := marketdata.NewFeed(marketdata.FeedConfig{History: p.market, Upstream: closes{p.market}, Now: p.market.Now})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(feed.Stop)
	p.feed = feed
}

// closes are the closed candles of a stream.
type closes struct{ exchange.Streamer }

// Stream implements exchange.Streamer.
func (c closes) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	return c.Streamer.Stream(ctx, pair, func(e exchange.StreamEvent) {
		if e.Candle != nil {
			sink(e)
		}
	})
}

// set moves the market to half a minute after a minute of its day.
func (p *paced) set(minute int64) {
	p.wall.Store(midnight().Add((time.Duration(minute)*time.Minute + 30*time.Second) / pacedSpeed).UnixNano())
}

// run moves the market on, minute by minute, and each time waits until the bot
// has had all.
func (p *paced) run(id string, from, to int64) {
	p.t.Helper()
	for minute := from; minute <= to; minute++ {
		p.set(minute)
		p.await("the bot", func() bool { return !p.seen[id].Before(midnight().Add(time.Duration(minute) * time.Minute)) })
	}
}

// begin starts a worker and waits until all bots have begun.
func (p *paced) begin() *runner.Runner {
	p.t.Helper()
	r := p.start()
	p.await("the start", func() bool { return len(p.latest) == len(p.bots) })
	return r
}

// kill stops a worker that gets no chance to checkpoint.
func (p *paced) kill(r *runner.Runner) {
	p.change(func() { p.outage = errors.New("killed") })
	r.Stop()
	p.change(func() { p.outage = nil })
}

// done returns all orders and fills, in their order.
func (p *paced) done() ([]journal.Order, []journal.Fill) {
	p.mu.Lock()
	defer p.mu.Unlock()
	byKey := func(m map[int64]journal.Order) (list []journal.Order) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			list = append(list, m[key])
		}
		return list
	}
	var fills []journal.Fill
	for _, key := range slices.Sorted(maps.Keys(p.fills)) {
		fills = append(fills, p.fills[key])
	}
	return byKey(p.orders), fills
}

// candles returns the market's own longer candles that open at a minute or
// later and have closed.
func (p *paced) candles(interval time.Duration, minute int64) []exchange.Candle {
	p.t.Helper()
	list, err := p.market.Candles(p.t.Context(), demo.XBTMYR, interval, midnight().Add(time.Duration(minute)*time.Minute), 10_000)
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

// proves PL1, T3, M4: a bot on candles of five minutes that starts within one,
// is killed within one, misses a close, and is given to another worker within
// one, does what it does in one go.
func TestLongerCandlesSurviveKills(t *testing.T) {
	t.Parallel()
	through := newPaced(t)
	through.set(2)
	through.addEvery(5*time.Minute, "a", `{"who":"a","trade":true}`)
	r := through.begin()
	through.run("a", 3, 48)
	r.Stop()
	orders, fills := through.done()
	if len(orders) < 9*2 || len(fills) < 12 || !orders[0].CreatedAt.Equal(midnight().Add(5*time.Minute)) {
		t.Fatalf("%d orders and %d fills, the first order is %+v", len(orders), len(fills), orders[0])
	}
	if heard, want := through.look("a").Strategy.Data.Heard, through.candles(5*time.Minute, 0); !slices.Equal(heard, want) {
		t.Errorf("it heard %v, want those of the market %v", heard, want)
	}
	for _, seed := range []struct {
		name                 string
		killed, again, moved int64
	}{{"after two minutes", 2, 3, 21}, {"before a close", 14, 16, 33}, {"after a close", 15, 17, 34}, {"over two closes", 23, 34, 41}} {
		t.Run(seed.name, func(t *testing.T) {
			t.Parallel()
			w := newPaced(t)
			w.set(2)
			w.addEvery(5*time.Minute, "a", `{"who":"a","trade":true}`)
			r := w.begin()
			w.run("a", 3, seed.killed)
			w.kill(r)
			w.set(seed.again)
			r = w.start()
			w.run("a", seed.again, seed.moved)
			r.Stop()
			r = w.start()
			w.run("a", seed.moved+1, 48)
			r.Stop()
			gotOrders, gotFills := w.done()
			if !reflect.DeepEqual(gotOrders, orders) {
				t.Errorf("orders\n%+v\nwant\n%+v", gotOrders, orders)
			}
			if !reflect.DeepEqual(gotFills, fills) {
				t.Errorf("fills\n%+v\nwant\n%+v", gotFills, fills)
			}
		})
	}
}

// Candles of the past are of the length that the bot decides on, as many as its
// strategy asks for, and the first that it trades on follows them.
func TestWarmupIsOfTheBotsLength(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		interval     time.Duration
		start, close int64
		ask          string
		want         int
	}{
		{"a minute", time.Minute, 7, 8, "3", 3}, {"a quarter of an hour", 15 * time.Minute, 20, 30, "40", 40},
		{"right after a close", 15 * time.Minute, 30, 45, "4", 4}, {"a day", 24 * time.Hour, 3, 24 * 60, "200", 200},
		{"more than a page", time.Minute, 7, 8, "1100", 1100}, {"more than is given", 5 * time.Minute, 7, 10, "6000", 5000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newPaced(t)
			w.set(c.start)
			w.addEvery(c.interval, "a", `{"who":"a","trade":true,"warm":`+c.ask+`}`)
			r := w.begin()
			w.set(c.close)
			w.await("the close", func() bool { return !w.seen["a"].Before(midnight().Add(time.Duration(c.close) * time.Minute)) })
			r.Stop()
			got := w.look("a").Strategy.Data
			first := time.Duration(c.close)*time.Minute - time.Duration(c.want+1)*c.interval
			want := w.candles(c.interval, int64(first/time.Minute))
			if got.Warm != c.want || !slices.Equal(got.Heard, want) {
				t.Errorf("it heard %d candles of the past and %d in all, want %d and %d", got.Warm, len(got.Heard), c.want, len(want))
			}
		})
	}
}

// proves M4: minutes that the history has not are flat for a bot that catches
// up, so that its longer candles are whole as live ones are.
func TestCatchingUpOverHoles(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(6)
	w.addEvery(5*time.Minute, "a", `{"who":"a","trade":true}`)
	r := w.begin()
	w.run("a", 7, 7)
	r.Stop()
	w.change(func() {
		w.missing = map[int64]bool{}
		for _, minute := range []int64{7, 8, 13} {
			w.missing[midnight().Add(time.Duration(minute)*time.Minute).UnixMilli()] = true
		}
	})
	w.set(21)
	r = w.start()
	w.run("a", 21, 21)
	r.Stop()
	minutes := w.candles(time.Minute, 5)
	whole := func(minutes ...exchange.Candle) exchange.Candle {
		c := minutes[0]
		for _, next := range minutes[1:] {
			c = exchange.Merge(c, next)
		}
		return c
	}
	want := []exchange.Candle{
		whole(minutes[0], minutes[1], minutes[4]), whole(minutes[5], minutes[6], minutes[7], minutes[9]), whole(minutes[10:15]...),
	}
	if heard := w.look("a").Strategy.Data.Heard; !slices.Equal(heard, want) {
		t.Errorf("it heard %+v, want %+v", heard, want)
	}
}

// Bots of one pair that decide on different candles do not hear each other's.
func TestIntervalsOfOnePair(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(2)
	intervals := map[string]time.Duration{"one": time.Minute, "five": 5 * time.Minute, "fifteen": 15 * time.Minute}
	for id, interval := range intervals {
		w.addEvery(interval, id, `{"who":"`+id+`","trade":true}`)
	}
	r := w.begin()
	for id := range intervals {
		w.run(id, 31, 31)
	}
	r.Stop()
	for id, first := range map[string]int64{"one": 2, "five": 0, "fifteen": 0} {
		if heard, want := w.look(id).Strategy.Data.Heard, w.candles(intervals[id], first); !slices.Equal(heard, want) {
			t.Errorf("%s heard %v, want %v", id, heard, want)
		}
	}
}

// A bot that was stopped and told to decide on other candles begins its strategy
// anew, with nothing left of the candle that it was within, and goes on with its
// account and its numbers.
func TestChangedIntervalBeginsAnew(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(2)
	w.addEvery(5*time.Minute, "a", `{"who":"a","trade":true}`)
	r := w.begin()
	w.run("a", 3, 12)
	w.change(func() { w.bots[0].Bot.Desired = false })
	w.await("the stop", func() bool { return slices.Contains(w.statuses["a"], bot.Stopped) })
	before := w.look("a").Engine
	w.set(18)
	w.addRun(2, 15*time.Minute, "a", `{"who":"a","trade":true}`)
	w.await("the second run", func() bool { return w.latest["a"].Checkpoint.Run == 2 })
	w.run("a", 19, 46)
	r.Stop()
	after := w.look("a")
	if want := w.candles(15*time.Minute, 15); !slices.Equal(after.Strategy.Data.Heard, want) {
		t.Errorf("it heard %v, want %v", after.Strategy.Data.Heard, want)
	}
	if before.NextRef < 5 || after.Engine.NextRef <= before.NextRef || after.Engine.Sequence <= before.Sequence {
		t.Errorf("the account was %+v and is %+v", before, after.Engine)
	}
}
