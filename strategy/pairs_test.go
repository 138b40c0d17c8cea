package strategy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
)

// merchant does one thing of each kind in each of its pairs.
type merchant struct{ Count int }

func (s *merchant) TradePairs(exchange.Market, []exchange.Market) error { return nil }

func (s *merchant) OnPair(b *strategy.Bot, pair string, c exchange.Candle) {
	b.Pair(pair).Limit(exchange.Buy, c.Close, 1)
}

func (s *merchant) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	for _, p := range b.Pairs() {
		p.BuyWith(p.FreeCounter())
		p.SellAll().Because("%s", p.Market().Base)
		p.Cancel(7)
		p.CancelAll()
		p.SetExits(strategy.Exits{Stop: 1})
		p.Note("%s", p.Now().Format(time.TimeOnly))
		p.Plot("line", 1)
	}
}

func merchantDefinition() strategy.Definition {
	return strategy.MustDefine(strategy.Info{Name: "merchant", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &merchant{} })
}

func pairMarket(base, tick string) exchange.Market {
	return exchange.Market{
		Pair: base + "MYR", Base: base, Counter: "MYR", Tick: decimal.RequireFromString(tick), Step: decimal.New(1, -6), Status: exchange.MarketActive,
	}
}

func TestABotInEachOfItsPairs(t *testing.T) {
	t.Parallel()
	i, err := merchantDefinition().Open(strategy.OpenInput{
		Explain: true, Interval: time.Minute, Market: pairMarket("XBT", "1"), Also: []exchange.Market{pairMarket("ETH", "0.01"), pairMarket("SOL", "1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !i.Wants(strategy.PairEvent) || !merchantDefinition().Pairs() {
		t.Error("it does not hear its further pairs")
	}
	view := strategy.View{Base: 10, ReservedBase: 4, Counter: 100, NextRef: 5, Others: []strategy.View{{Base: 20, Counter: 10_000, ReservedCounter: 1}}}
	got := slices.Clone(i.Deliver(&view, &strategy.Event{Kind: strategy.CandleEvent, Time: 60_000}))
	var want []strategy.Command
	ref := uint64(5)
	for _, p := range []struct {
		pair, base string
		cash       exchange.Units
		held       exchange.Steps
	}{{"", "XBT", 100, 6}, {"ETHMYR", "ETH", 9_999, 20}, {"SOLMYR", "SOL", 0, 0}} { // of SOL the host has told nothing
		if p.cash > 0 {
			want = append(want, strategy.Command{Kind: strategy.PlaceCommand, Pair: p.pair, Ref: ref, Side: exchange.Buy, Type: exchange.MarketOrder, Value: p.cash},
				strategy.Command{Kind: strategy.PlaceCommand, Pair: p.pair, Ref: ref + 1, Side: exchange.Sell, Type: exchange.MarketOrder, Volume: p.held, Text: p.base})
			ref += 2
		}
		want = append(want, strategy.Command{Kind: strategy.CancelCommand, Pair: p.pair, Ref: 7}, strategy.Command{Kind: strategy.CancelAllCommand, Pair: p.pair},
			strategy.Command{Kind: strategy.ExitsCommand, Pair: p.pair, Exits: strategy.Exits{Stop: 1}}, strategy.Command{Kind: strategy.NoteCommand, Pair: p.pair, Text: "00:01:00"},
			strategy.Command{Kind: strategy.PlotCommand, Pair: p.pair, Name: "line", Number: 1})
	}
	if !slices.Equal(got, want) {
		t.Errorf("it gives\n%+v, want\n%+v", got, want)
	}
	got = i.Deliver(&view, &strategy.Event{Kind: strategy.PairEvent, Time: 60_000, Pair: "ETHMYR", Candle: exchange.Flat(0, 3)})
	if len(got) != 1 || got[0].Pair != "ETHMYR" || got[0].Ref != 5 || got[0].Price != 3 {
		t.Errorf("to a candle of ETH it answers %+v", got)
	}
}

// converter notes amounts in the units of another pair.
type converter struct{ merchant }

func (s *converter) OnCandle(b *strategy.Bot, _ exchange.Candle) {
	eth := b.Pair("ETHMYR")
	there, _ := b.Convert(7, eth)
	back, _ := eth.Convert(799, b)
	_, fits := b.Convert(1<<62, eth)
	b.Note("%d %d %t %t", there, back, fits, b.Pair("DOGMYR") == nil)
}

func TestConvert(t *testing.T) {
	t.Parallel()
	def := strategy.MustDefine(strategy.Info{Name: "converter", Version: "1.0.0"}, struct{}{}, func(struct{}) strategy.Strategy { return &converter{} })
	i, err := def.Open(strategy.OpenInput{Explain: true, Market: pairMarket("XBT", "1"), Also: []exchange.Market{pairMarket("ETH", "0.01")}})
	if err != nil {
		t.Fatal(err)
	}
	if got := i.Deliver(&strategy.View{}, &strategy.Event{Kind: strategy.CandleEvent}); got[0].Text != "700 7 false true" {
		t.Errorf("it converts to %s", got[0].Text)
	}
}

func TestBadPairsAreRefused(t *testing.T) {
	t.Parallel()
	xbt, eth := pairMarket("XBT", "1"), pairMarket("ETH", "0.01")
	foreign, other, money, broken := eth, pairMarket("XBT", "1"), pairMarket("MYR", "1"), eth
	foreign.Counter, other.Pair, broken.Tick = "ZAR", "XBTMYR2", decimal.Zero
	many := make([]exchange.Market, strategy.MaxPairs+1)
	for i := range many {
		many[i] = pairMarket(string(rune('A'+i))+"AA", "1")
	}
	for want, also := range map[string][]exchange.Market{
		"the bot's own pair": {xbt}, "asked for twice": {eth, eth}, "needs one currency": {foreign}, "XBT is traded in two pairs": {other},
		"buys the currency": {money}, "the tick must be above 0": {broken}, "9 further pairs are asked for": many,
	} {
		if _, err := merchantDefinition().Open(strategy.OpenInput{Market: xbt, Also: also}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, want %q", err, want)
		}
	}
	if err := strategy.CheckPairs(xbt, []exchange.Market{eth}); err != nil {
		t.Error(err)
	}
}
