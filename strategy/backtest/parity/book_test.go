package parity_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// reader is a strategy that decides by the top of the book.
type reader struct{}

func (*reader) Subscribe() strategy.Subscription { return strategy.Subscription{Book: true} }

func (r *reader) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	top, known := b.Book()
	switch {
	case !known:
	case top.Bid.Volume > top.Ask.Volume && b.Position() == 0:
		b.BuyWith(b.FreeCounter() / 2)
	case top.Bid.Volume < top.Ask.Volume && b.Position() > 0:
		b.SellAll()
	}
}

// proves PL2: the book that a strategy saw is on its tape, and a tape without it, or with
// another one, is noticed.
func TestTheBookIsReplayed(t *testing.T) {
	t.Parallel()
	def := strategy.MustDefine(strategy.Info{Name: "reader", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &reader{} })
	_, candles := strategytest.Demo(t, 100)
	on := terms(t, def)
	bot, err := def.Open(strategy.OpenInput{Explain: true, Interval: time.Minute, Market: on.Market})
	if err != nil {
		t.Fatal(err)
	}
	tape := parity.NewTape(on.Market, parity.Sums{})
	account, err := parity.NewAccount(on, parity.AccountConfig{Recorder: tape, Wants: bot.Wants, Subscription: bot.Subscription()})
	if err != nil {
		t.Fatal(err)
	}
	if err := account.Seek(candles[0]); err != nil {
		t.Fatal(err)
	}
	snapshot, err := bot.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	in := parity.Input{
		Baseline: copied(t, parity.Baseline{Terms: on, AccountState: account.State(), Snapshot: &snapshot}), Candles: candles, Open: parity.Local(def), Version: "1.0.0",
	}
	for i, c := range candles[1:] {
		top := exchange.Top{Time: c.Time, Bid: exchange.Level{Price: c.Close - 1, Volume: exchange.Steps(1 + i*7%13)}, Ask: exchange.Level{Price: c.Close + 1, Volume: 6}}
		if i%9 == 0 {
			top = exchange.Top{} // it is not known then
		}
		tape.Candle(&c)
		if err := account.Begin(c); err != nil {
			t.Fatal(err)
		}
		account.With(engine.Beside{Top: top})
		tape.Book(top)
		for ev := account.Next(); ev != nil; ev = account.Next() {
			tape.Event(ev)
			cs := bot.Deliver(account.View(), ev)
			tape.Commands(cs)
			if err := account.Commands(cs); err != nil {
				t.Fatal(err)
			}
		}
		if i%10 == 9 || i == len(candles)-2 {
			in.Points = append(in.Points, copied(t, tape.Point()))
			tape.Next()
		}
	}
	if r := check(t, in); r.Difference != nil || r.Candles != 99 || r.Acts < 20 {
		t.Fatalf("%+v", r)
	}
	kept := in.Points[5].Tops
	in.Points[5].Tops = nil
	want(t, check(t, in), parity.Data, "another book")
	for i := range kept {
		kept[i].Top.Bid, kept[i].Top.Ask = kept[i].Top.Ask, kept[i].Top.Bid
	}
	in.Points[5].Tops = kept
	want(t, check(t, in), parity.Data, "another book")
}
