package runner_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/lease"
)

// whole fails the test unless the strategy gave as many orders as the engine
// has numbered, one in each candle.
func whole(t *testing.T, id string, p point) {
	t.Helper()
	if s := p.Strategy.Data; s.Who != id || s.Orders != p.Engine.NextRef-1 || s.Orders != uint64(p.Engine.Sequence) {
		t.Errorf("bot %s: %+v after %d candles, the next order is %d", id, s, p.Engine.Sequence, p.Engine.NextRef)
	}
}

// proves T3, PL1: a worker that stops while a strategy answers takes the answer
// before it checkpoints.
func TestStopTakesTheAnswerUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reached, stopping := make(chan struct{}), make(chan struct{})
	rounds := 0
	w.process.after = func(ctx context.Context) error {
		if rounds++; rounds != 20 {
			return nil
		}
		close(reached)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-stopping:
			return nil
		}
	}
	w.add("a", `{"who":"a"}`)
	r := w.start()
	<-reached
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Stop()
	}()
	<-w.working().Done()
	close(stopping)
	<-done
	whole(t, "a", w.look("a"))
}

// proves PL5: a state that cannot be saved ends its own bot and no other.
func TestStateThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("bad", `{"who":"bad","bad":true}`)
	w.add("good", `{"who":"good"}`)
	r := w.start()
	w.await("the bad bot's end", func() bool { return slices.Contains(w.statuses["bad"], bot.Failed) })
	at := w.look("good").Engine.Sequence
	w.await("the good bot to go on", func() bool { return w.point("good").Engine.Sequence > at+20 })
	r.Stop()
	whole(t, "good", w.look("good"))
	if got := w.statuses["good"]; !slices.Equal(got, []bot.Status{bot.Running}) {
		t.Errorf("the good bot was %v", got)
	}
}

// proves PL5: bots of a process that died unnoticed are not mistaken in the new
// one for those that join then and have their numbers.
func TestProcessReplacedUnnoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("a", `{"who":"a"}`)
	r := w.start()
	w.await("candles", func() bool { return w.point("a").Engine.Sequence > 3 })
	second := newProcess(t)
	w.change(func() { w.process = second })
	w.add("b", `{"who":"b"}`)
	w.await("both", func() bool { return w.point("a").Engine.Sequence > 30 && w.point("b").Engine.Sequence > 10 })
	r.Stop()
	whole(t, "a", w.look("a"))
	whole(t, "b", w.look("b"))
}

// A database that is away for a while ends no bot.
func TestOutageEndsNoBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.outage = errors.New("the database is away")
	w.add("a", `{"who":"a"}`)
	r := w.start()
	w.await("the first attempt", func() bool { return slices.Contains(w.statuses["a"], bot.Degraded) })
	w.change(func() { w.outage = nil })
	w.await("candles", func() bool { return w.point("a").Engine.Sequence > 3 })
	w.change(func() {
		w.outage = errors.New("the database is away again")
		w.bots[0].Bot.Desired = false
	})
	w.change(func() { w.outage = nil })
	w.await("the stop", func() bool { return slices.Contains(w.statuses["a"], bot.Stopped) })
	r.Stop()
	if slices.Contains(w.statuses["a"], bot.Failed) {
		t.Errorf("the bot was %v", w.statuses["a"])
	}
}

// Where candles close faster than a strategy answers, its bots never catch up; one
// that is told to stop does so, and one that is started begins, all the same.
func TestBotsBehindTheMarketListen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.process.after = func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(3 * time.Minute / 3_000): // three candles of the market
			return nil
		}
	}
	w.add("a", `{"who":"a"}`)
	w.add("b", `{"who":"b"}`)
	r := w.start()
	w.await("candles", func() bool { return w.point("a").Engine.Sequence > 5 })
	w.add("late", `{"who":"late"}`)
	w.await("the late one to begin", func() bool { return w.point("late").Engine.Sequence > 0 })
	w.change(func() { w.bots[0].Bot.Desired = false })
	w.await("the stop", func() bool { return slices.Contains(w.statuses["a"], bot.Stopped) })
	at := w.look("b").Engine.Sequence
	w.await("the other to go on", func() bool { return w.point("b").Engine.Sequence > at+3 })
	r.Stop()
	whole(t, "b", w.look("b"))
	whole(t, "late", w.look("late"))
}

// A bot whose run ended between the reading of the list and the taking of its
// lease is not run again.
func TestBotThatEndedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("a", `{"who":"a"}`)
	w.readBots = func(read int, all []bot.Runnable) []bot.Runnable {
		if read == 1 {
			return slices.Clone(all)
		}
		return nil
	}
	r := w.start()
	key := lease.Resource{Kind: lease.Bots, TenantID: tenant, ID: "a"}
	w.await("the lease to be given back", func() bool { return w.leases[key].Epoch == 1 && w.leases[key].ExpiresAt.IsZero() })
	r.Stop()
	if len(w.statuses) != 0 || len(w.latest) != 0 {
		t.Errorf("statuses %v, checkpoints of %d bots", w.statuses, len(w.latest))
	}
}

// proves PL1, PL2: a bot that subscribes to trades is told all, each once, whether
// they came live, within the candle that it began in or while no worker ran; one
// that does not is told none.
func TestTradesAreToldOnceAndWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("tape", `{"tape":true}`)
	w.add("quiet", `{}`)
	r := w.start()
	w.await("candles", func() bool { return w.point("tape").Engine.Sequence > 20 && w.point("quiet").Engine.Sequence > 20 })
	r.Stop()
	stopped := w.look("tape").Engine.Sequence
	before := w.market.Now()
	for w.market.Now().Sub(before) < 30*time.Minute {
		time.Sleep(5 * time.Millisecond)
	}
	r = w.start()
	w.await("more candles", func() bool { return w.point("tape").Engine.Sequence > stopped+60 })
	r.Stop()
	tape, quiet := w.look("tape").Strategy.Data, w.look("quiet").Strategy.Data
	if tape.Told != tape.Traded || tape.Told <= 0 {
		t.Errorf("it was told trades of %d, its candles have %d", tape.Told, tape.Traded)
	}
	if quiet.Told != 0 || quiet.Traded == 0 {
		t.Errorf("a bot that does not subscribe was told trades of %d", quiet.Told)
	}
}

// proves PL2, PL3, M4: a bot that looks at another pair is told each of its
// candles once, of its own length and right before its own of the same time, from
// the warm-up on, live, and of the time while no worker ran.
func TestOtherPairsAreToldOnceAndInTime(t *testing.T) {
	t.Parallel()
	for _, length := range []time.Duration{time.Minute, 5 * time.Minute} {
		t.Run(length.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.addEvery(length, "pair", `{"pair":"ETHMYR","warm":30}`)
			w.addEvery(length, "quiet", `{}`)
			r := w.start()
			w.await("candles", func() bool { return w.point("pair").Engine.Sequence > 40 && w.point("quiet").Engine.Sequence > 40 })
			r.Stop()
			stopped, before := w.look("pair").Engine.Sequence, w.market.Now()
			for w.market.Now().Sub(before) < 30*time.Minute {
				time.Sleep(5 * time.Millisecond)
			}
			r = w.start()
			w.await("more candles", func() bool { return w.point("pair").Engine.Sequence > stopped+60 })
			r.Stop()
			got := w.look("pair").Strategy.Data
			if len(got.Other) < 30+int(100*time.Minute/length) {
				t.Fatalf("it was told %d candles", len(got.Other))
			}
			want, err := w.market.Candles(t.Context(), demo.ETHMYR, length, got.Other[0].OpenTime(), len(got.Other))
			if err != nil || !slices.Equal(got.Other, want) {
				t.Errorf("it was told other candles than there were (%v)", err)
			}
			if got.Late != 0 || len(w.look("quiet").Strategy.Data.Other) != 0 {
				t.Errorf("%d of its own candles came before the other's; a bot that does not look was told %d", got.Late, len(w.look("quiet").Strategy.Data.Other))
			}
		})
	}
}

// holding is a venue that keeps the candles of the other pair back once it is shut,
// and tells when the own pair's candle has come that one of them belongs to.
type holding struct {
	exchange.Streamer
	shut     atomic.Bool
	came     chan struct{}
	withheld atomic.Int64 // when the first one opens that is kept back
}

// Stream implements exchange.Streamer.
func (h *holding) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	return h.Streamer.Stream(ctx, pair, func(e exchange.StreamEvent) {
		if e.Candle != nil && h.shut.Load() {
			if pair == demo.ETHMYR {
				h.withheld.CompareAndSwap(0, e.Candle.Time)
				return
			}
			sink(e)
			if at := h.withheld.Load(); at != 0 && e.Candle.Time >= at {
				select {
				case h.came <- struct{}{}:
				default:
				}
			}
			return
		}
		sink(e)
	})
}

// proves PL2: a worker that stops while it waits for another pair's candle leaves
// its own to the one that goes on, which tells both.
func TestStopWhileAnotherPairIsAwaited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := &holding{Streamer: w.market, came: make(chan struct{}, 1)}
	feed, err := marketdata.NewFeed(marketdata.FeedConfig{History: w.market, Upstream: held, Now: w.market.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(feed.Stop)
	w.feed = feed
	w.add("pair", `{"pair":"ETHMYR"}`)
	r := w.start()
	w.await("candles", func() bool { return w.point("pair").Engine.Sequence > 5 })
	held.shut.Store(true)
	<-held.came
	r.Stop()
	held.shut.Store(false)
	at := w.look("pair").Engine.Sequence
	r = w.start()
	w.await("more candles", func() bool { return w.point("pair").Engine.Sequence > at+5 })
	r.Stop()
	if got := w.look("pair").Strategy.Data; got.Late != 0 {
		t.Errorf("%d of its candles came before the other's of the same time", got.Late)
	}
}

func TestPairsThatAreNotThereFailTheirBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("lost", `{"pair":"NONE"}`)
	w.add("own", `{"pair":"XBTMYR"}`)
	w.add("good", `{"pair":"ETHMYR"}`)
	r := w.start()
	w.await("the ends", func() bool {
		return slices.Contains(w.statuses["lost"], bot.Failed) && slices.Contains(w.statuses["own"], bot.Failed) && w.point("good").Engine.Sequence > 5
	})
	r.Stop()
}
