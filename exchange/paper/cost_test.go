package paper_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// failer is what a trader needs of a test.
type failer interface {
	Helper()
	Fatal(args ...any)
}

// trader is a venue whose orders a test names shortly.
type trader struct {
	tb    failer
	venue *paper.Venue
}

func newTrader(tb failer, cfg paper.VenueConfig) trader {
	tb.Helper()
	cfg.Market = one()
	if cfg.Balance == 0 {
		cfg.Balance = 1_000_000
	}
	v, err := paper.NewVenue(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return trader{tb, v}
}

// place sends an order at the open of a minute.
func (t trader) place(at int64, r exchange.OrderRequest) {
	t.tb.Helper()
	r.Pair, r.Time = one().Pair, at*minute
	if r.Type == 0 {
		r.Type = exchange.MarketOrder
	}
	if _, err := t.venue.Place(r); err != nil {
		t.tb.Fatal(err)
	}
}

// proves PL4
func TestCostsOfTaking(t *testing.T) {
	t.Parallel()
	wide := bar(2, 1000, 1100, 900, 1050) // a range of 200 and a volume of 1,000
	for name, c := range map[string]struct {
		costs  paper.Costs
		volume exchange.Steps
		want   string
	}{
		"nothing":                       {paper.Costs{}, 10, "buy 10@1000"},
		"a spread costs its half":       {paper.Costs{Spread: 2 * perHundred}, 10, "buy 10@1010"},
		"half of an odd spread is more": {paper.Costs{Spread: 1}, 10, "buy 10@1001"},
		"a share of the range":          {paper.Costs{Range: 10 * perHundred}, 10, "buy 10@1020"},
		"a small order's impact":        {paper.Costs{Impact: exchange.RateOne / 2}, 100, "buy 100@1005"}, // a tenth, squared, of half
		"a large order's impact":        {paper.Costs{Impact: exchange.RateOne / 2}, 500, "buy 500@1125"}, // a half, squared, of half
		"more than the whole volume":    {paper.Costs{Impact: exchange.RateOne / 2}, 2000, "buy 2000@1500"},
		"a bounded share moves less":    {paper.Costs{Impact: exchange.RateOne / 2, MaxShare: 10 * perHundred}, 2000, "buy 100@1005"},
		"all together":                  {paper.Costs{Slippage: perHundred, Spread: 2 * perHundred, Range: 10 * perHundred}, 10, "buy 10@1040"},
	} {
		r := newTrader(t, paper.VenueConfig{Costs: c.costs, Balance: 10_000_000})
		r.place(2, exchange.OrderRequest{Side: exchange.Buy, Volume: c.volume})
		if got := tell(r.venue.Candle(&wide)); got != c.want+" fee 0 taker" {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// proves PL4: a limit order that takes from the book costs what a market order does, up to
// its own price, and one that rests costs nothing but its fee.
func TestCostsOfLimitOrders(t *testing.T) {
	t.Parallel()
	all := paper.Costs{Slippage: perHundred, Spread: 2 * perHundred, Range: 10 * perHundred} // 40 at 1,000 and a range of 200
	for _, c := range []struct {
		name  string
		costs paper.Costs
		side  exchange.Side
		price exchange.Ticks
		want  string
	}{
		{"a buy far above the open", all, exchange.Buy, 1090, "buy 10@1040 fee 0 taker"},
		{"a buy a little above the open", all, exchange.Buy, 1025, "buy 10@1025 fee 0 taker"},
		{"a buy at the open", all, exchange.Buy, 1000, "buy 10@1000 fee 0 taker"},
		{"a buy below the open", all, exchange.Buy, 950, "buy 10@950 fee 0 maker"},
		{"a sale far below the open", all, exchange.Sell, 910, "sell 10@960 fee 0 taker"},
		{"a sale a little below the open", all, exchange.Sell, 985, "sell 10@985 fee 0 taker"},
		{"a sale above the open", all, exchange.Sell, 1050, "sell 10@1050 fee 0 maker"},
		{"the impact of what there is", paper.Costs{Impact: exchange.RateOne / 2, MaxShare: perHundred / 2}, exchange.Buy, 1090, "buy 5@1001 fee 0 taker"},
		{"no costs", paper.Costs{}, exchange.Buy, 1090, "buy 10@1000 fee 0 taker"},
	} {
		r := newTrader(t, paper.VenueConfig{Costs: c.costs, Balance: 10_000_000, Base: 10})
		r.place(2, exchange.OrderRequest{Side: c.side, Type: exchange.LimitOrder, Price: c.price, Volume: 10})
		if got := tell(r.venue.Candle(new(bar(2, 1000, 1100, 900, 1050)))); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// proves PL4: the impact of a buy by value is that of what it buys at its tier's fees.
func TestImpactOfABuyByValueAtATier(t *testing.T) {
	t.Parallel()
	r := newTrader(t, paper.VenueConfig{
		Costs: paper.Costs{Impact: exchange.RateOne}, Balance: 500_000, Fees: exchange.Fees{Taker: exchange.RateOne / 2}, Tiers: []paper.Tier{{}},
	})
	r.place(2, exchange.OrderRequest{Side: exchange.Buy, Value: 500_000})
	// Half of the volume moves the price by a quarter; with the dearest fees it would be a third.
	if got, want := tell(r.venue.Candle(new(bar(2, 1000, 1000, 1000, 1000)))), "buy 400@1250 fee 0 taker"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// proves PL4
func TestLatency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		latency time.Duration
		want    []string // by minute from 2 on
	}{
		{0, []string{"buy 5@102 fee 0 taker", "", ""}},
		{time.Millisecond, []string{"", "buy 5@103 fee 0 taker", ""}},
		{time.Minute, []string{"", "buy 5@103 fee 0 taker", ""}},
		{61 * time.Second, []string{"", "", "buy 5@104 fee 0 taker"}},
	} {
		r := newTrader(t, paper.VenueConfig{Costs: paper.Costs{Latency: c.latency}})
		limit := newTrader(t, paper.VenueConfig{Costs: paper.Costs{Latency: c.latency}})
		for _, v := range []trader{r, limit} {
			v.venue.Candle(new(bar(1, 101, 101, 101, 101)))
		}
		r.place(2, exchange.OrderRequest{Side: exchange.Buy, Volume: 5})
		limit.place(2, exchange.OrderRequest{Side: exchange.Buy, Type: exchange.LimitOrder, Price: 200, Volume: 5})
		for i, want := range c.want {
			at := int64(i) + 2
			price := exchange.Ticks(100 + at)
			for name, v := range map[string]trader{"market": r, "limit above the open": limit} {
				if got := tell(v.venue.Candle(new(bar(at, price, price+1, price-1, price)))); got != want {
					t.Errorf("%s after %s, minute %d: got %q, want %q", name, c.latency, at, got, want)
				}
			}
		}
	}
}

// proves PL4
func TestFeeTiers(t *testing.T) {
	t.Parallel()
	cfg := paper.VenueConfig{
		Fees: exchange.Fees{Taker: 3 * perHundred}, Balance: 100_000_000,
		Tiers: []paper.Tier{{Volume: 10_000, Fees: exchange.Fees{Taker: 2 * perHundred}}, {Volume: 30_000, Fees: exchange.Fees{Taker: perHundred}}},
	}
	r := newTrader(t, cfg)
	const day = 24 * 60
	for _, c := range []struct {
		minute int64
		want   string
	}{
		{0, "buy 100@100 fee 300 taker"},
		{10, "buy 100@100 fee 300 taker"},                  // the present day does not count
		{day, "buy 100@100 fee 200 taker"},                 // 20,000 yesterday
		{2 * day, "buy 100@100 fee 100 taker"},             // 30,000 on the days before
		{(2 + 29) * day, "buy 100@100 fee 200 taker"},      // day 0 has passed out of the window: 20,000 are left
		{(2 + 29 + 31) * day, "buy 100@100 fee 300 taker"}, // and then nothing is
		{(2 + 29 + 32) * day, "buy 100@100 fee 200 taker"},
	} {
		r.place(c.minute, exchange.OrderRequest{Side: exchange.Buy, Volume: 100})
		if got := tell(r.venue.Candle(new(bar(c.minute, 100, 100, 100, 100)))); got != c.want {
			t.Errorf("minute %d: got %q, want %q", c.minute, got, c.want)
		}
		raw, err := json.Marshal(r.venue.State())
		if err != nil {
			t.Fatal(err)
		}
		var state paper.VenueState
		if err := json.Unmarshal(raw, &state); err != nil {
			t.Fatal(err)
		}
		r = newTrader(t, cfg)
		r.venue.Restore(state)
	}
}

// proves T8 and PL4: whatever the costs, cash never falls below 0, and higher
// costs never leave more of it.
func TestCostsNeverPay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		rate := func(name string) exchange.Rate {
			return exchange.Rate(rapid.Int64Range(0, int64(exchange.RateOne)/20).Draw(rt, name))
		}
		low := paper.Costs{Spread: rate("spread"), Range: rate("range"), Impact: rate("impact"), Slippage: rate("slippage")}
		high := low
		high.Spread += rate("more spread")
		high.Range += rate("more range")
		high.Impact += rate("more impact")
		high.Slippage += rate("more slippage")
		volume := exchange.Steps(rapid.Int64Range(1, 3000).Draw(rt, "volume"))
		kind, most, least := exchange.MarketOrder, exchange.Ticks(0), exchange.Ticks(0)
		if rapid.Bool().Draw(rt, "limits") { // that the open reaches
			kind, most, least = exchange.LimitOrder, exchange.Ticks(rapid.Int64Range(1000, 1300).Draw(rt, "most")), exchange.Ticks(rapid.Int64Range(800, 1050).Draw(rt, "least"))
		}
		cash := make([]exchange.Units, 2)
		for i, costs := range []paper.Costs{low, high} {
			r := newTrader(rt, paper.VenueConfig{Costs: costs, Balance: 100_000_000})
			r.place(1, exchange.OrderRequest{Side: exchange.Buy, Type: kind, Price: most, Volume: volume})
			r.venue.Candle(new(bar(1, 1000, 1100, 900, 1050)))
			r.place(2, exchange.OrderRequest{Side: exchange.Sell, Type: kind, Price: least, Volume: r.venue.State().Base})
			r.venue.Candle(new(bar(2, 1050, 1060, 1000, 1010)))
			s := r.venue.State()
			if s.Base != 0 || s.Counter < 0 {
				rt.Fatalf("costs %+v leave %d and %d", costs, s.Base, s.Counter)
			}
			cash[i] = s.Counter
		}
		if cash[1] > cash[0] {
			rt.Fatalf("higher costs leave %d, lower ones %d", cash[1], cash[0])
		}
	})
}

func TestCostsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	_, err := paper.NewVenue(paper.VenueConfig{
		Market: one(), Costs: paper.Costs{Spread: -1, Range: exchange.RateOne + 1, Impact: -1},
		Tiers: []paper.Tier{{Volume: 10}, {Volume: 10, Fees: exchange.Fees{Maker: -1}}},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"spread", "range", "impact", "maker fee", "tier 2"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}
