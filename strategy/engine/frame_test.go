package engine_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// heard runs a candle, which no command answers, and returns the candles that
// the strategy hears of it.
func (r *rig) heard(c exchange.Candle) []exchange.Candle {
	r.tb.Helper()
	if err := r.session.Begin(&c); err != nil {
		r.tb.Fatal(err)
	}
	var out []exchange.Candle
	for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
		if ev.Kind == strategy.CandleEvent {
			if ev.Time != c.Time+minute {
				r.tb.Errorf("the candle of %s is told at %d, want the close at %d", ev.Candle.OpenTime(), ev.Time, c.Time+minute)
			}
			out = append(out, ev.Candle)
		}
	}
	return out
}

// proves M4
func TestLongerCandlesAreToldWhenTheyClose(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{decide: 3 * time.Minute})
	var got []exchange.Candle
	for _, c := range []exchange.Candle{
		bar(1, 90, 99, 80, 95), bar(2, 95, 95, 95, 95), // the end of a candle whose beginning was not seen
		bar(3, 100, 105, 99, 101), bar(4, 101, 110, 100, 102), bar(5, 102, 103, 90, 91),
		bar(6, 91, 92, 91, 92), bar(7, 92, 93, 91, 93), // 8 is missing
		bar(9, 70, 71, 69, 70), exchange.Flat(10*minute, 70), bar(11, 70, 77, 70, 76),
	} {
		got = append(got, r.heard(c)...)
	}
	want := []exchange.Candle{
		{Time: 3 * minute, Open: 100, High: 110, Low: 90, Close: 91, Volume: 3000},
		{Time: 9 * minute, Open: 70, High: 77, Low: 69, Close: 76, Volume: 2000},
	}
	if !slices.Equal(got, want) {
		t.Errorf("it heard %+v, want %+v", got, want)
	}
}

func TestOrdersMeetTheShorterCandles(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{decide: 5 * time.Minute})
	for at := int64(5); at < 9; at++ {
		r.candle(flat(at, 100))
	}
	r.candle(flat(9, 100), buy(10), limit(exchange.Buy, 90, 5)) // the close of five minutes
	r.candle(bar(10, 101, 102, 99, 100))
	r.candle(bar(11, 100, 100, 85, 90)) // in the middle of the next five
	if want := []string{"1: buy 10@101", "2: buy 5@90"}; !slices.Equal(r.log.fills, want) {
		t.Errorf("fills %v, want %v", r.log.fills, want)
	}
}

// proves PL1: a bot that starts, or is restored, within a longer candle hears
// the same one.
func TestLongerCandlesSurviveAStartWithin(t *testing.T) {
	t.Parallel()
	candles := []exchange.Candle{bar(3, 100, 105, 99, 101), bar(4, 101, 110, 100, 102), bar(5, 102, 103, 90, 91)}
	want := exchange.Candle{Time: 3 * minute, Open: 100, High: 110, Low: 90, Close: 91, Volume: 3000}
	for n := range candles {
		begun := newRig(t, terms{decide: 3 * time.Minute})
		if n > 0 {
			if err := begun.session.Seek(candles[n-1]); err != nil {
				t.Fatal(err)
			}
		}
		begun.session.Resume(candles[:n])
		saved := newRig(t, terms{decide: 3 * time.Minute})
		for _, c := range candles[:n] {
			saved.heard(c)
		}
		raw, err := json.Marshal(saved.session.State())
		if err != nil {
			t.Fatal(err)
		}
		var state engine.State
		if err := json.Unmarshal(raw, &state); err != nil {
			t.Fatal(err)
		}
		restored := newRig(t, terms{decide: 3 * time.Minute})
		restored.session.Restore(state)
		for name, r := range map[string]*rig{"begun": begun, "restored": restored} {
			var got []exchange.Candle
			for _, c := range candles[n:] {
				got = append(got, r.heard(c)...)
			}
			if !slices.Equal(got, []exchange.Candle{want}) {
				t.Errorf("%s after %d candles it heard %+v, want %+v", name, n, got, want)
			}
		}
	}
}

func TestLongerCandlesAreWholeMultiples(t *testing.T) {
	t.Parallel()
	for decide, ok := range map[time.Duration]bool{time.Hour: true, time.Minute: true, 90 * time.Second: false, 30 * time.Second: false, -time.Minute: false} {
		_, err := engine.New(engine.Config{Market: one(), Interval: time.Minute, Decide: decide, Venue: newRig(t, terms{}).venue})
		if (err == nil) != ok {
			t.Errorf("deciding every %s gave %v", decide, err)
		}
	}
}
