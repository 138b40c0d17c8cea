package risk_test

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/risk"
)

func market() exchange.Market {
	return exchange.Market{Pair: "AAABBB", Base: "AAA", Counter: "BBB", Tick: decimal.New(1, 0), Step: decimal.New(1, -2), MinVolume: 5, Status: exchange.MarketActive}
}

func guard(t *testing.T, cfg risk.Config) *risk.Guard {
	t.Helper()
	g, err := risk.NewGuard(cfg, market())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestConfigNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := risk.NewGuard(risk.Config{MaxCommands: -1, MaxOrders: -1, MaxPosition: -1, StopLoss: exchange.RateOne, TakeProfit: -1,
		MaxOrdersAMinute: -1, TrailingStop: exchange.RateOne, MaxHold: -1, CoolDown: -1, MaxDailyLoss: exchange.RateOne, MaxDrawdown: -1}, market())
	for _, want := range []string{"commands", "orders", "position", "stop-loss", "take-profit", "orders a minute", "trailing", "holding", "cool-down", "daily loss", "drawdown"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name the %s: %v", want, err)
		}
	}
}

// proves RK1, RK4: what is denied, and what is made smaller.
func TestCheck(t *testing.T) {
	t.Parallel()
	view := strategy.View{Base: 100, ReservedBase: 40, Counter: 10_000, ReservedCounter: 2_000}
	order := func(side exchange.Side, change func(c *strategy.Command)) strategy.Command {
		c := strategy.Command{Side: side, Type: exchange.MarketOrder, Volume: 10}
		change(&c)
		return c
	}
	none := func(*strategy.Command) {}
	full := view
	full.Orders = make([]strategy.OpenOrder, 100)
	cases := map[string]struct {
		cfg     risk.Config
		view    strategy.View
		command strategy.Command
		denied  string // "" is allowed
		volume  exchange.Steps
	}{
		"a buy":                     {risk.Config{}, view, order(exchange.Buy, none), "", 10},
		"all that is free":          {risk.Config{}, view, order(exchange.Sell, func(c *strategy.Command) { c.Volume = 60 }), "", 60},
		"more than is free":         {risk.Config{}, view, order(exchange.Sell, func(c *strategy.Command) { c.Volume = 61 }), "0.6 that are free", 0},
		"more cash than is free":    {risk.Config{}, view, order(exchange.Buy, func(c *strategy.Command) { c.Volume, c.Value = 0, 8_001 }), "8", 0},
		"no side":                   {risk.Config{}, view, order(0, none), "no side", 0},
		"no type":                   {risk.Config{}, view, order(exchange.Buy, func(c *strategy.Command) { c.Type = 9 }), "no type", 0},
		"no volume":                 {risk.Config{}, view, order(exchange.Buy, func(c *strategy.Command) { c.Volume = 0 }), "no volume", 0},
		"a volume below zero":       {risk.Config{}, view, order(exchange.Buy, func(c *strategy.Command) { c.Volume = -1 }), "below 0", 0},
		"a price a hundredfold off": {risk.Config{}, view, order(exchange.Buy, func(c *strategy.Command) { c.Type, c.Price = exchange.LimitOrder, 5_001 }), "hundredfold", 0},
		"too many orders":           {risk.Config{}, full, order(exchange.Buy, none), "100 orders", 0},
		"room for less":             {risk.Config{MaxPosition: 107}, view, order(exchange.Buy, none), "", 7},
		"room for too little":       {risk.Config{MaxPosition: 104}, view, order(exchange.Buy, none), "largest position", 0},
		"a value made a volume":     {risk.Config{MaxPosition: 120}, view, order(exchange.Buy, func(c *strategy.Command) { c.Volume, c.Value = 0, 8_000 }), "", 20},
		"selling is never capped":   {risk.Config{MaxPosition: 1}, view, order(exchange.Sell, none), "", 10},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, denied := guard(t, c.cfg).Check(risk.Account{View: &c.view, Price: 50}, c.command)
			if (denied == "") != (c.denied == "") || !strings.Contains(denied, c.denied) {
				t.Fatalf("denied because %q, want %q", denied, c.denied)
			}
			if denied == "" && got.Volume != c.volume {
				t.Errorf("the volume is %d, want %d", got.Volume, c.volume)
			}
		})
	}
}

func TestExits(t *testing.T) {
	t.Parallel()
	g := guard(t, risk.Config{StopLoss: exchange.RateOne / 20, TakeProfit: exchange.RateOne / 10})
	if e := g.Exits(strategy.Exits{}, 1_000, 0); e.Stop != 950 || e.Target != 1_100 {
		t.Errorf("from the bounds: %+v", e)
	}
	if e := g.Exits(strategy.Exits{Stop: 980, Target: 1_050}, 1_000, 0); e.Stop != 980 || e.Target != 1_050 {
		t.Errorf("the strategy's are nearer: %+v", e)
	}
	if e := g.Exits(strategy.Exits{Stop: 900, Target: 1_500}, 1_000, 0); e.Stop != 950 || e.Target != 1_100 {
		t.Errorf("the bounds are nearer: %+v", e)
	}
	if e := g.Exits(strategy.Exits{Stop: 900}, 0, 0); e != (strategy.Exits{}) {
		t.Errorf("without a position: %+v", e)
	}
	both := exchange.Candle{Open: 1_000, High: 1_200, Low: 900, Close: 1_000}
	if r, ok := risk.Reached(strategy.Exits{Stop: 950, Target: 1_100}, both); !ok || !r.Stop || r.Trigger != 950 {
		t.Errorf("a candle that reaches both: %+v, %v; the stop counts", r, ok)
	}
	if r, ok := risk.Reached(strategy.Exits{Target: 1_200}, both); !ok || r.Stop {
		t.Errorf("a candle that touches the target: %+v, %v", r, ok)
	}
	if _, ok := risk.Reached(strategy.Exits{Stop: 899, Target: 1_201}, both); ok {
		t.Error("a candle between the exits reached one")
	}
}
