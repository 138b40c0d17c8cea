package remote_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

func venue(t *testing.T, m exchange.Market, balance exchange.Units) *remote.Venue {
	t.Helper()
	v, err := remote.New(remote.Config{Balance: balance, Fees: exchange.Fees{Taker: 1_000_000}, Market: m, OrderPrefix: prefix}) // 1 %
	if err != nil {
		t.Fatal(err)
	}
	v.Candle(&exchange.Candle{Time: 60_000, Close: 100})
	return v
}

// proves T9, T11: what the bot cannot pay, the market does not take or comes too late is
// denied and not sent; a buy at the market by volume gets a price that it can pay.
func TestOrdersAreWishedOrDenied(t *testing.T) {
	t.Parallel()
	request := func(number string, side exchange.Side, typ exchange.OrderType, price exchange.Ticks, volume exchange.Steps, value exchange.Units) exchange.OrderRequest {
		return exchange.OrderRequest{ClientID: prefix + number, Pair: pair, Side: side, Type: typ, Price: price, Volume: volume, Value: value, Time: 120_000}
	}
	for name, c := range map[string]struct {
		request exchange.OrderRequest
		now     int64
		price   exchange.Ticks
		held    exchange.Units
		denied  string
	}{
		"a limit order":                {request: request("1", exchange.Buy, exchange.LimitOrder, 90, 100, 0), price: 90, held: 9_090},
		"by value":                     {request: request("1", exchange.Buy, exchange.MarketOrder, 0, 0, 9_999), held: 9_999},
		"by volume":                    {request: request("1", exchange.Buy, exchange.MarketOrder, 0, 50, 0), price: 102, held: 5_151},
		"by volume with little cash":   {request: request("1", exchange.Buy, exchange.MarketOrder, 0, 99, 0), price: 100, held: 9_999},
		"by volume without cash":       {request: request("1", exchange.Buy, exchange.MarketOrder, 0, 100, 0), denied: "ErrInsufficientBalance"},
		"by value without cash":        {request: request("1", exchange.Buy, exchange.MarketOrder, 0, 0, 10_001), denied: "ErrInsufficientBalance"},
		"a sale of nothing":            {request: request("1", exchange.Sell, exchange.MarketOrder, 0, 10, 0), denied: "ErrInsufficientBalance"},
		"too little":                   {request: request("1", exchange.Buy, exchange.LimitOrder, 90, 2, 0), denied: "ErrVolumeTooLow"},
		"a candle of two minutes ago":  {request: request("1", exchange.Buy, exchange.LimitOrder, 90, 100, 0), now: 240_000, price: 90, held: 9_090},
		"a candle of longer ago":       {request: request("1", exchange.Buy, exchange.LimitOrder, 90, 100, 0), now: 240_001, denied: "ErrStale"},
		"a value that is out of range": {request: request("1", exchange.Buy, exchange.LimitOrder, 1<<60, 100, 0), denied: "ErrValueTooHigh"},
	} {
		v := venue(t, market(), 10_000)
		v.At(c.now)
		o, err := v.Place(c.request)
		var refused *exchange.Error
		if errors.As(err, &refused) != (c.denied != "") || c.denied != "" && (refused.Code != c.denied || !refused.Unsent || len(v.Wishes()) > 0) {
			t.Errorf("%s: %v", name, err)
		}
		if c.denied == "" && (o.Status != exchange.Pending || o.Request.Price != c.price || len(v.Wishes()) != 1 || v.Free() != 10_000-c.held) {
			t.Errorf("%s: %+v with %d free, %v", name, o, v.Free(), err)
		}
	}
	if _, err := venue(t, market(), 1).Place(request("x", exchange.Buy, exchange.LimitOrder, 1, 1, 0)); err == nil {
		t.Error("an order without a number")
	}
	if _, err := remote.New(remote.Config{Balance: -1, Slippage: 2 * exchange.RateOne, Stale: time.Hour}); err == nil || !strings.Contains(err.Error(), "Slippage") {
		t.Error(err)
	}
}

// A buy by value costs no more than its amount, the highest fee included, and would cost
// more with one unit more.
func TestABuyByValueIncludesItsFee(t *testing.T) {
	t.Parallel()
	for _, rate := range []exchange.Rate{0, 1, 250_000, 1_000_000, exchange.RateOne} {
		for _, amount := range []exchange.Units{400, 401, 9_999, 1_000_000, 123_456_789} {
			v, err := remote.New(remote.Config{Balance: amount, Fees: exchange.Fees{Maker: rate / 2, Taker: rate}, Market: market(), OrderPrefix: prefix})
			if err != nil {
				t.Fatal(err)
			}
			o, err := v.Place(exchange.OrderRequest{ClientID: prefix + "1", Pair: pair, Side: exchange.Buy, Type: exchange.MarketOrder, Value: amount})
			if err != nil {
				t.Fatal(err)
			}
			spent := o.Request.Value
			if cost := spent + rate.Of(spent); cost > amount || spent+1+rate.Of(spent+1) <= amount || v.Free() != 0 {
				t.Errorf("with %d at a fee of %d it spends %d, which costs %d; %d are free", amount, rate, spent, cost, v.Free())
			}
		}
	}
}

// A fill of an order that the bot was given is its own, once, in its own market alone.
func TestAFillOfAnOrderThatWasGiven(t *testing.T) {
	t.Parallel()
	v, err := remote.New(remote.Config{Balance: cash, Market: market(), OrderPrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	fill := exchange.Fill{Pair: pair, Side: exchange.Buy, Price: 100, Volume: 5, Value: 500, FeeCounter: 2}
	elsewhere := fill
	elsewhere.Pair = "ETHMYR"
	for _, n := range []remote.News{{Event: 1, Fill: &elsewhere}, {Event: 2, Fill: &fill}, {Event: 2, Fill: &fill}, {Event: 3}} {
		v.Hear(n)
	}
	if st := v.State(); st.Base != 5 || st.Counter != cash-502 || st.Event != 3 || len(st.Wishes) != 0 {
		t.Errorf("it has %+v", st)
	}
	if rs := v.Reports(); len(rs) != 1 || !rs[0].Executed || rs[0].Order.ID != "" || rs[0].Fill != fill {
		t.Errorf("it reports %+v", rs)
	}
}
