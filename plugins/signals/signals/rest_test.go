package signals_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/plugins/signals/signals"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// TestExitsOfARestingBuyAreItsOwn proves that a target far below the price, given for a buy
// that rests, sells no other buy, and is the position's once that buy trades.
func TestExitsOfARestingBuyAreItsOwn(t *testing.T) {
	t.Parallel()
	for _, first := range []string{`{"action":"buy","size":20,"limit":21}`, `{"action":"cancel"}`} {
		a := newAccount(t, `{}`, strategytest.Market())
		a.tell(first)
		a.tell(`{"action":"buy","size":20,"limit":19,"stop":9,"target":20}`)
		a.tell(`{"action":"buy","size":20}`)
		for range 3 {
			a.flat(1000)
		}
		if f := a.Fills(); len(f) != 1 || a.View().Exits != (strategy.Exits{}) {
			t.Fatalf("after %s the fills are %+v, the exits %+v", first, f, a.View().Exits)
		}
		a.tell(`{"action":"sell"}`)
		a.flat(1000)
		a.flat(18)
		if f := a.Fills(); len(f) < 3 || a.View().Exits != (strategy.Exits{Stop: 9, Target: 20}) {
			t.Errorf("after %s the fills are %+v, the exits %+v", first, f, a.View().Exits)
		}
	}
}

// TestNoSaleUndoesAClose proves that a sale with a limit, sent while an exchange still takes
// orders back, keeps no part of the position, and that buys are followed after the close.
func TestNoSaleUndoesAClose(t *testing.T) {
	t.Parallel()
	p := strategytest.NewPaper(t, signals.Definition(), strategytest.PaperConfig{Explain: true, Remote: true})
	said := ""
	for i, text := range []string{"", `{"action":"buy","size":50}`, "", `{"action":"sell","size":40,"limit":1500}`, "", `{"action":"close"}`,
		`{"action":"sell","limit":1500}`, "", "", "", `{"action":"buy","size":50}`, ""} {
		at := int64(i+1) * 60_000
		if text != "" {
			p.Signal(strategy.Signal{ID: fmt.Sprint(i), Text: text, Time: at + 30_000})
		}
		for _, s := range p.Candle(exchange.Candle{Time: at, Open: 1000, High: 1000, Low: 1000, Close: 1000, Volume: 1_000_000_000_000}) {
			for _, c := range s.Commands {
				said += c.Text + "\n"
			}
		}
		if v := p.View(); i == 9 && (v.Base != 0 || len(v.Orders) != 0) {
			t.Errorf("closed, it has %d and the orders %+v", v.Base, v.Orders)
		}
	}
	if !strings.Contains(said, `"6" is refused: the position is still being closed`) || p.View().Base == 0 {
		t.Errorf("at the end it has %d, and said\n%s", p.View().Base, said)
	}
}

// TestCloseWaitsForItsOrders proves that a close asks once for an order that an exchange does not
// give back, which its host repeats, and that buys are followed once it is gone, whatever else is
// open.
func TestCloseWaitsForItsOrders(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, signals.Definition(), strategytest.Config{Explain: true})
	h.Close(1000)
	h.View.Base, h.View.ReservedBase = 100_000_000, 100_000_000
	h.View.Orders = []strategy.OpenOrder{{Ref: 7, Side: exchange.Sell, Type: exchange.LimitOrder, Price: 1500, Volume: 100_000_000}}
	h.Signal(`{"action":"close"}`)
	for m := range 65 {
		got := append(h.Candle(exchange.Flat(int64(m+2)*60_000, 1000)), h.Signal(`{"action":"buy"}`)...)
		if len(strategytest.Only(got, strategy.CancelCommand)) > 0 || len(strategytest.Only(got, strategy.PlaceCommand)) > 0 {
			t.Fatalf("while it waits it does %+v", got)
		}
	}
	h.View.Orders[0].Ref = 8 // another
	h.Candle(exchange.Flat(70*60_000, 1000))
	if got := strategytest.Only(h.Signal(`{"action":"buy"}`), strategy.PlaceCommand); len(got) != 1 {
		t.Errorf("it answers a buy with %+v", got)
	}
}

// TestCloseGoesOnWithItsSale proves that a close sells what its own sale left that the exchange
// ended in part, for as long as anything is left that can be sold.
func TestCloseGoesOnWithItsSale(t *testing.T) {
	t.Parallel()
	h := strategytest.New(t, signals.Definition(), strategytest.Config{Explain: true})
	h.Close(1000)
	sold := func(got []strategy.Command) (volume exchange.Steps) {
		for _, c := range strategytest.Only(got, strategy.PlaceCommand) {
			if c.Side == exchange.Sell {
				volume += c.Volume
			}
		}
		return volume
	}
	h.View.Base = 100_000_000
	if got := sold(h.Signal(`{"action":"close"}`)); got != 100_000_000 {
		t.Fatalf("it sells %d", got)
	}
	for i, left := range []exchange.Steps{40_000_000, 15_000_000} {
		h.View.Base = left
		if got := sold(h.Candle(exchange.Flat(int64(i+2)*60_000, 1000))); got != left {
			t.Errorf("with %d left it sells %d", left, got)
		}
		if got := strategytest.Only(h.Signal(`{"action":"buy"}`), strategy.PlaceCommand); len(got) > 0 {
			t.Errorf("while it closes it answers a buy with %+v", got)
		}
	}
	h.View.Base = 0
	h.Candle(exchange.Flat(5*60_000, 1000))
	if got := strategytest.Only(h.Signal(`{"action":"buy"}`), strategy.PlaceCommand); len(got) != 1 {
		t.Errorf("closed, it answers a buy with %+v", got)
	}
}
