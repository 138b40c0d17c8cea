package macd_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/macd/macd"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// harness opens the strategy with averages of one and two candles and a signal
// of two, so that the line is a third of the way from the slow average to the
// close.
func harness(t *testing.T, more string) *strategytest.Harness {
	t.Helper()
	return strategytest.New(t, macd.Definition(), strategytest.Config{Params: `{"fast":1,"slow":2,"signal":2` + more + `}`, Explain: true})
}

// said returns the one note among the commands.
func said(t *testing.T, commands []strategy.Command) string {
	t.Helper()
	notes := strategytest.Only(commands, strategy.NoteCommand)
	if len(notes) != 1 || len(strategytest.Only(commands, strategy.PlaceCommand)) != 0 {
		t.Fatalf("it says %+v, want one note and no order", commands)
	}
	return notes[0].Text
}

func TestBuysAtTheCrossAndSellsBelow(t *testing.T) {
	t.Parallel()
	h := harness(t, "")
	if got := said(t, h.Closes(100, 100)); got != "waiting: MACD needs 3 candles" {
		t.Errorf("before it is ready it says %q", got)
	}
	h.Close(100)
	if got := said(t, h.Close(97)); got != "waiting: MACD -1.00 is not above its signal -0.67" {
		t.Errorf("below the signal it says %q", got)
	}
	want := strategy.Command{
		Kind: strategy.PlaceCommand, Ref: 1, Side: exchange.Buy, Type: exchange.MarketOrder, Value: h.View.Counter,
		Text: "MACD 2.67 crossed above its signal 1.56",
	}
	got := h.Close(106)
	if orders := strategytest.Only(got, strategy.PlaceCommand); !slices.Equal(orders, []strategy.Command{want}) {
		t.Errorf("at the cross it orders %+v, want %+v", orders, want)
	}
	if plots := strategytest.Only(got, strategy.PlotCommand); len(plots) != 2 || plots[0].Number != 106 || plots[1].Name != "slow" {
		t.Errorf("it plots %+v", plots)
	}
	if got := said(t, h.Close(115)); !strings.HasPrefix(got, "waiting: MACD 3.89 is above its signal") {
		t.Errorf("above the signal without a position it says %q", got)
	}
	h.View.Base, h.View.Counter = 500, 0
	if got := said(t, h.Close(130)); !strings.HasPrefix(got, "holding: MACD 6.30 is not below its signal") {
		t.Errorf("while it holds it says %q", got)
	}
	orders := strategytest.Only(h.Close(125), strategy.PlaceCommand)
	if len(orders) != 1 || orders[0].Side != exchange.Sell || orders[0].Volume != 500 || !strings.Contains(orders[0].Text, "is below its signal") {
		t.Errorf("below the signal it orders %+v, want all 500 sold", orders)
	}
}

func TestFiltersKeepItOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, more string
		closes     []exchange.Ticks // the last one crosses
		says       string           // empty if it buys
	}{
		{"above zero wanted and there", `,"zero":"above"`, []exchange.Ticks{100, 100, 100, 97, 106}, ""},
		{"below zero wanted and not there", `,"zero":"below"`, []exchange.Ticks{100, 100, 100, 97, 106}, "MACD 2.67 crossed above its signal 1.56, but it is not below zero"},
		{"below zero wanted and there", `,"zero":"below"`, []exchange.Ticks{100, 100, 100, 40, 50}, ""},
		{"above zero wanted and not there", `,"zero":"above"`, []exchange.Ticks{100, 100, 100, 40, 50}, "MACD -3.33 crossed above its signal -6.67, but it is not above zero"},
		{"above the trend", `,"trend":5`, []exchange.Ticks{100, 100, 100, 97, 106}, ""},
		{"below the trend", `,"trend":5`, []exchange.Ticks{100, 100, 100, 40, 50}, "MACD -3.33 crossed above its signal -6.67, but the close 50 is not above the trend 78"},
		{"before the trend is known", `,"trend":6`, []exchange.Ticks{100, 100, 100, 97, 106}, "MACD 2.67 crossed above its signal 1.56, but the close 106 is not above the trend –"},
	} {
		h := harness(t, c.more)
		got := h.Closes(c.closes...)
		if c.says != "" {
			if text := said(t, got); text != c.says {
				t.Errorf("%s: it says %q, want %q", c.name, text, c.says)
			}
		} else if len(strategytest.Only(got, strategy.PlaceCommand)) != 1 {
			t.Errorf("%s: it says %+v, want a buy", c.name, got)
		}
	}
}

func TestSaysWhenThereIsNothingToTradeWith(t *testing.T) {
	t.Parallel()
	h := harness(t, "")
	h.View.Counter = 0
	if got := said(t, h.Closes(100, 100, 100, 97, 106)); got != "MACD 2.67 crossed above its signal 1.56, but there is nothing to trade with" {
		t.Errorf("it says %q", got)
	}
}

func TestWarmsUpAsLongAsItsAveragesRemember(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]int{`{}`: 105, `{"trend":200}`: 600} {
		i, err := macd.Definition().Open(strategy.OpenInput{Market: strategytest.Market(), Interval: time.Minute, Params: []byte(params)})
		if err != nil || i.Warmup() != want {
			t.Errorf("%s warms up for %d candles, want %d (%v)", params, i.Warmup(), want, err)
		}
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"fast":26}`: "fast", `{"slow":1}`: "slow", `{"signal":1}`: "signal", `{"zero":"near"}`: "zero", `{"trend":-1}`: "trend", `{"size":101}`: "size",
		`{"speed":1}`: "speed",
	} {
		if _, err := macd.Definition().Schema().Validate([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}

// proves PL1
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slow, signal, size := rapid.IntRange(2, 20).Draw(t, "slow"), rapid.IntRange(2, 10).Draw(t, "signal"), rapid.IntRange(1, 100).Draw(t, "size")
		trend := rapid.IntRange(0, 40).Draw(t, "trend")
		params := fmt.Sprintf(`{"fast":%d,"slow":%d,"signal":%d,"zero":%q,"trend":%d,"size":%d}`, rapid.IntRange(1, slow-1).Draw(t, "fast"), slow, signal,
			rapid.SampledFrom([]string{"any", "above", "below"}).Draw(t, "zero"), trend, size)
		strategytest.LongOnly(t, macd.Definition(), strategytest.PaperConfig{Params: params, Fees: exchange.Fees{Taker: 100_000}},
			strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 300), strategytest.LongRules{Ready: max(slow+signal, trend), Restart: 7, Share: size})
	})
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	for _, params := range []string{`{}`, `{"trend":200}`} {
		if n := strategytest.Allocations(t, macd.Definition(), params); n != 0 {
			t.Errorf("%s: a candle takes %v allocations, want none", params, n)
		}
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, macd.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 3000)
	strategytest.Golden(t, macd.Definition(), cfg, candles, "testdata/demo.golden")
}
