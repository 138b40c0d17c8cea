package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/rules/rules"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// flat is a candle of a market in which nobody traded.
func flat(minute int, price exchange.Ticks) exchange.Candle {
	return exchange.Flat(int64(minute)*60_000, price)
}

// TestAQuietCandleStopsOneRuleOnly proves that a value that is not there, such as where in
// its range a candle without one closed, stops the rule that looks at it and no other.
func TestAQuietCandleStopsOneRuleOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		define, entry, exit string
		want                string // "" if it sells
	}{
		{"place = (close - low) / (high - low)", "place > 0.5", "profit < -5", ""},
		{"top = (close - low) / (high - low) > 0.5", "top", "held >= 1", ""},
		{"", "rsi(100) < 30", "profit < -5", ""},
		{"place = (close - low) / (high - low)", "false", "place > 0.5 || profit < -5", "waiting to sell: place has no value yet, or none at this candle"},
		{"place = (close - low) / (high - low); top = place > 0.5", "false", "!top", "waiting to sell: place has no value yet, or none at this candle"},
		{"", "false", "close < prev(close, 9) || profit < -5", "waiting to sell: what prev looks back at has no value yet, or none at this candle"},
		{"", "false", "(macd().signal > 0 ? 1 : 0) == 0", "waiting to sell: macd().signal has no value yet, or none at this candle"},
	} {
		_, h := hold(t, map[string]any{"define": c.define, "entry": c.entry, "exit": c.exit})
		h.View.Base, h.View.Cost = 50, 5000
		h.Candle(flat(0, 90))
		got := h.Candle(flat(1, 90))
		sold := len(strategytest.Only(got, strategy.PlaceCommand)) == 1
		said := strategytest.Only(got, strategy.NoteCommand)
		if sold != (c.want == "") || !sold && (len(said) != 1 || said[0].Text != c.want) {
			t.Errorf("%s; sell when %s: it does %+v", c.define, c.exit, got)
		}
	}
}

// TestAnIndicatorMissesNoCandle proves that an expression that fails at some candles, such
// as a remainder by the number of Sunday, keeps no candle from the indicators after it, and
// that what was not found out is not taken for false.
func TestAnIndicatorMissesNoCandle(t *testing.T) {
	t.Parallel()
	day := 24 * 60 // the epoch was a Thursday
	p := map[string]any{"define": "odd = hour % weekday == 1; mean = sma(4)", "entry": "mean == 102.5", "exit": "!odd"}
	if n := open(t, params(t, map[string]any{"define": p["define"], "entry": p["entry"], "exit": "false"}), nil).Warmup(); n != 8 {
		t.Errorf("it asks for %d candles of the past, want 8", n)
	}
	_, h := hold(t, p)
	var last []strategy.Command
	for i := range 4 {
		last = h.Candle(flat(3*day+i, exchange.Ticks(101+i))) // the average of 101 to 104 is 102.5
	}
	if got := strategytest.Only(last, strategy.PlaceCommand); len(got) != 1 || got[0].Side != exchange.Buy {
		t.Errorf("on a Sunday it does %+v", last)
	}
	h.View.Base, h.View.Cost = 50, 5000
	last = h.Candle(flat(3*day+4, 100))
	if said := strategytest.Only(last, strategy.NoteCommand); len(said) != 1 || len(strategytest.Only(last, strategy.PlaceCommand)) != 0 || !strings.Contains(said[0].Text, "could not be evaluated: runtime error: integer divide by zero") {
		t.Errorf("with a rule that fails it does %+v", last)
	}
	if got := strategytest.Only(h.Candle(flat(4*day, 100)), strategy.PlaceCommand); len(got) != 1 || got[0].Side != exchange.Sell {
		t.Errorf("on Monday it does %+v", got)
	}
}

// TestWhatCannotBeSoldIsNoPosition proves that a rest below the market's least order does not
// keep the rules from buying, and that nothing is bought twice while an order is under way.
func TestWhatCannotBeSoldIsNoPosition(t *testing.T) {
	t.Parallel()
	market := strategytest.Market()
	market.MinVolume = 10
	h := strategytest.New(t, rules.Definition(), strategytest.Config{
		Market: market, Params: params(t, map[string]any{"entry": "!holding", "exit": "true", "size": 50}), Explain: true,
	})
	h.View.Base, h.View.Cost = 9, 900
	got := strategytest.Only(h.Closes(100), strategy.PlaceCommand)
	if len(got) != 1 || got[0].Side != exchange.Buy {
		t.Fatalf("with a rest that cannot be sold it orders %+v", got)
	}
	h.View.Orders = []strategy.OpenOrder{{Ref: got[0].Ref, Side: exchange.Buy, Type: exchange.MarketOrder, Value: got[0].Value}}
	h.View.ReservedCounter = got[0].Value
	if got := h.Closes(100); len(strategytest.Only(got, strategy.PlaceCommand)) != 0 {
		t.Errorf("while its order is under way it orders %+v", got)
	}
	h.View.Orders, h.View.ReservedCounter, h.View.Base = nil, 0, 10
	if got := strategytest.Only(h.Closes(100), strategy.PlaceCommand); len(got) != 1 || got[0].Side != exchange.Sell {
		t.Errorf("with what can be sold it orders %+v", got)
	}
}

// TestAPositionOfAnEarlierRunGetsItsExits proves that a stop and a target also hold for what
// the rules have not bought themselves.
func TestAPositionOfAnEarlierRunGetsItsExits(t *testing.T) {
	t.Parallel()
	_, h := hold(t, map[string]any{"entry": "false", "exit": "false", "stop": 2.5, "target": 10})
	h.View.Base, h.View.Cost = 10, 10_000
	got := strategytest.Only(h.Closes(1000), strategy.ExitsCommand)
	if len(got) != 1 || got[0].Exits != (strategy.Exits{Stop: 975, Target: 1100}) {
		t.Errorf("it set %+v", got)
	}
	h.View.Exits = strategy.Exits{Stop: 975, Target: 1100}
	if got := strategytest.Only(h.Closes(1000), strategy.ExitsCommand); len(got) != 0 {
		t.Errorf("once more it set %+v", got)
	}
}

// TestManyLinesKeepNoOrderBack proves that rules over very many prices, all of which a live bot's
// page could draw, trade there as they do in a backtest, where nobody looks: a bot may give so
// many commands at once, and lines are such.
func TestManyLinesKeepNoOrderBack(t *testing.T) {
	t.Parallel()
	var sum []string
	for n := range 70 {
		sum = append(sum, fmt.Sprintf("sma(%d)", n+2))
	}
	bought := map[bool]int{}
	for _, explain := range []bool{false, true} {
		p := strategytest.NewPaper(t, rules.Definition(), strategytest.PaperConfig{
			Explain: explain, Params: params(t, map[string]any{"entry": strings.Join(sum, "+") + " > 0", "exit": "false"}),
		})
		for _, c := range strategytest.Walk(1, 80) {
			p.Candle(c)
		}
		bought[explain] = len(p.Fills())
	}
	if bought[false] != 1 || bought[true] != 1 {
		t.Errorf("it buys %d times, and %d times where its notes are read", bought[false], bought[true])
	}
}
