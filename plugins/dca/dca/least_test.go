package dca_test

import (
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/dca/dca"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// TestARefusedSafetyOrderIsAskedForAgain proves that the ladder has no hole for the rest of a
// cycle because an exchange refused a safety order once, and that it is not bought above its
// price.
func TestARefusedSafetyOrderIsAskedForAgain(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, dca.Definition(), strategytest.Config{Params: plain})
	first := strategytest.Only(h.Close(1000), strategy.PlaceCommand)[0]
	h.View.Base, h.View.Cost, h.View.Counter = 100_000_000, 100_000_000_000, 900_000_000_000
	ladder := strategytest.Only(h.Fill(strategy.Fill{Ref: first.Ref, Side: exchange.Buy, Price: 1000, Volume: 100_000_000}), strategy.PlaceCommand)
	h.Order(strategy.OrderUpdate{Ref: first.Ref, State: strategy.OrderFilled, Filled: 100_000_000})
	if len(ladder) != 2 || ladder[0].Price != 900 || ladder[1].Price != 700 {
		t.Fatalf("the ladder is %+v", ladder)
	}
	h.Order(strategy.OrderUpdate{Ref: ladder[0].Ref, State: strategy.OrderCancelled, Filled: 1000, Reason: "the market was halted"})
	h.View.Orders = []strategy.OpenOrder{{Ref: ladder[1].Ref, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 700, Volume: ladder[1].Volume}}
	minute, asked := 1, []int{}
	var again strategy.Command
	for range 100 {
		price := exchange.Ticks(950)
		if minute < 45 {
			price = 890 // below its price: it would buy at once
		}
		for _, c := range strategytest.Only(h.Candle(exchange.Flat(int64(minute)*60_000, price)), strategy.PlaceCommand) {
			asked, again = append(asked, minute), c
			h.View.Orders = append(h.View.Orders, strategy.OpenOrder{Ref: c.Ref, Side: c.Side, Type: c.Type, Price: c.Price, Volume: c.Volume})
		}
		minute++
	}
	if len(asked) != 1 || asked[0] != 60 || again.Type != exchange.LimitOrder || again.Price != 900 || again.Volume != ladder[0].Volume {
		t.Errorf("it asks in the minutes %v, last for %+v", asked, again)
	}
}

// TestNothingIsAskedForThatIsTooSmall proves that the schedule leaves out what is below the
// market's least order, as when the cash is spent, and that a safety order that is too small
// does not take the larger ones below it away.
func TestNothingIsAskedForThatIsTooSmall(t *testing.T) {
	t.Parallel()
	m := strategytest.Market()
	m.MinVolume, m.MinValue = 1000, 20_000_000_000 // 20,000
	p := strategytest.NewPaper(t, dca.Definition(), strategytest.PaperConfig{
		Market: m, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000},
		Params: `{"every":1,"unit":"candles","size":30,"dips":3,"dip":10,"dip_size":1,"size_scale":3,"target":0}`,
	})
	for i := range 20 {
		p.Candle(exchange.Candle{Time: int64(i+1) * 60_000, Open: 1000, High: 1000, Low: 1000, Close: 1000, Volume: 1_000_000_000_000})
	}
	if got := p.Refusals(); len(got) != 0 {
		t.Errorf("refused: %q", got)
	}
	orders := p.View().Orders
	if len(orders) != 2 || orders[0].Price != 750 || orders[1].Price != 525 {
		t.Errorf("of safety orders for 10,000, 30,000 and 90,000 it places %+v", orders)
	}
	if v := p.View(); len(p.Fills()) < 2 || v.Counter-v.ReservedCounter > 30_000_000_000 {
		t.Errorf("after %d buys %d are free", len(p.Fills()), v.Counter-v.ReservedCounter)
	}
}

// TestARefusedSafetyOrderIsNotLost proves that a safety order that was refused is asked for
// again once that can be: a schedule of every candle, spent cash and a sale only delay it.
func TestARefusedSafetyOrderIsNotLost(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"schedule", "cash", "sale"} {
		params := plain
		if how == "schedule" {
			params = `{"every":1,"unit":"candles","size":10,"dips":2,"dip":10,"dip_size":10,"dip_scale":2,"size_scale":2,"target":0}`
		}
		h := strategytest.New(t, dca.Definition(), strategytest.Config{Params: params})
		first := strategytest.Only(h.Close(1000), strategy.PlaceCommand)[0]
		h.View.Base, h.View.Cost, h.View.Counter = 100_000_000, 100_000_000_000, 900_000_000_000
		ladder := strategytest.Only(h.Fill(strategy.Fill{Ref: first.Ref, Side: exchange.Buy, Price: 1000, Volume: 100_000_000}), strategy.PlaceCommand)
		h.Order(strategy.OrderUpdate{Ref: first.Ref, State: strategy.OrderFilled, Filled: 100_000_000})
		h.Order(strategy.OrderUpdate{Ref: ladder[0].Ref, State: strategy.OrderRejected, Reason: "halted"})
		rests := []strategy.OpenOrder{{Ref: ladder[1].Ref, Side: exchange.Buy, Type: exchange.LimitOrder, Price: ladder[1].Price, Volume: ladder[1].Volume}}
		asked := 0
		for m := range 100 {
			h.View.Orders, h.View.ReservedCounter = rests, 0
			switch {
			case m < 60 && how == "cash":
				h.View.ReservedCounter = h.View.Counter
			case m < 60 && how == "sale":
				h.View.Orders = append(rests[:len(rests):len(rests)], strategy.OpenOrder{Ref: 1 << 40, Side: exchange.Sell, Type: exchange.LimitOrder, Price: 2000, Volume: 5})
			}
			for _, c := range strategytest.Only(h.Candle(exchange.Flat(int64(m+1)*60_000, 950)), strategy.PlaceCommand) {
				if c.Type != exchange.LimitOrder {
					continue
				}
				if asked++; c.Price != 900 || m < 60 && how != "schedule" {
					t.Errorf("%s: at candle %d it asks for %+v", how, m, c)
				}
				rests = append(rests, strategy.OpenOrder{Ref: c.Ref, Side: c.Side, Type: c.Type, Price: c.Price, Volume: c.Volume})
			}
		}
		if asked != 1 {
			t.Errorf("%s: it asks %d times", how, asked)
		}
	}
}
