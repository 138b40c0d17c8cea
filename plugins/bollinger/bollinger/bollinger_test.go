package bollinger_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/bollinger/bollinger"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// harness opens the strategy with bands of the last four closes, one standard
// deviation wide, and more parameters.
func harness(t *testing.T, more string) *strategytest.Harness {
	t.Helper()
	return strategytest.New(t, bollinger.Definition(), strategytest.Config{Params: `{"period":4,"width":1,"atr":2` + more + `}`, Explain: true})
}

func notes(commands []strategy.Command) (texts []string) {
	for _, c := range strategytest.Only(commands, strategy.NoteCommand) {
		texts = append(texts, c.Text)
	}
	return texts
}

func orders(commands []strategy.Command) []strategy.Command {
	return strategytest.Only(commands, strategy.PlaceCommand)
}

func TestReversionBuysBelowTheLowerBand(t *testing.T) {
	t.Parallel()
	h := harness(t, "")
	if got := notes(h.Closes(1000, 1010, 1000)); !slices.Equal(got, []string{"waiting: the bands need 4 candles and the true range 3"}) {
		t.Errorf("before it is ready it says %q", got)
	}
	if got := notes(h.Close(1010)); !slices.Equal(got, []string{"waiting: the close 1,010 is not below the lower band at 1,000"}) {
		t.Errorf("within the bands it says %q", got)
	}
	got := h.Close(980)
	want := strategy.Command{
		Kind: strategy.PlaceCommand, Ref: 1, Side: exchange.Buy, Type: exchange.MarketOrder, Value: h.View.Counter,
		Text: "the close 980 went below the lower band at 988",
	}
	if !slices.Equal(orders(got), []strategy.Command{want}) {
		t.Errorf("below the band it orders %+v, want %+v", orders(got), want)
	}
	if plots := strategytest.Only(got, strategy.PlotCommand); len(plots) != 3 || plots[0].Name != "lower" || plots[1].Number != 1000 || plots[2].Name != "upper" {
		t.Errorf("it plots %+v", plots)
	}
	got = h.Close(950)
	if len(orders(got)) != 0 || notes(got)[0] != "waiting: the close 950 is still below the lower band at 962 and must come back first" {
		t.Errorf("further below it says %+v", got)
	}
}

func TestReversionSellsAtItsExit(t *testing.T) {
	t.Parallel()
	for exit, c := range map[string]struct{ holds, sells exchange.Ticks }{"middle": {980, 1001}, "band": {1001, 1030}} {
		h := harness(t, `,"exit":"`+exit+`"`)
		h.Closes(1000, 1010, 1000, 1010, 980)
		h.View.Base, h.View.Counter, h.View.Exits.Stop = 500, 0, 900
		if got := h.Close(c.holds); len(orders(got)) != 0 || !strings.HasPrefix(notes(got)[0], "holding: the close "+strategytest.Market().FormatPrice(c.holds.Float())+" is below the exit") {
			t.Errorf("%s: it says %+v", exit, got)
		}
		h = harness(t, `,"exit":"`+exit+`"`)
		h.Closes(1000, 1010, 1000, 1010, 980)
		h.View.Base, h.View.Counter, h.View.Exits.Stop = 500, 0, 900
		got := orders(h.Close(c.sells))
		if len(got) != 1 || got[0].Side != exchange.Sell || got[0].Volume != 500 || !strings.HasPrefix(got[0].Text, "the close "+strategytest.Market().FormatPrice(c.sells.Float())+" reached the exit at") {
			t.Errorf("%s: at %d it orders %+v, want all 500 sold", exit, c.sells, got)
		}
	}
}

func TestBreakoutBuysStrengthAndSellsWeakness(t *testing.T) {
	t.Parallel()
	for exit, c := range map[string]struct{ holds, sells exchange.Ticks }{"middle": {1010, 1000}, "band": {1000, 980}} {
		h := harness(t, `,"mode":"breakout","exit":"`+exit+`"`)
		h.Closes(1000, 1010, 1000, 1010, 1000)
		got := orders(h.Close(1030))
		if len(got) != 1 || got[0].Side != exchange.Buy || got[0].Text != "the close 1,030 went above the upper band at 1,022" {
			t.Errorf("above the band it orders %+v", got)
		}
		h.View.Base, h.View.Counter, h.View.Exits.Stop = 500, 0, 900
		h.Close(1020)
		if got := h.Close(1020); len(orders(got)) != 0 || !strings.HasPrefix(notes(got)[0], "holding: the close 1,020 is not below the exit") {
			t.Errorf("%s: it says %+v", exit, got)
		}
		if got := orders(h.Close(c.sells)); len(got) != 1 || got[0].Volume != 500 || !strings.Contains(got[0].Text, "fell below the exit") {
			t.Errorf("%s: at %d it orders %+v", exit, c.sells, got)
		}
	}
}

func TestSqueezeFilter(t *testing.T) {
	t.Parallel()
	calm := []exchange.Ticks{1000, 1010, 1000, 1010, 1000, 1010, 1006, 1004}
	wild := []exchange.Ticks{1004, 1006, 1004, 1006, 1004, 1006, 1000, 1010}
	swung := append(wild[:6:6], 1010, 1000)
	for _, c := range []struct {
		name, mode string
		before     []exchange.Ticks
		then       exchange.Ticks
		says       string
	}{
		{"a breakout from narrow bands", "breakout", calm, 1030, ""},
		{"a breakout from wide bands", "breakout", swung, 1030, "the close 1,030 went above the upper band at 1,023, but the bands were not narrower than their average before"},
		{"a reversion in wide bands", "reversion", wild, 980, ""},
		{"a reversion before the average is known", "reversion", wild[4:], 980, "the close 980 went below the lower band at 987, but the bands are not wider than their average"},
	} {
		h := harness(t, `,"squeeze":4,"mode":"`+c.mode+`"`)
		h.Closes(c.before...)
		got := h.Close(c.then)
		if c.says == "" && len(orders(got)) != 1 {
			t.Errorf("%s: it says %+v", c.name, got)
		}
		if c.says != "" && (len(orders(got)) != 0 || !slices.Contains(notes(got), c.says)) {
			t.Errorf("%s: it says %q, want %q", c.name, notes(got), c.says)
		}
	}
}

func TestStopIsSetWithTheFillAndForAPositionOfBefore(t *testing.T) {
	t.Parallel()
	h := harness(t, `,"stop":2`)
	h.Closes(1000, 1010, 1000, 1010, 1000) // the true range is 10
	h.View.Base = 500
	got := h.Fill(strategy.Fill{Ref: 1, Side: exchange.Buy, Price: 985, Volume: 500})
	if len(got) != 2 || got[0].Exits != (strategy.Exits{Stop: 965}) || got[1].Text != "stop at 965: 2 average true ranges of 10 below 985" {
		t.Errorf("after the fill it says %+v", got)
	}
	if got := h.Fill(strategy.Fill{Ref: 2, Side: exchange.Sell, Price: 985, Volume: 500}); len(got) != 0 {
		t.Errorf("after a sale it says %+v", got)
	}
	if exits := strategytest.Only(h.Close(990), strategy.ExitsCommand); len(exits) != 1 || exits[0].Exits.Stop != 970 {
		t.Errorf("for a position without a stop it sets %+v", exits)
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{
		`{"mode":"both"}`: "mode", `{"period":1}`: "period", `{"width":0}`: "width", `{"squeeze":-1}`: "squeeze", `{"exit":"top"}`: "exit",
		`{"size":0}`: "size", `{"stop":-1}`: "stop", `{"atr":1}`: "atr", `{"speed":1}`: "speed",
		`{"period":5}`: "width must be below 2.00: no close of 5 can leave wider bands",
	} {
		if err := bollinger.Definition().Check([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want a fault of %s", params, err, want)
		}
	}
}

// TestTheWidestBandsAreLeft proves that the widest bands that are taken can be left: by the
// largest fall that there is among so many closes.
func TestTheWidestBandsAreLeft(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, bollinger.Definition(), strategytest.Config{Params: `{"period":5,"width":1.99,"atr":2}`})
	if got := strategytest.Only(h.Closes(1000, 1002, 1000, 1002, 1000, 1000, 1000, 1000, 900), strategy.PlaceCommand); len(got) != 1 {
		t.Errorf("it orders %+v", got)
	}
}

// proves PL1
func TestInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		period, size, squeeze := rapid.IntRange(2, 20).Draw(t, "period"), rapid.IntRange(1, 100).Draw(t, "size"), rapid.IntRange(0, 20).Draw(t, "squeeze")
		params := fmt.Sprintf(`{"mode":%q,"period":%d,"width":%g,"squeeze":%d,"exit":%q,"size":%d,"stop":%d,"atr":%d}`,
			rapid.SampledFrom([]string{"reversion", "breakout"}).Draw(t, "mode"), period, min(rapid.Float64Range(1, 3).Draw(t, "width"), 0.9*math.Sqrt(float64(period-1))), squeeze,
			rapid.SampledFrom([]string{"middle", "band"}).Draw(t, "exit"), size, rapid.IntRange(0, 5).Draw(t, "stop"), rapid.IntRange(2, 20).Draw(t, "atr"))
		strategytest.LongOnly(t, bollinger.Definition(), strategytest.PaperConfig{Params: params, Fees: exchange.Fees{Taker: 100_000}},
			strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 300), strategytest.LongRules{Ready: period + max(0, squeeze-1), Restart: 7, Share: size})
	})
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestCandleNeedsNoAllocation(t *testing.T) {
	for _, params := range []string{`{}`, `{"mode":"breakout","squeeze":100}`} {
		if n := strategytest.Allocations(t, bollinger.Definition(), params); n != 0 {
			t.Errorf("%s: a candle takes %v allocations, want none", params, n)
		}
	}
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, bollinger.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"reversion", "breakout"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			cfg, candles := strategytest.Demo(t, 3000)
			cfg.Params = []byte(`{"mode":"` + mode + `","squeeze":100}`)
			strategytest.Golden(t, bollinger.Definition(), cfg, candles, "testdata/"+mode+".golden")
		})
	}
}
