package rules_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/plugins/rules/rules"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/indicator"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

func params(tb testing.TB, p map[string]any) string {
	tb.Helper()
	raw, err := json.Marshal(p)
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

// proves PL1
func TestConformance(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, rules.Definition())
}

// proves PL1
func TestGolden(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 3000)
	strategytest.Golden(t, rules.Definition(), cfg, candles, "testdata/demo.golden")
}

// TestTheCrossInRules writes the bundled moving-average cross as rules: the same
// trades come out.
func TestTheCrossInRules(t *testing.T) {
	t.Parallel()
	cfg, candles := strategytest.Demo(t, 20_000)
	want, err := backtest.Run(t.Context(), basic.Definition(), cfg, marketdata.NewSliceSource(candles), nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Params = []byte(params(t, map[string]any{"entry": "crossover(sma(10), sma(30))", "exit": "crossunder(sma(10), sma(30))"}))
	got, err := backtest.Run(t.Context(), rules.Definition(), cfg, marketdata.NewSliceSource(candles), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want.Trades.Len() < 100 || got.Trades.Len() != want.Trades.Len() || got.FinalEquity != want.FinalEquity {
		t.Errorf("%d trades and %d at the end, want %d and %d", got.Trades.Len(), got.FinalEquity, want.Trades.Len(), want.FinalEquity)
	}
}

func TestFaultsSayWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ field, text, want string }{
		{"entry", "close >", "entry has a fault in line 1, column 7: it ends too early"},
		{"entry", "close > smaa(10)", "line 1, column 9: unknown name smaa"},
		{"entry", "close", "entry has a fault in line 1, column 1: expected bool, but got float64"},
		{"entry", "rsi(14) > true", "line 1, column 9: invalid operation: > (mismatched types float64 and bool)"},
		{"entry", "close > sma(0)", "line 1, column 9: sma: period must be between 1 and 10000, not 0"},
		{"entry", "close > sma(1.5)", "period must be a whole number, not 1.5"},
		{"entry", "close > sma(close)", "line 1, column 13: sma takes plain numbers only"},
		{"entry", "close > sma(1, 2)", "sma takes at most 1 numbers, not 2"},
		{"exit", "macd().colour > 0", "macd has no line colour: it has line, signal, histogram"},
		{"exit", "crossover(close)", "a cross takes two expressions"},
		{"exit", "crossover(close > 1, close)", "it must be a number"},
		{"exit", "prev(close, 0) > 1", "prev looks back a whole number of candles from 1 to 1000"},
		{"exit", "prev() > 1", "prev takes an expression"},
		{"exit", "__v[3] > 1", "line 1, column 1: __ may not be used"},
		{"exit", "len(\"abc\") > 1", "unknown name len"},
		{"define", "a", "define has a fault in line 1, column 1: a is not written as name = expression"},
		{"define", "a = 1; close > 3", "define has a fault in line 1, column 8: close > 3 is not written as name = expression"},
		{"define", "a = 1; close >= 3", "define has a fault in line 1, column 8: the name \"close >\" must be"},
		{"define", "up = close > open;   dip = rsi(14) <  smaa(3)", "define has a fault in dip: line 1, column 39: unknown name smaa"},
		{"define", "é_ = 1;", "line 1, column 1: the name \"é_\" must be"},
		{"define", "up = rsi(0) > close; down = rsi(0)", "define has a fault in down: line 1, column 29: rsi: period must be"},
		{"define", "a = \"text\"; b = a + 1", "define has a fault in b: line 1, column 17: unknown name a"},
		{"define", "true = 1", "the name true is taken"},
		{"entry", "close > 99999999999999999999", "line 1, column 28: invalid integer literal"},
		{"entry", "close > 1 && rsi(14 > 3", "line 1, column 23: it ends too early"},
		{"entry", "close > prev(close, -1)", "column 21: prev looks back a whole number"},
		{"entry", "close > sma(-5)", "column 9: sma: period must be between 1 and 10000, not -5"},
		{"entry", "close > sma(99999999999)", "column 9: sma: period must be between 1 and 10000, not 9.9999999999e+10"},
		{"entry", "close[0] > 1", "line 1, column 6"},
		{"entry", "sma(20)[-1] > 1", "line 1"},
		{"entry", "abs(close, 1) > 1", "line 1, column 1"},
		{"entry", "close(1) > 1", "line 1, column 1"},
		{"entry", "close > \"a\"", "line 1, column 7"},
		{"entry", "prev(close > 1)", "line 1"},
		{"define", "a = ", "define has a fault in a: line 1, column 5: it ends too early"},
		{"define", "rsi = close", "the name rsi is taken"},
		{"define", "close = 1", "the name close is taken"},
		{"define", "a = 1; a = 2", "the name a is taken"},
		{"define", "Öl = 1", "the name \"Öl\" must be lower-case letters"},
		{"define", "a = b; b = 1", "define has a fault in a: line 1, column 5: unknown name b"},
		{"define", "a = \"text\"", "it must be a number or a condition"},
	} {
		_, err := rules.Definition().Open(strategy.OpenInput{Params: []byte(params(t, map[string]any{c.field: c.text}))})
		var faults param.Errors
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), c.want) || faults[0].Name != c.field {
			t.Errorf("%s %q gave %v, want %q", c.field, c.text, err, c.want)
		}
	}
}

// proves RK4
func TestRulesThatTakeTooMuch(t *testing.T) {
	t.Parallel()
	long := map[string]any{"entry": strings.Repeat("!", 600) + "true"}
	if _, err := rules.Definition().Open(strategy.OpenInput{Params: []byte(params(t, long))}); err == nil {
		t.Error("a rule of 600 operators was taken")
	}
	steps := make([]string, 101)
	for i := range steps {
		steps[i] = fmt.Sprintf("sma(%d)", i+1)
	}
	many := map[string]any{"define": "a = " + strings.Join(steps, " + ")}
	if _, err := rules.Definition().Open(strategy.OpenInput{Params: []byte(params(t, many))}); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("101 indicators gave %v", err)
	}
	for field, text := range map[string]string{
		"define": "a = sma(10000) + ema(9999) + sma(2)",
		"entry":  "donchian(10000).upper > aroon(9990).up + prev(close, 11)",
	} {
		far := map[string]any{field: text}
		_, err := rules.Definition().Open(strategy.OpenInput{Params: []byte(params(t, far))})
		if err == nil || !strings.Contains(err.Error(), "more than 20000 candles together") || !strings.Contains(err.Error(), field) {
			t.Errorf("20,001 candles to remember in %s gave %v", field, err)
		}
	}
	enough := map[string]any{"entry": "sma(10000) > ema(9000)", "exit": "sma(10000) < prev(ema(9000), 1000)"}
	if _, err := rules.Definition().Open(strategy.OpenInput{Params: []byte(params(t, enough))}); err != nil {
		t.Errorf("20,000 candles to remember gave %v", err)
	}
	gone := map[string]any{"entry": "hour % (hour - hour) == 1", "exit": "false"}
	h := strategytest.New(t, rules.Definition(), strategytest.Config{Params: params(t, gone), Explain: true})
	if got := h.Closes(100); len(got) != 1 || !strings.Contains(got[0].Text, "could not be evaluated: runtime error: integer divide by zero") {
		t.Errorf("a division by nothing gave %+v", got)
	}
}

// TestNoLoops proves that a rule takes no more time than it has words: what
// could go over a list, or over lists in lists, is refused with its place. The
// bots of all tenants may share one process of this strategy.
func TestNoLoops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"all(1..9000, all(1..9000, close > 0))", "line 1, column 10: .. is not part of the language"},
		{"(1..10000000)[0] > 0", "column 7: .. is not part of the language"},
		{"close > 0 && any([1, 2, 3], # > 2)", "column 22: a list is not part of the language"},
		{"min([1, 2]) > 0", "column 9: a list is not part of the language"},
		{"prev(sum([1, 2])) > 0", "column 14: a list is not part of the language"},
		{"hour in 9..17", "is not part of the language"},
		{"{\"a\": 1}.a > 0", "is not part of the language"},
		{"let x = close; x > 1", "is not part of the language"},
		{"true; true", "is not part of the language"},
		{"\"aaaa\" matches \"(a+)+b\"", "matches is not part of the language"},
		{"count(__v, # > 1) > 0", "__ may not be used"},
		{"(nil ?? close) > 0", "is not part of the language"},
	} {
		for _, field := range []string{"entry", "define"} {
			text := c.text
			if field == "define" {
				text = "a = " + text
			} else {
				text = "    " + text // its columns are those of the definition
			}
			if field == "define" && strings.Contains(text, ";") {
				continue // the semicolon parts definitions
			}
			_, err := rules.Definition().Open(strategy.OpenInput{Params: []byte(params(t, map[string]any{field: text}))})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %q gave %v, want %q", field, text, err, c.want)
			}
		}
	}
}

func TestEveryFault(t *testing.T) {
	t.Parallel()
	_, err := rules.Definition().Open(strategy.OpenInput{Params: []byte(params(t, map[string]any{"define": "a = (; b = )", "entry": "(", "exit": ")"}))})
	var faults param.Errors
	if !errors.As(err, &faults) || len(faults) != 4 {
		t.Errorf("four faults gave %v", err)
	}
}

// hold runs rules over closes and returns the orders.
func hold(t *testing.T, p map[string]any, closes ...exchange.Ticks) (orders []strategy.Command, h *strategytest.Harness) {
	t.Helper()
	h = strategytest.New(t, rules.Definition(), strategytest.Config{Params: params(t, p), Explain: true})
	for _, price := range closes {
		orders = append(orders, strategytest.Only(h.Closes(price), strategy.PlaceCommand)...)
	}
	return orders, h
}

func TestTheLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, define, entry string
		closes              []exchange.Ticks
		buys                int
	}{
		{"the candle", "", "close > 100", []exchange.Ticks{100, 101, 99, 102}, 2},
		{"an indicator", "", "close > sma(2)", []exchange.Ticks{100, 101, 99, 102}, 2},
		{"nothing before it is ready", "", "!(close < sma(3))", []exchange.Ticks{100, 101, 103, 104}, 2},
		{"a line by name", "", "bollinger(2, 1).upper > bollinger(2, 1)", []exchange.Ticks{100, 100, 101}, 1},
		{"one's own number", "edge = sma(1) + 1", "close < prev(edge) - 1", []exchange.Ticks{100, 101, 100, 99}, 2},
		{"one's own condition", "up = close > prev(close)", "up", []exchange.Ticks{100, 101, 100, 101}, 2},
		{"one built on another", "a = close * 2; b = a / 2 + 0", "b == close", []exchange.Ticks{100, 101}, 2},
		{"a look back", "", "close > prev(close, 3)", []exchange.Ticks{100, 99, 98, 101, 97, 99}, 2},
		{"a cross", "", "crossover(close, 100)", []exchange.Ticks{99, 101, 102, 99, 101}, 2},
		{"a cross below", "", "crossunder(close, 100)", []exchange.Ticks{99, 101, 102, 99, 101}, 1},
		{"a cross of one's own", "gap = close - 100", "crossover(gap, 0)", []exchange.Ticks{99, 101}, 1},
		{"the functions of the language", "", "max(abs(close - 100), 2) > 2", []exchange.Ticks{99, 103, 96}, 2},
		{"a choice", "", "(close > 100 ? 1 : 0) == 1", []exchange.Ticks{99, 103}, 1},
		{"no position", "", "!holding && held == 0 && entry == 0 && profit == 0", []exchange.Ticks{99}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			orders, _ := hold(t, map[string]any{"define": c.define, "entry": c.entry, "exit": "false"}, c.closes...)
			if len(orders) != c.buys {
				t.Errorf("%d buys, want %d: %+v", len(orders), c.buys, orders)
			}
		})
	}
}

func TestThePosition(t *testing.T) {
	t.Parallel()
	_, h := hold(t, map[string]any{"entry": "false", "exit": "profit >= 10 || held >= 3"}, 100)
	h.View.Base, h.View.Cost = 50, 5000
	if got := strategytest.Only(h.Closes(100, 109), strategy.PlaceCommand); len(got) != 0 {
		t.Errorf("it sold too early: %+v", got)
	}
	got := strategytest.Only(h.Closes(105), strategy.PlaceCommand)
	if len(got) != 1 || got[0].Side != exchange.Sell || got[0].Volume != 50 || !strings.Contains(got[0].Text, "the exit rule holds") {
		t.Errorf("after three candles it gave %+v", got)
	}
	h.View.Base, h.View.Cost = 0, 0
	h.Closes(100)
	h.View.Base, h.View.Cost = 50, 5000
	if got := strategytest.Only(h.Closes(110), strategy.PlaceCommand); len(got) != 1 {
		t.Errorf("at ten percent it gave %+v", got)
	}
}

func TestBuysSetTheExits(t *testing.T) {
	t.Parallel()
	_, h := hold(t, map[string]any{"entry": "true", "exit": "false", "stop": 2.5, "target": 10}, 100)
	h.View.Base, h.View.Cost = 10, 10_000
	got := strategytest.Only(h.Fill(strategy.Fill{Ref: 1, Side: exchange.Buy, Price: 1000, Volume: 10}), strategy.ExitsCommand)
	if len(got) != 1 || got[0].Exits != (strategy.Exits{Stop: 975, Target: 1100}) {
		t.Errorf("after a buy at 1,000 it set %+v", got)
	}
	if got := h.Fill(strategy.Fill{Ref: 2, Side: exchange.Sell, Price: 1000, Volume: 5}); len(got) != 0 {
		t.Errorf("after a sale it said %+v", got)
	}
}

// proves PL1: any rules go on from a snapshot as they would have without.
func TestAnyRulesGoOnFromASnapshot(t *testing.T) {
	t.Parallel()
	var calls []string
	for _, e := range indicator.Catalog() {
		for _, line := range e.Lines {
			calls = append(calls, e.Name+"()."+line)
		}
	}
	_, candles := strategytest.Demo(t, 400)
	rapid.Check(t, func(rt *rapid.T) {
		term := rapid.SampledFrom(calls)
		a, b, c := term.Draw(rt, "a"), term.Draw(rt, "b"), term.Draw(rt, "c")
		p := params(t, map[string]any{
			"define": "mine = " + a + " * 2; late = prev(" + b + ", 3)", "entry": "crossover(mine, late) || " + c + " > prev(" + c + ")", "exit": "mine < late",
		})
		at := rapid.IntRange(0, len(candles)-1).Draw(rt, "at")
		whole, parts := open(t, p, nil), open(t, p, nil)
		var view strategy.View
		view.Counter, view.NextRef = 1_000_000, 1
		for i, candle := range candles {
			ev := strategy.Event{Kind: strategy.CandleEvent, Time: candle.Time + 60_000, Candle: candle}
			want, got := whole.Deliver(&view, &ev), parts.Deliver(&view, &ev)
			if len(want) != len(got) {
				rt.Fatalf("candle %d: %+v after a restore, %+v without", i, got, want)
			}
			if i != at {
				continue
			}
			snapshot, err := parts.Snapshot()
			if err != nil {
				rt.Fatal(err)
			}
			parts = open(t, p, &snapshot)
		}
		a1, err := whole.Snapshot()
		if err != nil {
			rt.Fatal(err)
		}
		if b1, err := parts.Snapshot(); err != nil || string(a1.Data) != string(b1.Data) {
			rt.Fatalf("the states differ (%v):\n%s\n%s", err, a1.Data, b1.Data)
		}
	})
}

func open(t *testing.T, p string, s *strategy.Snapshot) *strategy.Instance {
	t.Helper()
	i, err := rules.Definition().Open(strategy.OpenInput{Market: strategytest.Market(), Interval: time.Minute, Params: []byte(p), Snapshot: s})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// proves PL7
func TestStatesOfOtherRulesAreRefused(t *testing.T) {
	t.Parallel()
	i := open(t, params(t, map[string]any{"entry": "close > sma(5)", "exit": "close < sma(5)"}), nil)
	s, err := i.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		entry   string
		version int
	}{{"close > prev(close) && close > sma(5)", 1}, {"close > sma(6)", 2}} {
		s.Version = c.version
		p := params(t, map[string]any{"entry": c.entry, "exit": "close < sma(5)"})
		if _, err := rules.Definition().Open(strategy.OpenInput{Interval: time.Minute, Params: []byte(p), Snapshot: &s}); err == nil {
			t.Errorf("%s of version %d took another's state", c.entry, c.version)
		}
	}
}

// FuzzRules proves RK4: whatever is written, it compiles or is refused, and
// running it never panics.
func FuzzRules(f *testing.F) {
	f.Add("a = sma(3)", "crossover(a, close)", "prev(a, 2) > 1")
	f.Add("", "macd().signal > 0 ? true : false", "holding")
	f.Add("x = 1 / 0", "x > 0", "1 % 0 == 0")
	f.Add("a = \"text\"; b = a + 1", "b > 0", "a") // a name whose expression was refused
	_, candles := strategytest.Demo(f, 60)
	f.Fuzz(func(t *testing.T, define, entry, exit string) {
		raw, err := json.Marshal(map[string]any{"define": define, "entry": entry, "exit": exit})
		if err != nil {
			return
		}
		i, err := rules.Definition().Open(strategy.OpenInput{Market: strategytest.Market(), Interval: time.Minute, Params: raw, Explain: true})
		if err != nil {
			return
		}
		view := strategy.View{Counter: 1_000_000, NextRef: 1}
		for _, c := range candles {
			if _, err := i.TryDeliver(&view, &strategy.Event{Kind: strategy.CandleEvent, Time: c.Time + 60_000, Candle: c}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := i.Snapshot(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestNamesOfFunctionsAreNames proves that what a tenant called as a function of the language
// is called goes on, also beside the function, and that words that can be no value are refused.
func TestNamesOfFunctionsAreNames(t *testing.T) {
	t.Parallel()
	for params, good := range map[string]bool{
		`{"define":"max = sma(3)","entry":"close > max"}`: true, `{"define":"abs = sma(3); x = abs*2","entry":"close > max(x, abs(abs))"}`: true,
		`{"define":"prev = sma(3)","entry":"close > prev"}`: true, `{"define":"in = sma(3)"}`: false, `{"define":"true = 2"}`: false,
	} {
		if err := rules.Definition().Check([]byte(params)); (err == nil) != good {
			t.Errorf("%s gives %v", params, err)
		}
	}
}
