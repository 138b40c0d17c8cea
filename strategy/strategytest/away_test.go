package strategytest_test

import (
	"strings"
	"testing"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// requoting bids with all that it has at each candle, in the place of what it bid before,
// and offers all that it holds.
type requoting struct{ Below exchange.Ticks }

func (s *requoting) OnCandle(b *strategy.Bot, c exchange.Candle) {
	cash, price := b.FreeCounter(), c.Close-s.Below
	for _, o := range b.Orders() {
		if o.Side == exchange.Buy {
			cash += o.Price.MustTimes(o.Volume - o.Filled)
		}
	}
	b.CancelAll()
	if volume := exchange.Steps(cash / exchange.Units(price)); volume > 0 {
		b.Limit(exchange.Buy, price, volume)
	}
	if b.Position() > 0 {
		b.Limit(exchange.Sell, c.Close+s.Below, b.Position())
	}
}

// proves PL2: an account as at an exchange carries out what takes the place of other orders,
// and shows what an order trades that is being taken back.
func TestPaperAtAnExchange(t *testing.T) {
	t.Parallel()
	candles := strategytest.Walk(5, 200)
	for _, below := range []exchange.Ticks{20, 50_000} { // within reach of a candle, and not
		far := below > 20
		p := strategytest.NewPaper(t, define(func() strategy.Strategy { return &requoting{Below: below} }), strategytest.PaperConfig{Remote: true})
		both := 0
		for _, c := range candles {
			p.Candle(c)
			v := p.View()
			if v.ReservedCounter > v.Counter || v.ReservedBase > v.Base {
				t.Fatalf("more is reserved than there is: %+v", v)
			}
			if len(v.Orders) > 1 {
				both++
			}
		}
		if far && (len(p.Fills()) > 0 || len(p.Refusals()) > 0 || both < 190) {
			t.Errorf("far off it has %d fills, and was refused %q; %d times one order took the place of another", len(p.Fills()), p.Refusals(), both)
		}
		if !far && len(p.Fills()) < 20 {
			t.Errorf("within reach it has %d fills only", len(p.Fills()))
		}
		for _, r := range p.Refusals() {
			if !strings.Contains(r, "to take the place of") && !strings.Contains(r, "is below the least volume") && !strings.Contains(r, "of it is left") {
				t.Errorf("it was refused because %s", r)
			}
		}
	}
}
