package luno_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
)

// desk takes orders at a fake: it notes the forms and answers by a script.
type desk struct {
	mu     sync.Mutex
	forms  []url.Values
	answer http.HandlerFunc
}

func (d *desk) serve(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // a form that cannot be read is empty
	d.mu.Lock()
	d.forms = append(d.forms, r.PostForm)
	answer := d.answer
	d.mu.Unlock()
	if answer == nil {
		fmt.Fprint(w, `{"order_id":"BXMC2CJ7HNB88U4"}`)
		return
	}
	answer(w, r)
}

// sent returns the forms that came.
func (d *desk) sent() []url.Values {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.forms)
}

// last returns the newest form.
func (d *desk) last() url.Values {
	forms := d.sent()
	return forms[len(forms)-1]
}

// openDesk puts a desk into a fake.
func openDesk(f *fake) *desk {
	d := &desk{}
	for _, path := range []string{"/api/1/postorder", "/api/1/marketorder", "/api/1/stoporder"} {
		f.routes[path] = d.serve
	}
	return d
}

// bid is an order that the market takes: 0.0010 XBT at 250,000.00.
func bid() exchange.OrderRequest {
	return exchange.OrderRequest{ClientID: "i1-b2-e3-c4", Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.LimitOrder, Price: 25_000_000, Volume: 10}
}

// What goes to Luno is the form that it documents, without anything that was not
// asked for, and each order says until when it is good. // proves T5, T9
func TestPlaceForm(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := openDesk(f)
	c := client(t, f, &pauses{})
	for name, test := range map[string]struct {
		change func(*exchange.OrderRequest)
		want   string
	}{
		"a bid": {func(*exchange.OrderRequest) {}, "client_order_id=i1-b2-e3-c4&pair=XBTMYR&price=250000&type=BID&volume=0.001"},
		"a post-only ask": {func(r *exchange.OrderRequest) { r.Side, r.PostOnly, r.Price = exchange.Sell, true, 25_000_001 },
			"client_order_id=i1-b2-e3-c4&pair=XBTMYR&post_only=true&price=250000.01&type=ASK&volume=0.001"},
		"at once or not": {func(r *exchange.OrderRequest) { r.TimeInForce = exchange.IOC },
			"client_order_id=i1-b2-e3-c4&pair=XBTMYR&price=250000&time_in_force=IOC&type=BID&volume=0.001"},
		"a stop": {func(r *exchange.OrderRequest) {
			r.Stop = exchange.Stop{Price: 24_900_050, Direction: exchange.StopAbove}
		},
			"client_order_id=i1-b2-e3-c4&pair=XBTMYR&price=250000&stop_direction=ABOVE&stop_price=249000.5&type=BID&volume=0.001"},
		"a stop from the last trade": {func(r *exchange.OrderRequest) {
			r.Stop = exchange.Stop{Price: 24_900_000, Direction: exchange.StopRelative}
		},
			"client_order_id=i1-b2-e3-c4&pair=XBTMYR&price=250000&stop_direction=RELATIVE_LAST_TRADE&stop_price=249000&type=BID&volume=0.001"},
		"a market sale": {func(r *exchange.OrderRequest) { r.Side, r.Type, r.Price = exchange.Sell, exchange.MarketOrder, 0 },
			"base_volume=0.001&client_order_id=i1-b2-e3-c4&pair=XBTMYR&type=SELL"},
		"a market buy": {func(r *exchange.OrderRequest) {
			r.Type, r.Price, r.Volume, r.Value = exchange.MarketOrder, 0, 0, 123_456_789
		},
			"client_order_id=i1-b2-e3-c4&counter_volume=123.456789&pair=XBTMYR&type=BUY"},
	} {
		r := bid()
		test.change(&r)
		o, err := c.Place(t.Context(), r)
		if err != nil || o.ID != "BXMC2CJ7HNB88U4" || o.Status != exchange.Pending || o.Request.ClientID != r.ClientID || o.Request.TTL != 5000 {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
		form := d.last()
		if form.Get("ttl") != "5000" || len(form.Get("timestamp")) != 13 {
			t.Errorf("%s: it is good for %q from %q", name, form.Get("ttl"), form.Get("timestamp"))
		}
		form.Del("ttl")
		form.Del("timestamp")
		if got := form.Encode(); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
	}
	cfg := config(f, &pauses{})
	cfg.Accounts = map[string]string{"XBT": "123", "MYR": "456", "ETH": "789"}
	pinned, err := luno.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pinned.Place(t.Context(), bid()); err != nil {
		t.Fatal(err)
	}
	if form := d.last(); form.Get("base_account_id") != "123" || form.Get("counter_account_id") != "456" {
		t.Errorf("accounts of %s", form.Encode())
	}
}

// What cannot be right is not sent: nothing finer than the market allows, nothing
// below its minimum, nothing without a client id. // proves T9, T11
func TestPlaceUnsent(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := openDesk(f)
	c := client(t, f, &pauses{})
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	long := strings.Repeat("x", 256)
	for name, test := range map[string]struct {
		change func(*exchange.OrderRequest)
		ctx    context.Context
		code   string
	}{
		"no client id":           {func(r *exchange.OrderRequest) { r.ClientID = "" }, nil, "ErrInvalidClientOrderId"},
		"a long client id":       {func(r *exchange.OrderRequest) { r.ClientID = long }, nil, "ErrInvalidClientOrderId"},
		"a strange client id":    {func(r *exchange.OrderRequest) { r.ClientID = "a b&pair=ETHMYR" }, nil, "ErrInvalidClientOrderId"},
		"too little":             {func(r *exchange.OrderRequest) { r.Volume = 4 }, nil, "ErrVolumeTooLow"},
		"too much":               {func(r *exchange.OrderRequest) { r.Volume = 1_000_001 }, nil, "ErrVolumeTooHigh"},
		"too cheap":              {func(r *exchange.OrderRequest) { r.Price = 9999 }, nil, "ErrPriceTooLow"},
		"no side":                {func(r *exchange.OrderRequest) { r.Side = 0 }, nil, "ErrInvalidOrderSide"},
		"no type":                {func(r *exchange.OrderRequest) { r.Type = 0 }, nil, "ErrInvalidArguments"},
		"post-only and IOC":      {func(r *exchange.OrderRequest) { r.PostOnly, r.TimeInForce = true, exchange.IOC }, nil, "ErrPostOnlyNotAllowed"},
		"a market buy by volume": {func(r *exchange.OrderRequest) { r.Type, r.Price = exchange.MarketOrder, 0 }, nil, "ErrInvalidCounterVolume"},
		"a market order's price": {func(r *exchange.OrderRequest) { r.Type, r.Side = exchange.MarketOrder, exchange.Sell }, nil, "ErrInvalidArguments"},
		"a limit order's value":  {func(r *exchange.OrderRequest) { r.Value = 5 }, nil, "ErrInvalidArguments"},
		"a stop of no direction": {func(r *exchange.OrderRequest) { r.Stop.Price = 25_000_000 }, nil, "ErrInvalidStopDirection"},
		"a stop of no price":     {func(r *exchange.OrderRequest) { r.Stop.Direction = exchange.StopBelow }, nil, "ErrInvalidStopPrice"},
		"a stop beyond prices":   {func(r *exchange.OrderRequest) { r.Stop = exchange.Stop{Price: 9999, Direction: exchange.StopBelow} }, nil, "ErrStopPriceTooLow"},
		"a market order's stop": {func(r *exchange.OrderRequest) {
			r.Type, r.Side, r.Price, r.Stop = exchange.MarketOrder, exchange.Sell, 0, exchange.Stop{Price: 25_000_000, Direction: exchange.StopBelow}
		}, nil, "ErrInvalidArguments"},
		"no such market":     {func(r *exchange.OrderRequest) { r.Pair = "NOSUCH" }, nil, "ErrMarketUnavailable"},
		"it is over":         {func(r *exchange.OrderRequest) { r.Time, r.TTL = first, 1000 }, nil, "ErrDeadlineExceeded"},
		"the caller is late": {func(*exchange.OrderRequest) {}, late, "ErrDeadlineExceeded"},
	} {
		r := bid()
		test.change(&r)
		if test.ctx == nil {
			test.ctx = t.Context()
		} else if _, err := c.Market(t.Context(), r.Pair); err != nil {
			t.Fatal(err)
		}
		_, err := c.Place(test.ctx, r)
		var told *exchange.Error
		if !errors.As(err, &told) || !told.Unsent || told.Outcome != exchange.OutcomeRejected || told.Code != test.code {
			t.Errorf("%s: %#v, %v", name, told, err)
		}
	}
	if len(d.sent()) > 0 {
		t.Errorf("sent: %v", d.sent())
	}
}

// An order dies by Luno's clock no later than its caller wants by ours, and all
// that Luno may think it to be alive is known. // proves T5
func TestPlaceDeadline(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := openDesk(f)
	cfg := config(f, &pauses{})
	now := cfg.Now()
	for name, test := range map[string]struct {
		drift time.Duration
		ctx   time.Duration // 0 for no deadline
		time  time.Duration // of the request, from now
		ttl   int64
		most  int64 // that may be sent
		least int64
	}{
		"as usual":                  {0, 0, 0, 0, 5000, 5000},
		"less by the request":       {0, 0, 0, 1200, 1200, 1200},
		"more by the request":       {0, 0, 0, 8000, 8000, 8000},
		"more than there is":        {0, 0, 0, 60_000, 10_000, 10_000},
		"less by a request of then": {0, 0, -800 * time.Millisecond, 1200, 400, 400},
		"less by the caller":        {0, 2 * time.Second, 0, 0, 2000, 1000},
		"less by both":              {0, 2 * time.Second, 0, 1500, 1500, 1000},
		"Luno is ahead":             {90 * time.Second, 0, 0, 3000, 3000, 3000},
		"Luno is behind":            {-90 * time.Second, 0, 0, 3000, 3000, 3000},
	} {
		f.now = now.Add(test.drift)
		c, err := luno.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r := bid()
		if r.TTL = test.ttl; test.ttl > 0 {
			r.Time = now.Add(test.time).UnixMilli()
		}
		ctx, cancel := t.Context(), context.CancelFunc(func() {})
		if test.ctx > 0 {
			ctx, cancel = context.WithTimeout(ctx, test.ctx)
		}
		_, err = c.Place(ctx, r)
		cancel()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		form := d.last()
		ttl, _ := strconv.ParseInt(form.Get("ttl"), 10, 64)
		at, _ := strconv.ParseInt(form.Get("timestamp"), 10, 64)
		if ttl > test.most || ttl < test.least {
			t.Errorf("%s: it is good for %d ms, want %d to %d", name, ttl, test.least, test.most)
		}
		// The second of the Date header is all that is not known here.
		if ahead := at - f.now.UnixMilli(); ahead > 0 || ahead < -1000 {
			t.Errorf("%s: it begins %d ms after Luno's now", name, ahead)
		}
		if drift := c.Drift(); !drift.Known || drift.Least > test.drift || drift.Most < test.drift {
			t.Errorf("%s: the drift is %+v", name, drift)
		}
	}
}

// An order whose turn comes too late is not sent. // proves T5
func TestPlaceWaitsNoLonger(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := openDesk(f)
	budget, err := luno.NewBudget(luno.BudgetConfig{PerMinute: 3, Burst: 1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(f, &pauses{})
	cfg.Budget = budget
	c, err := luno.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Markets(t.Context()); err != nil { // takes the burst
		t.Fatal(err)
	}
	r := bid()
	r.Time, r.TTL = cfg.Now().UnixMilli(), 50
	_, err = c.Place(t.Context(), r)
	var told *exchange.Error
	if !errors.As(err, &told) || !told.Unsent || told.Code != exchange.CodeDeadlineExceeded || len(d.sent()) > 0 {
		t.Errorf("%#v, %v, sent %v", told, err, d.sent())
	}
}

// Whatever the market's scales are, no number that is sent has more decimals, and
// all are exact. // proves T9
func TestPlaceDecimals(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	d := openDesk(f)
	rapid.Check(t, func(t *rapid.T) {
		priceScale, volumeScale := rapid.IntRange(0, 8).Draw(t, "price scale"), rapid.IntRange(0, 8).Draw(t, "volume scale")
		f.routes["/api/exchange/1/markets"] = func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"markets":[{"market_id":"AB","base_currency":"A","counter_currency":"B","trading_status":"ACTIVE","min_volume":"0","max_volume":"0",
				"min_price":"0","max_price":"0","price_scale":%d,"volume_scale":%d}]}`, priceScale, volumeScale)
		}
		c, err := luno.New(config(f, &pauses{}))
		if err != nil {
			t.Fatal(err)
		}
		r := exchange.OrderRequest{ClientID: "x", Pair: "AB", Side: exchange.Sell, Type: exchange.LimitOrder}
		r.Price = exchange.Ticks(rapid.Int64Range(1, 1<<31).Draw(t, "price"))
		r.Volume = exchange.Steps(rapid.Int64Range(1, 1<<31).Draw(t, "volume"))
		if _, err := c.Place(context.Background(), r); err != nil { //nolint:usetesting // rapid's T has no context
			t.Fatal(err)
		}
		form := d.last()
		for name, want := range map[string]struct {
			n     int64
			scale int
		}{"price": {int64(r.Price), priceScale}, "volume": {int64(r.Volume), volumeScale}} {
			text := form.Get(name)
			_, fraction, _ := strings.Cut(text, ".")
			got, err := decimal.NewFromString(text)
			if err != nil || len(fraction) > want.scale || strings.ContainsAny(text, "eE+ ,") || !got.Equal(decimal.New(want.n, -int32(want.scale))) {
				t.Fatalf("%s %d with %d decimals is sent as %q", name, want.n, want.scale, text)
			}
		}
	})
}

// Exits may use the reserve, entries may not, and each call waits in its bot's
// queue. // proves T10
func TestTurns(t *testing.T) {
	t.Parallel()
	f, p := newFake(t), &pauses{}
	openDesk(f)
	c := client(t, f, p)
	if _, err := c.Markets(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := bid()
	if _, err := c.For("a").Place(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Urgent = true
	if _, err := c.For("b").Place(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.turns); got != "[{ false false 0} {a false false 0} {b true false 0}]" {
		t.Errorf("turns %s", got)
	}
}
