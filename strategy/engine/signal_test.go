package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// signals runs a flat candle and returns the texts of the signals that the
// strategy hears before it.
func (r *rig) signals(at int64) []string {
	r.tb.Helper()
	if err := r.session.Begin(new(flat(at, 100))); err != nil {
		r.tb.Fatal(err)
	}
	var texts []string
	closed := false
	for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
		closed = closed || ev.Kind == strategy.CandleEvent
		if ev.Kind == strategy.SignalEvent {
			if closed {
				r.tb.Errorf("%q is told after the candle", ev.Signal.Text)
			}
			texts = append(texts, ev.Signal.Text)
		}
	}
	return texts
}

// proves PL1
func TestSignalsAreToldOnceAndInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{})
	for _, text := range []string{"buy", "sell"} {
		if !r.session.Signal(strategy.Signal{ID: text, Text: text}) {
			t.Fatalf("%s was not taken", text)
		}
	}
	raw, err := json.Marshal(r.session.State())
	if err != nil {
		t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(raw, &state); err != nil {
		t.Fatal(err)
	}
	restored := newRig(t, terms{})
	restored.session.Restore(state)
	for name, r := range map[string]*rig{"straight": r, "restored": restored} {
		if got := r.signals(1); !slices.Equal(got, []string{"buy", "sell"}) {
			t.Errorf("%s: it heard %v", name, got)
		}
		if got := r.signals(2); len(got) != 0 {
			t.Errorf("%s: it heard %v again", name, got)
		}
	}
}

// proves RK4
func TestSignalsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	deaf := newRig(t, terms{wants: func(k strategy.EventKind) bool { return k == strategy.CandleEvent }})
	if deaf.session.Signal(strategy.Signal{Text: "buy"}) {
		t.Error("a strategy that wants no signals got one")
	}
	r := newRig(t, terms{})
	for _, text := range []string{strings.Repeat("x", strategy.MaxSignal+1), "\xff"} {
		if r.session.Signal(strategy.Signal{Text: text}) {
			t.Errorf("a text of %d bytes was taken", len(text))
		}
	}
	taken := 0
	for range 5000 {
		if r.session.Signal(strategy.Signal{Text: "buy"}) {
			taken++
		}
	}
	if got := r.signals(1); taken == 5000 || len(got) != taken {
		t.Errorf("%d of a flood were taken and %d told", taken, len(got))
	}
}
