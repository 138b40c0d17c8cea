package demo_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
)

// After a cycle the prices are the same again, and not before.
func TestCycle(t *testing.T) {
	t.Parallel()
	r := open(t, demo.Config{Seed: 3})
	for _, pair := range []string{demo.XBTMYR, demo.ETHMYR} {
		n := int64(r.Cycle(pair) / time.Minute)
		same := func(shift int64) bool {
			for i := int64(-500); i < 500; i++ {
				a, b := r.Candle(pair, i), r.Candle(pair, i+shift)
				if a.Time = b.Time; a != b {
					return false
				}
			}
			return true
		}
		if !same(n) || !same(-3*n) || same(n-1) || same(n/2) {
			t.Errorf("%s does not repeat after %d minutes", pair, n)
		}
	}
	if r.Cycle("NOPE") != 0 {
		t.Error("a pair that is not there has a cycle")
	}
}

func TestHistoryStart(t *testing.T) {
	t.Parallel()
	r := open(t, demo.Config{})
	got, err := r.Candles(t.Context(), demo.XBTMYR, time.Minute, time.Time{}, 1)
	if err != nil || len(got) != 1 || !got[0].OpenTime().Equal(demo.HistoryStart()) {
		t.Errorf("the first candle is %v, %v; the history begins at %s", got, err, demo.HistoryStart())
	}
}
