package rebalance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// harness opens the strategy on an account that holds so many thousand of either
// currency at a price of 1000.
func harness(t *testing.T, params string, base, cash int64) *strategytest.Harness {
	t.Helper()
	h := strategytest.New(t, rebalance.Definition(), strategytest.Config{Params: params, Explain: true})
	h.View.Base, h.View.Counter = exchange.Steps(base), exchange.Units(cash*1000)
	return h
}

func orders(commands []strategy.Command) []strategy.Command {
	return strategytest.Only(commands, strategy.PlaceCommand)
}

func note(commands []strategy.Command) string {
	if len(commands) != 1 || commands[0].Kind != strategy.NoteCommand {
		return fmt.Sprintf("%+v", commands)
	}
	return commands[0].Text
}

func TestTradesBackFromOutsideTheBand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, params string
		base, cash   int64
		want         strategy.Command
	}{
		{"buys the target at the start", `{}`, 0, 1000, strategy.Command{
			Side: exchange.Buy, Value: 500_000, Text: "0.00 % of the account are in XBT, below the edge at 45.00 %: back to 50.00 %",
		}},
		{"buys after a fall", `{}`, 400, 600, strategy.Command{
			Side: exchange.Buy, Value: 100_000, Text: "40.00 % of the account are in XBT, below the edge at 45.00 %: back to 50.00 %",
		}},
		{"sells after a rise", `{}`, 700, 300, strategy.Command{
			Side: exchange.Sell, Volume: 200, Text: "70.00 % of the account are in XBT, above the edge at 55.00 %: back to 50.00 %",
		}},
		{"buys to the edge", `{"back":"edge"}`, 400, 600, strategy.Command{
			Side: exchange.Buy, Value: 50_000, Text: "40.00 % of the account are in XBT, below the edge at 45.00 %: back to 45.00 %",
		}},
		{"sells to the edge", `{"back":"edge","weight":30,"band":"2.5"}`, 700, 300, strategy.Command{
			Side: exchange.Sell, Volume: 375, Text: "70.00 % of the account are in XBT, above the edge at 32.50 %: back to 32.50 %",
		}},
	} {
		c.want.Kind, c.want.Ref, c.want.Type = strategy.PlaceCommand, 1, exchange.MarketOrder
		if got := orders(harness(t, c.params, c.base, c.cash).Close(1000)); !slices.Equal(got, []strategy.Command{c.want}) {
			t.Errorf("%s: it orders %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestWaitsWithinTheBand(t *testing.T) {
	t.Parallel()
	for _, base := range []int64{450, 500, 550} {
		want := fmt.Sprintf("waiting: %d.00 %% of the account are in XBT, within 45.00 %% and 55.00 %%", base/10)
		if got := note(harness(t, `{}`, base, 1000-base).Close(1000)); got != want {
			t.Errorf("it says %s, want %s", got, want)
		}
	}
}

func TestLooksOnlySoOften(t *testing.T) {
	t.Parallel()
	h := harness(t, `{"every":3}`, 400, 600)
	var at []int
	for i := range 10 {
		got := h.Candle(exchange.Flat(int64(i)*60_000, 1000))
		if len(orders(got)) > 0 {
			at = append(at, i)
		} else if i == 1 && note(got) != "40.00 % of the account are in XBT, below the edge at 45.00 %; it looks again at 1 January 00:04 UTC" {
			t.Errorf("between two looks it says %s", note(got))
		}
	}
	if want := []int{0, 3, 6, 9}; !slices.Equal(at, want) {
		t.Errorf("it looks at the candles %v, want %v", at, want)
	}
}

func TestWaitsForAnOpenOrderAndAfterARefusal(t *testing.T) {
	t.Parallel()
	h := harness(t, `{}`, 400, 600)
	h.View.Orders = []strategy.OpenOrder{{Ref: 1, Side: exchange.Buy, Type: exchange.MarketOrder, Value: 100_000}}
	if got := note(h.Close(1000)); got != "waiting for the order that is open" {
		t.Errorf("with an order open it says %s", got)
	}
	h.View.Orders = nil
	h.Order(strategy.OrderUpdate{Ref: 1, State: strategy.OrderRejected, Reason: "no"})
	for i := range 31 {
		got := orders(h.Candle(exchange.Flat(int64(i+1)*60_000, 1000)))
		if want := i >= 29; (len(got) > 0) != want {
			t.Errorf("%d candles after a refusal it orders %+v", i+1, got)
		}
	}
	h.Order(strategy.OrderUpdate{Ref: 2, State: strategy.OrderFilled, Filled: 100})
	if got := orders(h.Candle(exchange.Flat(40*60_000, 1000))); len(got) != 1 {
		t.Errorf("after a trade it orders %+v", got)
	}
}

func TestOrdersFitTheMarket(t *testing.T) {
	t.Parallel()
	m := strategytest.Market()
	m.MinVolume, m.MaxVolume = 50, 120
	for _, c := range []struct {
		base, cash int64
		want       int64 // volume bought or sold; 0 for none
	}{{100, 104, 0}, {44, 56, 0}, {400, 520, 60}, {0, 1000, 120}, {1000, 0, -120}, {64, 36, 0}} {
		h := strategytest.New(t, rebalance.Definition(), strategytest.Config{Market: m, Explain: true, Params: `{"band":1}`})
		h.View.Base, h.View.Counter = exchange.Steps(c.base), exchange.Units(c.cash*1000)
		got := h.Close(1000)
		switch o := orders(got); {
		case c.want == 0 && len(o) == 0:
			if !strings.HasSuffix(note(got), "below the market's least order") && c.base != 100 {
				t.Errorf("%+v: it says %s", c, note(got))
			}
		case len(o) != 1, c.want > 0 && o[0].Value != exchange.Units(c.want*1000), c.want < 0 && o[0].Volume != exchange.Steps(-c.want):
			t.Errorf("%+v: it orders %+v", c, o)
		}
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"weight":0}`: "weight", `{"weight":100}`: "weight", `{"band":0}`: "band", `{"weight":5}`: "band must end above 0", `{"weight":95}`: "band must end above 0",
		`{"back":"middle"}`: "back", `{"every":0}`: "every", `{"speed":1}`: "speed",
	} {
		if err := rebalance.Definition().Check([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}

// proves PL1
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		weight, band := rapid.IntRange(10, 90).Draw(t, "weight"), rapid.IntRange(1, 9).Draw(t, "band")
		params := fmt.Sprintf(`{"weight":%d,"band":%d,"back":%q,"every":%d}`, weight, band,
			rapid.SampledFrom([]string{"target", "edge"}).Draw(t, "back"), rapid.IntRange(1, 5).Draw(t, "every"))
		cfg := strategytest.PaperConfig{
			Params: params, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000},
			Costs: paper.Costs{MaxShare: rapid.SampledFrom([]exchange.Rate{0, 10_000_000}).Draw(t, "share")},
		}
		strategytest.Resumed(t, rebalance.Definition(), cfg, strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 120), 5, func(p *strategytest.Paper, s strategytest.Step) {
			for _, reason := range p.Refusals() {
				t.Fatalf("refused: %s", reason)
			}
			for _, c := range orders(s.Commands) {
				checkTrade(t, s, c, float64(weight)/100, float64(band)/100)
			}
		})
	})
}

// checkTrade holds an order to the band: only from outside it, towards the
// target, and not beyond.
func checkTrade(t *rapid.T, s strategytest.Step, c strategy.Command, weight, band float64) {
	t.Helper()
	const slack = 1e-6
	price := s.Event.Candle.Close.Float()
	held := price * s.View.Base.Float()
	whole := held + float64(s.View.Counter)
	if len(s.View.Orders) > 0 {
		t.Fatalf("it orders %+v while an order is open", c)
	}
	after := (held + float64(c.Value)) / whole
	out := held/whole < weight-band+slack
	if c.Side == exchange.Sell {
		after = (held - price*c.Volume.Float()) / whole
		out = held/whole > weight+band-slack
	}
	if !out || c.Side == exchange.Buy && after > weight+slack || c.Side == exchange.Sell && after < weight-slack {
		t.Fatalf("a share of %v becomes %v by %+v", held/whole, after, c)
	}
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	if n := strategytest.Allocations(t, rebalance.Definition(), `{}`); n != 0 {
		t.Errorf("a candle takes %v allocations, want none", n)
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, rebalance.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 3000)
	cfg.Params = []byte(`{"band":"0.5"}`)
	strategytest.Golden(t, rebalance.Definition(), cfg, candles, "testdata/demo.golden")
}
