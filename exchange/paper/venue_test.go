package paper_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
)

// one is a market whose tick and step are 1, so that the numbers of a test are
// those of its prose.
func one() exchange.Market {
	return exchange.Market{
		Pair: "AAABBB", Base: "AAA", Counter: "BBB", Tick: decimal.NewFromInt(1), Step: decimal.NewFromInt(1), Status: exchange.MarketActive,
	}
}

const (
	minute     = int64(60_000)
	perMille   = exchange.Rate(100_000)
	perHundred = exchange.Rate(1_000_000)
)

// bar returns the candle of a minute; volume is 1,000.
func bar(at int64, open, high, low, close exchange.Ticks) exchange.Candle {
	return exchange.Candle{Time: at * minute, Open: open, High: high, Low: low, Close: close, Volume: 1000}
}

// tell writes what a venue reports, shortly.
func tell(rs []exchange.Report) string {
	var out []string
	for _, r := range rs {
		if r.Executed {
			who := "taker"
			if r.Fill.Maker {
				who = "maker"
			}
			out = append(out, fmt.Sprintf("%s %d@%d fee %d %s", r.Fill.Side, r.Fill.Volume, r.Fill.Price, r.Fill.FeeCounter, who))
		}
		if r.Reason != "" {
			out = append(out, "end "+r.Reason)
		}
	}
	return strings.Join(out, ", ")
}

func TestVenueFills(t *testing.T) { // proves PL4
	t.Parallel()
	buy := func(v exchange.Steps) exchange.OrderRequest {
		return exchange.OrderRequest{Side: exchange.Buy, Type: exchange.MarketOrder, Volume: v}
	}
	spend := func(v exchange.Units) exchange.OrderRequest {
		return exchange.OrderRequest{Side: exchange.Buy, Type: exchange.MarketOrder, Value: v}
	}
	sell := func(v exchange.Steps) exchange.OrderRequest {
		return exchange.OrderRequest{Side: exchange.Sell, Type: exchange.MarketOrder, Volume: v}
	}
	at := func(side exchange.Side, price exchange.Ticks, v exchange.Steps, how ...func(*exchange.OrderRequest)) exchange.OrderRequest {
		r := exchange.OrderRequest{Side: side, Type: exchange.LimitOrder, Price: price, Volume: v}
		for _, f := range how {
			f(&r)
		}
		return r
	}
	ioc := func(r *exchange.OrderRequest) { r.TimeInForce = exchange.IOC }
	fok := func(r *exchange.OrderRequest) { r.TimeInForce = exchange.FOK }
	post := func(r *exchange.OrderRequest) { r.PostOnly = true }
	with := func(r exchange.OrderRequest, f func(*exchange.OrderRequest)) exchange.OrderRequest { f(&r); return r }
	later := bar(2, 100, 110, 90, 105)

	for _, c := range []struct {
		name   string
		config func(*paper.VenueConfig)
		held   exchange.Steps // bought for nothing before
		orders []exchange.OrderRequest
		bars   []exchange.Candle
		want   []string // what each candle reports
	}{
		{name: "a market order trades at the next open", orders: []exchange.OrderRequest{buy(10)}, bars: []exchange.Candle{later}, want: []string{"buy 10@100 fee 1 taker"}},
		{name: "a fee is rounded up to a whole unit", orders: []exchange.OrderRequest{buy(11)}, bars: []exchange.Candle{later}, want: []string{"buy 11@100 fee 2 taker"}},
		{name: "a buy by value leaves room for the fee", orders: []exchange.OrderRequest{spend(1001)}, bars: []exchange.Candle{later}, want: []string{"buy 10@100 fee 1 taker"}},
		{name: "one unit less buys one step less", orders: []exchange.OrderRequest{spend(1000)}, bars: []exchange.Candle{later}, want: []string{"buy 9@100 fee 1 taker"}},
		{name: "a value below one step ends", orders: []exchange.OrderRequest{spend(99)}, bars: []exchange.Candle{later}, want: []string{"end the value buys less than the least volume"}},
		{
			name: "slippage makes a buy dearer", config: func(c *paper.VenueConfig) { c.Slippage = perHundred },
			orders: []exchange.OrderRequest{buy(10)}, bars: []exchange.Candle{later}, want: []string{"buy 10@101 fee 2 taker"},
		},
		{
			name: "slippage makes a sale cheaper", config: func(c *paper.VenueConfig) { c.Slippage = perHundred }, held: 10,
			orders: []exchange.OrderRequest{sell(10)}, bars: []exchange.Candle{later}, want: []string{"sell 10@99 fee 1 taker"},
		},
		{
			name:   "slippage does not touch a limit price",
			config: func(c *paper.VenueConfig) { c.Slippage = perHundred }, orders: []exchange.OrderRequest{at(exchange.Buy, 95, 10)},
			bars: []exchange.Candle{later}, want: []string{"buy 10@95 fee 1 maker"},
		},
		{name: "a limit that is only touched waits", orders: []exchange.OrderRequest{at(exchange.Buy, 90, 10)}, bars: []exchange.Candle{later}, want: []string{""}},
		{
			name: "a limit that is traded through fills at its price, later too", orders: []exchange.OrderRequest{at(exchange.Buy, 89, 10)},
			bars: []exchange.Candle{later, bar(3, 95, 96, 88, 90)}, want: []string{"", "buy 10@89 fee 1 maker"},
		},
		{
			name: "a resting limit does not fill better than its price when the market gaps", orders: []exchange.OrderRequest{at(exchange.Buy, 89, 10)},
			bars: []exchange.Candle{later, bar(3, 80, 85, 75, 80)}, want: []string{"", "buy 10@89 fee 1 maker"},
		},
		{name: "a limit above the open takes the open", orders: []exchange.OrderRequest{at(exchange.Buy, 102, 10)}, bars: []exchange.Candle{later}, want: []string{"buy 10@100 fee 1 taker"}},
		{name: "a limit sale that is traded through", held: 10, orders: []exchange.OrderRequest{at(exchange.Sell, 109, 10)}, bars: []exchange.Candle{later}, want: []string{"sell 10@109 fee 2 maker"}},
		{name: "a limit sale that is only touched waits", held: 10, orders: []exchange.OrderRequest{at(exchange.Sell, 110, 10)}, bars: []exchange.Candle{later}, want: []string{""}},
		{name: "post-only ends instead of taking", orders: []exchange.OrderRequest{at(exchange.Buy, 102, 10, post)}, bars: []exchange.Candle{later}, want: []string{"end post-only: it would have traded at once"}},
		{name: "post-only rests and fills as maker", orders: []exchange.OrderRequest{at(exchange.Buy, 95, 10, post)}, bars: []exchange.Candle{later}, want: []string{"buy 10@95 fee 1 maker"}},
		{name: "IOC ends if the open is not good enough", orders: []exchange.OrderRequest{at(exchange.Buy, 99, 10, ioc)}, bars: []exchange.Candle{later}, want: []string{"end IOC: the price was not reached"}},
		{name: "FOK ends if the open is not good enough", orders: []exchange.OrderRequest{at(exchange.Buy, 99, 10, fok)}, bars: []exchange.Candle{later}, want: []string{"end FOK: the price was not reached"}},
		{
			name: "a share of the volume bounds a fill, the rest waits", config: func(c *paper.VenueConfig) { c.MaxShare = perHundred },
			orders: []exchange.OrderRequest{buy(15)}, bars: []exchange.Candle{later, bar(3, 101, 101, 101, 101)},
			want: []string{"buy 10@100 fee 1 taker", "buy 5@101 fee 1 taker"},
		},
		{
			name: "the share is for all orders of a candle together", config: func(c *paper.VenueConfig) { c.MaxShare = perHundred },
			orders: []exchange.OrderRequest{buy(8), buy(8)}, bars: []exchange.Candle{later},
			want: []string{"buy 8@100 fee 1 taker, buy 2@100 fee 1 taker"},
		},
		{
			name: "IOC takes what there is and ends", config: func(c *paper.VenueConfig) { c.MaxShare = perHundred },
			orders: []exchange.OrderRequest{at(exchange.Buy, 100, 15, ioc)}, bars: []exchange.Candle{later},
			want: []string{"buy 10@100 fee 1 taker, end IOC: the rest could not be filled at once"},
		},
		{
			name: "FOK takes nothing if there is not all, and leaves it to others", config: func(c *paper.VenueConfig) { c.MaxShare = perHundred },
			orders: []exchange.OrderRequest{at(exchange.Buy, 100, 15, fok), buy(10)}, bars: []exchange.Candle{later},
			want: []string{"end FOK: it could not be filled whole, buy 10@100 fee 1 taker"},
		},
		{
			name: "FOK by value takes nothing if there is not all", config: func(c *paper.VenueConfig) { c.MaxShare = perHundred },
			orders: []exchange.OrderRequest{with(spend(2000), fok)}, bars: []exchange.Candle{later}, want: []string{"end FOK: it could not be filled whole"},
		},
		{
			name: "a buy whose price has risen draws on cash that is free", orders: []exchange.OrderRequest{buy(10), buy(10)},
			config: func(c *paper.VenueConfig) { c.Balance = 2500 }, bars: []exchange.Candle{bar(2, 120, 120, 120, 120)},
			want: []string{"buy 10@120 fee 2 taker, buy 10@120 fee 2 taker"},
		},
		{
			name: "a buy does not touch cash that another order holds", orders: []exchange.OrderRequest{buy(10), at(exchange.Buy, 50, 10)},
			config: func(c *paper.VenueConfig) { c.Balance = 1501 }, bars: []exchange.Candle{bar(2, 120, 120, 120, 120)},
			want: []string{"buy 8@120 fee 1 taker, end the cash does not buy the rest"},
		},
		{
			name: "a buy whose cash no longer suffices takes what it buys", config: func(c *paper.VenueConfig) { c.Balance = 1000 },
			orders: []exchange.OrderRequest{buy(10)}, bars: []exchange.Candle{bar(2, 120, 120, 120, 120)},
			want: []string{"buy 8@120 fee 1 taker, end the cash does not buy the rest"},
		},
		{
			name: "a buy that can no longer buy anything ends", config: func(c *paper.VenueConfig) { c.Balance = 100 },
			orders: []exchange.OrderRequest{buy(1)}, bars: []exchange.Candle{bar(2, 200, 200, 200, 200)}, want: []string{"end the cash does not buy the rest"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := paper.VenueConfig{Market: one(), Balance: 1_000_000, Fees: exchange.Fees{Maker: perMille, Taker: perMille}}
			if c.config != nil {
				c.config(&cfg)
			}
			v, err := paper.NewVenue(cfg)
			if err != nil {
				t.Fatal(err)
			}
			s := v.State()
			s.Base = c.held
			v.Restore(s)
			v.Candle(new(bar(1, 90, 90, 90, 90)))
			for _, r := range c.orders {
				r.Pair, r.Time = one().Pair, 2*minute
				if _, err := v.Place(r); err != nil {
					t.Fatal(err)
				}
			}
			for i, b := range c.bars {
				if got := tell(v.Candle(&b)); got != c.want[i] {
					t.Errorf("candle %d: got %q, want %q", i+1, got, c.want[i])
				}
			}
			if counter, base := v.Reserved(); len(v.State().Orders) == 0 && (counter != 0 || base != 0) {
				t.Errorf("%d and %d are still reserved", counter, base)
			}
		})
	}
}

func TestVenueRefusals(t *testing.T) {
	t.Parallel()
	v, err := paper.NewVenue(paper.VenueConfig{Market: one(), Balance: 1000, Fees: exchange.Fees{Taker: perHundred}})
	if err != nil {
		t.Fatal(err)
	}
	v.Candle(new(bar(1, 100, 100, 100, 100)))
	place := func(r exchange.OrderRequest) string {
		_, err := v.Place(r)
		var refused *exchange.Error
		if err == nil {
			return ""
		}
		if !errors.As(err, &refused) || refused.Outcome != exchange.OutcomeRejected {
			t.Fatalf("not a refusal: %v", err)
		}
		return refused.Code
	}
	for _, c := range []struct {
		name string
		r    exchange.OrderRequest
		want string
	}{
		{"more than the cash", exchange.OrderRequest{Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 10}, "ErrInsufficientBalance"},
		{"more than the position", exchange.OrderRequest{Side: exchange.Sell, Type: exchange.MarketOrder, Volume: 1}, "ErrInsufficientBalance"},
		{"a value beyond 64 bits", exchange.OrderRequest{Side: exchange.Buy, Type: exchange.LimitOrder, Price: math.MaxInt64, Volume: 2}, "ErrValueTooHigh"},
		{"a value whose fee goes beyond 64 bits", exchange.OrderRequest{Side: exchange.Buy, Type: exchange.LimitOrder, Price: math.MaxInt64, Volume: 1}, "ErrValueTooHigh"},
		{"a stop", exchange.OrderRequest{Side: exchange.Buy, Type: exchange.LimitOrder, Price: 1, Volume: 1, Stop: exchange.Stop{Price: 1, Direction: exchange.StopAbove}}, "ErrInvalidArguments"},
		{"the cash, fee included", exchange.OrderRequest{ClientID: "a", Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 9}, ""},
		{"a repeated client id", exchange.OrderRequest{ClientID: "a", Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 9}, "ErrDuplicateClientOrderID"},
		{"cash that is reserved", exchange.OrderRequest{Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 1}, "ErrInsufficientBalance"},
	} {
		if got := place(c.r); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	id := v.State().Orders[0].Order.ID
	if o, err := v.Cancel(id, 5); err != nil || o.Status != exchange.Complete || o.Completed != 5 {
		t.Errorf("cancelled: %+v, %v", o, err)
	}
	if _, err := v.Cancel(id, 6); exchange.OutcomeOf(err) != exchange.OutcomeRejected {
		t.Errorf("a second cancel: %v", err)
	}
	if counter, _ := v.Reserved(); counter != 0 {
		t.Errorf("%d are still reserved", counter)
	}
}

func TestVenueExit(t *testing.T) { // proves PL4
	t.Parallel()
	for _, c := range []struct {
		name    string
		config  paper.VenueConfig
		trigger exchange.Ticks
		stop    bool
		bar     exchange.Candle
		want    string
	}{
		{"a stop inside the candle trades at its trigger", paper.VenueConfig{}, 95, true, bar(2, 100, 101, 94, 96), "sell 10@95 fee 0 taker"},
		{"a stop that the market gapped through trades at the open", paper.VenueConfig{}, 95, true, bar(2, 90, 92, 88, 91), "sell 10@90 fee 0 taker"},
		{"a stop with slippage trades worse", paper.VenueConfig{Costs: paper.Costs{Slippage: 2 * perHundred}}, 95, true, bar(2, 90, 92, 88, 91), "sell 10@88 fee 0 taker"},
		{"a target inside the candle trades at its trigger", paper.VenueConfig{}, 105, false, bar(2, 100, 106, 99, 101), "sell 10@105 fee 0 taker"},
		{"a target that the market gapped over trades at the open", paper.VenueConfig{}, 105, false, bar(2, 108, 109, 107, 108), "sell 10@108 fee 0 taker"},
		{"a share of the volume bounds an exit", paper.VenueConfig{Costs: paper.Costs{MaxShare: perMille}}, 95, true, bar(2, 100, 101, 94, 96), "sell 1@95 fee 0 taker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.config.Market = one()
			v, err := paper.NewVenue(c.config)
			if err != nil {
				t.Fatal(err)
			}
			s := v.State()
			s.Base = 10
			v.Restore(s)
			v.Candle(&c.bar)
			rs, err := v.Exit(exchange.OrderRequest{Pair: one().Pair, Side: exchange.Sell, Type: exchange.MarketOrder, Volume: 10}, c.trigger, c.stop, &c.bar)
			if err != nil || tell(rs) != c.want {
				t.Errorf("got %q, %v; want %q", tell(rs), err, c.want)
			}
		})
	}
	t.Run("a share of less than a step is nothing", func(t *testing.T) {
		t.Parallel()
		v, err := paper.NewVenue(paper.VenueConfig{Market: one(), Balance: 1000, Costs: paper.Costs{MaxShare: 10 * perHundred}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Place(exchange.OrderRequest{Pair: one().Pair, Side: exchange.Buy, Type: exchange.MarketOrder, Volume: 5, Time: 2 * minute}); err != nil {
			t.Fatal(err)
		}
		for at, c := range []struct {
			volume exchange.Steps
			want   string
		}{{9, ""}, {10, "buy 1@90 fee 0 taker"}, {29, "buy 2@90 fee 0 taker"}} {
			k := exchange.Candle{Time: int64(at+2) * minute, Open: 90, High: 90, Low: 90, Close: 90, Volume: c.volume}
			if got := tell(v.Candle(&k)); got != c.want {
				t.Errorf("of a volume of %d: got %q, want %q", c.volume, got, c.want)
			}
		}
	})
	t.Run("an exit without any volume waits", func(t *testing.T) {
		t.Parallel()
		v, err := paper.NewVenue(paper.VenueConfig{Market: one(), Costs: paper.Costs{MaxShare: perMille}})
		if err != nil {
			t.Fatal(err)
		}
		s := v.State()
		s.Base = 10
		v.Restore(s)
		dry := exchange.Candle{Time: 2 * minute, Open: 90, High: 90, Low: 90, Close: 90}
		v.Candle(&dry)
		rs, err := v.Exit(exchange.OrderRequest{Pair: one().Pair, Side: exchange.Sell, Type: exchange.MarketOrder, Volume: 10}, 95, true, &dry)
		if err != nil || len(rs) != 1 || rs[0].Executed || rs[0].Order.Status != exchange.Open {
			t.Fatalf("got %+v, %v", rs, err)
		}
		if got := tell(v.Candle(new(bar(3, 89, 89, 89, 89)))); got != "sell 1@89 fee 0 taker" {
			t.Errorf("the next candle: %q", got)
		}
	})
}

func TestVenueConfigProblemsTogether(t *testing.T) {
	t.Parallel()
	_, err := paper.NewVenue(paper.VenueConfig{Balance: -1, Costs: paper.Costs{Slippage: -1, MaxShare: exchange.RateOne + 1, Latency: -1}})
	for _, part := range []string{"pair", "slippage", "share", "balance"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name the %s", err, part)
		}
	}
}
