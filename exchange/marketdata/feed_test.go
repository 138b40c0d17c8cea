package marketdata_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const minute = int64(60_000)

// scripted is a venue whose stream says what the test tells it, and whose
// history has the candles of all minutes that have passed, but for the quiet
// ones.
type scripted struct {
	events  chan exchange.StreamEvent
	broken  chan error
	quiet   map[int64]bool
	mu      sync.Mutex
	opened  int
	open    int
	most    int
	history error
	// late is by how much the history is behind.
	late time.Duration
}

func newScripted() *scripted {
	return &scripted{events: make(chan exchange.StreamEvent), broken: make(chan error), quiet: map[int64]bool{}}
}

func (s *scripted) Stream(ctx context.Context, _ string, sink func(exchange.StreamEvent)) error {
	s.mu.Lock()
	s.opened++
	s.open++
	s.most = max(s.most, s.open)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.open--
		s.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.broken:
			return err
		case e := <-s.events:
			sink(e)
		}
	}
}

func (s *scripted) Markets(context.Context) ([]exchange.Market, error) {
	return []exchange.Market{market("0.01", "0.0001")}, nil
}

func (s *scripted) Candles(_ context.Context, _ string, _ time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.history != nil {
		return nil, s.history
	}
	var out []exchange.Candle
	at := (since.UnixMilli() + minute - 1) / minute * minute
	for ; at+minute <= time.Now().Add(-s.late).UnixMilli() && len(out) < limit; at += minute {
		if !s.quiet[at] {
			out = append(out, candleAt(at))
		}
	}
	return out, nil
}

// opens returns how often the stream was opened and how many were open at most.
func (s *scripted) opens() (times, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened, s.most
}

func (s *scripted) lag(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = by
}

func (s *scripted) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = err
}

// candleAt is the candle of a minute.
func candleAt(at int64) exchange.Candle {
	c := exchange.Flat(at, exchange.Ticks(1000+at/minute%97))
	c.Volume = 5
	return c
}

func (s *scripted) send(c exchange.Candle) { s.events <- exchange.StreamEvent{Candle: &c} }

func startFeed(t *testing.T, s *scripted, mailbox int) *marketdata.Feed {
	t.Helper()
	f, err := marketdata.NewFeed(marketdata.FeedConfig{
		History: s, Upstream: s, Mailbox: mailbox, Rand: func() float64 { return 0.5 },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

func subscribe(t *testing.T, f *marketdata.Feed) *marketdata.Subscription {
	t.Helper()
	sub, err := f.Subscribe("XBTMYR")
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// drain returns the candles that lie in the mailbox.
func drain(sub *marketdata.Subscription) (candles []exchange.Candle, lagged bool) {
	for {
		select {
		case e, ok := <-sub.Events():
			switch {
			case !ok:
				return candles, lagged
			case e.Lagged:
				lagged = true
			case e.Candle != nil:
				candles = append(candles, *e.Candle)
			}
		default:
			return candles, lagged
		}
	}
}

// now is the start of the present minute.
func now() int64 { return time.Now().UnixMilli() / minute * minute }

func TestFeedRepairsGapsAndDropsRepeats(t *testing.T) { // proves M1, M4
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		first := now()
		s.quiet[first+2*minute] = true
		f := startFeed(t, s, 256)
		sub := subscribe(t, f)
		synctest.Wait()

		time.Sleep(time.Minute)
		s.send(candleAt(first))
		s.send(candleAt(first)) // twice
		time.Sleep(3 * time.Minute)
		s.send(candleAt(first + 3*minute)) // 1 and 2 left out, 2 without a trade
		s.send(candleAt(first + minute))   // late
		s.broken <- errors.New("cut")
		time.Sleep(10 * time.Minute) // while it was cut, 4 to 12 closed
		synctest.Wait()
		s.send(candleAt(first + 13*minute))
		synctest.Wait()

		candles, lagged := drain(sub)
		if lagged {
			t.Error("marked as lagging")
		}
		for candles[0].Time < first {
			candles = candles[1:]
		}
		if len(candles) != 14 {
			t.Fatalf("%d candles: %v", len(candles), candles)
		}
		for i, c := range candles {
			want := candleAt(first + int64(i)*minute)
			if i == 2 {
				want = exchange.Flat(want.Time, candleAt(first+minute).Close)
			}
			if c != want {
				t.Errorf("candle %d: %+v, want %+v", i, c, want)
			}
		}
		if times, _ := s.opens(); times != 2 {
			t.Errorf("the stream was opened %d times", times)
		}
		f.Stop()
	})
}

func TestFeedWithoutHistoryDeliversNoGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		f := startFeed(t, s, 256)
		first := now()
		sub := subscribe(t, f)
		synctest.Wait()
		time.Sleep(5 * time.Minute)
		s.fail(errors.New("down"))
		s.send(candleAt(first + 4*minute))
		synctest.Wait()
		if candles, _ := drain(sub); len(candles) > 1 {
			t.Fatalf("candles over a gap: %v", candles)
		}
		if got, _ := f.Snapshot("XBTMYR"); got.Connected || got.Err == nil {
			t.Errorf("snapshot %+v", got)
		}
		time.Sleep(time.Minute)
		s.fail(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		candles, _ := drain(sub)
		if len(candles) < 6 || candles[0].Time != first {
			t.Fatalf("after the repair: %v", candles)
		}
		for i, c := range candles {
			if c != candleAt(first+int64(i)*minute) {
				t.Errorf("candle %d: %+v", i, c)
			}
		}
		f.Stop()
	})
}

func TestSlowSubscriberLags(t *testing.T) { // proves M3
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		f := startFeed(t, s, 4)
		first := now()
		fast, slow := subscribe(t, f), subscribe(t, f)
		synctest.Wait()
		seen, _ := drain(fast)
		_, _ = drain(slow)
		for i := range int64(10) {
			time.Sleep(time.Minute)
			s.send(candleAt(first + i*minute))
			synctest.Wait()
			candles, lagged := drain(fast)
			if len(candles) != 1 || lagged {
				t.Fatalf("the fast one got %v, lagged %v, in minute %d", candles, lagged, i)
			}
			seen = append(seen, candles...)
		}
		if !slow.Lagging() || fast.Lagging() {
			t.Errorf("lagging: slow %v, fast %v", slow.Lagging(), fast.Lagging())
		}
		candles, lagged := drain(slow)
		if len(candles) != 4 || !lagged {
			t.Fatalf("the slow one got %v, lagged %v", candles, lagged)
		}
		time.Sleep(time.Minute)
		s.send(candleAt(first + 10*minute))
		synctest.Wait()
		if candles, lagged = drain(slow); len(candles) != 1 || lagged || slow.Lagging() {
			t.Errorf("after it came back: %v, lagged %v", candles, lagged)
		}
		if times, _ := s.opens(); times != 1 {
			t.Errorf("%d upstream streams", times)
		}
		f.Stop()
	})
}

// A subscriber of any pace that follows the rule for Lagged has every candle.
func TestLaggedSubscriberMissesNothing(t *testing.T) { // proves M1, M3
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		mailbox := rapid.IntRange(1, 4).Draw(rt, "mailbox")
		reads := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 30).Draw(rt, "reads")
		// The property test's own t cannot be used inside the bubble.
		var problem error
		synctest.Test(t, func(t *testing.T) { problem = followSlowly(t, mailbox, reads) })
		if problem != nil {
			rt.Fatal(problem)
		}
	})
}

// followSlowly takes so many events after each candle and the rest at the end.
func followSlowly(t *testing.T, mailbox int, reads []int) error {
	t.Helper()
	s := newScripted()
	f := startFeed(t, s, mailbox)
	defer f.Stop()
	first := now()
	sub := subscribe(t, f)
	synctest.Wait()
	last := first - minute
	take := func(candles ...exchange.Candle) error {
		for _, c := range candles {
			if c.Time <= last {
				continue
			}
			if c != candleAt(last+minute) {
				return fmt.Errorf("candle %+v after %d", c, last)
			}
			last = c.Time
		}
		return nil
	}
	receive := func() (bool, error) {
		select {
		case e := <-sub.Events():
			if !e.Lagged {
				return true, take(*e.Candle)
			}
			missed, err := s.Candles(t.Context(), "XBTMYR", time.Minute, time.UnixMilli(last+minute), 1000)
			return true, errors.Join(err, take(missed...))
		default:
			return false, nil
		}
	}
	for i, n := range append(reads, 1<<20) {
		if i < len(reads) {
			time.Sleep(time.Minute)
			s.send(candleAt(first + int64(i)*minute))
			synctest.Wait()
		}
		for more := true; more && n > 0; n-- {
			var err error
			if more, err = receive(); err != nil {
				return err
			}
		}
	}
	if want := first + int64(len(reads)-1)*minute; last != want {
		return fmt.Errorf("the last candle is %d, want %d", last, want)
	}
	return nil
}

// proves M1
func TestCandlesBringTheirTradesAndTheBook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		sub := subscribe(t, startFeed(t, s, 64))
		start := time.Now().UnixMilli() / minute * minute
		tell := func(e exchange.StreamEvent) { s.events <- e }
		trade := func(sequence, at int64) {
			tell(exchange.StreamEvent{Tick: &exchange.Tick{Sequence: sequence, Time: at, Price: 1000, Volume: exchange.Steps(sequence), Taker: exchange.Buy}})
		}
		trade(1, start+1)
		tell(exchange.StreamEvent{Top: &exchange.Top{Bid: exchange.Level{Price: 999, Volume: 7}, Ask: exchange.Level{Price: 1001}}})
		trade(2, start+2)
		trade(2, start+2)         // told twice
		trade(3, start+minute+10) // of the next candle
		time.Sleep(time.Minute)
		s.send(candleAt(start))
		trade(1, start+1) // and once more
		time.Sleep(time.Minute)
		s.broken <- errors.New("the connection is lost")
		time.Sleep(10 * time.Second)
		trade(4, start+2*minute+5)
		time.Sleep(time.Minute)
		s.send(candleAt(start + 2*minute))
		synctest.Wait()
		var got []string
		for len(sub.Events()) > 0 {
			ev := <-sub.Events()
			if ev.StreamEvent.Top != nil {
				t.Error("a change of the book takes a place in the mailbox")
			}
			if ev.Candle == nil {
				continue
			}
			text := fmt.Sprintf("%d %d/%d", (ev.Candle.Time-start)/minute, ev.Book.Bid.Price, ev.Book.Ask.Price)
			for _, trade := range ev.Trades {
				if trade.Pair != "XBTMYR" || trade.Taker != exchange.Buy {
					t.Errorf("the trade is %+v", trade)
				}
				text += fmt.Sprintf(" %d", trade.Sequence)
			}
			got = append(got, text)
		}
		// Two candles are the history's, and an old book is none.
		if want := []string{"-1 0/0", "0 999/1001 1 2", "1 0/0", "2 0/0 4"}; !slices.Equal(got, want) {
			t.Errorf("the candles came with %q, want %q", got, want)
		}
	})
}

func TestFeedBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		f := startFeed(t, s, 256)
		subscribe(t, f)
		for i, pause := range []time.Duration{375, 750, 1500, 3000, 6000, 12000, 22500, 22500} {
			synctest.Wait()
			if times, _ := s.opens(); times != i+1 {
				t.Fatalf("opened %d times after %d breaks", times, i)
			}
			s.broken <- nil
			time.Sleep(pause*time.Millisecond - time.Microsecond)
			synctest.Wait()
			if times, _ := s.opens(); times != i+1 {
				t.Fatalf("break %d: opened again within %d ms", i, pause)
			}
			time.Sleep(time.Microsecond)
		}
		f.Stop()
	})
}

// A stream that tells something and breaks at once is not opened ever again at
// once; one that stayed for a while is.
func TestFeedBacksOffFromAStreamThatKeepsBreaking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		f := startFeed(t, s, 256)
		subscribe(t, f)
		for i, round := range []struct{ stays, pause time.Duration }{
			{time.Second, 375}, {time.Second, 750}, {time.Second, 1500}, {5 * time.Second, 3000}, {time.Minute, 375}, {time.Second, 750},
		} {
			synctest.Wait()
			time.Sleep(round.stays)
			s.events <- exchange.StreamEvent{Tick: &exchange.Tick{Time: time.Now().UnixMilli(), Price: 1000, Volume: 1}}
			synctest.Wait()
			s.broken <- nil
			time.Sleep(round.pause*time.Millisecond - time.Microsecond)
			synctest.Wait()
			if times, _ := s.opens(); times != i+1 {
				t.Fatalf("break %d: opened again within %d ms", i, round.pause)
			}
			time.Sleep(time.Microsecond)
			synctest.Wait()
			if times, _ := s.opens(); times != i+2 {
				t.Fatalf("break %d: not opened again after %d ms", i, round.pause)
			}
		}
		f.Stop()
	})
}

func TestOneUpstreamPerPair(t *testing.T) { // proves M3
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		f := startFeed(t, s, 256)
		var subs []*marketdata.Subscription
		for range 50 {
			subs = append(subs, subscribe(t, f))
		}
		synctest.Wait()
		for _, sub := range subs {
			sub.Close()
			sub.Close()
			if _, ok := f.Snapshot("XBTMYR"); ok != (sub != subs[len(subs)-1]) {
				t.Fatal("the channel does not live as long as its subscribers")
			}
		}
		again := subscribe(t, f)
		synctest.Wait()
		if times, most := s.opens(); times != 2 || most != 1 {
			t.Errorf("opened %d times, %d at once", times, most)
		}
		f.Stop()
		f.Stop()
		again.Close()
		for range again.Events() {
		}
		if _, err := f.Subscribe("XBTMYR"); !errors.Is(err, marketdata.ErrStopped) {
			t.Errorf("after the stop: %v", err)
		}
	})
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		f := startFeed(t, s, 256)
		first := now()
		subscribe(t, f)
		time.Sleep(time.Minute)
		s.send(candleAt(first))
		s.events <- exchange.StreamEvent{Tick: &exchange.Tick{Time: first + minute + 1, Price: 900, Volume: 1}}
		s.events <- exchange.StreamEvent{Tick: &exchange.Tick{Time: first + minute + 2, Price: 950}}
		s.events <- exchange.StreamEvent{Status: exchange.MarketPostOnly}
		synctest.Wait()
		got, ok := f.Snapshot("XBTMYR")
		forming := exchange.Candle{Time: first + minute, Open: 900, High: 950, Low: 900, Close: 950, Volume: 1}
		if !ok || !got.Connected || got.Closed != candleAt(first) || got.Forming != forming ||
			got.Last.Price != 950 || got.Status != exchange.MarketPostOnly || !got.Seen.Equal(time.Now()) {
			t.Errorf("snapshot %+v", got)
		}
		time.Sleep(time.Minute)
		s.send(candleAt(first + minute))
		synctest.Wait()
		got, _ = f.Snapshot("XBTMYR")
		if got.Forming.Time != 0 || got.Last.Price != candleAt(first+minute).Close {
			t.Errorf("after the close: %+v", got)
		}
		f.Stop()
	})
}

func TestFeedOverDemoMarket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, err := demo.New(demo.Config{Speed: 3000})
		if err != nil {
			t.Fatal(err)
		}
		f, err := marketdata.NewFeed(marketdata.FeedConfig{History: r, Upstream: r, Now: r.Now})
		if err != nil {
			t.Fatal(err)
		}
		index := r.Index(r.Now())
		sub, err := f.Subscribe(demo.ETHMYR)
		if err != nil {
			t.Fatal(err)
		}
		for end := index + 500; index < end; {
			e := <-sub.Events()
			if e.Candle == nil || e.Candle.Time < r.Time(index).UnixMilli() {
				continue
			}
			if *e.Candle != r.Candle(demo.ETHMYR, index) {
				t.Fatalf("candle %d: %+v", index, *e.Candle)
			}
			index++
		}
		f.Stop()
	})
}

func TestFeedConfigProblemsTogether(t *testing.T) {
	t.Parallel()
	_, err := marketdata.NewFeed(marketdata.FeedConfig{Mailbox: -1, BackoffMin: time.Hour})
	for _, part := range []string{"history", "upstream", "mailbox", "pauses"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not name the %s", err, part)
		}
	}
}
