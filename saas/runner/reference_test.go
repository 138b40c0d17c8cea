package runner_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

// watched is an upstream that counts the open streams of a pair.
type watched struct {
	exchange.Streamer
	mu   sync.Mutex
	open map[string]int
}

// Stream implements exchange.Streamer.
func (s *watched) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	s.count(pair, 1)
	defer s.count(pair, -1)
	return s.Streamer.Stream(ctx, pair, sink)
}

func (s *watched) count(pair string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[pair] += n
}

func (s *watched) of(pair string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[pair]
}

// newWatched is a world whose upstream is watched.
func newWatched(t *testing.T) (*world, *watched) {
	t.Helper()
	w := newWorld(t)
	upstream := &watched{Streamer: w.market, open: map[string]int{}}
	feed, err := marketdata.NewFeed(marketdata.FeedConfig{History: w.market, Upstream: upstream, Now: w.market.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(feed.Stop)
	w.feed = feed
	return w, upstream
}

// halt stops a bot that runs.
func (w *world) halt(id string) {
	w.t.Helper()
	w.change(func() {
		for i := range w.bots {
			if w.bots[i].Bot.ID == id {
				w.bots[i].Bot.Desired = false
			}
		}
	})
	w.await(id+" to stop", func() bool { return len(w.statuses[id]) > 1 })
}

// proves M3: another pair is watched as long as a bot looks at it, and no longer;
// the group's other bots go on.
func TestAnotherPairIsWatchedWhileABotLooksAtIt(t *testing.T) {
	t.Parallel()
	w, upstream := newWatched(t)
	w.add("looks", `{"who":"looks","pair":"`+demo.ETHMYR+`"}`)
	w.add("too", `{"who":"too","pair":"`+demo.ETHMYR+`"}`)
	w.add("blind", `{"who":"blind"}`)
	r := w.start()
	w.beyond("candles", 5, "looks", "too", "blind")
	w.halt("looks")
	w.beyond("candles afterwards", 20, "too", "blind")
	if n := upstream.of(demo.ETHMYR); n != 1 {
		t.Errorf("%d streams while a bot looks at the pair", n)
	}
	w.halt("too")
	w.polls("the stream to end", func() bool { return upstream.of(demo.ETHMYR) == 0 })
	w.beyond("candles without it", 20, "blind")
	w.add("again", `{"who":"again","pair":"`+demo.ETHMYR+`"}`)
	w.beyond("candles of one that looks again", 20, "again")
	if n := upstream.of(demo.ETHMYR); n != 1 {
		t.Errorf("%d streams for one that looks again", n)
	}
	r.Stop()
	whole(t, "blind", w.look("blind"))
	if again := w.look("again").Strategy.Data; again.Late > 0 || len(again.Other) == 0 {
		t.Errorf("it was told %d candles of the other pair, and %d times late", len(again.Other), again.Late)
	}
}

// proves M3: a pair that a bot trades stays watched when another bot that trades it
// stops.
func TestAnotherPairIsWatchedWhileABotTradesIt(t *testing.T) {
	t.Parallel()
	w, upstream := newWatched(t)
	w.addDuo(time.Minute, "one", `{}`)
	w.addDuo(time.Minute, "two", `{}`)
	r := w.start()
	w.beyond("candles", 5, "one", "two")
	w.halt("one")
	w.beyond("candles afterwards", 20, "two")
	if n := upstream.of(demo.ETHMYR); n != 1 {
		t.Errorf("%d streams while a bot trades the pair", n)
	}
	w.halt("two")
	w.polls("the stream to end", func() bool { return upstream.of(demo.ETHMYR) == 0 })
	r.Stop()
}
