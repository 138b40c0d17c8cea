package runner_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/journal"
)

// What a strategy draws is in the journal once for each of its candles, without a
// hole where the worker was started again or the strategy's process died, and
// together with the next checkpoint, not candle by candle.
func TestPlotsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := map[string]time.Duration{"idle": time.Minute, "busy": time.Minute, "long": 5 * time.Minute}
	for id, interval := range ids {
		params := `{"idle":true}`
		if id == "busy" {
			params = `{"who":"busy"}`
		}
		w.addEvery(interval, id, params)
	}
	drawn := func(id string) (n int) {
		for _, piece := range w.plots[id] {
			n += len(piece)
		}
		return n
	}
	await := func(n int) {
		w.await("plots", func() bool { return drawn("idle") >= n && drawn("busy") >= n && drawn("long") >= n/5 })
	}
	w.interrupted(await)
	for id, interval := range ids {
		list := slices.Concat(w.plots[id]...)
		for i, p := range list {
			if want := list[0].Time.Add(time.Duration(i) * interval); !p.Time.Equal(want) || p.Line != "close" {
				t.Fatalf("%s: point %d is %+v, want the one of %s", id, i, p, want)
			}
			closed := w.market.Candle(demo.XBTMYR, w.market.Index(p.Time)+int64(interval/time.Minute)-1)
			if p.Value != closed.Close.Float() { // a tick is 1
				t.Fatalf("%s: %v at %s, the candle closed at %d", id, p.Value, p.Time, closed.Close)
			}
		}
	}
	longest := slices.MaxFunc(w.plots["idle"], func(a, b []journal.Plot) int { return len(a) - len(b) })
	if len(longest) != 15 {
		t.Errorf("a quiet bot's plots are committed %d at a time, want 15", len(longest))
	}
}

// What a strategy draws in a further pair is kept as that pair's, in its prices.
func TestPlotsOfTwoPairs(t *testing.T) {
	t.Parallel()
	w := newPaced(t)
	w.set(2)
	w.addDuo(time.Minute, "a", `{}`)
	r := w.begin()
	w.run("a", 3, 20)
	r.Stop()
	seen := map[string]int{}
	for _, p := range slices.Concat(w.plots["a"]...) {
		pair := cmp.Or(p.Pair, demo.XBTMYR)
		m, err := w.Market(pair)
		if err != nil {
			t.Fatal(err)
		}
		c := w.market.Candle(pair, w.market.Index(p.Time))
		if want := m.Price(c.Close).InexactFloat64(); p.Line != "close" || p.Value != want {
			t.Errorf("at %s the line %s of %s is at %v, the candle closed at %v", p.Time, p.Line, pair, p.Value, want)
		}
		seen[p.Pair]++
	}
	if len(seen) != 2 || seen[""] < 17 || seen[demo.ETHMYR] != seen[""] {
		t.Errorf("points by pair: %v", seen)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, pair := range []string{"", demo.ETHMYR} {
		if w.drew[pair] < 17 {
			t.Errorf("watchers were told %d points of %q", w.drew[pair], pair)
		}
	}
}
