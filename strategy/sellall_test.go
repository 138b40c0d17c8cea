package strategy_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// seller sells all at each candle.
type seller struct{}

func (*seller) OnCandle(b *strategy.Bot, _ exchange.Candle) { b.SellAll() }

// proves RK4: SellAll asks for nothing that a market refuses: no more than it takes in one
// order, and no rest that is too small by itself, as while the rest is being sold.
func TestSellAllAsksForWhatTheMarketTakes(t *testing.T) {
	t.Parallel()
	def := strategy.MustDefine(strategy.Info{Name: "seller", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &seller{} })
	for _, c := range []struct{ held, reserved, least, most, want exchange.Steps }{
		{0, 0, 0, 0, 0}, {700, 0, 0, 0, 700}, {700, 0, 10, 500, 500}, {700, 691, 10, 500, 0}, {700, 690, 10, 500, 10}, {9, 0, 10, 0, 0},
	} {
		i, err := def.Open(strategy.OpenInput{Interval: time.Minute, Market: exchange.Market{Pair: "XBTMYR", MinVolume: c.least, MaxVolume: c.most}})
		if err != nil {
			t.Fatal(err)
		}
		got := i.Deliver(&strategy.View{Base: c.held, ReservedBase: c.reserved, NextRef: 1}, &strategy.Event{Kind: strategy.CandleEvent})
		if (len(got) == 1) != (c.want > 0) || len(got) == 1 && got[0].Volume != c.want {
			t.Errorf("%+v: it orders %+v", c, got)
		}
	}
}
