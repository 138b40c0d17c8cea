package strategytest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/indicator"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// wants handles every kind of event and keeps all of its state.
type wants struct {
	Heard map[string]int
	RSI   *indicator.RSI
}

func (s *wants) OnStart(*strategy.Bot) { s.Heard["start"]++ }

func (s *wants) OnFill(b *strategy.Bot, f strategy.Fill) {
	s.Heard["fill"]++
	b.SetExits(strategy.Exits{Stop: f.Price * 9 / 10})
}

func (s *wants) OnOrder(b *strategy.Bot, u strategy.OrderUpdate) {
	s.Heard[u.State.String()]++
	b.Note("order %d is %s", u.Ref, u.State)
}

func (s *wants) OnCandle(b *strategy.Bot, c exchange.Candle) {
	s.Heard["candle"]++
	s.RSI.Update(c.Close.Float())
	b.Note("%v", s.Heard)
	b.Plot("rsi", s.RSI.Value())
	switch {
	case len(b.Orders()) > 3:
		b.CancelAll()
	case b.Position() > 0:
		b.Limit(exchange.Sell, c.Close+30, b.FreeBase()/2+1)
	case s.Heard["candle"]%10 == 0:
		b.BuyWith(b.FreeCounter() / 2)
	}
}

func (s *wants) Warmup() int { return 14 }

func (s *wants) Subscribe() strategy.Subscription {
	return strategy.Subscription{Book: true, Trades: true, Pairs: []string{"ETHMYR", "LTCMYR"}}
}

func (s *wants) OnTrades(b *strategy.Bot, trades []exchange.Trade) {
	s.Heard["trades"] += len(trades)
	var volume exchange.Steps
	for _, trade := range trades {
		volume += trade.Volume
	}
	b.Note("%d in all, the last of them %+v", volume, trades[len(trades)-1])
}

func (s *wants) OnBook(b *strategy.Bot, t exchange.Top) {
	s.Heard["book"]++
	if len(b.Orders()) == 0 && s.Heard["book"]%7 == 0 {
		b.PostOnly(exchange.Buy, t.Bid.Price, 50_000)
	}
}

func (s *wants) OnPair(b *strategy.Bot, pair string, c exchange.Candle) {
	s.Heard[pair]++
	b.Note("%s %+v", pair, c)
}

// The strategies below break one promise each.

type forgetful struct {
	Seen  int
	Since int `json:"-"`
}

func (s *forgetful) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	s.Since++
	b.Note("%d since the last restart", s.Since)
}

type erratic struct{ Calls *int }

func (s *erratic) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	*s.Calls++
	b.Note("call %d of all", *s.Calls)
}

type fragile struct{ Last exchange.Candle }

func (s *fragile) OnCandle(b *strategy.Bot, c exchange.Candle) {
	b.Note("the range is %d", 100/(c.High-c.Low))
}

type talkative struct{ Seen int }

func (s *talkative) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	b.Note("%s", strings.Repeat("word ", 1000))
}

func define(make func() strategy.Strategy) strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "test", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return make() })
}

func good() strategy.Definition {
	return define(func() strategy.Strategy { return &wants{Heard: map[string]int{}, RSI: indicator.NewRSI(14)} })
}

func TestConformanceOfAGoodStrategy(t *testing.T) {
	t.Parallel()
	strategytest.Conformance(t, good())
}

// brokenVariable makes this test binary run a broken strategy, which must fail.
const brokenVariable = "STRATEGYTEST_BROKEN"

func TestConformanceOfABrokenStrategy(t *testing.T) {
	t.Parallel()
	calls := 0
	broken := map[string]struct {
		def  strategy.Definition
		want string
	}{
		"forgetful": {define(func() strategy.Strategy { return &forgetful{} }), "Is all of the state saved?"},
		"erratic":   {define(func() strategy.Strategy { return &erratic{Calls: &calls} }), "the same events gave other commands"},
		"fragile":   {define(func() strategy.Strategy { return &fragile{} }), "divide by zero"},
		"talkative": {define(func() strategy.Strategy { return &talkative{} }), "through gRPC the commands are"},
	}
	if name := os.Getenv(brokenVariable); name != "" {
		strategytest.Conformance(t, broken[name].def)
		return
	}
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestConformanceOfABrokenStrategy$/^market")
			c.Env = append(os.Environ(), brokenVariable+"="+name)
			out, err := c.CombinedOutput()
			if err == nil || !strings.Contains(string(out), b.want) {
				t.Errorf("the check ended with %v, want it to fail with %q:\n%s", err, b.want, out)
			}
		})
	}
}

func TestHarnessKeepsTheOrderNumbers(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, good(), strategytest.Config{})
	h.Start()
	var orders []strategy.Command
	for range 30 {
		orders = append(orders, strategytest.Only(h.Close(250_000), strategy.PlaceCommand)...)
	}
	if len(orders) != 3 || orders[0].Ref != 1 || orders[2].Ref != 3 {
		t.Errorf("the orders are %+v, want three numbered from 1", orders)
	}
	exits := strategytest.Only(h.Fill(strategy.Fill{Ref: 1, Price: 1000, Side: exchange.Buy, Volume: 5}), strategy.ExitsCommand)
	if len(exits) != 1 || exits[0].Exits.Stop != 900 {
		t.Errorf("after a fill it sets %+v", exits)
	}
	state := h.Snapshot()
	again := strategytest.New(t, good(), strategytest.Config{Snapshot: &state, Explain: true})
	if got := again.Order(strategy.OrderUpdate{Ref: 2, State: strategy.OrderOpen}); len(got) != 1 || got[0].Text != "order 2 is open" {
		t.Errorf("it says %+v", got)
	}
	if got := again.Close(1); !strings.Contains(got[0].Text, "candle:31 fill:1 open:1 start:1") {
		t.Errorf("restored it remembers %q", got[0].Text)
	}
}
