package parity_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
	"github.com/lunobot/lunobot/strategy/risk"
)

// proves T8, T9, RK1: whatever a bot of two pairs takes back and places anew, and however its
// exchange answers, no cash or base is promised twice, its largest positions hold, the
// strategy is never shown more reserved than there is, and nothing waits once all that was
// taken back is over. It may be restarted at any time.
func TestWhatWaitsInTwoPairsIsPromisedOnce(t *testing.T) {
	t.Parallel()
	const most = 150
	one := func(base string) exchange.Market {
		return exchange.Market{
			Pair: base + "MYR", Base: base, Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, 0), MinVolume: 2, MaxVolume: 10_000, Status: exchange.MarketActive,
		}
	}
	terms := parity.Terms{
		Interval: time.Minute, Decide: time.Minute, Balance: 20_000, Market: one("XBT"), Also: []exchange.Market{one("ETH")},
		Fees: exchange.Fees{Maker: 1_000_000, Taker: 1_000_000}, Risk: risk.Config{MaxPosition: most, MaxOrders: 5}, MaxPositions: []exchange.Steps{most},
	}
	rapid.Check(t, func(t *rapid.T) {
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		open := func() *parity.Account {
			a, err := parity.NewAccount(terms, parity.AccountConfig{OrderPrefix: "lb.", Live: true})
			must(err)
			return a
		}
		a := open()
		filled := map[uint64]exchange.Steps{}
		var event int64
		sound := func(when string) {
			t.Helper()
			st := a.State()
			held := exchange.Units(0)
			for i, v := range st.Remote {
				var base exchange.Steps
				for _, w := range v.Wishes {
					if len(w.After) == 0 {
						held, base = held+w.Counter, base+w.Base
					}
				}
				if base > v.Base || v.Base > most {
					t.Fatalf("%s: in pair %d %d of %d are promised", when, i, base, v.Base)
				}
			}
			v := a.View()
			if held > v.Counter || v.ReservedCounter > v.Counter || v.ReservedBase > v.Base {
				t.Fatalf("%s: %d of %d are promised, and the strategy is shown %d; of its base %d of %d", when, held, v.Counter, v.ReservedCounter, v.ReservedBase, v.Base)
			}
		}
		for at := int64(1); at < 20; at++ {
			c := exchange.Candle{Time: at * 60_000, Open: 100, High: 100, Low: 100, Close: 100, Volume: 1}
			must(a.Begin(c, engine.PairCandle{Pair: "ETHMYR", Candle: c}))
			for ev := a.Next(); ev != nil; ev = a.Next() {
				if ev.Kind != strategy.CandleEvent {
					continue
				}
				var cs []strategy.Command
				ref := a.View().NextRef
				for range rapid.IntRange(0, 5).Draw(t, "commands") {
					pair := rapid.SampledFrom([]string{"", "ETHMYR"}).Draw(t, "pair")
					price, volume := exchange.Ticks(rapid.IntRange(70, 130).Draw(t, "price")), exchange.Steps(rapid.IntRange(2, 200).Draw(t, "volume"))
					place := strategy.Command{Kind: strategy.PlaceCommand, Ref: ref, Type: exchange.LimitOrder, Price: price, Volume: volume, Pair: pair, Side: exchange.Buy}
					switch rapid.IntRange(0, 4).Draw(t, "what") {
					case 0, 1:
						cs = append(cs, strategy.Command{Kind: strategy.CancelAllCommand, Pair: pair})
						continue
					case 2:
						place.Side = exchange.Sell
					case 3:
						place.Type, place.Price, place.Volume, place.Value = exchange.MarketOrder, 0, 0, exchange.Units(volume)*100
					}
					cs, ref = append(cs, place), ref+1
				}
				must(a.Commands(cs))
			}
			sound("after the candle")
			var list []remote.News
			note := func(n remote.News) {
				event++
				n.Event, n.At = event, at*60_000
				list = append(list, n)
			}
			for _, w := range a.Wishes() {
				r := w.Request
				price := r.Price
				if r.Type == exchange.MarketOrder {
					price = exchange.Ticks(rapid.IntRange(100, 110).Draw(t, "at"))
				}
				rest := r.Volume - filled[w.Number]
				if r.Volume == 0 {
					rest = exchange.Rate(0).Affordable(r.Value, price)
				}
				parts := rapid.IntRange(0, 2).Draw(t, "parts")
				for range parts {
					n := exchange.Steps(rapid.IntRange(0, int(rest)).Draw(t, "filled"))
					if n == 0 {
						continue
					}
					rest -= n
					filled[w.Number] += n
					value := price.MustTimes(n)
					note(remote.News{Number: w.Number, Fill: &exchange.Fill{Pair: r.Pair, Sequence: event, Side: r.Side, Price: price, Volume: n, Value: value, FeeCounter: value / 100, Time: at * 60_000}})
				}
				if rest == 0 || r.Type == exchange.MarketOrder || w.Asked && rapid.Bool().Draw(t, "over") {
					reason := ""
					if rest > 0 {
						reason = "it is over"
					}
					note(remote.News{Number: w.Number, End: &remote.End{Filled: filled[w.Number], Reason: reason}})
				}
			}
			for len(list) > 0 {
				n := rapid.IntRange(1, len(list)).Draw(t, "heard")
				_, err := a.News(list[:n])
				must(err)
				list = list[n:]
				sound("after news")
			}
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				st := a.State()
				a = open()
				must(a.Restore(st))
				sound("after a restart")
			}
			asked := map[uint64]bool{}
			for _, v := range a.State().Remote {
				for _, w := range v.Wishes {
					asked[w.Number] = w.Asked
				}
				for _, w := range v.Wishes {
					for _, n := range w.After {
						if !asked[n] {
							t.Fatalf("order %d waits for %d, which is over or stays", w.Number, n)
						}
					}
				}
			}
		}
	})
}
