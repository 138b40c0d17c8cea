package basic_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
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
	for params, want := range map[string]int{`{}`: 30, `{"kind":"ema"}`: 90} {
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
	} {
		if _, err := basic.Definition().Schema().Validate([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	for _, params := range []string{`{}`, `{"kind":"ema"}`} {
		i, err := basic.Definition().Open(strategy.OpenInput{Market: strategytest.Market(), Interval: time.Minute, Params: []byte(params)})
		if err != nil {
			t.Fatal(err)
		}
		view := strategy.View{Counter: 1_000_000, NextRef: 1}
		ev := strategy.Event{Kind: strategy.CandleEvent}
		n := exchange.Ticks(0)
		allocations := testing.AllocsPerRun(1000, func() {
			n += 37
			ev.Candle = exchange.Flat(int64(n)*60_000, 1000+n%500)
			i.Deliver(&view, &ev)
		})
		if allocations != 0 {
			t.Errorf("%s takes %v allocations a candle, want none", params, allocations)
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
	m, err := demo.New(demo.Config{})
	if err != nil {
		t.Fatal(err)
	}
	markets, err := m.Markets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	candles := make([]exchange.Candle, 3000)
	for i := range candles {
		candles[i] = m.Candle(markets[0].Pair, int64(i))
	}
	strategytest.Golden(t, basic.Definition(), backtest.Config{
		Market: markets[0], Interval: time.Minute, Balance: 1_000_000_000_000, Fees: exchange.Fees{Maker: 100_000, Taker: 100_000},
	}, candles, "testdata/demo.golden")
}
