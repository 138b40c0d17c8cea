package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// heardOf runs a candle with candles of other pairs and returns what the strategy
// hears: the pair, the minute and the close of each candle.
func (r *rig) heardOf(c exchange.Candle, pairs ...engine.PairCandle) (out []string) {
	r.tb.Helper()
	if err := r.session.Begin(&c); err != nil {
		r.tb.Fatal(err)
	}
	r.session.With(engine.Beside{Pairs: pairs})
	for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
		if ev.Time != c.Time+minute {
			r.tb.Errorf("%s is told at %d, want %d", ev.Kind, ev.Time, c.Time+minute)
		}
		out = append(out, fmt.Sprintf("%s%d:%d", ev.Pair, ev.Candle.Time/minute, ev.Candle.Close))
	}
	return out
}

func of(pair string, at int64, price exchange.Ticks) engine.PairCandle {
	return engine.PairCandle{Pair: pair, Candle: flat(at, price)}
}

func pairs(names ...string) terms { return terms{sees: strategy.Subscription{Pairs: names}} }

// proves PL3, PL1
func TestCandlesOfOtherPairsAreToldOnceAndNeverEarly(t *testing.T) {
	t.Parallel()
	r := newRig(t, pairs("X", "Y"))
	steps := []struct {
		at    int64
		given []engine.PairCandle
		want  []string
	}{
		{5, []engine.PairCandle{of("X", 4, 10), of("X", 5, 11), of("Y", 5, 20), of("Z", 5, 30)}, []string{"X4:10", "X5:11", "Y5:20", "5:100"}},
		{6, []engine.PairCandle{of("X", 5, 99), of("X", 6, 12), of("X", 7, 13)}, []string{"X6:12", "6:100"}}, // Y is late, and X ahead
		{7, []engine.PairCandle{of("Y", 6, 21), of("X", 7, 13), of("Y", 7, 22)}, []string{"Y6:21", "X7:13", "Y7:22", "7:100"}},
	}
	for _, step := range steps {
		if got := r.heardOf(flat(step.at, 100), step.given...); !slices.Equal(got, step.want) {
			t.Errorf("at %d: it hears %v, want %v", step.at, got, step.want)
		}
		raw, err := json.Marshal(r.session.State())
		if err != nil {
			t.Fatal(err)
		}
		var state engine.State
		if err := json.Unmarshal(raw, &state); err != nil {
			t.Fatal(err)
		}
		r = newRig(t, pairs("X", "Y"))
		r.session.Restore(state)
	}
}

// proves M4
func TestCandlesOfOtherPairsHaveTheBotsLength(t *testing.T) {
	t.Parallel()
	c := pairs("X")
	c.decide = 3 * time.Minute
	r := newRig(t, c)
	r.session.ResumePair("X", 3*minute, []exchange.Candle{flat(3, 50)})
	if got := r.session.PairTime("X"); got != 3*minute {
		t.Errorf("it stands at %d", got)
	}
	var got []string
	for at := int64(4); at < 10; at++ {
		got = append(got, r.heardOf(flat(at, 100), of("X", at, exchange.Ticks(50+at)))...)
	}
	// The candle of its own pair that began at 3 was not seen whole.
	if want := []string{"X3:55", "X6:58", "6:100"}; !slices.Equal(got, want) {
		t.Errorf("it hears %v, want %v", got, want)
	}
}

func TestPairsThatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	for name, sees := range map[string]strategy.Subscription{
		"own": {Pairs: []string{one().Pair}}, "twice": {Pairs: []string{"X", "X"}}, "none": {Pairs: []string{""}},
		"many": {Pairs: []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}},
	} {
		if _, err := engine.New(engine.Config{Market: one(), Interval: time.Minute, Venue: newRig(t, terms{}).venue, Subscription: sees}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestPairsOfThePast(t *testing.T) {
	t.Parallel()
	r := newRig(t, pairs("X"))
	ev := r.session.WarmPair("X", flat(7, 50))
	if ev == nil || ev.Kind != strategy.PairEvent || ev.Pair != "X" || ev.Time != 8*minute || !r.session.View().Warming {
		t.Errorf("the event is %+v", ev)
	}
	if r.session.WarmPair("Y", flat(7, 50)) != nil {
		t.Error("a pair that is not looked at is told")
	}
}
