package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
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
		if err := r.session.Signal(strategy.Signal{ID: text, Text: text}); err != nil {
			t.Fatalf("%s was not taken: %v", text, err)
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
	if err := deaf.session.Signal(strategy.Signal{Text: "buy"}); err == nil {
		t.Error("a strategy that wants no signals got one")
	}
	r := newRig(t, terms{})
	for _, text := range []string{strings.Repeat("x", strategy.MaxSignal+1), "\xff"} {
		if err := r.session.Signal(strategy.Signal{Text: text}); err == nil {
			t.Errorf("a text of %d bytes was taken", len(text))
		}
	}
	taken := 0
	for range 5000 {
		if r.session.Signal(strategy.Signal{Text: "buy"}) == nil {
			taken++
		}
	}
	if got := r.signals(1); taken == 5000 || len(got) != taken {
		t.Errorf("%d of a flood were taken and %d told", taken, len(got))
	}
}

// signalled runs a candle and gives the commands in answer to its signals.
func (r *rig) signalled(c exchange.Candle, commands ...strategy.Command) (at []int64) {
	r.tb.Helper()
	if err := r.session.Begin(&c); err != nil {
		r.tb.Fatal(err)
	}
	for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
		if ev.Kind != strategy.SignalEvent {
			continue
		}
		at = append(at, ev.Time)
		if err := r.session.Commands(commands); err != nil {
			r.tb.Fatal(err)
		}
	}
	return at
}

// proves PL3: a signal comes at the end of its candle, so that an exit that it
// sets is not reached by what the candle did before, nor an order filled by it.
func TestSignalsActAtTheCloseOfTheirCandle(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{})
	r.candle(flat(1, 100), buy(10))
	r.candle(flat(2, 100))
	if err := r.session.Signal(strategy.Signal{ID: "1", Text: "stop"}); err != nil {
		t.Fatal(err)
	}
	if at := r.signalled(bar(3, 100, 110, 80, 105), exits(90, 0)); !slices.Equal(at, []int64{4 * minute}) {
		t.Errorf("it hears the signal at %v, want the candle's close", at)
	}
	if v := r.session.View(); v.Base != 10 || v.Exits.Stop != 90 {
		t.Errorf("the stop was reached before it was set: %+v", v)
	}
	r.candle(bar(4, 100, 100, 85, 95))
	if v := r.session.View(); v.Base != 0 {
		t.Errorf("the stop does nothing in the next candle: %+v", v)
	}
}

// What is ordered on a signal is checked at the price of its candle.
func TestSignalsAreCheckedAtTheNewestPrice(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{risk: risk.Config{MaxPosition: 5}})
	if err := r.session.Signal(strategy.Signal{ID: "1", Text: "buy"}); err != nil {
		t.Fatal(err)
	}
	order := strategy.Command{Kind: strategy.PlaceCommand, Ref: 1, Side: exchange.Buy, Type: exchange.MarketOrder, Value: 600}
	r.signalled(flat(1, 100), order)
	if r.candle(flat(2, 100)); r.session.View().Base != 5 {
		t.Errorf("of the 6 that are ordered in the very first candle it buys %d, want the 5 that are allowed: %v", r.session.View().Base, r.log.orders)
	}
}

func TestAnswersToSignalsAreNotQuiet(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{})
	if err := r.session.Signal(strategy.Signal{ID: "1", Text: "?"}); err != nil {
		t.Fatal(err)
	}
	note := strategy.Command{Kind: strategy.NoteCommand, Text: "not understood"}
	r.signalled(flat(1, 100), note)
	r.candle(flat(2, 100), note)
	if !r.log.said(engine.Answered, "not understood") || !r.log.said(engine.None, "not understood") || len(r.log.decisions) != 2 {
		t.Errorf("it says %+v, want the answer and then the note on a candle", r.log.decisions)
	}
}
