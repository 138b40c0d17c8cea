package parity_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest/parity"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// mix is a bot that keeps shares of two pairs, over candles of the demo market of
// which some of the further pair come late.
type mix struct {
	input        parity.Input
	own, further []exchange.Candle
}

// late are the candles of the further pair that come with the next one of the own.
func late(i int) bool { return i%50 == 17 || i%50 == 18 }

func mixed(t *testing.T, n int) mix {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	market, err := demo.New(demo.Config{})
	must(err)
	markets, err := market.Markets(t.Context())
	must(err)
	def := rebalance.Definition()
	on := parity.Terms{
		Strategy: "rebalance", Version: def.Info().Version, Params: json.RawMessage(`{"weight":"40","others":"ETHMYR=40","band":"0.1"}`), Market: markets[0], Also: markets[1:2],
		Interval: time.Minute, Decide: time.Minute, Balance: 10_000_000_000, Fees: exchange.Fees{Maker: 100_000, Taker: 100_000},
	}
	bot, err := def.Open(strategy.OpenInput{Explain: true, Interval: time.Minute, Market: on.Market, Also: on.Also, Params: on.Params})
	must(err)
	tape := parity.NewTape(on.Market, parity.Sums{}, on.Also...)
	a, err := parity.NewAccount(on, parity.AccountConfig{Recorder: tape, Wants: bot.Wants})
	must(err)
	pair := on.Also[0].Pair
	candle := func(i int) engine.PairCandle {
		return engine.PairCandle{Pair: pair, Candle: market.Candle(pair, int64(i))}
	}
	must(a.Seek(market.Candle(on.Market.Pair, 0), candle(0)))
	snapshot, err := bot.Snapshot()
	must(err)
	m := mix{input: parity.Input{Baseline: parity.Baseline{Terms: on, AccountState: a.State(), Snapshot: &snapshot}, Open: parity.Local(def), Version: on.Version}}
	raw, err := json.Marshal(m.input.Baseline)
	must(err)
	m.input.Baseline = parity.Baseline{}
	must(json.Unmarshal(raw, &m.input.Baseline))
	hear := func() {
		for ev := a.Next(); ev != nil; ev = a.Next() {
			tape.Event(ev)
			cs := bot.Deliver(a.View(), ev)
			tape.Commands(cs)
			must(a.Commands(cs))
		}
	}
	var waiting []engine.PairCandle
	for i := 1; i <= n; i++ {
		own := market.Candle(on.Market.Pair, int64(i))
		m.own, m.further = append(m.own, own), append(m.further, candle(i).Candle)
		with := []engine.PairCandle{candle(i)}
		if late(i) {
			waiting, with = append(waiting, with...), nil
		} else {
			for _, c := range waiting {
				step := []engine.PairCandle{c}
				tape.LateCandles(step)
				must(a.BeginLate(step))
				hear()
			}
			waiting = nil
		}
		tape.Candle(&own, with...)
		must(a.Begin(own, with...))
		hear()
		if i%15 == 0 || i == n {
			raw, err := json.Marshal(tape.Point())
			must(err)
			tape.Next()
			m.input.Points = append(m.input.Points, parity.Point{})
			must(json.Unmarshal(raw, &m.input.Points[len(m.input.Points)-1]))
		}
	}
	m.input.Candles, m.input.Further = m.own, map[string][]exchange.Candle{pair: m.further}
	m.input.History, m.input.FurtherHistory = m.own, m.input.Further
	return m
}

// proves PL2: what a bot of two pairs saw gives the same again, candles of the further
// pair that came late too; a candle of it that is lost or is another now is named.
func TestTwoPairsAreReplayed(t *testing.T) {
	t.Parallel()
	const n, pair = 1_000, "ETHMYR"
	m := mixed(t, n)
	r := check(t, m.input)
	if r.Difference != nil || r.Candles != n || r.Acts < 20 || r.Changed != 0 {
		t.Fatalf("%+v, difference %+v", r, r.Difference)
	}
	odd := 0
	for _, p := range m.input.Points {
		odd += len(p.Odd)
	}
	if odd != 3*n/50 { // two that come alone, and the one with which they come
		t.Errorf("%d candles are marked as odd", odd)
	}

	lost := m.input
	lost.Further = map[string][]exchange.Candle{pair: append(append([]exchange.Candle{}, m.further[:400]...), m.further[401:]...)}
	want(t, check(t, lost), parity.Data, "not kept")

	other := m.input
	changed := append([]exchange.Candle{}, m.further...)
	changed[500].Close, changed[500].Low = changed[500].Close/2, changed[500].Close/2
	other.Further = map[string][]exchange.Candle{pair: changed}
	want(t, check(t, other), parity.Data, "other candles than those that are kept")

	now := m.input
	now.FurtherHistory = map[string][]exchange.Candle{pair: changed}
	r = check(t, now)
	want(t, r, parity.Data, "The history now has another candle")
	if r.Changed != 1 || r.ChangedFrom.UnixMilli() != changed[500].Time {
		t.Errorf("%d candles are told as changed since %s", r.Changed, r.ChangedFrom)
	}

	changes := m.input.Baseline.Changes(parity.Terms{Market: m.input.Baseline.Market})
	if !strings.Contains(strings.Join(changes, "; "), "further pairs") {
		t.Errorf("without its further pair the terms differ by %q", changes)
	}
}

// An account takes only a state of its own pairs, and its numbers go on from those of
// any other.
func TestAccountsOfOtherPairs(t *testing.T) {
	t.Parallel()
	base := mixed(t, 30).input.Baseline
	single := base.Terms
	single.Also = nil
	a, err := parity.NewAccount(single, parity.AccountConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Restore(base.AccountState); err == nil {
		t.Error("an account of one pair takes the state of two")
	}
	if err := a.BeginLate([]engine.PairCandle{{Pair: "ETHMYR"}}); err == nil {
		t.Error("an account of one pair takes candles of another")
	}
	state := base.AccountState
	state.Engine.NextRef, state.Legs[0].Engine.NextRef, state.Venue.LastFill = 5, 9, 3
	a.Renew(state)
	if got := a.State(); got.Engine.NextRef != 9 || got.Venue.LastFill != 3 || len(got.Pairs()) != 0 {
		t.Errorf("it goes on with %+v", got)
	}
}

// proves T9: an order that waits in one pair of a bot may yet be paid with what is free of the
// cash that its pairs share, when the order whose place it takes was filled in part for more.
func TestAnOrderThatWaitsIsPaidFromTheSharedCash(t *testing.T) {
	t.Parallel()
	one := func(base string) exchange.Market {
		return exchange.Market{
			Pair: base + "MYR", Base: base, Counter: "MYR", Tick: decimal.New(1, 0), Step: decimal.New(1, 0), MinVolume: 1, MaxVolume: 10_000, Status: exchange.MarketActive,
		}
	}
	a, err := parity.NewAccount(parity.Terms{
		Interval: time.Minute, Decide: time.Minute, Balance: 10_000, Market: one("XBT"), Also: []exchange.Market{one("ETH")},
	}, parity.AccountConfig{OrderPrefix: "lb.", Live: true})
	if err != nil {
		t.Fatal(err)
	}
	step := func(at int64, cs ...strategy.Command) {
		t.Helper()
		c := exchange.Candle{Time: at * 60_000, Open: 100, High: 100, Low: 100, Close: 100, Volume: 1}
		if err := a.Begin(c, engine.PairCandle{Pair: "ETHMYR", Candle: c}); err != nil {
			t.Fatal(err)
		}
		for ev := a.Next(); ev != nil; ev = a.Next() {
			if ev.Kind != strategy.CandleEvent {
				continue
			}
			if err := a.Commands(cs); err != nil {
				t.Fatal(err)
			}
		}
	}
	buy := func(ref uint64, price exchange.Ticks, volume exchange.Steps) strategy.Command {
		return strategy.Command{Kind: strategy.PlaceCommand, Ref: ref, Side: exchange.Buy, Type: exchange.LimitOrder, Price: price, Volume: volume}
	}
	step(1, buy(1, 100, 40))
	step(2, strategy.Command{Kind: strategy.CancelAllCommand}, buy(2, 80, 60))
	if _, err := a.News([]remote.News{
		{Event: 1, Number: 1, Fill: &exchange.Fill{Pair: "XBTMYR", Sequence: 1, Side: exchange.Buy, Price: 100, Volume: 20, Value: 2_000, Time: 180_000}},
		{Event: 2, Number: 1, End: &remote.End{Filled: 20, Reason: "taken back"}},
	}); err != nil {
		t.Fatal(err)
	}
	if w := a.Wishes(); len(w) != 1 || w[0].Number != 2 || w[0].Request.Volume != 40 {
		t.Errorf("it wants %+v, want order 2 for the 40 that are left of it", w)
	}
	if v := a.View(); v.Counter != 8_000 || v.ReservedCounter != 3_200 || v.Base != 20 {
		t.Errorf("the strategy is shown %d reserved of %d, and %d", v.ReservedCounter, v.Counter, v.Base)
	}
}
