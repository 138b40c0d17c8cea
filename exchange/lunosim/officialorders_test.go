package lunosim_test

import (
	"testing"
	"time"

	"github.com/luno/luno-go"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// bid returns a limit order that buys.
func bid(t *testing.T, price, volume string) luno.PostLimitOrderRequest {
	t.Helper()
	return luno.PostLimitOrderRequest{Pair: "XBTMYR", Type: luno.OrderTypeBid, Price: exact(t, price), Volume: exact(t, volume)}
}

// post places a limit order through Luno's client.
func post(t *testing.T, c *luno.Client, r luno.PostLimitOrderRequest) string {
	t.Helper()
	placed, err := c.PostLimitOrder(t.Context(), &r)
	if err != nil {
		t.Fatal(err)
	}
	return placed.OrderId
}

// look finds an order by its id through Luno's client.
func look(t *testing.T, c *luno.Client, id string) *luno.GetOrderV3Response {
	t.Helper()
	o, err := c.GetOrderV3(t.Context(), &luno.GetOrderV3Request{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// proves T4 for Luno's own client: an order's life, as every look-up and list tells it.
func TestOfficialClientLifeOfAnOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c, ctx, born := b.official(t, b.Keys()[0]), t.Context(), b.clock.Now()
	r := bid(t, "390000.00", "0.50")
	r.ClientOrderId, r.PostOnly, r.Timestamp, r.Ttl = "life-1", true, born.UnixMilli(), 5000
	id := post(t, c, r)
	o := look(t, c, id)
	if o.OrderId != id || o.ClientOrderId != "life-1" || o.Pair != "XBTMYR" || o.Side != luno.SideBuy || o.Type != luno.TypeLimit || o.Status != luno.StatusPending ||
		o.TimeInForce != "GTC" || o.BaseAccountId < 1e18 || o.CounterAccountId < 1e18 || !time.Time(o.CreationTimestamp).Equal(born) ||
		!time.Time(o.CompletedTimestamp).IsZero() || !time.Time(o.ExpirationTimestamp).IsZero() {
		t.Errorf("resting %+v", o)
	}
	same(t, "limit price", o.LimitPrice, "390000")
	same(t, "limit volume", o.LimitVolume, "0.5")
	b.clock.Advance(time.Second)
	b.bob.limit(t, "ASK", "390000", "0.2")
	if open, err := c.ListOrdersV2(ctx, &luno.ListOrdersV2Request{Pair: "XBTMYR"}); err != nil || len(open.Orders) != 1 || open.Orders[0].ClientOrderId != "life-1" {
		t.Errorf("open orders %+v %v", open, err)
	} else {
		same(t, "filled", open.Orders[0].Base, "0.2")
	}
	if open, err := c.ListOrders(ctx, &luno.ListOrdersRequest{State: luno.OrderStatePending}); err != nil || len(open.Orders) != 1 || open.Orders[0].State != luno.OrderStatePending {
		t.Errorf("pending orders %+v %v", open, err)
	}
	b.clock.Advance(time.Second)
	if stopped, err := c.StopOrder(ctx, &luno.StopOrderRequest{OrderId: id}); err != nil || !stopped.Success {
		t.Errorf("stop %+v %v", stopped, err)
	}
	_, err := c.StopOrder(ctx, &luno.StopOrderRequest{OrderId: id})
	told(t, "a second stop", err, "ErrCannotStopUnknownOrNonPendingOrder")
	v1, err := c.GetOrder(ctx, &luno.GetOrderRequest{Id: id})
	if err != nil || v1.State != luno.OrderStateComplete || v1.Type != luno.OrderTypeBid || !time.Time(v1.ExpirationTimestamp).Equal(b.clock.Now()) {
		t.Errorf("v1 %+v %v", v1, err)
	}
	v2, err := c.GetOrderV2(ctx, &luno.GetOrderV2Request{Id: id})
	if err != nil || v2.Status != luno.StatusComplete || v2.Side != luno.SideBuy || !time.Time(v2.CompletedTimestamp).Equal(b.clock.Now()) {
		t.Fatalf("v2 %+v %v", v2, err)
	}
	same(t, "filled of a stopped order", v2.Base, "0.2")
	same(t, "spent", v2.Counter, "78000")
	if closed, err := c.ListOrdersV2(ctx, &luno.ListOrdersV2Request{Closed: true}); err != nil || len(closed.Orders) != 1 || closed.Orders[0].OrderId != id {
		t.Errorf("closed orders %+v %v", closed, err)
	}
	if over, err := c.ListOrders(ctx, &luno.ListOrdersRequest{State: luno.OrderStateComplete, Limit: 1}); err != nil || len(over.Orders) != 1 || over.Orders[0].OrderId != id {
		t.Errorf("complete orders %+v %v", over, err)
	}
	trades, err := c.ListUserTrades(ctx, &luno.ListUserTradesRequest{Pair: "XBTMYR"})
	if err != nil || len(trades.Trades) != 1 {
		t.Fatalf("trades %+v %v", trades, err)
	}
	if x := trades.Trades[0]; x.OrderId != id || x.ClientOrderId != "life-1" || x.Type != luno.OrderTypeBid || x.IsBuy || x.Sequence != 1 || !time.Time(x.Timestamp).Equal(born.Add(time.Second)) {
		t.Errorf("trade %+v", x)
	} else {
		same(t, "volume", x.Volume, "0.2")
		same(t, "value", x.Counter, "78000")
		same(t, "a maker's fee", x.FeeCounter, "0")
	}
}

func TestOfficialClientKindsOfOrders(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c, ctx := b.official(t, b.Keys()[0]), t.Context()
	b.bob.limit(t, "ASK", "400000", "0.1")
	ioc := bid(t, "400000", "0.3")
	ioc.TimeInForce = luno.TimeInForceIoc
	o := look(t, c, post(t, c, ioc))
	if o.Status != luno.StatusComplete || o.TimeInForce != "IOC" {
		t.Errorf("IOC %+v", o)
	}
	same(t, "filled at once", o.Base, "0.1")
	same(t, "a taker's fee", o.FeeCounter, "40")
	b.bob.limit(t, "ASK", "400000", "0.1")
	fok := bid(t, "400000", "0.3")
	fok.TimeInForce = luno.TimeInForceFok
	o = look(t, c, post(t, c, fok))
	if o.Status != luno.StatusComplete || o.Base.Sign() != 0 {
		t.Errorf("FOK %+v", o)
	}
	bought, err := c.PostMarketOrder(ctx, &luno.PostMarketOrderRequest{Pair: "XBTMYR", Type: luno.OrderTypeBuy, CounterVolume: exact(t, "10010"), ClientOrderId: "market-1"})
	if err != nil {
		t.Fatal(err)
	}
	byClient, err := c.GetOrderV3(ctx, &luno.GetOrderV3Request{ClientOrderId: "market-1"})
	if err != nil || byClient.OrderId != bought.OrderId || byClient.Type != luno.TypeMarket || byClient.Side != luno.SideBuy {
		t.Fatalf("market order %+v %v", byClient, err)
	}
	same(t, "bought", byClient.Base, "0.025")
	same(t, "value", byClient.Counter, "10000")
	b.bob.limit(t, "BID", "390000", "0.5")
	sold, err := c.PostMarketOrder(ctx, &luno.PostMarketOrderRequest{Pair: "XBTMYR", Type: luno.OrderTypeSell, BaseVolume: exact(t, "0.02")})
	if err != nil {
		t.Fatal(err)
	}
	if v1, err := c.GetOrder(ctx, &luno.GetOrderRequest{Id: sold.OrderId}); err != nil || v1.Type != luno.OrderTypeSell {
		t.Errorf("market sale %+v %v", v1, err)
	}
	stop := luno.PostLimitOrderRequest{
		Pair: "XBTMYR", Type: luno.OrderTypeAsk, Price: exact(t, "370000"), Volume: exact(t, "0.05"), StopPrice: exact(t, "380000"), StopDirection: luno.StopDirectionRelative_last_trade,
	}
	waits := post(t, c, stop)
	if o := look(t, c, waits); o.Status != luno.StatusAwaiting || o.Type != luno.TypeStop_limit || o.StopDirection != luno.StopDirectionBelow || o.Side != luno.SideSell {
		t.Errorf("stop-limit %+v", o)
	} else {
		same(t, "stop price", o.StopPrice, "380000")
	}
	b.ann.limit(t, "ASK", "390000", "0.48") // takes the bid away
	b.bob.limit(t, "BID", "380000", "0.01")
	b.ann.limit(t, "ASK", "380000", "0.01") // the trade that it waits for
	if o := look(t, c, waits); o.Status != luno.StatusPending {
		t.Errorf("stop-limit after its price %+v", o)
	}
	b.bob.limit(t, "BID", "370000", "0.05")
	o = look(t, c, waits)
	if o.Status != luno.StatusComplete {
		t.Errorf("stop-limit after a buyer %+v", o)
	}
	same(t, "sold by the stop", o.Base, "0.05")
}

// The codes of refusals as Luno's client tells them apart.
func TestOfficialClientRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c, ctx := b.official(t, b.Keys()[0]), t.Context()
	b.bob.limit(t, "ASK", "400000", "1")
	first := bid(t, "300000", "0.01")
	first.ClientOrderId = "taken"
	post(t, c, first)
	for code, change := range map[string]func(*luno.PostLimitOrderRequest){
		"ErrMarketUnavailable":            func(r *luno.PostLimitOrderRequest) { r.Pair = "NOPE" },
		"ErrInvalidOrderSide":             func(r *luno.PostLimitOrderRequest) { r.Type = luno.OrderTypeBuy },
		"ErrInvalidVolume":                func(r *luno.PostLimitOrderRequest) { r.Volume = exact(t, "0") },
		"ErrVolumeTooLow":                 func(r *luno.PostLimitOrderRequest) { r.Volume = exact(t, "0.00001") },
		"ErrVolumeTooHigh":                func(r *luno.PostLimitOrderRequest) { r.Volume = exact(t, "101") },
		"ErrVolumeDenominationNotAllowed": func(r *luno.PostLimitOrderRequest) { r.Volume = exact(t, "0.1234567") },
		"ErrPriceTooLow":                  func(r *luno.PostLimitOrderRequest) { r.Price = exact(t, "999") },
		"ErrPriceTooHigh":                 func(r *luno.PostLimitOrderRequest) { r.Price = exact(t, "100000001") },
		"ErrPriceDenominationNotAllowed":  func(r *luno.PostLimitOrderRequest) { r.Price = exact(t, "390000.5") },
		"ErrInsufficientBalance":          func(r *luno.PostLimitOrderRequest) { r.Volume = exact(t, "99") },
		"ErrDuplicateClientOrderID":       func(r *luno.PostLimitOrderRequest) { r.ClientOrderId = "taken" },
		"ErrInvalidClientOrderId":         func(r *luno.PostLimitOrderRequest) { r.ClientOrderId = "a b" },
		"ErrAccountNotFound":              func(r *luno.PostLimitOrderRequest) { r.BaseAccountId = 17 },
		"ErrDeadlineExceeded":             func(r *luno.PostLimitOrderRequest) { r.Timestamp = b.clock.Now().UnixMilli() - 2000; r.Ttl = 1000 },
		"ErrOrderCanceled":                func(r *luno.PostLimitOrderRequest) { r.Price, r.PostOnly = exact(t, "400000"), true },
		"ErrPostOnlyNotAllowed":           func(r *luno.PostLimitOrderRequest) { r.TimeInForce, r.PostOnly = luno.TimeInForceFok, true },
		"ErrInvalidStopDirection":         func(r *luno.PostLimitOrderRequest) { r.StopPrice = exact(t, "380000") },
		"ErrInvalidStopPrice":             func(r *luno.PostLimitOrderRequest) { r.StopDirection = luno.StopDirectionAbove },
		"ErrNoTradesToInferStopDirection": func(r *luno.PostLimitOrderRequest) {
			r.StopPrice, r.StopDirection = exact(t, "380000"), luno.StopDirectionRelative_last_trade
		},
	} {
		r := bid(t, "390000", "0.1")
		change(&r)
		_, err := c.PostLimitOrder(ctx, &r)
		told(t, "a limit order", err, code)
	}
	for code, r := range map[string]luno.PostMarketOrderRequest{
		"ErrInvalidCounterVolume":   {Type: luno.OrderTypeBuy, BaseVolume: exact(t, "1")},
		"ErrInvalidBaseVolume":      {Type: luno.OrderTypeSell, CounterVolume: exact(t, "1")},
		"ErrNotEnoughLiquidity":     {Type: luno.OrderTypeBuy, CounterVolume: exact(t, "900000")},
		"ErrInvalidOrderSide":       {Type: luno.OrderTypeAsk, BaseVolume: exact(t, "1")},
		"ErrDuplicateClientOrderID": {Type: luno.OrderTypeBuy, CounterVolume: exact(t, "100"), ClientOrderId: "taken"},
	} {
		r.Pair = "XBTMYR"
		_, err := c.PostMarketOrder(ctx, &r)
		told(t, "a market order", err, code)
	}
	_, err := c.GetOrderV3(ctx, &luno.GetOrderV3Request{Id: "BXAAAAAAAAAAAAA"})
	told(t, "an unknown order", err, "ErrOrderNotFound")
	_, err = c.GetOrderV3(ctx, &luno.GetOrderV3Request{ClientOrderId: "unknown"})
	told(t, "an unknown client id", err, "ErrOrderNotFound")
	_, err = c.GetOrderV3(ctx, &luno.GetOrderV3Request{})
	told(t, "no id at all", err, "ErrInvalidParameters")
	_, err = c.GetOrder(ctx, &luno.GetOrderRequest{Id: "BXAAAAAAAAAAAAA"})
	told(t, "an unknown order of the first version", err, "ErrOrderNotFound")
	_, err = c.ListOrders(ctx, &luno.ListOrdersRequest{Limit: 1001})
	told(t, "too many at once", err, "ErrLimitOutOfRange")
	for status, code := range map[string]string{"POST_ONLY": "ErrPostOnlyMode", "SUSPENDED": "ErrMarketUnavailable"} {
		if err := b.SetStatus("XBTMYR", status); err != nil {
			t.Fatal(err)
		}
		r := bid(t, "390000", "0.1")
		_, err := c.PostLimitOrder(ctx, &r)
		told(t, "an order while "+status, err, code)
		r.PostOnly = true
		_, err = c.PostLimitOrder(ctx, &r)
		told(t, "a post-only order while "+status, err, "")
	}
}

// proves T2 for Luno's own client: after an answer that was lost the order is found under
// its client id, and sending it again doubles nothing.
func TestOfficialClientAfterALostAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c, ctx := b.official(t, b.Keys()[0]), t.Context()
	for _, kind := range []lunosim.FaultKind{lunosim.ResetAfter, lunosim.BadGatewayAfter, lunosim.GarbageAfter} {
		b.fault(t, lunosim.Fault{Kind: kind, Path: "/api/1/postorder", Count: 1})
		r := bid(t, "300000", "0.01")
		r.ClientOrderId = "lost-" + string(kind)
		if _, err := c.PostLimitOrder(ctx, &r); err == nil {
			t.Errorf("%s: no error", kind)
		}
		_, err := c.PostLimitOrder(ctx, &r)
		told(t, string(kind)+" again", err, "ErrDuplicateClientOrderID")
		if o, err := c.GetOrderV3(ctx, &luno.GetOrderV3Request{ClientOrderId: r.ClientOrderId}); err != nil || o.Status != luno.StatusPending {
			t.Errorf("%s: %+v %v", kind, o, err)
		}
	}
	if open, err := c.ListOrdersV2(ctx, &luno.ListOrdersV2Request{}); err != nil || len(open.Orders) != 3 {
		t.Errorf("open orders %+v %v", open, err)
	}
}

// Pages of lists, walked as Luno's client offers it: every order and trade once.
func TestOfficialClientPages(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c, ctx := b.official(t, b.Keys()[0]), t.Context()
	b.bob.limit(t, "ASK", "400000", "1")
	const count = 7
	var ids []string
	for range count {
		ids = append(ids, post(t, c, bid(t, "400000", "0.01")))
		b.clock.Advance(time.Second)
	}
	seen, before := 0, int64(0)
	for {
		page, err := c.ListOrdersV2(ctx, &luno.ListOrdersV2Request{Closed: true, Limit: 3, CreatedBefore: before})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Orders {
			seen++
			if want := ids[count-seen]; o.OrderId != want {
				t.Errorf("order %d is %s, want %s", seen, o.OrderId, want)
			}
			before = time.Time(o.CreationTimestamp).UnixMilli()
		}
		if len(page.Orders) < 3 {
			break
		}
	}
	if seen != count {
		t.Errorf("%d of %d orders in pages", seen, count)
	}
	next := int64(1)
	for {
		page, err := c.ListUserTrades(ctx, &luno.ListUserTradesRequest{Pair: "XBTMYR", AfterSeq: next, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page.Trades {
			if x.Sequence != next {
				t.Errorf("trade %d, want %d", x.Sequence, next)
			}
			next++
		}
		if len(page.Trades) < 3 {
			break
		}
	}
	if next != count+1 {
		t.Errorf("%d of %d trades in pages", next-1, count)
	}
	newest, err := c.ListUserTrades(ctx, &luno.ListUserTradesRequest{Pair: "XBTMYR", SortDesc: true, Limit: 1})
	if err != nil || len(newest.Trades) != 1 || newest.Trades[0].Sequence != count {
		t.Errorf("newest trade %+v %v", newest, err)
	}
}
