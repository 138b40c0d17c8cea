package strategy_test

import (
	"fmt"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// trend buys when a candle closes above the last whole hour's high.
type trend struct {
	Hour *strategy.Frame
	High exchange.Ticks
}

func (t *trend) OnCandle(b *strategy.Bot, c exchange.Candle) {
	if t.High > 0 && c.Close > t.High && b.Position() == 0 {
		b.BuyWith(b.FreeCounter()).Because("%d is above the hour's high of %d", c.Close, t.High)
	}
	if hour, ok := t.Hour.Update(b, c); ok {
		t.High = hour.High
	}
}

// A strategy on candles of half an hour looks at whole hours too.
func ExampleFrame() {
	def := strategy.MustDefine(strategy.Info{Name: "trend", Version: "1.0.0"}, struct{}{},
		func(struct{}) strategy.Strategy { return &trend{Hour: strategy.NewFrame(time.Hour)} })
	bot, err := def.Open(strategy.OpenInput{Explain: true, Interval: 30 * time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	account := &strategy.View{Counter: 1000}
	at := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC).UnixMilli()
	for _, price := range []exchange.Ticks{100, 104, 103, 107} {
		c := exchange.Candle{Time: at, Open: price, High: price, Low: price, Close: price, Volume: 1}
		at += (30 * time.Minute).Milliseconds()
		for _, command := range bot.Deliver(account, &strategy.Event{Kind: strategy.CandleEvent, Time: at, Candle: c}) {
			fmt.Println(time.UnixMilli(at).UTC().Format("15:04"), command.Text)
		}
	}
	// Output: 17:00 107 is above the hour's high of 104
}
