package lunostream_test

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/exchange/marketdata"
)

// desk is a feed over a fake, and all that one subscriber heard.
type desk struct {
	t    *testing.T
	fake *fake
	feed *marketdata.Feed
	log  *bytes.Buffer
	done chan struct{}

	ticks    []exchange.Tick
	candles  []exchange.Candle
	statuses []exchange.MarketStatus
	books    []exchange.Top
}

// withDesk runs a test on a clock of its own, with a market that has had some
// trades.
func withDesk(t *testing.T, seed uint64, test func(t *testing.T, d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, rand.New(rand.NewPCG(seed, 2)))
		defer f.stop()
		for range 60 {
			f.step()
			time.Sleep(time.Second)
		}
		d := &desk{t: t, fake: f, log: &bytes.Buffer{}, done: make(chan struct{})}
		log := slog.New(slog.NewTextHandler(d.log, nil))
		source, err := lunostream.NewSource(lunostream.SourceConfig{Dialer: f.dialer(), Venue: f, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		d.feed, err = marketdata.NewFeed(marketdata.FeedConfig{
			History: f, Upstream: source, Log: log, Mailbox: 100_000, Rand: func() float64 { return 0.5 },
		})
		if err != nil {
			t.Fatal(err)
		}
		sub, err := d.feed.Subscribe(pair)
		if err != nil {
			t.Fatal(err)
		}
		go d.listen(sub)
		defer func() {
			d.feed.Stop()
			<-d.done
			secretless(t, d.log.String())
		}()
		synctest.Wait()
		test(t, d)
	})
}

func (d *desk) listen(sub *marketdata.Subscription) {
	defer close(d.done)
	for e := range sub.Events() {
		switch {
		case e.Tick != nil:
			d.ticks = append(d.ticks, *e.Tick)
		case e.Candle != nil:
			if end := e.Candle.Time + minute; end > time.Now().UnixMilli() { // proves M4
				d.t.Errorf("a candle is told %d ms before its end", end-time.Now().UnixMilli())
			}
			d.candles = append(d.candles, *e.Candle)
			d.books = append(d.books, e.Book)
		case e.Status != "":
			d.statuses = append(d.statuses, e.Status)
		case e.Lagged:
			d.t.Error("lagged")
		}
	}
}

// live lets the market live for a while.
func (d *desk) live(length time.Duration) {
	for end := time.Now().Add(length); time.Now().Before(end); {
		time.Sleep(time.Duration(d.fake.chance.IntN(4000)) * time.Millisecond)
		d.fake.step()
	}
}

// check stops the feed's world for a while and compares all that was heard with
// what happened: no trade lost, none doubled, and every minute's candle, once and
// in order. // proves M1, M4
func (d *desk) check() {
	d.t.Helper()
	time.Sleep(3 * time.Minute)
	synctest.Wait()
	if len(d.ticks) == 0 || len(d.candles) == 0 {
		d.t.Fatalf("%d ticks, %d candles\n%s", len(d.ticks), len(d.candles), d.log)
	}
	tape := d.fake.tape()
	for tape[0].Sequence < d.ticks[0].Sequence {
		tape = tape[1:]
	}
	if len(tape) != len(d.ticks) {
		d.t.Errorf("%d ticks, want %d\n%s", len(d.ticks), len(tape), d.log)
	}
	for i, tick := range d.ticks {
		if want := tape[i]; tick.Trade(pair) != want {
			d.t.Fatalf("tick %d is %+v, want %+v\n%s", i, tick, want, d.log)
		}
	}
	for i, c := range d.candles {
		if i > 0 && c.Time != d.candles[i-1].Time+minute {
			d.t.Fatalf("a candle of %d comes after one of %d", c.Time/minute, d.candles[i-1].Time/minute)
		}
		if want := d.fake.want(c.Time); c != want {
			d.t.Fatalf("the candle is %+v, want %+v\n%s", c, want, d.log)
		}
	}
	if last := d.candles[len(d.candles)-1].Time + 2*minute; last < time.Now().UnixMilli()-10_000 {
		d.t.Errorf("the last candle closed %d s ago", (time.Now().UnixMilli()-last+minute)/1000)
	}
}

// Every trade and every minute arrives once, through breaks, losses, silence and
// answers that are a second old.
func TestSourceTellsEverythingOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*desk){
		"nothing goes wrong": func(*desk) {},
		"a break":            func(d *desk) { d.fake.dropAll() },
		"a lost message":     func(d *desk) { d.fake.lose() },
		"a silent server": func(d *desk) {
			d.fake.set(func() { d.fake.mute, d.fake.withhold = true, true })
			d.live(70 * time.Second)
			d.fake.set(func() { d.fake.mute, d.fake.withhold = false, false })
		},
		"no connection for long": func(d *desk) {
			d.fake.set(func() { d.fake.farewell = "session limit exceeded" })
			d.fake.dropAll()
			d.live(150 * time.Second)
			d.fake.set(func() { d.fake.farewell = "" })
		},
		"no answers": func(d *desk) {
			d.fake.set(func() { d.fake.down = true })
			d.fake.dropAll()
			d.live(90 * time.Second)
			d.fake.set(func() { d.fake.down = false })
			d.live(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(3) {
				withDesk(t, seed, func(_ *testing.T, d *desk) {
					for range 4 {
						d.live(100 * time.Second)
						fault(d)
					}
					d.live(40 * time.Second)
					d.check()
				})
			}
		})
	}
}

// However many subscribe, there is one connection, and a break brings one new
// one. // proves M3
func TestSourceHasOneConnection(t *testing.T) {
	t.Parallel()
	withDesk(t, 5, func(t *testing.T, d *desk) {
		for range 20 {
			sub, err := d.feed.Subscribe(pair)
			if err != nil {
				t.Fatal(err)
			}
			defer sub.Close()
		}
		d.live(time.Minute)
		d.fake.dropAll()
		d.live(time.Minute)
		if opened, most := d.fake.connections(); opened != 2 || most != 1 {
			t.Errorf("%d connections, %d at once", opened, most)
		}
		if s, _ := d.feed.Snapshot(pair); !s.Connected || !s.Top.Whole() || s.Status == "" {
			t.Errorf("snapshot %+v", s)
		}
	})
}

// A market without a word is quiet if the venue says so, and only then: each
// minute has a flat candle, soon after its end. // proves M2, M4
func TestSourceQuietMarket(t *testing.T) {
	t.Parallel()
	withDesk(t, 6, func(t *testing.T, d *desk) {
		d.fake.trade(true, "0.0001")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		before := len(d.candles)
		if before < 10 || !d.candles[before-1].IsFlat() {
			t.Fatalf("%d candles in ten minutes\n%s", before, d.log)
		}
		if opened, _ := d.fake.connections(); opened != 1 {
			t.Errorf("%d connections", opened)
		}
		s, _ := d.feed.Snapshot(pair)
		if age := time.Since(s.Seen); age > 70*time.Second {
			t.Errorf("the feed heard something %s ago", age)
		}
		// Nobody can confirm that it is quiet: no candle is made up.
		d.fake.set(func() { d.fake.down = true })
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if more := len(d.candles) - before; more > 1 {
			t.Errorf("%d candles although nobody knows", more)
		}
		d.fake.set(func() { d.fake.down = false })
		d.check()
	})
}

// A stream that is alive and does not tell what happens is found out and opened
// anew. // proves M2
func TestSourceStaleStream(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(*fake){
		"trades": func(f *fake) { f.trade(true, "0.0001") },
		"orders": func(f *fake) {
			f.mu.Lock()
			defer f.mu.Unlock()
			best := f.world.orders[f.world.best(true)].Price
			f.tell(f.world.update("[]", f.world.rest(true, best.Add(f.market.Tick), f.market.Step), "null", "null"), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withDesk(t, 7, func(t *testing.T, d *desk) {
				d.live(time.Minute)
				d.fake.set(func() { d.fake.withhold = true })
				time.Sleep(time.Second)
				happens(d.fake)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if opened, _ := d.fake.connections(); opened < 2 {
					t.Fatalf("the stream was not opened again\n%s", d.log)
				}
				if !strings.Contains(d.log.String(), "behind for") {
					t.Errorf("log: %s", d.log)
				}
				d.fake.set(func() { d.fake.withhold = false })
				d.live(time.Minute)
				d.check()
			})
		})
	}
}

// A stream that is behind at the end of a minute and catches up stays open, and the
// minute that runs by then is not taken for over. // proves M2, M4
func TestSourceCatchesUp(t *testing.T) {
	t.Parallel()
	withDesk(t, 10, func(t *testing.T, d *desk) {
		for range 5 {
			d.live(30 * time.Second)
			now := time.Now()
			time.Sleep(now.Truncate(time.Minute).Add(time.Minute - 2*time.Second).Sub(now))
			d.fake.set(func() { d.fake.holding = true })
			d.live(12 * time.Second)
			d.fake.release()
		}
		d.live(30 * time.Second)
		d.check()
		if opened, _ := d.fake.connections(); opened != 1 {
			t.Errorf("%d connections\n%s", opened, d.log)
		}
	})
}

// Messages that come late and later are a stale stream, too.
func TestSourceLateMessages(t *testing.T) {
	t.Parallel()
	withDesk(t, 8, func(t *testing.T, d *desk) {
		d.live(time.Minute)
		d.fake.set(func() { d.fake.world.clock = func() int64 { return time.Now().UnixMilli() - 31_000 } })
		d.fake.step()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if opened, _ := d.fake.connections(); opened != 2 || !strings.Contains(d.log.String(), "come that late") {
			t.Errorf("%d connections\n%s", opened, d.log)
		}
	})
}

// More trades than the venue remembers cannot be made good: the candle comes from
// the history, whole, and it is said that trades are missing. // proves M4
func TestSourceBeyondWhatTheVenueRemembers(t *testing.T) {
	t.Parallel()
	withDesk(t, 9, func(t *testing.T, d *desk) {
		d.live(90 * time.Second)
		d.fake.set(func() { d.fake.withhold = true })
		for len(d.fake.tape()) < 400 {
			d.fake.step()
			time.Sleep(10 * time.Millisecond)
		}
		d.fake.set(func() { d.fake.withhold = false })
		d.live(90 * time.Second)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !strings.Contains(d.log.String(), "trades are lost") {
			t.Errorf("log: %s", d.log)
		}
		for i, c := range d.candles {
			if want := d.fake.want(c.Time); c != want {
				t.Errorf("candle %d is %+v, want %+v", i, c, want)
			}
		}
		for i, tick := range d.ticks {
			if i > 0 && tick.Sequence <= d.ticks[i-1].Sequence {
				t.Errorf("tick %d after %d", tick.Sequence, d.ticks[i-1].Sequence)
			}
		}
	})
}
