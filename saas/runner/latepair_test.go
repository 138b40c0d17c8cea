package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/bot"
)

// withheld is a venue that keeps candles of pairs back while they are shut.
type withheld struct {
	exchange.Streamer
	shut func(pair string) bool
}

// Stream implements exchange.Streamer.
func (h withheld) Stream(ctx context.Context, pair string, sink func(exchange.StreamEvent)) error {
	return h.Streamer.Stream(ctx, pair, func(e exchange.StreamEvent) {
		if e.Candle == nil || !h.shut(pair) {
			sink(e)
		}
	})
}

// withhold makes the stream of a pair tell no candle while it is shut.
func (w *world) withhold(pair string) (shut *atomic.Bool) {
	w.t.Helper()
	shut = &atomic.Bool{}
	feed, err := marketdata.NewFeed(marketdata.FeedConfig{
		History: past{w}, Upstream: withheld{w.market, func(p string) bool { return p == pair && shut.Load() }}, Now: w.market.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(feed.Stop)
	w.feed = feed
	return shut
}

// silence makes the stream of a pair tell no candle, and its history fail, while it is
// shut.
func (w *world) silence(pair string) (shut *atomic.Bool) {
	w.t.Helper()
	shut = w.withhold(pair)
	w.edits = func(of string, list []exchange.Candle) ([]exchange.Candle, error) {
		if of == pair && shut.Load() {
			return nil, errors.New("the history is away")
		}
		return list, nil
	}
	return shut
}

// proves PL2, M2: a further pair whose candles do not come holds the bot up for a
// moment only; they are told when they come, each once, and what came of that is
// committed at once and comes to the same again.
func TestALateFurtherPair(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	shut := w.withhold(demo.ETHMYR)
	w.edits = func(pair string, list []exchange.Candle) ([]exchange.Candle, error) {
		if pair == demo.ETHMYR && shut.Load() {
			return nil, nil
		}
		return list, nil
	}
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	r := w.begin()
	w.run("a", 3, 10)
	shut.Store(true)
	w.run("a", 11, 12)
	w.await("the commit of each candle that came alone", func() bool { return w.point("a").Engine.Sequence == 10 }) // from minute 3 to 12
	w.kill(r)
	shut.Store(false)
	w.set(13)
	r = w.start()
	w.run("a", 13, 45)
	r.Stop()
	told := w.told("a")
	want, err := w.market.Candles(t.Context(), demo.ETHMYR, time.Minute, told.Company[0].OpenTime(), len(told.Company))
	if err != nil || !slices.Equal(told.Company, want) || len(want) < 40 {
		t.Errorf("it was told %d other candles than there were (%v)", len(told.Company), err)
	}
	if told.Late != 2 {
		t.Errorf("%d of its own candles came before the other's of the same time, want 2", told.Late)
	}
	w.identical("a", true)
}

// told is the state of a bot's strategy.
func (w *world) told(id string) duo {
	w.mu.Lock()
	defer w.mu.Unlock()
	var p struct {
		Strategy struct {
			Data duo `json:"data"`
		} `json:"strategy"`
	}
	if err := json.Unmarshal(w.latest[id].Checkpoint.State, &p); err != nil {
		w.t.Fatal(err)
	}
	return p.Strategy.Data
}

// minuteOf is the minute of the day in which a candle opened.
func minuteOf(c exchange.Candle) int64 { return int64(c.OpenTime().Sub(midnight()) / time.Minute) }

// before returns the candles that opened before a minute of the day.
func before(list []exchange.Candle, minute int64) []exchange.Candle {
	return slices.DeleteFunc(list, func(c exchange.Candle) bool { return minuteOf(c) >= minute })
}

// toldAll fails the test unless a bot was told every candle of the further pair since
// its first, each once, in order, and as the market had them but for those that are
// flat, by minute.
func (p *paced) toldAll(id string, atLeast int, flat ...int64) {
	p.t.Helper()
	got := p.told(id).Company
	if len(got) < atLeast {
		p.t.Fatalf("%s was told %d candles of the further pair", id, len(got))
	}
	want, err := p.market.Candles(p.t.Context(), demo.ETHMYR, time.Minute, got[0].OpenTime(), len(got))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := range want {
		if slices.Contains(flat, minuteOf(want[i])) {
			want[i] = exchange.Flat(want[i].Time, want[i-1].Close)
		}
	}
	for i, c := range got {
		if c != want[i] {
			p.t.Fatalf("candle %d that %s was told is %+v of minute %d, want %+v of minute %d", i, id, c, minuteOf(c), want[i], minuteOf(want[i]))
		}
	}
}

// proves M1 for a bot of two pairs that is ahead of another one of its group in its own
// pair, and behind in the further one: it is told all candles of that.
func TestALateFurtherPairBesideABotThatIsBehind(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	shut := w.silence(demo.ETHMYR)
	w.set(2)
	w.addDuo(time.Minute, "behind", `{}`)
	r := w.begin()
	w.run("behind", 3, 6)
	w.kill(r)
	var behind []bot.Runnable
	w.change(func() { behind, w.bots = w.bots, nil })
	w.addDuo(time.Minute, "late", `{}`)
	r = w.start()
	w.await("the start", func() bool { return w.latest["late"].Checkpoint != nil })
	w.run("late", 7, 10)
	shut.Store(true)
	w.run("late", 11, 12)
	w.kill(r)
	shut.Store(false)
	w.change(func() { w.bots = append(w.bots, behind...) })
	w.set(13)
	r = w.start()
	for _, id := range []string{"late", "behind"} {
		w.run(id, 13, 32)
	}
	r.Stop()
	for _, id := range []string{"late", "behind"} {
		w.toldAll(id, 20)
	}
}

// proves M1, M4: what the history of a further pair does not answer for is neither left
// out nor made up; it is told when the history has it.
func TestHistoryOfAFurtherPairThatFails(t *testing.T) {
	t.Parallel()
	away := errors.New("the history is away")
	for _, c := range []struct {
		name string
		// answer is what the history says while it fails, and later then.
		answer func(list []exchange.Candle) ([]exchange.Candle, error)
		later  func(list []exchange.Candle) []exchange.Candle
		flat   []int64
	}{
		{name: "wholly", answer: func([]exchange.Candle) ([]exchange.Candle, error) { return nil, away }},
		{name: "after a page", answer: func(list []exchange.Candle) ([]exchange.Candle, error) {
			if page := before(list, 14); len(page) > 0 {
				return page, nil
			}
			return nil, away
		}},
		{name: "by being behind", answer: func(list []exchange.Candle) ([]exchange.Candle, error) {
			return before(list, 18), nil
		}},
		{
			name: "with nothing traded at first", answer: func([]exchange.Candle) ([]exchange.Candle, error) { return nil, away },
			later: func(list []exchange.Candle) []exchange.Candle {
				return slices.DeleteFunc(list, func(c exchange.Candle) bool { return minuteOf(c) > 6 && minuteOf(c) < 14 })
			},
			flat: []int64{10, 11, 12, 13},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newPaced(t)
			var fails, asked, again atomic.Bool
			w.edits = func(pair string, list []exchange.Candle) ([]exchange.Candle, error) {
				switch {
				case pair != demo.ETHMYR:
				case fails.Load():
					asked.Store(true)
					return c.answer(list)
				case again.Load() && c.later != nil:
					return c.later(list), nil
				}
				return list, nil
			}
			w.set(2)
			w.addDuo(time.Minute, "a", `{}`)
			r := w.begin()
			w.run("a", 3, 10)
			w.await("the commit", func() bool { return w.point("a").Engine.Sequence == 8 })
			w.kill(r)
			fails.Store(true)
			w.set(20)
			r = w.start()
			w.run("a", 20, 22)
			if !asked.Load() {
				t.Fatal("the history was not asked")
			}
			again.Store(true)
			fails.Store(false)
			w.run("a", 23, 45)
			r.Stop()
			w.toldAll("a", 35, c.flat...)
			w.identical("a", true)
		})
	}
}

// proves M1, M3: a bot whose missed candles cannot be read does not hold up the others of
// its group; it has all of them once they can, as they were.
func TestABotThatCannotCatchUpHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(list []exchange.Candle) ([]exchange.Candle, error){
		"the history fails": func([]exchange.Candle) ([]exchange.Candle, error) { return nil, errors.New("the history is away") },
		"the history is behind": func(list []exchange.Candle) ([]exchange.Candle, error) {
			return before(list, 8), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPaced(t)
			var fails atomic.Bool
			w.edits = func(_ string, list []exchange.Candle) ([]exchange.Candle, error) {
				if fails.Load() {
					return answer(list)
				}
				return list, nil
			}
			w.set(2)
			w.add("behind", `{"who":"behind","trade":true}`)
			r := w.begin()
			w.run("behind", 3, 6)
			w.kill(r)
			var behind []bot.Runnable
			w.change(func() { behind, w.bots = w.bots, nil })
			w.add("ahead", `{"who":"ahead","trade":true}`)
			r = w.start()
			w.await("the start", func() bool { return w.latest["ahead"].Checkpoint != nil })
			w.run("ahead", 7, 10)
			fails.Store(true)
			began := len(w.statuses["behind"])
			w.change(func() { w.bots = append(w.bots, behind...) })
			w.await("the other one", func() bool { return len(w.statuses["behind"]) > began })
			w.run("ahead", 11, 14)
			fails.Store(false)
			for _, id := range []string{"behind", "ahead"} {
				w.run(id, 15, 20)
			}
			r.Stop()
			for id, first := range map[string]int64{"behind": 2, "ahead": 6} {
				heard := w.look(id).Strategy.Data.Heard
				if want := w.candles(time.Minute, first)[:18-first+1]; len(heard) < len(want) || !slices.Equal(heard[:len(want)], want) {
					t.Errorf("%s heard %v, want %v", id, heard, want)
				}
			}
		})
	}
}

// proves M3, RK3: a bot that has much to catch up with lets those go on meanwhile that are
// up to date.
func TestABotThatCatchesUpHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(2)
	w.add("behind", `{"who":"behind","trade":true}`)
	r := w.begin()
	w.run("behind", 3, 6)
	w.kill(r)
	var behind []bot.Runnable
	w.change(func() { behind, w.bots = w.bots, nil })
	w.set(100)
	w.add("ahead", `{"who":"ahead","trade":true}`)
	var ticks atomic.Int64 // each look at the clock is a second later, so that every candle takes long
	w.pauses = func() time.Time { return midnight().Add(time.Duration(ticks.Add(1)) * time.Second) }
	var far atomic.Int64 // what the bot that is ahead has had when the other one had all but the last candles
	rounds := 0
	w.process.after = func(ctx context.Context) error {
		w.mu.Lock()
		joined := slices.ContainsFunc(w.bots, func(b bot.Runnable) bool { return b.Bot.ID == "behind" })
		w.mu.Unlock()
		if !joined {
			return nil
		}
		switch rounds++; rounds {
		case 5: // within the catching-up
			w.set(101)
			for s, _ := w.feed.Snapshot(demo.XBTMYR); minuteOf(s.Closed) < 100 && ctx.Err() == nil; s, _ = w.feed.Snapshot(demo.XBTMYR) {
				time.Sleep(time.Millisecond)
			}
		case 60:
			w.mu.Lock()
			far.Store(int64(w.seen["ahead"].Sub(midnight()) / time.Minute))
			w.mu.Unlock()
		}
		return nil
	}
	r = w.start()
	w.await("the start", func() bool { return w.latest["ahead"].Checkpoint != nil })
	w.change(func() { w.bots = append(w.bots, behind...) })
	w.await("both", func() bool {
		return !w.seen["ahead"].Before(midnight().Add(101*time.Minute)) && !w.seen["behind"].Before(midnight().Add(101*time.Minute))
	})
	r.Stop()
	if far.Load() != 101 {
		t.Errorf("while the other one caught up, the bot was told minutes up to %d only", far.Load())
	}
	heard := w.look("behind").Strategy.Data.Heard
	if want := w.candles(time.Minute, 2)[:98]; len(heard) < len(want) || !slices.Equal(heard[:len(want)], want) {
		t.Errorf("it heard %d candles, want %d", len(heard), len(want))
	}
}
