package rsi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/rsi/rsi"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

const quick = `{"period":2,"atr":2}`

// dip is how a test gets to the purchase: with quick parameters the index is 0,
// then 33.3, and the true range 750.
func dip(h *strategytest.Harness) []strategy.Command {
	h.Closes(100_000, 99_000, 98_000)
	return h.Close(98_500)
}

func TestBuysWhenTheIndexComesBack(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, rsi.Definition(), strategytest.Config{Params: quick, Explain: true})
	if got := h.Closes(100_000, 99_000); len(got) != 1 || got[0].Text != "waiting: the index needs 3 candles and the true range 3" {
		t.Errorf("before it is ready it says %+v", got)
	}
	oversold := h.Close(98_000)
	if orders := strategytest.Only(oversold, strategy.PlaceCommand); len(orders) != 0 {
		t.Errorf("while the index is oversold it orders %+v", orders)
	}
	if notes := strategytest.Only(oversold, strategy.NoteCommand); len(notes) != 1 || notes[0].Text != "waiting: RSI 0.0 is oversold; a close above 98,429 would bring it back above 30" {
		t.Errorf("while the index is oversold it says %+v", notes)
	}
	want := strategy.Command{
		Kind: strategy.PlaceCommand, Ref: 1, Side: exchange.Buy, Type: exchange.MarketOrder, Value: h.View.Counter,
		Text: "RSI 33.3 came back above the oversold level 30",
	}
	got := h.Close(98_500)
	if orders := strategytest.Only(got, strategy.PlaceCommand); !slices.Equal(orders, []strategy.Command{want}) {
		t.Errorf("it orders %+v, want %+v", orders, want)
	}
	if plots := strategytest.Only(got, strategy.PlotCommand); len(plots) != 2 || plots[0].Name != "oversold" || plots[1].Name != "exit" {
		t.Errorf("it plots %+v", plots)
	}
}

func TestSellsWhereThePositionIsToEnd(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		quick: "RSI 71.4 reached the exit at 70", `{"period":2,"atr":2,"exit":"middle"}`: "RSI 71.4 reached the exit at 50",
	} {
		h := strategytest.New(t, rsi.Definition(), strategytest.Config{Params: params, Explain: true})
		dip(h)
		h.View.Base, h.View.Counter, h.View.Exits.Stop = 500, 0, 90_000
		notes := strategytest.Only(h.Close(98_500), strategy.NoteCommand)
		if len(notes) != 1 || !strings.HasPrefix(notes[0].Text, "holding: RSI 33.3 is below the exit") {
			t.Errorf("%s: while it holds it says %+v", params, notes)
		}
		h.Close(98_500)
		h.Close(98_000)
		orders := strategytest.Only(h.Close(101_000), strategy.PlaceCommand)
		if len(orders) != 1 || orders[0].Side != exchange.Sell || orders[0].Volume != 500 || !strings.Contains(orders[0].Text, want[8:]) {
			t.Errorf("%s: it orders %+v, want all 500 sold because %s", params, orders, want)
		}
	}
}

func TestMiddleExitComesFirst(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, rsi.Definition(), strategytest.Config{Params: `{"period":2,"atr":2,"exit":"middle"}`})
	dip(h)
	h.View.Base, h.View.Exits.Stop = 500, 90_000
	if orders := strategytest.Only(h.Close(98_900), strategy.PlaceCommand); len(orders) != 1 { // the index is 56.5
		t.Errorf("at the middle it orders %+v", orders)
	}
	h = strategytest.New(t, rsi.Definition(), strategytest.Config{Params: quick})
	dip(h)
	h.View.Base, h.View.Exits.Stop = 500, 90_000
	if orders := strategytest.Only(h.Close(98_900), strategy.PlaceCommand); len(orders) != 0 {
		t.Errorf("below the overbought level it orders %+v", orders)
	}
}

func TestStopIsSetWithTheFill(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, rsi.Definition(), strategytest.Config{Params: quick, Explain: true})
	dip(h)
	h.View.Base = 500
	got := h.Fill(strategy.Fill{Ref: 1, Side: exchange.Buy, Price: 98_600, Volume: 500})
	if len(got) != 2 || got[0].Exits != (strategy.Exits{Stop: 96_350}) || got[1].Text != "stop at 96,350: 3 average true ranges of 750 below 98,600" {
		t.Errorf("after the fill it says %+v", got)
	}
	if got := h.Fill(strategy.Fill{Ref: 2, Side: exchange.Sell, Price: 98_600, Volume: 500}); len(got) != 0 {
		t.Errorf("after a sale it says %+v", got)
	}
}

func TestStopOfAPositionThatWasThereBefore(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, rsi.Definition(), strategytest.Config{Params: quick})
	h.View.Base = 500
	exits := strategytest.Only(dip(h), strategy.ExitsCommand)
	if len(exits) != 1 || exits[0].Exits.Stop != 98_500-3*750 {
		t.Errorf("it sets %+v", exits)
	}
	h = strategytest.New(t, rsi.Definition(), strategytest.Config{Params: `{"period":2,"atr":2,"stop":0}`})
	h.View.Base = 500
	if got := dip(h); len(got) != 0 {
		t.Errorf("without a stop it says %+v", got)
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"period":1}`: "period", `{"oversold":50}`: "oversold", `{"middle":70}`: "middle", `{"overbought":100}`: "overbought",
		`{"exit":"top"}`: "exit", `{"size":0}`: "size", `{"stop":-1}`: "stop", `{"atr":1}`: "atr", `{"speed":1}`: "speed",
	} {
		if _, err := rsi.Definition().Schema().Validate([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}

// proves PL1
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		period, atr, size := rapid.IntRange(2, 20).Draw(t, "period"), rapid.IntRange(2, 20).Draw(t, "atr"), rapid.IntRange(1, 100).Draw(t, "size")
		params := fmt.Sprintf(`{"period":%d,"oversold":%d,"exit":%q,"size":%d,"stop":%d,"atr":%d}`,
			period, rapid.IntRange(5, 45).Draw(t, "oversold"), rapid.SampledFrom([]string{"middle", "overbought"}).Draw(t, "exit"), size,
			rapid.IntRange(0, 5).Draw(t, "stop"), atr)
		strategytest.LongOnly(t, rsi.Definition(), strategytest.PaperConfig{Params: params, Fees: exchange.Fees{Taker: 100_000}},
			strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 300), strategytest.LongRules{Ready: period + 2, Restart: 7, Share: size})
	})
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	if n := strategytest.Allocations(t, rsi.Definition(), `{}`); n != 0 {
		t.Errorf("a candle takes %v allocations, want none", n)
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, rsi.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 3000)
	strategytest.Golden(t, rsi.Definition(), cfg, candles, "testdata/demo.golden")
}
