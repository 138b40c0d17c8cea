package basic_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

const quick = `{"fast":2,"slow":3}`

func TestBuysAboveAndSellsBelow(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, basic.Definition(), strategytest.Config{Params: quick, Explain: true})
	if got := h.Closes(100, 100); len(got) != 1 || got[0].Text != "waiting: the slow average needs 3 candles" {
		t.Errorf("before it is ready it says %+v", got)
	}
	got := h.Closes(97, 94, 100)
	if orders := strategytest.Only(got, strategy.PlaceCommand); len(orders) != 0 {
		t.Errorf("without a cross it orders %+v", orders)
	}
	got = h.Close(112)
	orders := strategytest.Only(got, strategy.PlaceCommand)
	want := strategy.Command{
		Kind: strategy.PlaceCommand, Ref: 1, Side: exchange.Buy, Type: exchange.MarketOrder, Value: h.View.Counter,
		Text: "fast 106 crossed above slow 102",
	}
	if !slices.Equal(orders, []strategy.Command{want}) {
		t.Errorf("at the cross above it orders %+v, want %+v", orders, want)
	}
	plots := strategytest.Only(got, strategy.PlotCommand)
	if len(plots) != 2 || plots[0].Name != "fast" || plots[0].Number != 106 || plots[1].Name != "slow" || plots[1].Number != 102 {
		t.Errorf("it plots %+v", plots)
	}
	h.View.Base, h.View.Counter = 500, 0
	if got := h.Close(115); got[2].Text != "waiting: fast 114 is above slow 109" {
		t.Errorf("while it holds it says %+v", got)
	}
	orders = strategytest.Only(h.Close(100), strategy.PlaceCommand)
	if len(orders) != 1 || orders[0].Side != exchange.Sell || orders[0].Volume != 500 || !strings.Contains(orders[0].Text, "crossed below") {
		t.Errorf("at the cross below it orders %+v, want all 500 sold", orders)
	}
}

func TestSaysWhenThereIsNothingToTradeWith(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, basic.Definition(), strategytest.Config{Params: quick, Explain: true})
	h.View.Counter = 0
	notes := strategytest.Only(h.Closes(100, 100, 97, 94, 100, 112), strategy.NoteCommand)
	if len(notes) != 1 || notes[0].Text != "fast 106 crossed above slow 102, but there is nothing to trade with" {
		t.Errorf("it says %+v", notes)
	}
}

// TestSellsWhileItIsBelow proves that a sale that was refused, or filled in part, is asked for
// again at each candle until the fast average is above, and that a rest below the market's
// least order is left alone.
func TestSellsWhileItIsBelow(t *testing.T) {
	t.Parallel()
	m := strategytest.Market()
	m.MinVolume = 100
	m.MaxVolume = 500
	h := strategytest.New(t, basic.Definition(), strategytest.Config{Params: quick, Market: m, Explain: true})
	h.View.Base = 700
	sells := func(price exchange.Ticks, want exchange.Steps) {
		t.Helper()
		got := strategytest.Only(h.Close(price), strategy.PlaceCommand)
		if want == 0 && len(got) > 0 || want > 0 && (len(got) != 1 || got[0].Side != exchange.Sell || got[0].Volume != want || !strings.Contains(got[0].Text, " below slow ")) {
			t.Errorf("at %d it orders %+v, want %d sold", price, got, want)
		}
	}
	h.Closes(100, 101, 102)
	sells(90, 500) // the market takes no more at once
	sells(89, 500) // it was refused
	h.View.Base, h.View.ReservedBase = 400, 400
	sells(88, 0) // it is under way
	h.View.Base, h.View.ReservedBase = 150, 0
	sells(87, 150) // it ended in part
	h.View.Base = 99
	sells(86, 0)
}

func TestSizeIsAShareOfTheCash(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, basic.Definition(), strategytest.Config{Params: `{"fast":2,"slow":3,"size":25}`})
	orders := strategytest.Only(h.Closes(100, 100, 97, 94, 100, 112), strategy.PlaceCommand)
	if len(orders) != 1 || orders[0].Value != h.View.Counter/4 {
		t.Errorf("it orders %+v, want a quarter of %d", orders, h.View.Counter)
	}
}

func TestExponentialAveragesWarmUpLonger(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]int{`{}`: 30, `{"kind":"ema"}`: 90, `{"trend":200}`: 200} {
		i, err := basic.Definition().Open(strategy.OpenInput{Market: strategytest.Market(), Interval: time.Minute, Params: []byte(params)})
		if err != nil || i.Warmup() != want {
			t.Errorf("%s warms up for %d candles, want %d (%v)", params, i.Warmup(), want, err)
		}
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"fast":30}`: "fast", `{"slow":5}`: "fast", `{"kind":"wma"}`: "kind", `{"size":0}`: "size", `{"size":101}`: "size", `{"speed":1}`: "speed",
		`{"trend":-1}`: "trend",
	} {
		if _, err := basic.Definition().Schema().Validate([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}

func TestTrendFilterKeepsItOutOfAFall(t *testing.T) {
	t.Parallel()
	cross := []exchange.Ticks{200, 200, 200, 100, 100, 97, 94, 100}
	h := strategytest.New(t, basic.Definition(), strategytest.Config{Params: `{"fast":2,"slow":3,"trend":8}`, Explain: true})
	h.Closes(cross...)
	notes := strategytest.Only(h.Close(112), strategy.NoteCommand)
	want := "fast 106 crossed above slow 102, but the close 112 is not above the trend 125"
	if len(notes) != 1 || notes[0].Text != want {
		t.Errorf("below the trend it says %+v, want %q", notes, want)
	}
	h = strategytest.New(t, basic.Definition(), strategytest.Config{Params: `{"fast":2,"slow":3,"trend":8}`, Explain: true})
	h.Closes(cross...)
	got := h.Close(130)
	if orders := strategytest.Only(got, strategy.PlaceCommand); len(orders) != 1 || orders[0].Side != exchange.Buy {
		t.Errorf("above the trend it orders %+v", orders)
	}
	if plots := strategytest.Only(got, strategy.PlotCommand); len(plots) != 3 || plots[2].Name != "trend" || plots[2].Number != 127.625 {
		t.Errorf("it plots %+v", plots)
	}
	h = strategytest.New(t, basic.Definition(), strategytest.Config{Params: `{"fast":2,"slow":3,"trend":50}`})
	if orders := strategytest.Only(h.Closes(100, 100, 97, 94, 100, 112), strategy.PlaceCommand); len(orders) != 0 {
		t.Errorf("before the trend is known it orders %+v", orders)
	}
}

func TestStateOfTheVersionWithoutATrendIsRead(t *testing.T) { // proves PL7
	t.Parallel()
	h := strategytest.New(t, basic.Definition(), strategytest.Config{Params: quick})
	h.Closes(100, 100, 97, 94, 100)
	state := h.Snapshot()
	if strings.Contains(string(state.Data), "Trend") {
		t.Fatalf("a filter that is off is saved: %s", state.Data)
	}
	h = strategytest.New(t, basic.Definition(), strategytest.Config{Params: quick, Snapshot: &state})
	if orders := strategytest.Only(h.Close(112), strategy.PlaceCommand); len(orders) != 1 {
		t.Errorf("restored it orders %+v", orders)
	}
}

// proves PL1
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slow, size := rapid.IntRange(2, 30).Draw(t, "slow"), rapid.IntRange(1, 100).Draw(t, "size")
		trend := rapid.IntRange(0, 50).Draw(t, "trend")
		params := fmt.Sprintf(`{"fast":%d,"slow":%d,"kind":%q,"size":%d,"trend":%d}`, rapid.IntRange(1, slow-1).Draw(t, "fast"), slow,
			rapid.SampledFrom([]string{"sma", "ema"}).Draw(t, "kind"), size, trend)
		strategytest.LongOnly(t, basic.Definition(), strategytest.PaperConfig{Params: params, Fees: exchange.Fees{Taker: 100_000}},
			strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 300), strategytest.LongRules{Ready: max(slow, trend), Restart: 7, Share: size})
	})
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	for _, params := range []string{`{}`, `{"kind":"ema"}`, `{"trend":200}`} {
		if n := strategytest.Allocations(t, basic.Definition(), params); n != 0 {
			t.Errorf("%s takes %v allocations a candle, want none", params, n)
		}
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, basic.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 3000)
	strategytest.Golden(t, basic.Definition(), cfg, candles, "testdata/demo.golden")
}
