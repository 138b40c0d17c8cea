package rebalance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/backtest"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/strategytest"
)

// ether is a further pair whose units are a hundredth of the own market's.
func ether() exchange.Market {
	m := strategytest.Market()
	m.Pair, m.Base, m.Tick = "ETHMYR", "ETH", decimal.New(1, -2)
	return m
}

// two opens the strategy on an account that holds so much of either currency and
// cash, in thousands at prices of 1000 and 10.00 MYR, so that all are alike.
func two(t *testing.T, params string, xbt, eth, cash int64) *strategytest.Harness {
	t.Helper()
	h := strategytest.New(t, rebalance.Definition(), strategytest.Config{Params: params, Explain: true, Also: []exchange.Market{ether()}})
	h.View.Base, h.View.Counter = exchange.Steps(xbt), exchange.Units(cash*1000)
	h.View.Others[0].Base, h.View.Others[0].Counter = exchange.Steps(eth*100), exchange.Units(cash*100_000)
	return h
}

// both tells a candle of each pair at these prices and returns the orders.
func both(h *strategytest.Harness, at int64, xbt, eth exchange.Ticks) []strategy.Command {
	h.Pair("ETHMYR", exchange.Flat(at*60_000, eth))
	return h.Candle(exchange.Flat(at*60_000, xbt))
}

func TestBalancesSeveralPairs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, params   string
		xbt, eth, cash int64
		want           []string
	}{
		{"buys all at the start", `{"weight":40,"others":"ETHMYR=30"}`, 0, 0, 1000, []string{" buy 400000 0", "ETHMYR buy 30000000 0"}},
		{"divides evenly", `{"weight":60}`, 0, 0, 1000, []string{" buy 300000 0", "ETHMYR buy 30000000 0"}},
		{"sells what rose and waits with what fell", `{"weight":40,"others":"ETHMYR=40"}`, 600, 300, 100, []string{" sell 0 200", "ETHMYR buy 10000000 0"}},
		{"sells the further pair", `{"weight":40,"others":"ethmyr = 30"}`, 400, 400, 200, []string{"ETHMYR sell 0 10000"}},
		{"waits within both bands", `{"weight":40,"others":"ETHMYR=30"}`, 440, 260, 300, nil},
		{"to the edges", `{"weight":40,"others":"ETHMYR=30","back":"edge"}`, 500, 200, 300, []string{" sell 0 50", "ETHMYR buy 5000000 0"}},
	} {
		var got []string
		for _, o := range orders(both(two(t, c.params, c.xbt, c.eth, c.cash), 0, 1000, 1000)) {
			got = append(got, fmt.Sprintf("%s %s %d %d", o.Pair, o.Side, o.Value, o.Volume))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: it orders %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWaitsForAPriceAndForTheCashOfASale(t *testing.T) {
	t.Parallel()
	const params = `{"weight":40,"others":"ETHMYR=40","every":60}`
	h := two(t, params, 600, 300, 100)
	if got := h.Candle(exchange.Flat(0, 1000)); len(got) != 0 {
		t.Errorf("without a price of ETH it says %+v", got)
	}
	h = two(t, params, 600, 300, 0)
	first := both(h, 0, 1000, 1000)
	if got := orders(first); len(got) != 1 || got[0].Side != exchange.Sell || got[0].Pair != "" {
		t.Fatalf("it orders %+v", got)
	}
	if text := first[len(first)-1].Text; !strings.HasSuffix(text, "below the edge at 35.00 %: waiting for the cash of a sale") {
		t.Errorf("it says %q", text)
	}
	// The sale is done: it does not wait for an hour.
	h.View.Base, h.View.Counter, h.View.Others[0].Counter = 360, 240_000, 24_000_000
	if got := orders(both(h, 1, 1000, 1000)); len(got) != 1 || got[0].Pair != "ETHMYR" || got[0].Value != 6_000_000 {
		t.Errorf("afterwards it orders %+v", got)
	}
}

func TestBadSharesAreRefused(t *testing.T) {
	t.Parallel()
	def := rebalance.Definition()
	for params, want := range map[string]string{
		`{"others":"ETHMYR"}`: "PAIR=PERCENT: ETHMYR", `{"others":"ETHMYR=x"}`: "PAIR=PERCENT", `{"others":"=5"}`: "PAIR=PERCENT",
		`{"others":"ETHMYR=10,ethmyr=10"}`: "has ETHMYR twice", `{"others":"ETHMYR=5"}`: "room for the band (5)", `{"others":"ETHMYR=49,SOLMYR=20"}`: "must leave some cash",
		`{"others":"ETHMYR=0.00000001"}`: "PAIR=PERCENT",
	} {
		if err := def.Check([]byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want %q", params, err, want)
		}
	}
	sol := ether()
	sol.Pair, sol.Base = "SOLMYR", "SOL"
	for want, in := range map[string]strategy.OpenInput{
		"ETHMYR, which is none of the bot's further pairs": {Params: []byte(`{"others":"ETHMYR=20"}`)},
		"lacks a share of SOLMYR":                          {Params: []byte(`{"others":"ETHMYR=20"}`), Also: []exchange.Market{ether(), sol}},
		"the further pairs have 5 % each":                  {Params: []byte(`{"weight":15}`), Also: []exchange.Market{ether(), sol}},
	} {
		in.Market = strategytest.Market()
		if _, err := def.Open(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, want %q", err, want)
		}
	}
}

// proves PL1: over any market of two pairs no order is refused, sold or bought is
// only what lies outside of its band and towards its share, and restored it goes on
// alike.
func TestInvariantsOfSeveralPairs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		xbt, eth, band := rapid.IntRange(10, 45).Draw(t, "xbt"), rapid.IntRange(10, 45).Draw(t, "eth"), rapid.IntRange(1, 9).Draw(t, "band")
		beside := map[int64]exchange.Candle{}
		for _, c := range strategytest.Walk(rapid.Uint64().Draw(t, "other seed"), 120) {
			beside[c.Time] = c
		}
		cfg := strategytest.PaperConfig{
			Params: fmt.Sprintf(`{"weight":%d,"others":"ETHMYR=%d","band":%d,"every":%d}`, xbt, eth, band, rapid.IntRange(1, 5).Draw(t, "every")),
			Also:   []exchange.Market{ether()}, Fees: exchange.Fees{Maker: 100_000, Taker: 200_000},
			Costs: paper.Costs{MaxShare: rapid.SampledFrom([]exchange.Rate{0, 10_000_000}).Draw(t, "share")},
			Others: func(c exchange.Candle) []engine.PairCandle {
				return []engine.PairCandle{{Pair: "ETHMYR", Candle: beside[c.Time]}}
			},
		}
		strategytest.Resumed(t, rebalance.Definition(), cfg, strategytest.Walk(rapid.Uint64().Draw(t, "seed"), 120), 5, func(p *strategytest.Paper, s strategytest.Step) {
			for _, reason := range p.Refusals() {
				t.Fatalf("refused: %s", reason)
			}
			for _, c := range orders(s.Commands) {
				checkShare(t, s, c, beside[s.Event.Candle.Time].Close, []float64{float64(xbt) / 100, float64(eth) / 100}, float64(band)/100)
			}
		})
	})
}

// checkShare holds an order to the band of its pair. Amounts are in MYR.
func checkShare(t *rapid.T, s strategytest.Step, c strategy.Command, eth exchange.Ticks, weights []float64, band float64) {
	t.Helper()
	const slack = 1e-6
	v := s.View
	prices := []float64{s.Event.Candle.Close.Float(), eth.Float() / 100}
	held := []float64{prices[0] * v.Base.Float() / 1e6, prices[1] * v.Others[0].Base.Float() / 1e6}
	whole := held[0] + held[1] + float64(v.Counter)/1e6
	n, unit := 0, 1e6
	if c.Pair != "" {
		n, unit = 1, 1e8
	}
	after, out := (held[n]+float64(c.Value)/unit)/whole, held[n]/whole < weights[n]-band+slack
	if c.Side == exchange.Sell {
		after, out = (held[n]-prices[n]*c.Volume.Float()/1e6)/whole, held[n]/whole > weights[n]+band-slack
	}
	if !out || c.Side == exchange.Buy && after > weights[n]+slack || c.Side == exchange.Sell && after < weights[n]-slack {
		t.Fatalf("of pair %d a share of %v becomes %v by %+v", n, held[n]/whole, after, c)
	}
}

// proves PL1
func TestGoldenOfSeveralPairs(t *testing.T) {
	t.Parallel()
	cfg, source := strategytest.DemoFeed(t, 3000, "ETHMYR")
	cfg.Pairs = []backtest.Pair{{Market: strategytest.DemoMarket(t, "ETHMYR")}}
	cfg.Params = []byte(`{"weight":35,"others":"ETHMYR=35","band":"0.5"}`)
	r := strategytest.GoldenOf(t, rebalance.Definition(), cfg, source, "testdata/pairs.golden")
	if len(r.Pairs) != 1 || r.Pairs[0].Account.Trades == 0 || r.Account.Trades == 0 {
		t.Errorf("it ends with %+v", r.Pairs)
	}
}
