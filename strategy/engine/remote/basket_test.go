package remote_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/risk"
)

// pairOfPairs is a bot with two pairs at an exchange, and candles of both at 100.
func pairOfPairs(t *testing.T, bounds risk.Config) (own, other *remote.Venue, b *engine.Basket, said *diary, step func(at int64, cs ...strategy.Command) (told []string)) {
	t.Helper()
	further := market()
	further.Pair, further.Base = "ETHMYR", "ETH"
	own, other, said = venue(t, market(), 10_000), venue(t, further, 0), &diary{}
	b, err := engine.NewBasket(engine.BasketConfig{
		Config: engine.Config{Balance: 10_000, Interval: time.Minute, Market: market(), OrderPrefix: prefix, Venue: own, Risk: bounds, Recorder: said},
		Legs:   []engine.Leg{{Market: further, Venue: other}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return own, other, b, said, func(at int64, cs ...strategy.Command) (told []string) {
		t.Helper()
		candle := exchange.Candle{Time: at * 60_000, Open: 100, High: 100, Low: 100, Close: 100, Volume: 1}
		if err := b.Begin([]engine.PairCandle{{Pair: pair, Candle: candle}, {Pair: "ETHMYR", Candle: candle}}); err != nil {
			t.Fatal(err)
		}
		for ev := b.Next(); ev != nil; ev = b.Next() {
			told = append(told, ev.Kind.String()+ev.Fill.Pair)
			var answer []strategy.Command
			if ev.Kind == strategy.CandleEvent {
				answer = cs
			}
			if err := b.Commands(answer); err != nil {
				t.Fatal(err)
			}
		}
		return told
	}
}

// elsewhere is an order in the further pair.
func elsewhere(ref uint64, price exchange.Ticks, volume exchange.Steps) strategy.Command {
	c := limit(ref, exchange.Buy, price, volume)
	c.Pair = "ETHMYR"
	return c
}

// A basket's pairs share one balance at an exchange too; fills that are heard between
// candles are in its account at once, and told with the next candle.
func TestABasketTradesAtAnExchange(t *testing.T) {
	t.Parallel()
	own, other, b, _, step := pairOfPairs(t, risk.Config{})
	step(1, elsewhere(1, 100, 60), limit(2, exchange.Buy, 100, 60)) // together they cost 12,120
	if w := other.Wishes(); len(w) != 1 || len(own.Wishes()) != 0 || b.Why(1) != "" {
		t.Fatalf("%+v and %+v are wanted", w, own.Wishes())
	}
	fill := exchange.Fill{Sequence: 1, Side: exchange.Buy, Price: 100, Volume: 60, Value: 6_000, FeeCounter: 61} // more than was set aside
	for _, n := range []remote.News{{Event: 1, Number: 1, Fill: &fill}, {Event: 2, Number: 1, End: &remote.End{Filled: 60}}, {Event: 2, Number: 1, Fill: &fill}} {
		own.Hear(n)
		other.Hear(n)
	}
	if err := b.Hear(); err != nil {
		t.Fatal(err)
	}
	if v := b.View(); v.Others[0].Base != 60 || v.Counter != 3_939 || v.ReservedCounter != 0 || b.Equity() != 9_939 {
		t.Errorf("after the fill the account is %+v, worth %d", v, b.Equity())
	}
	if told := strings.Join(step(2), " "); !strings.Contains(told, "fillETHMYR") {
		t.Errorf("the strategy hears %s", told)
	}
}

// proves T9: what an order needs that waits is not lent to another pair of the bot, beyond
// what those hold whose place it takes.
func TestAnOrderThatWaitsKeepsItsCash(t *testing.T) {
	t.Parallel()
	own, other, b, _, step := pairOfPairs(t, risk.Config{})
	step(1, limit(1, exchange.Buy, 100, 40))
	step(2, strategy.Command{Kind: strategy.CancelAllCommand}, limit(2, exchange.Buy, 100, 80), elsewhere(3, 100, 20), elsewhere(4, 100, 19))
	if w := other.Wishes(); len(w) != 1 || w[0].Number != 4 || own.Free() != 0 || other.Free() != 0 {
		t.Fatalf("elsewhere it wants %+v, want order 4, for which 1,920 are left", w)
	}
	if v := b.View(); v.Counter != 10_000 || v.ReservedCounter != 9_919 { // but the fees that are set aside
		t.Errorf("the strategy is shown %d reserved of %d", v.ReservedCounter, v.Counter)
	}
	own.Hear(remote.News{Event: 1, Number: 1, End: &remote.End{Reason: "taken back"}})
	if err := b.Hear(); err != nil {
		t.Fatal(err)
	}
	if w := own.Wishes(); len(w) != 1 || w[0].Number != 2 || w[0].Request.Volume != 80 {
		t.Errorf("it wants %+v, want order 2", w)
	}
}

// proves RK1, PL2: orders that are being taken back in one pair do not count among the most
// that a bot may have open where it places anew in another.
func TestOrdersBeingTakenBackElsewhereDoNotCount(t *testing.T) {
	t.Parallel()
	own, other, _, said, step := pairOfPairs(t, risk.Config{MaxOrders: 2})
	step(1, limit(1, exchange.Buy, 100, 20), elsewhere(2, 100, 20))
	all := strategy.Command{Kind: strategy.CancelAllCommand}
	there := all
	there.Pair = "ETHMYR"
	step(2, all, there, limit(3, exchange.Buy, 99, 20), elsewhere(4, 99, 20), elsewhere(5, 99, 20))
	if own.Open() != 2 || other.Open() != 2 || !strings.Contains(said.lines[len(said.lines)-1], "2 orders are open, which is the most") {
		t.Errorf("%d and %d orders are open, want those before and one more each; it said\n%s", own.Open(), other.Open(), strings.Join(said.lines, "\n"))
	}
}
