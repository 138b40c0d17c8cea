package strategytest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

func TestPaperCarriesOutWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	p := strategytest.NewPaper(t, good(), strategytest.PaperConfig{Fees: exchange.Fees{Taker: 100_000}})
	checked := 0
	p.Check = func(strategytest.Step) { checked++ }
	candles := strategytest.Walk(3, 60)
	p.Warm(candles[:p.Warmup()]...)
	if len(p.Fills()) != 0 || checked != 0 {
		t.Errorf("the warm-up traded: %v", p.Fills())
	}
	steps := len(p.Start())
	for _, c := range candles[p.Warmup():] {
		steps += len(p.Candle(c))
	}
	if v := p.View(); len(p.Fills()) < 2 || v.Base == 0 || checked != steps {
		t.Errorf("%d fills, %d of %d steps checked, %+v", len(p.Fills()), checked, steps, v)
	}
	var state struct{ Heard map[string]int }
	p.State(&state)
	p.Restart()
	var again struct{ Heard map[string]int }
	p.State(&again)
	if state.Heard["candle"] != 60 || fmt.Sprint(state) != fmt.Sprint(again) {
		t.Errorf("before the restart it had heard %v, after it %v", state, again)
	}
}

func TestPaperTellsRefusals(t *testing.T) {
	t.Parallel()
	p := strategytest.NewPaper(t, define(func() strategy.Strategy { return &greedy{} }), strategytest.PaperConfig{})
	for _, c := range strategytest.Walk(1, 2) {
		p.Candle(c)
	}
	if got := p.Refusals(); len(got) != 2 || !strings.Contains(got[0], "are free") {
		t.Errorf("it tells %q", got)
	}
}

// greedy buys for more than it has.
type greedy struct{ Seen int }

func (s *greedy) OnCandle(b *strategy.Bot, _ exchange.Candle) { b.BuyWith(b.FreeCounter() + 1) }

func TestWalkIsTheSameForTheSameSeedAndValid(t *testing.T) {
	t.Parallel()
	a, b := strategytest.Walk(1, 2000), strategytest.Walk(2, 2000)
	if !slices.Equal(a, strategytest.Walk(1, 2000)) || slices.Equal(a, b) {
		t.Error("the candles do not follow from the seed")
	}
	var flat, gaps int
	for i, c := range a {
		if !c.Valid() || i > 0 && c.Time != a[i-1].Time+60_000 {
			t.Fatalf("candle %d is %+v after %+v", i, c, a[max(0, i-1)])
		}
		if c.IsFlat() {
			flat++
		} else if i > 0 && c.Open != a[i-1].Close {
			gaps++
		}
	}
	if flat < 20 || gaps < 20 {
		t.Errorf("%d candles without a trade and %d jumps", flat, gaps)
	}
}

// The strategies below break one rule of LongOnly each.

type pyramid struct{ Seen int }

func (s *pyramid) OnCandle(b *strategy.Bot, _ exchange.Candle) { b.BuyWith(b.FreeCounter() / 10) }

type short struct{ Seen int }

func (s *short) OnCandle(b *strategy.Bot, _ exchange.Candle) { b.Sell(b.FreeBase() + 1) }

type tight struct{ Seen int }

func (s *tight) OnCandle(b *strategy.Bot, c exchange.Candle) {
	b.SetExits(strategy.Exits{Stop: c.Close})
}

type lavish struct{ Seen int }

func (s *lavish) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	if s.Seen++; s.Seen > 5 && b.Position() == 0 {
		b.BuyWith(b.FreeCounter())
	}
}

type late struct {
	Seen  int
	Since int `json:"-"`
}

func (s *late) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	if s.Since++; s.Since == 9 {
		b.BuyWith(b.FreeCounter() / 10)
	}
}

// failure is a Reporter that a test looks at.
type failure struct{ text string }

func (*failure) Helper() {}

func (f *failure) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(f)
}

func TestLongOnlyCatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func() strategy.Strategy
		want string
	}{
		"buying more":       {func() strategy.Strategy { return &pyramid{} }, "it buys while it holds"},
		"selling short":     {func() strategy.Strategy { return &short{} }, "it sells 1 of 0"},
		"a stop at once":    {func() strategy.Strategy { return &tight{} }, "it sets the exits"},
		"a larger share":    {func() strategy.Strategy { return &lavish{} }, "50 % are allowed"},
		"a forgotten state": {func() strategy.Strategy { return &late{} }, "Is all of the state saved?"},
		"a hurry":           {func() strategy.Strategy { return &greedy{} }, "before it has seen 3"},
		"nothing wrong":     {func() strategy.Strategy { return &talkative{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &failure{}
			func() {
				defer func() {
					if p := recover(); p != nil && p != any(f) {
						panic(p)
					}
				}()
				rules := strategytest.LongRules{Restart: 4, Share: 50}
				if c.want == "before it has seen 3" {
					rules.Ready = 3
				}
				strategytest.LongOnly(f, define(c.make), strategytest.PaperConfig{}, strategytest.Walk(1, 30), rules)
			}()
			if (c.want == "") != (f.text == "") || !strings.Contains(f.text, c.want) {
				t.Errorf("it says %q, want %q", f.text, c.want)
			}
		})
	}
}

//nolint:paralleltest // it counts the allocations of the whole process.
func TestAllocationsAreCounted(t *testing.T) {
	if n := strategytest.Allocations(t, define(func() strategy.Strategy { return &waster{} }), `{}`); n < 1 {
		t.Errorf("%v allocations a candle of a strategy that makes one", n)
	}
	if n := strategytest.Allocations(t, define(func() strategy.Strategy { return &tight{} }), `{}`); n != 0 {
		t.Errorf("%v allocations a candle of a strategy that makes none", n)
	}
}

// waster makes something new at each candle.
type waster struct{ Seen []int }

func (s *waster) OnCandle(*strategy.Bot, exchange.Candle) { s.Seen = make([]int, 100) }

// A strategy hears what it subscribes to in a simulated account too: trades and other
// pairs that follow the market's own candles unless the test brings others, and a book
// where the costs have a spread.
func TestPaperTellsWhatIsSubscribedTo(t *testing.T) {
	t.Parallel()
	def := good()
	heard := func(cfg strategytest.PaperConfig) map[string]int {
		p := strategytest.NewPaper(t, def, cfg)
		for _, c := range strategytest.Walk(1, 50) {
			p.Candle(c)
		}
		var state struct{ Heard map[string]int }
		p.State(&state)
		return state.Heard
	}
	got := heard(strategytest.PaperConfig{Costs: paper.Costs{Spread: 100_000}})
	if got["ETHMYR"] != 50 || got["LTCMYR"] != 50 || got["trades"] != 200 || got["book"] == 0 {
		t.Errorf("of 50 candles it heard %v", got)
	}
	got = heard(strategytest.PaperConfig{Beside: func(c exchange.Candle) engine.Beside {
		return engine.Beside{Pairs: []engine.PairCandle{{Pair: "ETHMYR", Candle: c}}}
	}})
	if got["ETHMYR"] != 50 || got["LTCMYR"]+got["trades"]+got["book"] != 0 {
		t.Errorf("of what the test brings it heard %v", got)
	}
}
