package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// shown gives a candle of the past, with what came beside it, and returns what the
// strategy hears.
func (r *rig) shown(c exchange.Candle, b engine.Beside) (out []string) {
	r.tb.Helper()
	if err := r.session.Past(&c); err != nil {
		r.tb.Fatal(err)
	}
	r.session.With(b)
	for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
		if !r.session.View().Warming {
			r.tb.Errorf("%s is told as one of the present", ev.Kind)
		}
		out = append(out, fmt.Sprintf("%s %s%d:%d", ev.Kind, ev.Pair, ev.Candle.Time/minute, ev.Candle.Close))
	}
	return out
}

func TestThePastFillsFramesAndTellsNothingButCandles(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{decide: 2 * time.Minute, spread: perMille, sees: strategy.Subscription{Book: true, Trades: true, Pairs: []string{"X"}}})
	steps := []struct {
		at   int64
		want []string
	}{{3, nil}, {4, nil}, {5, []string{"pair X4:10", "candle 4:100"}}, {6, nil}}
	for _, step := range steps {
		b := engine.Beside{Trades: trades(100), Pairs: []engine.PairCandle{of("X", step.at, 10)}}
		if got := r.shown(flat(step.at, 100), b); !slices.Equal(got, step.want) {
			t.Errorf("at %d it hears %v, want %v", step.at, got, step.want)
		}
	}
	if s := r.session.State(); s.Sequence != 0 || s.LastTime != 6*minute || s.LastPrice != 100 || !s.Top.IsZero() || s.Equity != 1_000_000 {
		t.Errorf("after the past the state is %+v", s)
	}
	// The candle that has begun in the past ends in the present.
	got := r.told(bar(7, 100, 100, 100, 120), engine.Beside{Pairs: []engine.PairCandle{of("X", 7, 11)}})
	if len(got) != 3 || !strings.HasPrefix(got[0], "pair") || !strings.HasPrefix(got[1], "book") || !strings.HasPrefix(got[2], "candle") {
		t.Errorf("the first candle of the present is told as %v", got)
	}
	late := flat(8, 100)
	if err := r.session.Past(&late); err == nil || !strings.Contains(err.Error(), "after the first Begin") {
		t.Errorf("a candle of the past in the present: %v", err)
	}
	r = newRig(t, terms{})
	r.shown(flat(5, 100), engine.Beside{})
	again := flat(5, 100)
	for _, err := range []error{r.session.Past(&again), r.session.Begin(&again)} {
		if err == nil || !strings.Contains(err.Error(), "comes after") {
			t.Errorf("a candle twice: %v", err)
		}
	}
}
