package exchange_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
)

func xbtmyr() exchange.Market {
	d := decimal.RequireFromString
	return exchange.Market{
		Pair: "XBTMYR", Base: "XBT", Counter: "MYR", Tick: d("0.5"), Step: d("0.0001"),
		MinVolume: 5, MaxVolume: 1_000_000, MinPrice: 20, MaxPrice: 2_000_000, MinValue: 1_000, Status: exchange.MarketActive,
	}
}

// unit draws ticks and steps as markets have them, and odd ones.
func unit() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"1", "0.01", "0.5", "0.05", "0.00000001", "10", "0.10", "3", "0.7", "1e2"})
}

func TestRounding(t *testing.T) { // proves T9
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := xbtmyr()
		m.Tick = decimal.RequireFromString(unit().Draw(t, "tick"))
		price := decimal.New(rapid.Int64Range(-1<<36, 1<<36).Draw(t, "digits"), -rapid.Int32Range(0, 12).Draw(t, "decimals"))
		in := func(r exchange.Rounding) decimal.Decimal {
			n, err := m.Ticks(price, r)
			if err != nil {
				t.Fatal(err)
			}
			return m.Price(n)
		}
		down, up, nearest := in(exchange.Down), in(exchange.Up), in(exchange.Nearest)
		if down.GreaterThan(price) || price.Sub(down).GreaterThanOrEqual(m.Tick) {
			t.Fatalf("%s down to %s is %s", price, m.Tick, down)
		}
		if up.LessThan(price) || up.Sub(price).GreaterThanOrEqual(m.Tick) {
			t.Fatalf("%s up to %s is %s", price, m.Tick, up)
		}
		off := nearest.Sub(price).Abs().Mul(decimal.NewFromInt(2))
		if off.GreaterThan(m.Tick) || off.Equal(m.Tick) && nearest.Abs().LessThan(price.Abs()) {
			t.Fatalf("%s to the nearest %s is %s", price, m.Tick, nearest)
		}
		exact, err := m.Ticks(price, exchange.Exact)
		switch whole := up.Equal(down); {
		case whole && (err != nil || !m.Price(exact).Equal(price)):
			t.Fatalf("%s is a multiple of %s but became %d, %v", price, m.Tick, exact, err)
		case !whole && !errors.Is(err, exchange.ErrPrecision):
			t.Fatalf("%s is no multiple of %s but became %d, %v", price, m.Tick, exact, err)
		}
	})
}

func TestNumbersComeBack(t *testing.T) { // proves N3
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := xbtmyr()
		m.Tick, m.Step = decimal.RequireFromString(unit().Draw(t, "tick")), decimal.RequireFromString(unit().Draw(t, "step"))
		n := integer().Draw(t, "number")
		through := func(d decimal.Decimal) decimal.Decimal {
			text, err := json.Marshal(d)
			if err != nil || text[0] != '"' { // proves N2
				t.Fatalf("%s as JSON is %s, %v", d, text, err)
			}
			var back decimal.Decimal
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			return back
		}
		price, err := m.Ticks(through(m.Price(exchange.Ticks(n))), exchange.Exact)
		if err != nil || int64(price) != n {
			t.Fatalf("price %d became %d, %v", n, price, err)
		}
		volume, err := m.Steps(through(m.Volume(exchange.Steps(n))), exchange.Exact)
		if err != nil || int64(volume) != n {
			t.Fatalf("volume %d became %d, %v", n, volume, err)
		}
		amount, err := m.Units(through(m.Amount(exchange.Units(n))), exchange.Exact)
		if err != nil || int64(amount) != n {
			t.Fatalf("amount %d became %d, %v", n, amount, err)
		}
	})
}

func TestValueOfPriceAndVolume(t *testing.T) { // proves N1
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := xbtmyr()
		price := exchange.Ticks(rapid.Int64Range(-1<<31, 1<<31).Draw(t, "price"))
		volume := exchange.Steps(rapid.Int64Range(-1<<31, 1<<31).Draw(t, "volume"))
		if got, want := m.Amount(price.MustTimes(volume)), m.Price(price).Mul(m.Volume(volume)); !got.Equal(want) {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

func TestAbsurdNumbers(t *testing.T) {
	t.Parallel()
	m := xbtmyr()
	for _, text := range []string{"1e30", "-1e30", "1e10000", "1e-10000", "9223372036854775808", "0.00000000000000000000000000000000000000000000000000000000000000000000000000001"} {
		for _, r := range []exchange.Rounding{exchange.Exact, exchange.Down, exchange.Up, exchange.Nearest} {
			n, err := m.Ticks(decimal.RequireFromString(text), r)
			if err == nil && (n < 0 || n > 1) {
				t.Errorf("%s became %d", text, n)
			}
			if err != nil && !errors.Is(err, exchange.ErrOverflow) && !errors.Is(err, exchange.ErrPrecision) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	if n, err := m.Ticks(decimal.RequireFromString("0e10000"), exchange.Exact); err != nil || n != 0 {
		t.Errorf("zero became %d, %v", n, err)
	}
	if _, err := (exchange.Market{}).Ticks(decimal.NewFromInt(1), exchange.Down); err == nil {
		t.Error("a market without a tick converted a price")
	}
}

func FuzzTicks(f *testing.F) {
	for _, text := range []string{"1", "-0.25", "1e5", "1e-5", "248100.00", "9223372036854775807", "1e9999"} {
		f.Add(text, "0.05")
	}
	f.Fuzz(func(t *testing.T, text, tick string) {
		if len(text) > 100 || len(tick) > 100 {
			return
		}
		price, err := decimal.NewFromString(text)
		if err != nil {
			return
		}
		m := xbtmyr()
		if m.Tick, err = decimal.NewFromString(tick); err != nil || m.Tick.Exponent() < -40 || m.Tick.Exponent() > 40 {
			return
		}
		down, err := m.Ticks(price, exchange.Down)
		if err != nil {
			return
		}
		up, err := m.Ticks(price, exchange.Up)
		if err != nil && down != math.MaxInt64 {
			t.Fatalf("%s down is %d, up %v", text, down, err)
		}
		if err == nil && (up < down || up-down > 1 || m.Price(down).GreaterThan(price) || m.Price(up).LessThan(price)) {
			t.Fatalf("%s between %d and %d of %s", text, down, up, tick)
		}
	})
}

func TestFormatPrice(t *testing.T) {
	t.Parallel()
	m := xbtmyr()
	m.Tick = decimal.RequireFromString("0.01")
	for ticks, want := range map[float64]string{
		24810000: "248,100.00", -100000000: "−1,000,000.00", 12345: "123.45", 12345.5: "123.46", 0: "0.00", math.Inf(1): "–", math.Inf(-1): "–",
	} {
		if got := m.FormatPrice(ticks); got != want {
			t.Errorf("%v is %s, want %s", ticks, got, want)
		}
	}
	if got := m.FormatPrice(math.NaN()); got != "–" {
		t.Errorf("NaN is %s", got)
	}
	for units, want := range map[exchange.Units]string{0: "0", 9528094809: "9,528.09", 1234567: "1.23456", 12_345_678_999_999: "12,345,678.99", 99: "0.00009", -9528094809: "−9,528.09"} {
		if got := m.FormatAmount(units); got != want {
			t.Errorf("%d units are %s, want %s", units, got, want)
		}
	}
	if p, v := m.PriceScale(), m.VolumeScale(); p != 2 || v != 4 {
		t.Errorf("scales %d and %d", p, v)
	}
	if got := m.DustAmount(exchange.DustPerStep + 1).String(); got != "0.0001000000001" {
		t.Errorf("dust %s", got)
	}
}

func TestMarketValidate(t *testing.T) {
	t.Parallel()
	if err := xbtmyr().Validate(); err != nil {
		t.Error(err)
	}
	bad := exchange.Market{Base: "XBT", Counter: "XBT", MinVolume: 2, MaxVolume: 1, MinPrice: 2, MaxPrice: 1}
	err := bad.Validate()
	for _, part := range []string{"symbol", "two currencies", "tick", "step", "least volume", "least price"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not name the %s", err, part)
		}
	}
}

func TestMarketSurvivesJSON(t *testing.T) { // proves N2, N3
	t.Parallel()
	want := xbtmyr()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"tick":"0.5"`) {
		t.Errorf("the tick is not a string: %s", text)
	}
	var got exchange.Market
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Tick.Equal(want.Tick) || !got.Step.Equal(want.Step) {
		t.Errorf("became %+v", got)
	}
	got.Tick, got.Step = want.Tick, want.Step
	if got != want {
		t.Errorf("became %+v, want %+v", got, want)
	}
}

func TestMarketCheck(t *testing.T) { // proves T9
	t.Parallel()
	limit := exchange.OrderRequest{Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.LimitOrder, Price: 1000, Volume: 10}
	market := exchange.OrderRequest{Pair: "XBTMYR", Side: exchange.Sell, Type: exchange.MarketOrder, Volume: 10}
	byValue := exchange.OrderRequest{Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.MarketOrder, Value: 1_000}
	for name, test := range map[string]struct {
		request exchange.OrderRequest
		change  func(m *exchange.Market, r *exchange.OrderRequest)
		code    string
	}{
		"limit":            {limit, func(*exchange.Market, *exchange.OrderRequest) {}, ""},
		"market":           {market, func(*exchange.Market, *exchange.OrderRequest) {}, ""},
		"by value":         {byValue, func(*exchange.Market, *exchange.OrderRequest) {}, ""},
		"suspended":        {limit, func(m *exchange.Market, _ *exchange.OrderRequest) { m.Status = exchange.MarketDisabled }, "ErrMarketUnavailable"},
		"post-only market": {limit, func(m *exchange.Market, _ *exchange.OrderRequest) { m.Status = exchange.MarketPostOnly }, "ErrPostOnlyMode"},
		"post-only in it": {limit, func(m *exchange.Market, r *exchange.OrderRequest) {
			m.Status, r.PostOnly = exchange.MarketPostOnly, true
		}, ""},
		"no price":             {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Price = 0 }, "ErrPriceTooLow"},
		"negative price":       {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Price = -5 }, "ErrPriceTooLow"},
		"below least price":    {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Price = 19 }, "ErrPriceTooLow"},
		"at least price":       {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Price, r.Volume = 20, 50 }, ""},
		"above highest price":  {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Price = 2_000_001 }, "ErrPriceTooHigh"},
		"at highest price":     {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Price = 2_000_000 }, ""},
		"no bound of price":    {limit, func(m *exchange.Market, r *exchange.OrderRequest) { m.MaxPrice, r.Price = 0, 1<<40 }, ""},
		"below least volume":   {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Volume = 4 }, "ErrVolumeTooLow"},
		"negative volume":      {market, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Volume = -4 }, "ErrVolumeTooLow"},
		"sale by value":        {byValue, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Side = exchange.Sell }, "ErrVolumeTooLow"},
		"above largest volume": {market, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Volume = 1_000_001 }, "ErrVolumeTooHigh"},
		"below least value":    {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Price, r.Volume = 100, 9 }, "ErrAmountTooSmall"},
		"at least value":       {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Price, r.Volume = 100, 10 }, ""},
		"too little by value":  {byValue, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Value = 999 }, "ErrAmountTooSmall"},
		"a stop": {limit, func(_ *exchange.Market, r *exchange.OrderRequest) {
			r.Stop = exchange.Stop{Price: 20, Direction: exchange.StopBelow}
		}, ""},
		"a stop below least price": {limit, func(_ *exchange.Market, r *exchange.OrderRequest) {
			r.Stop = exchange.Stop{Price: 19, Direction: exchange.StopBelow}
		}, "ErrStopPriceTooLow"},
		"a stop above highest price": {limit, func(_ *exchange.Market, r *exchange.OrderRequest) {
			r.Stop = exchange.Stop{Price: 2_000_001, Direction: exchange.StopRelative}
		}, "ErrStopPriceTooHigh"},
		"a stop without a price":     {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Stop.Direction = exchange.StopAbove }, "ErrInvalidStopPrice"},
		"a stop without a direction": {limit, func(_ *exchange.Market, r *exchange.OrderRequest) { r.Stop.Price = 20 }, "ErrInvalidStopDirection"},
		"a stop of no direction there is": {limit, func(_ *exchange.Market, r *exchange.OrderRequest) {
			r.Stop = exchange.Stop{Price: 20, Direction: 9}
		}, "ErrInvalidStopDirection"},
		"a stop of a market order": {market, func(_ *exchange.Market, r *exchange.OrderRequest) {
			r.Stop = exchange.Stop{Price: 20, Direction: exchange.StopBelow}
		}, "ErrInvalidArguments"},
		"overflow": {limit, func(m *exchange.Market, r *exchange.OrderRequest) {
			m.MaxPrice, m.MaxVolume, r.Price, r.Volume = 0, 0, 1<<40, 1<<40
		}, "ErrValueTooHigh"},
		"post-only IOC": {limit, func(_ *exchange.Market, r *exchange.OrderRequest) {
			r.PostOnly, r.TimeInForce = true, exchange.IOC
		}, "ErrPostOnlyNotAllowed"},
		"post-only market order": {market, func(_ *exchange.Market, r *exchange.OrderRequest) { r.PostOnly = true }, "ErrPostOnlyNotAllowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, r := xbtmyr(), test.request
			test.change(&m, &r)
			err := m.Check(r)
			if test.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *exchange.Error
			if !errors.As(err, &e) || e.Code != test.code || e.Outcome != exchange.OutcomeRejected || e.Message == "" {
				t.Errorf("error %v, want %s", err, test.code)
			}
		})
	}
}
