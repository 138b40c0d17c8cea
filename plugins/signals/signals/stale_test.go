package signals_test

import (
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/signals/signals"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// TestExitsEndWithTheirPosition proves that the target of a position that was sold but for a rest
// that no market takes does not sell what is bought later, at a price far above it.
func TestExitsEndWithTheirPosition(t *testing.T) {
	t.Parallel()
	m := strategytest.Market()
	m.MinVolume = 1000
	for _, second := range []string{`{"action":"buy","size":50}`, `{"action":"buy","size":50,"limit":1500}`, `{"action":"buy","size":50,"limit":1500,"stop":1200}`} {
		a := newAccount(t, `{}`, m)
		a.tell(`{"action":"buy","volume":"1","target":1100}`)
		a.flat(1000)
		a.tell(`{"action":"sell","volume":"0.9995"}`)
		a.flat(1000)
		if v := a.View(); v.Base != 500 {
			t.Fatalf("it has %d, want a rest of 500", v.Base)
		}
		a.flat(1500)
		a.send(second)
		for range 5 {
			a.flat(1500)
		}
		if v := a.View(); v.Base <= 1000 || v.Exits.Target != 0 {
			t.Errorf("after %s it has %d, with the exits %+v", second, v.Base, v.Exits)
		}
	}
}

// TestExitsOfADeniedBuyAreNobodys proves that what a message gave for a buy that was denied is not
// the protection of another one.
func TestExitsOfADeniedBuyAreNobodys(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, signals.Definition(), strategytest.Config{})
	h.Close(1000)
	denied := strategytest.Only(h.Signal(`{"action":"buy","stop":900,"target":1100}`), strategy.PlaceCommand)
	h.Order(strategy.OrderUpdate{Ref: denied[0].Ref, State: strategy.OrderDenied, Reason: "it may not"})
	h.Close(1500)
	bought := strategytest.Only(h.Signal(`{"action":"buy","size":50,"limit":1400}`), strategy.PlaceCommand)
	h.View.Base, h.View.Cost = bought[0].Volume, 1400*exchange.Units(bought[0].Volume)
	if got := h.Fill(strategy.Fill{Ref: bought[0].Ref, Side: exchange.Buy, Price: 1400, Volume: bought[0].Volume}); len(got) != 0 {
		t.Errorf("it sets %+v", got)
	}
}

// TestWhatALimitStillBuysHasItsExits proves that a limit order that trades in parts protects also
// what it buys after the first part was sold.
func TestWhatALimitStillBuysHasItsExits(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, signals.Definition(), strategytest.Config{})
	h.Close(1000)
	order := strategytest.Only(h.Signal(`{"action":"buy","limit":900,"stop":800,"target":950}`), strategy.PlaceCommand)[0]
	h.View.Orders = []strategy.OpenOrder{{Ref: order.Ref, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 900, Volume: order.Volume}}
	want := strategy.Exits{Stop: 800, Target: 950}
	buy := func(want strategy.Exits) {
		t.Helper()
		h.View.Base, h.View.Cost = 1000, 900_000
		if got := strategytest.Only(h.Fill(strategy.Fill{Ref: order.Ref, Side: exchange.Buy, Price: 900, Volume: 1000}), strategy.ExitsCommand); len(got) != 1 || got[0].Exits != want {
			t.Errorf("it sets %+v, want %+v", got, want)
		}
	}
	buy(want)
	h.Signal(`{"action":"stop","stop":850}`)
	buy(strategy.Exits{Stop: 850, Target: 950}) // what was said since holds
	h.View.Base, h.View.Cost = 0, 0
	h.Fill(strategy.Fill{Ref: 99, Side: exchange.Sell, Price: 950, Volume: 2000})
	buy(want)
}
