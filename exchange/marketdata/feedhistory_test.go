package marketdata_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// A history that is late after a reconnection is waited for, for a while; one that is
// later still breaks the stream until it has the candles. No minute in which was traded
// becomes flat, and none is lost or comes twice.
func TestALateHistoryIsWaitedFor(t *testing.T) { // proves M1, M4
	t.Parallel()
	for name, late := range map[string]time.Duration{"within the wait": 8 * time.Second, "beyond it": 3 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScripted()
				first := now()
				s.quiet[first+3*minute] = true
				f := startFeed(t, s, 256)
				sub := subscribe(t, f)
				synctest.Wait()
				time.Sleep(time.Minute)
				s.send(candleAt(first))
				s.lag(late)
				time.Sleep(4 * time.Minute) // 1 to 3 are left out, 3 without a trade
				s.send(candleAt(first + 4*minute))
				time.Sleep(10 * time.Second)
				synctest.Wait()
				got, _ := f.Snapshot("XBTMYR")
				if got.Closed.Time >= first+4*minute {
					t.Errorf("it did not wait: %+v", got.Closed)
				}
				time.Sleep(6 * time.Second)
				synctest.Wait()
				got, _ = f.Snapshot("XBTMYR")
				if times, _ := s.opens(); (times > 1) != (late > time.Minute) || (got.Closed.Time >= first+4*minute) == (late > time.Minute) {
					t.Errorf("the stream was opened %d times, and the newest candle is %+v", times, got.Closed)
				}
				time.Sleep(5 * time.Minute)
				s.lag(0)
				s.send(candleAt(first + 9*minute))
				synctest.Wait()
				candles, _ := drain(sub)
				for candles[0].Time < first {
					candles = candles[1:]
				}
				if len(candles) != 10 {
					t.Fatalf("%d candles: %v", len(candles), candles)
				}
				for i, c := range candles {
					want := candleAt(first + int64(i)*minute)
					if i == 3 {
						want = exchange.Flat(want.Time, candleAt(first+2*minute).Close)
					}
					if c != want {
						t.Errorf("candle %d: %+v, want %+v", i, c, want)
					}
				}
				f.Stop()
			})
		})
	}
}

// A market of which stream and history agree that nothing happens is quiet: its minutes
// become flat after the wait, though the history never lists them.
func TestAQuietMarketIsNotWaitedForWithoutEnd(t *testing.T) { // proves M4
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScripted()
		first := now()
		for i := range int64(9) {
			s.quiet[first+(i+1)*minute] = true
		}
		f := startFeed(t, s, 256)
		sub := subscribe(t, f)
		synctest.Wait()
		time.Sleep(time.Minute)
		s.send(candleAt(first))
		time.Sleep(4 * time.Minute)
		s.send(exchange.Flat(first+4*minute, candleAt(first).Close))
		time.Sleep(16 * time.Second)
		synctest.Wait()
		candles, _ := drain(sub)
		for candles[0].Time < first {
			candles = candles[1:]
		}
		if times, _ := s.opens(); times != 1 || len(candles) != 5 {
			t.Fatalf("the stream was opened %d times for %v", times, candles)
		}
		for i, c := range candles[1:] {
			if want := exchange.Flat(first+int64(i+1)*minute, candleAt(first).Close); c != want {
				t.Errorf("candle %d: %+v, want %+v", i+1, c, want)
			}
		}
		f.Stop()
	})
}
