package engine_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/risk"
)

func TestCommandsOfAStranger(t *testing.T) { // proves RK4, T11
	t.Parallel()
	for _, c := range []struct {
		name    string
		command strategy.Command
		kind    engine.DecisionKind
		reason  string
	}{
		{"a command of no kind", strategy.Command{}, engine.Denied, "unknown kind"},
		{"a command of an unknown kind", strategy.Command{Kind: 200}, engine.Denied, "unknown kind"},
		{"a negative volume", buy(-1), engine.Denied, "below 0"},
		{"no volume", sell(0), engine.Denied, "no volume"},
		{"an absurd volume", buy(math.MaxInt64), engine.Rejected, "too large"},
		{"an absurd value", strategy.Command{Kind: strategy.PlaceCommand, Side: exchange.Buy, Type: exchange.MarketOrder, Value: math.MaxInt64}, engine.Denied, "are free"},
		{"a negative price", limit(exchange.Buy, -5, 1), engine.Denied, "below 0"},
		{"a price far off", limit(exchange.Buy, 1_000_000, 1), engine.Denied, "hundredfold"},
		{"no side", strategy.Command{Kind: strategy.PlaceCommand, Type: exchange.MarketOrder, Volume: 1}, engine.Denied, "no side"},
		{"no type", strategy.Command{Kind: strategy.PlaceCommand, Side: exchange.Buy, Volume: 1}, engine.Denied, "no type"},
		{
			"a time in force that does not exist",
			strategy.Command{Kind: strategy.PlaceCommand, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 100, Volume: 1, TimeInForce: 9},
			engine.Denied, "time in force",
		},
		{"selling what is not there", sell(1), engine.Denied, "are free"},
		{"buying for more than the cash", strategy.Command{Kind: strategy.PlaceCommand, Side: exchange.Buy, Type: exchange.MarketOrder, Value: 1_000_001}, engine.Denied, "are free"},
		{"a number far ahead", strategy.Command{Kind: strategy.PlaceCommand, Ref: math.MaxUint64, Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 1}, engine.Denied, "leaves out"},
		{"exits below 0", exits(-1, 0), engine.Denied, "below 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, terms{})
			r.candle(flat(1, 100), c.command)
			if !r.log.said(c.kind, c.reason) {
				t.Errorf("decisions %v lack a %s because of %q", r.log.decisions, c.kind, c.reason)
			}
			r.candle(flat(2, 100), buy(1))
			r.candle(flat(3, 100))
			if len(r.log.fills) != 1 {
				t.Errorf("the bot does not go on as usual: %v", r.log.fills)
			}
		})
	}
}

func TestFloodIsCut(t *testing.T) { // proves RK4
	t.Parallel()
	r := newRig(t, terms{risk: risk.Config{MaxCommands: 3}})
	r.candle(flat(1, 100), buy(1), buy(1), buy(1), buy(1), buy(1))
	if !r.log.said(engine.Denied, "denied 2 commands") || len(r.session.View().Orders) != 3 {
		t.Errorf("%d orders, decisions %v", len(r.session.View().Orders), r.log.decisions)
	}
}

// proves PL2, RK4: what a strategy says to those who watch it takes no order's place, since
// in a backtest nobody watches; and what it says has an end.
func TestWordsTakeNoOrdersPlace(t *testing.T) {
	t.Parallel()
	var words []strategy.Command
	for range 4 {
		words = append(words, strategy.Command{Kind: strategy.NoteCommand, Text: "a word"}, strategy.Command{Kind: strategy.PlotCommand, Name: "line", Number: 1})
	}
	r := newRig(t, terms{risk: risk.Config{MaxCommands: 3}})
	for ref := range uint64(3) {
		order := buy(1)
		order.Ref = ref + 1
		words = append(words, order)
	}
	r.candle(flat(1, 100), words...)
	if n := len(r.session.View().Orders); n != 3 || !r.log.said(engine.Denied, "left out 5 notes and plots") || r.log.said(engine.Denied, "commands") {
		t.Errorf("%d orders, decisions %v", n, r.log.decisions)
	}
}

func TestTooManyOpenOrdersAreDenied(t *testing.T) { // proves RK1
	t.Parallel()
	r := newRig(t, terms{risk: risk.Config{MaxOrders: 2}})
	r.candle(flat(1, 100), limit(exchange.Buy, 90, 1), limit(exchange.Buy, 90, 1), limit(exchange.Buy, 90, 1))
	if !r.log.said(engine.Denied, "2 orders are open") || len(r.session.View().Orders) != 2 {
		t.Errorf("%d orders, decisions %v", len(r.session.View().Orders), r.log.decisions)
	}
}

func TestAnsweringDenialsWithBadOrdersEnds(t *testing.T) { // proves RK4
	t.Parallel()
	r := newRig(t, terms{})
	for at := int64(1); at <= 6; at++ {
		if err := r.session.Begin(new(flat(at, 100))); err != nil {
			t.Fatal(err)
		}
		told := 0
		for ev := r.session.Next(); ev != nil; ev = r.session.Next() {
			if told++; told > 1100 {
				t.Fatalf("candle %d: %d events and no end", at, told)
			}
			var bad []strategy.Command
			for i := range 64 {
				c := sell(5)
				c.Ref = r.session.View().NextRef + uint64(i)
				bad = append(bad, c)
			}
			if err := r.session.Commands(bad); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestOrderNumbersAreUsedOnce(t *testing.T) { // proves T1
	t.Parallel()
	r := newRig(t, terms{})
	first, again := buy(1), buy(1)
	first.Ref, again.Ref = 1, 1
	r.candle(flat(1, 100), first, again)
	if !r.log.said(engine.Denied, "was used before") || len(r.session.View().Orders) != 1 {
		t.Errorf("%d orders, decisions %v", len(r.session.View().Orders), r.log.decisions)
	}
}

func TestCancelGivesBackWhatWasReserved(t *testing.T) {
	t.Parallel()
	r := newRig(t, terms{})
	r.candle(flat(1, 100), limit(exchange.Buy, 90, 10), limit(exchange.Buy, 80, 10))
	if got := r.session.View().ReservedCounter; got != 1700 {
		t.Fatalf("%d are reserved, want 1700", got)
	}
	r.candle(flat(2, 100), strategy.Command{Kind: strategy.CancelCommand, Ref: 1})
	if v := r.session.View(); v.ReservedCounter != 800 || len(v.Orders) != 1 || v.Orders[0].Ref != 2 {
		t.Errorf("after one cancel: %+v", v)
	}
	r.candle(flat(3, 100), strategy.Command{Kind: strategy.CancelAllCommand})
	counter, base := r.venue.Reserved()
	if v := r.session.View(); v.ReservedCounter != 0 || len(v.Orders) != 0 || counter != 0 || base != 0 {
		t.Errorf("after all: %+v, venue %d and %d", v, counter, base)
	}
	want := []string{"1: open ", "2: open ", "1: cancelled cancelled by the strategy", "2: cancelled cancelled by the strategy"}
	if !slices.Equal(r.log.orders, want) {
		t.Errorf("orders %v, want %v", r.log.orders, want)
	}
}

func TestLongTextsAreCut(t *testing.T) { // proves RK4
	t.Parallel()
	r := newRig(t, terms{})
	r.candle(flat(1, 100), strategy.Command{Kind: strategy.NoteCommand, Text: strings.Repeat("x", 10_000)})
	if n := len(r.log.decisions[0].Text); n != 500 {
		t.Errorf("a note of %d bytes was kept", n)
	}
}
