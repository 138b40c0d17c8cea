package breakout_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/breakout/breakout"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// harness opens the strategy with channels of four and two candles and a true
// range of two, and gives it candles between 1000 and 1010, so that the stop is
// 20 ticks away.
func harness(t *testing.T, more string) *strategytest.Harness {
	t.Helper()
	h := strategytest.New(t, breakout.Definition(), strategytest.Config{Params: `{"entry":4,"exit":2,"atr":2` + more + `}`, Explain: true})
	for i := range int64(4) {
		h.Candle(candle(i, 1005))
	}
	return h
}

// candle is the candle of a minute that reaches from 1000 to 1010, or further to
// its close.
func candle(minute int64, closing exchange.Ticks) exchange.Candle {
	return exchange.Candle{Time: minute * 60_000, Open: 1005, High: max(1010, closing), Low: min(1000, closing), Close: closing, Volume: 1}
}

func only(commands []strategy.Command, kind strategy.CommandKind) []strategy.Command {
	return strategytest.Only(commands, kind)
}

func TestBuysAboveTheChannel(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, breakout.Definition(), strategytest.Config{Params: `{"entry":4,"exit":2,"atr":2}`, Explain: true})
	for i := range int64(4) {
		got := h.Candle(candle(i, 1005))
		if len(got) != 1 || got[0].Text != "waiting: the channel needs 5 candles and the true range 3" {
			t.Errorf("candle %d: it says %+v", i, got)
		}
	}
	h = harness(t, "")
	got := h.Candle(candle(4, 1010))
	if notes := only(got, strategy.NoteCommand); len(only(got, strategy.PlaceCommand)) != 0 || notes[0].Text != "waiting: the close 1,010 is not above the high 1,010 of 4 candles" {
		t.Errorf("at the high it says %+v", got)
	}
	got = h.Candle(candle(5, 1011))
	// 1 % of a million at risk over 21 ticks buys 476 million steps, which cost
	// less than half of the cash.
	cash, distance := int64(h.View.Counter), int64(21)
	want := strategy.Command{
		Kind: strategy.PlaceCommand, Ref: 1, Side: exchange.Buy, Type: exchange.MarketOrder, Value: exchange.Units(cash / 100 / distance * 1011),
		Text: "the close 1,011 broke the high 1,010 of 4 candles; for 481428.57 MYR the stop 21 below risks 1 % of the cash or less",
	}
	if orders := only(got, strategy.PlaceCommand); !slices.Equal(orders, []strategy.Command{want}) {
		t.Errorf("above the high it orders %+v, want %+v", orders, want)
	}
	if plots := only(got, strategy.PlotCommand); len(plots) != 2 || plots[0].Number != 1010 || plots[1].Number != 1000 {
		t.Errorf("it plots %+v", plots)
	}
}

func TestSizeIsBoundWhereTheStopIsNear(t *testing.T) {
	t.Parallel()
	h := harness(t, `,"risk":10,"size":25`)
	orders := only(h.Candle(candle(4, 1011)), strategy.PlaceCommand)
	if len(orders) != 1 || orders[0].Value != h.View.Counter/4 {
		t.Errorf("it orders %+v, want a quarter of %d", orders, h.View.Counter)
	}
	h = harness(t, `,"risk":"0.01"`)
	h.View.Counter = 100_000 // of which ten may be lost, less than a step over the distance
	got := h.Candle(candle(4, 1011))
	if notes := only(got, strategy.NoteCommand); len(only(got, strategy.PlaceCommand)) != 0 ||
		notes[0].Text != "the close 1,011 broke the high 1,010 of 4 candles, but there is nothing to trade with" {
		t.Errorf("with too little cash it says %+v", got)
	}
}

func TestSellsBelowTheChannel(t *testing.T) {
	t.Parallel()
	h := harness(t, "")
	h.View.Base = 500
	if orders := only(h.Candle(candle(4, 1000)), strategy.PlaceCommand); len(orders) != 0 {
		t.Errorf("at the low it orders %+v", orders)
	}
	orders := only(h.Candle(candle(5, 999)), strategy.PlaceCommand)
	if len(orders) != 1 || orders[0].Side != exchange.Sell || orders[0].Volume != 500 || orders[0].Text != "the close 999 fell below the low 1,000 of 2 candles" {
		t.Errorf("below the low it orders %+v", orders)
	}
}

func TestStopFollowsThePrice(t *testing.T) {
	t.Parallel()
	for trail, want := range map[bool][]exchange.Ticks{true: {992, 997}, false: {992}} {
		h := harness(t, fmt.Sprintf(`,"trail":%t`, trail)) // the true range is 10
		h.View.Base = 500
		var stops []exchange.Ticks
		add := func(commands []strategy.Command) {
			for _, c := range only(commands, strategy.ExitsCommand) {
				stops = append(stops, c.Exits.Stop)
			}
		}
		got := h.Fill(strategy.Fill{Ref: 1, Side: exchange.Buy, Price: 1012, Volume: 500})
		if add(got); got[1].Text != "stop at 992: 2 average true ranges of 10 below 1,012" {
			t.Errorf("after the fill it says %+v", got)
		}
		add(h.Fill(strategy.Fill{Ref: 2, Side: exchange.Sell, Price: 2000, Volume: 100}))
		for i, closing := range []exchange.Ticks{1020, 1024, 1010} {
			c := exchange.Candle{Time: int64(4+i) * 60_000, Open: 1015, High: 1024, Low: 1012, Close: closing, Volume: 1}
			c.Low = min(c.Low, closing)
			add(h.Candle(c))
		}
		if !slices.Equal(stops, want) {
			t.Errorf("trail %t: the stops are %v, want %v", trail, stops, want)
		}
	}
}

func TestStopOfAPositionThatWasThereBefore(t *testing.T) {
	t.Parallel()
	h := harness(t, `,"trail":false`)
	h.View.Base = 500
	for i, want := range []int{1, 0} {
		if exits := only(h.Candle(candle(int64(4+i), 1005)), strategy.ExitsCommand); len(exits) != want {
			t.Errorf("candle %d: it sets %+v", i, exits)
		}
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"entry":1}`: "entry", `{"exit":21}`: "exit", `{"atr":1}`: "atr", `{"stop":0}`: "stop", `{"risk":0}`: "risk", `{"risk":"0.001"}`: "risk",
		`{"risk":101}`: "risk", `{"size":0}`: "size", `{"trail":1}`: "trail", `{"speed":1}`: "speed",
	} {
		if _, err := breakout.Definition().Schema().Validate([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}

// proves PL1
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		entry, size := rapid.IntRange(2, 20).Draw(t, "entry"), rapid.IntRange(1, 100).Draw(t, "size")
		atr := rapid.IntRange(2, 20).Draw(t, "atr")
		params := fmt.Sprintf(`{"entry":%d,"exit":%d,"atr":%d,"stop":%d,"trail":%t,"risk":%d,"size":%d}`, entry, rapid.IntRange(1, entry).Draw(t, "exit"), atr,
			rapid.IntRange(1, 5).Draw(t, "stop"), rapid.Bool().Draw(t, "trail"), rapid.IntRange(1, 20).Draw(t, "risk"), size)
		strategytest.LongOnly(t, breakout.Definition(), strategytest.PaperConfig{Params: params, Fees: exchange.Fees{Taker: 100_000}},
			strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 300), strategytest.LongRules{Ready: max(entry, atr) + 1, Restart: 7, Share: size})
	})
}

func TestRiskIsBoundAndTheStopNeverFalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const stopRanges = 2
		risk := rapid.IntRange(1, 20).Draw(t, "risk")
		p := strategytest.NewPaper(t, breakout.Definition(), strategytest.PaperConfig{Params: fmt.Sprintf(`{"atr":5,"risk":%d}`, risk)})
		var stop exchange.Ticks
		atr := indicator.NewATR(5)
		p.Check = func(s strategytest.Step) {
			if c := s.Event.Candle; s.Event.Kind == strategy.CandleEvent {
				atr.Update(c.High.Float(), c.Low.Float(), c.Close.Float())
			}
			if s.View.Base == 0 {
				stop = 0
			}
			for _, c := range s.Commands {
				if c.Kind == strategy.ExitsCommand && c.Exits.Stop <= stop {
					t.Fatalf("the stop goes from %d to %d", stop, c.Exits.Stop)
				}
				stop = max(stop, c.Exits.Stop)
				if c.Kind == strategy.PlaceCommand && c.Side == exchange.Buy {
					volume := float64(c.Value) / s.Event.Candle.Close.Float()
					lost := volume * math.Max(1, stopRanges*atr.Value())
					if allowed := float64(s.View.Counter) * float64(risk) / 100; lost > allowed*(1+1e-9) {
						t.Fatalf("%v may be lost of %v", lost, allowed)
					}
				}
			}
		}
		for _, c := range strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 300) {
			p.Candle(c)
		}
	})
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	if n := strategytest.Allocations(t, breakout.Definition(), `{}`); n != 0 {
		t.Errorf("a candle takes %v allocations, want none", n)
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, breakout.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 3000)
	strategytest.Golden(t, breakout.Definition(), cfg, candles, "testdata/demo.golden")
}
